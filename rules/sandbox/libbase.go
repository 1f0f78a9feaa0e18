package sandbox

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The library of scripts. gopher-lua's own library is not used: its functions do work that nobody counts. There is no
// pcall: an error ends the call.

// globals are the names that every script finds. All states share them, and they are frozen.
var globals = func() map[string]lua.LValue {
	all := map[string]lua.LValue{
		"assert": goFunction(baseAssert), "error": goFunction(baseError), "ipairs": goFunction(baseIpairs),
		"next": goFunction(baseNext), "pairs": goFunction(basePairs), "print": goFunction(basePrint),
		"tonumber": goFunction(baseToNumber), "tostring": goFunction(baseToString), "type": goFunction(baseType),
		"unpack": goFunction(tableUnpack),
		"math":   library(mathFunctions), "string": stringLibrary, "table": library(tableFunctions),
	}
	mathTable := all["math"].(*lua.LTable)
	mathTable.RawSetString("huge", lua.LNumber(math.Inf(1)))
	mathTable.RawSetString("pi", lua.LNumber(math.Pi))
	return all
}()

var stringLibrary = library(stringFunctions)

// stringMeta lets s:upper() find string.upper.
var stringMeta = func() *lua.LTable {
	t := &lua.LTable{Metatable: frozenMark}
	t.RawSetString("__index", stringLibrary)
	return t
}()

// notOffered says why names of Lua's library are missing.
var notOffered = map[string]string{
	"pcall": "an error ends the rule", "xpcall": "an error ends the rule",
	"setmetatable": "there are no metatables", "getmetatable": "there are no metatables",
	"rawget": "there are no metatables", "rawset": "there are no metatables", "rawequal": "there are no metatables",
	"newproxy":  "there are no metatables",
	"coroutine": "there are no coroutines", "io": "a rule does no input or output",
	"os": "a rule knows no clock but item.now", "debug": "a rule cannot look at itself",
	"package": "a rule is one source", "require": "a rule is one source", "module": "a rule is one source",
	"load": "a rule cannot make code", "loadstring": "a rule cannot make code", "loadfile": "a rule cannot make code",
	"dofile": "a rule cannot make code", "collectgarbage": "memory is bounded by each call",
	"getfenv": "globals are fixed", "setfenv": "globals are fixed", "_G": "globals are fixed",
}

func library(functions map[string]lua.LGFunction) *lua.LTable {
	t := &lua.LTable{Metatable: frozenMark}
	for name, f := range functions {
		t.RawSetString(name, goFunction(f))
	}
	return t
}

// display is tostring without the addresses of tables and functions, which differ from run to run.
func display(v lua.LValue) string {
	switch v := v.(type) {
	case *lua.LTable, *lua.LFunction:
		return v.Type().String()
	case *lua.LUserData:
		return kindName(v)
	}
	return v.String()
}

func baseAssert(l *lua.LState) int {
	meterOf(l).charge(1, 0)
	if lua.LVIsFalse(l.CheckAny(1)) {
		message := "assertion failed!"
		if v := l.Get(2); v != lua.LNil {
			message = display(v)
		}
		l.RaiseError("%s", message)
	}
	return l.GetTop()
}

// baseError ends the call. Nothing catches the error.
func baseError(l *lua.LState) int {
	meterOf(l).charge(1, 0)
	l.RaiseError("%s", display(l.Get(1)))
	return 0
}

func baseType(l *lua.LState) int {
	meterOf(l).charge(1, stringHeader)
	return pushText(l, l.CheckAny(1).Type().String())
}

func baseToString(l *lua.LState) int {
	meterOf(l).charge(1, 2*numberTextBytes)
	return pushText(l, display(l.CheckAny(1)))
}

// numberBytesMax is the longest text that tonumber reads.
const numberBytesMax = 64

func baseToNumber(l *lua.LState) int {
	meterOf(l).charge(4, numberBytesMax)
	base := 10
	if v := l.Get(2); v != lua.LNil {
		base = l.CheckInt(2)
		if base < 2 || base > 36 {
			l.RaiseError("tonumber: base %d is not between 2 and 36", base)
		}
	}
	switch v := l.CheckAny(1).(type) {
	case lua.LNumber:
		l.Push(v)
	case lua.LString:
		l.Push(parseNumber(strings.Trim(string(v), " \t\r\n"), base))
	default:
		l.Push(lua.LNil)
	}
	return 1
}

func parseNumber(s string, base int) lua.LValue {
	if len(s) == 0 || len(s) > numberBytesMax || strings.ContainsAny(s, "_") {
		return lua.LNil
	}
	if base == 10 && len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s, base = s[2:], 16
	}
	if n, err := strconv.ParseInt(s, base, 64); err == nil {
		return lua.LNumber(n)
	}
	if base != 10 || strings.Trim(s, "+-.0123456789eE") != "" {
		return lua.LNil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return lua.LNil
	}
	return lua.LNumber(n)
}

func basePrint(l *lua.LState) int {
	m := meterOf(l)
	var line strings.Builder
	for i := 1; i <= l.GetTop(); i++ {
		text := display(l.Get(i))
		m.chargeString(line.Len() + len(text) + 1)
		m.charge(0, len(text))
		if i > 1 {
			line.WriteByte('\t')
		}
		line.WriteString(text)
	}
	if m.output != nil {
		m.output.add(line.String())
	}
	return 0
}

func baseNext(l *lua.LState) int {
	k, v := meterOf(l).next(l.CheckTable(1), l.Get(2))
	return pushEntry(l, k, v)
}

func pushEntry(l *lua.LState, k, v lua.LValue) int {
	if k == lua.LNil {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(k)
	l.Push(v)
	return 2
}

var nextFunction = goFunction(baseNext)

// basePairs walks tables in the order of the list and then of first assignment, and objects in their own order.
func basePairs(l *lua.LState) int {
	meterOf(l).charge(1, 0)
	if u, ok := l.Get(1).(*lua.LUserData); ok {
		return walkObject(l, u)
	}
	t := l.CheckTable(1)
	l.Push(nextFunction)
	l.Push(t)
	l.Push(lua.LNil)
	return 3
}

var ipairsFunction = goFunction(func(l *lua.LState) int {
	meterOf(l).charge(0, numberBytes)
	i := l.CheckInt(2) + 1
	v := l.CheckTable(1).RawGetInt(i)
	if v == lua.LNil {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LNumber(i))
	l.Push(v)
	return 2
})

func baseIpairs(l *lua.LState) int {
	meterOf(l).charge(1, 0)
	t := l.CheckTable(1)
	l.Push(ipairsFunction)
	l.Push(t)
	l.Push(lua.LNumber(0))
	return 3
}
