package rules

import (
	lua "github.com/yuin/gopher-lua"

	"apportion/engine"
)

// schemaTable is what redistribute gets as its second argument: frozen, and kept until another schema comes.
func (ref *recordRef) schemaTable(s *Schema) *lua.LTable {
	if ref.of != s || ref.schema == nil {
		ref.of, ref.schema = s, newSchemaTable(s)
	}
	return ref.schema
}

func newSchemaTable(s *Schema) *lua.LTable {
	list := &lua.LTable{Metatable: frozenMark}
	if s != nil {
		for i := range s.Categories {
			list.Append(categoryTable(&s.Categories[i]))
		}
	}
	return frozenTable("categories", list)
}

func categoryTable(c *engine.Category) *lua.LTable {
	values := &lua.LTable{Metatable: frozenMark}
	for i := range c.Values {
		v := &c.Values[i]
		t := frozenTable("value", lua.LString(v.Name), "default", lua.LBool(v.Default))
		if c.Distributed() {
			t.RawSetString("percent", lua.LNumber(float64(v.Percent)/100))
			t.RawSetString("min", lua.LNumber(v.Min))
			if v.Max != engine.NoMax {
				t.RawSetString("max", lua.LNumber(v.Max))
			}
		}
		values.Append(t)
	}
	return frozenTable("name", lua.LString(c.Name), "distributed", lua.LBool(c.Distributed()), "values", values)
}

// frozenTable makes a table of names and values.
func frozenTable(pairs ...any) *lua.LTable {
	t := &lua.LTable{Metatable: frozenMark}
	for i := 0; i < len(pairs); i += 2 {
		t.RawSetString(pairs[i].(string), pairs[i+1].(lua.LValue))
	}
	return t
}
