package sandbox

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Value is what a script has, or is given. The zero Value is none.
type Value struct{ v lua.LValue }

// Nil is Lua's nil.
var Nil = Value{lua.LNil}

// Text gives a text as a value.
func Text(s string) Value { return Value{lua.LString(s)} }

// Number gives a number as a value.
func Number(n float64) Value { return Value{lua.LNumber(n)} }

// Whole gives a whole number as a value.
func Whole(n int64) Value { return Value{lua.LNumber(n)} }

// Bool gives true or false as a value.
func Bool(b bool) Value { return Value{lua.LBool(b)} }

// IsNil reports whether v is Lua's nil.
func (v Value) IsNil() bool { return v.v == lua.LNil }

// IsTable reports whether v is a table.
func (v Value) IsTable() bool { return v.v.Type() == lua.LTTable }

// Type names v's type as Lua does.
func (v Value) Type() string { return v.v.Type().String() }

// String shows v in a message: as tostring does, without addresses, and shortened.
func (v Value) String() string { return shorten(display(v.v)) }

// Text is v as a text. It shares the script's memory.
func (v Value) Text() (s string, ok bool) {
	text, ok := v.v.(lua.LString)
	return string(text), ok
}

// Number is v as a number.
func (v Value) Number() (n float64, ok bool) {
	number, ok := v.v.(lua.LNumber)
	return float64(number), ok
}

// Bool is v as true or false.
func (v Value) Bool() (b, ok bool) {
	is, ok := v.v.(lua.LBool)
	return bool(is), ok
}

// Truth reports whether v counts as true in Lua.
func (v Value) Truth() bool { return lua.LVAsBool(v.v) }

// Object is v as an object, nil if it is none.
func (v Value) Object() Object {
	if u, ok := v.v.(*lua.LUserData); ok {
		o, _ := u.Value.(Object)
		return o
	}
	return nil
}

// HasList reports whether the table v has elements of a list.
func (v Value) HasList() bool {
	view := viewOf(v.v.(*lua.LTable))
	return trailingNils(view) != len(view.array)
}

// Keyed goes over the entries of the table v that are no elements of its list, in the order of first assignment.
func (v Value) Keyed() iter.Seq2[Value, Value] {
	t := v.v.(*lua.LTable)
	return func(yield func(key, value Value) bool) {
		for _, k := range viewOf(t).keys {
			if value := t.RawGet(k); value != lua.LNil && !yield(Value{k}, Value{value}) {
				return
			}
		}
	}
}

// Elements are the values of a list.
type Elements []lua.LValue

// At is one element, from 0.
func (e Elements) At(i int) Value { return Value{e[i]} }

// ReadList gives the elements of a table that is a list and nothing else. The error is a *ResultError.
func ReadList(path string, v Value, limit int) (Elements, error) {
	t, ok := v.v.(*lua.LTable)
	if !ok {
		return nil, &ResultError{Path: path, Message: "must be a list, is a " + v.Type()}
	}
	view := viewOf(t)
	list := view.array[:len(view.array)-trailingNils(view)]
	if len(view.strdict)+len(view.dict) > 0 {
		return nil, &ResultError{Path: path, Message: "must be a list, has the field " + firstKey(v)}
	}
	if len(list) > limit {
		return nil, &ResultError{Path: path, Message: fmt.Sprintf("has %d entries, at most %d are allowed", len(list),
			limit)}
	}
	return list, nil
}

// firstKey names a key that is no list index, for a message.
func firstKey(v Value) string {
	for k := range v.Keyed() {
		return fmt.Sprintf("%q", k.String())
	}
	return ""
}

// Fields is a table with known fields.
type Fields struct {
	Path  string
	table *lua.LTable
}

// ReadFields checks that v is a table with no other fields than the names. The error is a *ResultError.
func ReadFields(path string, v Value, names ...string) (Fields, error) {
	t, ok := v.v.(*lua.LTable)
	if !ok {
		return Fields{}, &ResultError{Path: path, Message: "must be a table, is a " + v.Type()}
	}
	if v.HasList() {
		return Fields{}, &ResultError{Path: path + "[1]", Message: "unknown field: must be a table of fields, not a " +
			"list"}
	}
	for k := range v.Keyed() {
		if name, ok := k.Text(); !ok || !slices.Contains(names, name) {
			return Fields{}, &ResultError{Path: join(path, k.String()), Message: "unknown field; known are " +
				strings.Join(names, ", ")}
		}
	}
	return Fields{path, t}, nil
}

// Get is a field's value, nil if the table does not have the field.
func (f Fields) Get(name string) Value { return Value{f.table.RawGetString(name)} }

// Has reports whether the table has the field.
func (f Fields) Has(name string) bool { return !f.Get(name).IsNil() }

// IsEmpty reports whether the table has no field.
func (f Fields) IsEmpty() bool { return firstKey(Value{f.table}) == "" }

// Fault is a *ResultError about a field.
func (f Fields) Fault(name, format string, arguments ...any) error {
	return &ResultError{Path: join(f.Path, name), Message: fmt.Sprintf(format, arguments...)}
}

// At puts the place in a list before the path of a *ResultError. Paths are made only when they are needed.
func At(list string, i int, err error) error { return Below(fmt.Sprintf("%s[%d]", list, i+1), err) }

// Below puts a path before that of a *ResultError.
func Below(path string, err error) error {
	e, ok := err.(*ResultError)
	if !ok {
		return err
	}
	if e.Path != "" && e.Path[0] != '[' {
		path += "."
	}
	return &ResultError{Path: path + e.Path, Message: e.Message}
}

// join is a path's field.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
