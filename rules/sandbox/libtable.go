package sandbox

import (
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

var tableFunctions = map[string]lua.LGFunction{
	"concat": tableConcat, "insert": tableInsert, "remove": tableRemove, "sort": tableSort, "unpack": tableUnpack,
}

var mathFunctions = map[string]lua.LGFunction{
	"abs": math1(math.Abs), "ceil": math1(math.Ceil), "floor": math1(math.Floor), "sqrt": math1(math.Sqrt),
	"fmod": mathFmod, "max": mathMax, "min": mathMin, "random": mathRandom,
}

// tableConcat joins texts and numbers of a list.
func tableConcat(l *lua.LState) int {
	m := meterOf(l)
	t := l.CheckTable(1)
	separator := l.OptString(2, "")
	from := l.OptInt(3, 1)
	to := l.OptInt(4, 0)
	if l.Get(4) == lua.LNil {
		to = m.length(t)
	}
	if from < 1 || to > ListMax {
		l.RaiseError("table.concat: from %d to %d is outside the list", from, to)
	}
	var b strings.Builder
	for i := from; i <= to; i++ {
		m.charge(1, 0)
		v := t.RawGetInt(i)
		if !lua.LVCanConvToString(v) {
			l.RaiseError("table.concat: element %d must be a text or a number, is a %s", i, v.Type().String())
		}
		text := v.String()
		bytes := len(text)
		if i < to {
			bytes += len(separator)
		}
		m.charge(bytes>>textShift, 4*bytes) // the builder doubles
		if b.Len()+bytes > StringBytesMax {
			m.chargeString(b.Len() + bytes)
		}
		b.WriteString(text)
		if i < to {
			b.WriteString(separator)
		}
	}
	return pushText(l, b.String())
}

// tableInsert puts a value at the end of a list, or before a position.
func tableInsert(l *lua.LState) int {
	m := meterOf(l)
	t := l.CheckTable(1)
	m.mayWrite(t)
	n := m.length(t)
	at, value := n+1, l.Get(2)
	switch l.GetTop() {
	case 2:
	case 3:
		at, value = l.CheckInt(2), l.Get(3)
	default:
		l.RaiseError("table.insert: 2 or 3 arguments are expected")
	}
	if at < 1 || at > n+1 {
		l.RaiseError("table.insert: position %d is not between 1 and %d", at, n+1)
	}
	m.set(t, lua.LNumber(len(viewOf(t).array)+1), value)
	m.charge((n-at)>>moveShift, 0)
	if n >= ListMax {
		m.limit(WhatList, ListMax)
		m.raise()
	}
	if at == n+1 {
		t.RawSetInt(at, value)
	} else {
		t.Insert(at, value)
	}
	return 0
}

// tableRemove takes the last element of a list, or the one at a position.
func tableRemove(l *lua.LState) int {
	m := meterOf(l)
	t := l.CheckTable(1)
	m.mayWrite(t)
	n := m.length(t)
	at := l.OptInt(2, n)
	if n == 0 {
		l.Push(lua.LNil)
		return 1
	}
	if at < 1 || at > n {
		l.RaiseError("table.remove: position %d is not between 1 and %d", at, n)
	}
	m.charge((n-at)>>moveShift, 0)
	l.Push(t.Remove(at))
	return 1
}

// tableSort sorts a list. Equal elements stay in order, so a consistent comparator has one result.
func tableSort(l *lua.LState) int {
	m := meterOf(l)
	t := l.CheckTable(1)
	m.mayWrite(t)
	n := m.length(t)
	less := sortOrder(l, m)
	m.charge(n>>2, n*valueBytes)
	values := slices.Clone(viewOf(t).array[:n])
	slices.SortStableFunc(values, func(a, b lua.LValue) int {
		m.charge(1, 0)
		if less(a, b) {
			return -1
		}
		return 0
	})
	m.mayWrite(t)
	for i, v := range values {
		t.RawSetInt(i+1, v)
	}
	return 0
}

func sortOrder(l *lua.LState, m *meter) func(a, b lua.LValue) bool {
	if l.Get(2) == lua.LNil {
		return func(a, b lua.LValue) bool {
			m.lookCompare(false, a, b)
			return l.LessThan(a, b)
		}
	}
	f := l.CheckFunction(2)
	return func(a, b lua.LValue) bool {
		l.Push(f)
		l.Push(a)
		l.Push(b)
		l.Call(2, 1)
		less := lua.LVAsBool(l.Get(-1))
		l.Pop(1)
		return less
	}
}

// tableUnpack returns the elements of a list.
func tableUnpack(l *lua.LState) int {
	m := meterOf(l)
	t := l.CheckTable(1)
	from := l.OptInt(2, 1)
	to := l.OptInt(3, 0)
	if l.Get(3) == lua.LNil {
		to = m.length(t)
	}
	if from < 1 || to-from >= unpackMax {
		l.RaiseError("unpack: from %d to %d must be places of a list, at most %d of them", from, to, unpackMax)
	}
	m.charge(max(0, to-from)>>2, 0)
	for i := from; i <= to; i++ {
		l.Push(t.RawGetInt(i))
	}
	return max(0, to-from+1)
}

func math1(f func(float64) float64) lua.LGFunction {
	return func(l *lua.LState) int {
		meterOf(l).charge(0, numberBytes)
		l.Push(lua.LNumber(f(float64(l.CheckNumber(1)))))
		return 1
	}
}

func mathFmod(l *lua.LState) int {
	x, y := float64(l.CheckNumber(1)), float64(l.CheckNumber(2))
	meterOf(l).charge(int(modSteps(x, y)), numberBytes)
	l.Push(lua.LNumber(math.Mod(x, y)))
	return 1
}

func mathMax(l *lua.LState) int { return extreme(l, func(a, b lua.LNumber) bool { return a > b }) }

func mathMin(l *lua.LState) int { return extreme(l, func(a, b lua.LNumber) bool { return a < b }) }

func extreme(l *lua.LState, better func(a, b lua.LNumber) bool) int {
	n := l.GetTop()
	meterOf(l).charge(n>>2, numberBytes)
	best := l.CheckNumber(1)
	for i := 2; i <= n; i++ {
		if v := l.CheckNumber(i); better(v, best) {
			best = v
		}
	}
	l.Push(best)
	return 1
}

// mathRandom is splitmix64 from the caller's seed: the same call gets the same numbers on every machine.
func mathRandom(l *lua.LState) int {
	m := meterOf(l)
	m.charge(1, numberBytes)
	m.random += 0x9e3779b97f4a7c15
	z := m.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	unit := float64(z>>11) / (1 << 53)
	low, high := 1.0, 0.0
	switch l.GetTop() {
	case 0:
		l.Push(lua.LNumber(unit))
		return 1
	case 1:
		high = float64(l.CheckNumber(1))
	default:
		low, high = float64(l.CheckNumber(1)), float64(l.CheckNumber(2))
	}
	if low != math.Floor(low) || high != math.Floor(high) || low > high || high-low >= 1<<53 {
		l.RaiseError("math.random: there is no whole number between %v and %v", low, high)
	}
	l.Push(lua.LNumber(low + math.Floor(unit*(high-low+1))))
	return 1
}
