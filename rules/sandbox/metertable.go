package sandbox

import (
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// frozenMark is the metatable of frozen tables: those of the top level and of the library. It has no events. The meter
// and the library's functions look for it before they write.
var frozenMark = &lua.LTable{Metatable: lua.LNil}

func isFrozen(t *lua.LTable) bool { return t.Metatable == lua.LValue(frozenMark) }

const frozenMessage = "a table of the top level cannot be changed when a rule runs, since nothing outlives a call: " +
	"make one in the function"

// lookSet charges an assignment to a table before it is made.
func (m *meter) lookSet(object, key, value lua.LValue) {
	t, ok := object.(*lua.LTable)
	if !ok {
		return // refused by the VM: nothing else has a __newindex
	}
	if isFrozen(t) {
		m.refuse(frozenMessage)
		return
	}
	m.set(t, key, value)
}

// set charges an assignment.
func (m *meter) set(t *lua.LTable, key, value lua.LValue) {
	view := viewOf(t)
	switch k := key.(type) {
	case lua.LNumber:
		if index := int(k); lua.LNumber(index) == k && index > 0 && index <= ListMax {
			m.growList(view, index)
			return
		} else if index == ListMax+1 && len(view.array) == ListMax {
			m.limit(WhatList, ListMax)
			return
		}
	case lua.LString:
		m.steps += int64(len(k) >> textShift)
		if view.strdict == nil {
			m.memory += mapBytes(32)
		}
		if _, has := view.strdict[string(k)]; !has && value != lua.LNil {
			m.memory += hashKeyBytes
		}
		return
	case *lua.LNilType:
		return // refused by the VM
	}
	if view.dict == nil {
		m.memory += mapBytes(len(view.strdict))
		m.steps += int64(len(view.strdict) >> moveShift)
	}
	if _, has := view.dict[key]; !has && value != lua.LNil {
		m.memory += hashKeyBytes
	}
}

// growList charges what it takes until the list has the index.
func (m *meter) growList(view *tableView, index int) {
	if index <= cap(view.array) && index <= len(view.array)+1 {
		return
	}
	m.steps += int64((index - len(view.array)) >> scanShift) // the VM appends nils one by one
	if index > cap(view.array) {
		// The list doubles until it is long enough and leaves garbage behind.
		m.memory += int64(3 * valueBytes * max(32, index))
	}
}

// lookList charges a part of a constructor.
func (m *meter) lookList(f *frame, a, count int) {
	if count == 0 {
		count = registersOf(m.l).top - f.LocalBase - a - 1
	}
	if t, ok := m.register(f, a).(*lua.LTable); ok {
		view := viewOf(t)
		m.growList(view, len(view.array)+count)
		m.steps += int64(count >> moveShift)
	}
}

// mapBytes is the size of a Go map that was made for n entries of 32 bytes.
func mapBytes(n int) int64 {
	const header, group = 48 + 32, 8*32 + 8
	if n <= 8 {
		return header + group
	}
	slots := 1 << bits.Len(uint(n*8/7))
	return int64(header + 128 + slots/8*group + slots/8*57) // 57: the heap rounds up by so much a group at worst
}

// trailingNils is how many elements the VM walks back to find a list's length.
func trailingNils(view *tableView) int {
	n := 0
	for n < len(view.array) && view.array[len(view.array)-1-n] == lua.LNil {
		n++
	}
	return n
}

// length is #t, charged.
func (m *meter) length(t *lua.LTable) int {
	m.charge(trailingNils(viewOf(t))>>scanShift, 0)
	return t.Len()
}

// mayWrite ends the call if the table is frozen.
func (m *meter) mayWrite(t *lua.LTable) {
	if isFrozen(t) {
		m.refuse(frozenMessage)
		m.raise()
	}
}

// next is the entry after key. It is charged for the removed entries in between, which the VM walks over.
func (m *meter) next(t *lua.LTable, key lua.LValue) (lua.LValue, lua.LValue) {
	view := viewOf(t)
	removed := len(view.keys) - len(view.strdict) - len(view.dict)
	from := 0
	if n, ok := key.(lua.LNumber); ok && n >= 1 && n <= ListMax {
		from = int(n)
	}
	gap := 0
	if key == lua.LNil || from > 0 {
		for gap < len(view.array)-from && view.array[from+gap] == lua.LNil {
			gap++
		}
	}
	m.charge(max(0, removed)+gap>>scanShift, 0)
	return t.Next(key)
}
