package sandbox

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// The meter must know what an instruction will do: the lengths of the strings that it joins, the growth of a table. The
// VM does not show this, so this file, and no other, looks into the VM's structures. It never writes to them. The
// library's version is pinned. An init function compares the mirrors below with every field, so that another version
// fails at once and never reads wrong memory.

// frame mirrors the VM's callFrame.
type frame struct {
	Idx        int
	Fn         *lua.LFunction
	Parent     *frame
	Pc         int
	Base       int
	LocalBase  int
	ReturnBase int
	NArgs      int
	NRet       int
	TailCall   int
}

// registers mirrors the beginning of the VM's registry.
type registers struct {
	array []lua.LValue
	top   int
}

// tableView mirrors lua.LTable.
type tableView struct {
	Metatable lua.LValue

	array   []lua.LValue
	dict    map[lua.LValue]lua.LValue
	strdict map[string]lua.LValue
	keys    []lua.LValue
	k2i     map[lua.LValue]int
}

var frameOffset, registersOffset uintptr

func init() {
	state := reflect.TypeFor[lua.LState]()
	current, ok := state.FieldByName("currentFrame")
	assertLayout(ok && current.Type.Kind() == reflect.Pointer && current.Type.Elem().Size() == unsafe.Sizeof(frame{}))
	frameOffset = current.Offset
	assertMirror(reflect.TypeFor[frame](), current.Type.Elem())

	registry, ok := state.FieldByName("reg")
	assertLayout(ok && registry.Type.Kind() == reflect.Pointer)
	registersOffset = registry.Offset
	assertMirror(reflect.TypeFor[registers](), registry.Type.Elem())

	assertLayout(unsafe.Sizeof(lua.LTable{}) == unsafe.Sizeof(tableView{}))
	assertMirror(reflect.TypeFor[tableView](), reflect.TypeFor[lua.LTable]())
}

// assertMirror checks that the fields of a mirror are the first fields of the real type.
func assertMirror(mirror, real reflect.Type) {
	assertLayout(mirror.NumField() <= real.NumField())
	for i := range mirror.NumField() {
		m, r := mirror.Field(i), real.Field(i)
		sameType := m.Type == r.Type || m.Name == "Parent" && r.Type == reflect.PointerTo(real)
		assertLayout(m.Name == r.Name && m.Offset == r.Offset && sameType)
	}
}

func assertLayout(ok bool) {
	if !ok {
		panic("BUG: gopher-lua has another layout than v1.1.2: look through the meter and vmlayout.go before " +
			"using it")
	}
}

// currentFrame gives the frame whose instruction is next; nil outside a call.
func currentFrame(l *lua.LState) *frame {
	return *(**frame)(unsafe.Add(unsafe.Pointer(l), frameOffset))
}

func registersOf(l *lua.LState) *registers {
	return *(**registers)(unsafe.Add(unsafe.Pointer(l), registersOffset))
}

func viewOf(t *lua.LTable) *tableView { return (*tableView)(unsafe.Pointer(t)) }
