package sandbox

import lua "github.com/yuin/gopher-lua"

// Object is a Go value that a script sees. Its fields are computed when the script reads them: a call pays for what it
// looks at. A script cannot change an object.
type Object interface {
	// Kind is how type errors and tostring name the object.
	Kind() string

	// Field gives a field's value. Not ok: there is no such field, which ends the call.
	Field(c Caller, name string) (v Value, ok bool)
}

// Walkable is an Object whose entries pairs goes over.
type Walkable interface {
	Object

	// Walk begins a walk and gives the number of entries. It charges what it does.
	Walk(c Caller) int

	// Entry is one entry of a walk.
	Entry(i int) (name, value string)
}

// Caller is the call that reads an object. It is valid until Field or Walk returns.
type Caller struct{ l *lua.LState }

// NewObject gives an object as a value. The value may serve any number of calls, of one state.
func NewObject(o Object) Value { return Value{&lua.LUserData{Value: o, Metatable: objectMeta}} }

// NewList makes a list of n values at most, which belongs to the script. The call is charged for it.
func (c Caller) NewList(n int) List {
	meterOf(c.l).charge(n>>1, tableBytes+n*valueBytes)
	return List{c.l.CreateTable(n, 0)}
}

// ChargeEntries charges a Walk that collects and sorts n entries.
func (c Caller) ChargeEntries(n int) { meterOf(c.l).charge(n, 6*n*stringHeader) }

// List is a list in the making.
type List struct{ t *lua.LTable }

// Append puts a value at the end.
func (l List) Append(v Value) { l.t.Append(v.v) }

// Value is the list as a value.
func (l List) Value() Value { return Value{l.t} }

// Field is a name with its value, in a table.
type Field struct {
	Name  string
	Value Value
}

// FrozenTable makes a table of fields that no script can change.
func FrozenTable(fields ...Field) Value {
	t := &lua.LTable{Metatable: frozenMark}
	for _, f := range fields {
		t.RawSetString(f.Name, f.Value.v)
	}
	return Value{t}
}

// FrozenList makes a list that no script can change.
func FrozenList(values ...Value) Value {
	t := &lua.LTable{Metatable: frozenMark}
	for _, v := range values {
		t.Append(v.v)
	}
	return Value{t}
}

// objectMeta is the metatable of all objects, in all states.
var objectMeta *lua.LTable

// It is set in an init function: indexObject raises errors with the library, which knows objects.
func init() {
	objectMeta = &lua.LTable{Metatable: frozenMark}
	objectMeta.RawSetString("__index", goFunction(indexObject))
}

// kindName is how type errors and tostring name a userdata.
func kindName(u *lua.LUserData) string {
	if o, ok := u.Value.(Object); ok {
		return o.Kind()
	}
	return "userdata"
}

// fieldSteps is what reading a field costs besides the instruction: the VM calls a function for it.
const fieldSteps = 3

// indexObject reads a field of an object.
func indexObject(l *lua.LState) int {
	meterOf(l).charge(fieldSteps, 2*stringHeader+numberBytes)
	u := l.CheckUserData(1)
	name, ok := l.Get(2).(lua.LString)
	if !ok {
		l.RaiseError("%s has named fields only, none for a %s", kindName(u), l.Get(2).Type().String())
	}
	v, ok := u.Value.(Object).Field(Caller{l}, string(name))
	if !ok {
		l.RaiseError("%s has no field %q", kindName(u), string(name))
	}
	l.Push(v.v)
	return 1
}

// walkObject gives what pairs gives for an object: a function that goes over its entries.
func walkObject(l *lua.LState, u *lua.LUserData) int {
	o, ok := u.Value.(Walkable)
	if !ok {
		l.RaiseError("%s cannot be walked with pairs: name its fields", kindName(u))
	}
	n := o.Walk(Caller{l})
	meterOf(l).charge(1, closureBytes)
	i := 0
	l.Push(goFunction(func(l *lua.LState) int {
		meterOf(l).charge(1, 2*stringHeader)
		if i == n {
			l.Push(lua.LNil)
			return 1
		}
		i++
		name, value := o.Entry(i - 1)
		return pushEntry(l, lua.LString(name), lua.LString(value))
	}))
	return 1
}

// goFunction makes a function that needs no state of its own, so that all states share it.
func goFunction(f lua.LGFunction) *lua.LFunction { return &lua.LFunction{IsG: true, GFunction: f} }

func meterOf(l *lua.LState) *meter { return l.Context().(*meter) }

func pushNumber(l *lua.LState, n int64) int {
	l.Push(lua.LNumber(n))
	return 1
}

func pushText(l *lua.LState, s string) int {
	l.Push(lua.LString(s))
	return 1
}
