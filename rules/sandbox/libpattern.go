package sandbox

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func newMatcher(l *lua.LState) *matcher {
	m := meterOf(l)
	m.charge(4, 1024)
	return &matcher{m: m, s: l.CheckString(1), p: l.CheckString(2)}
}

// startOf is the optional third argument, as a Go index.
func startOf(l *lua.LState, s string) int {
	at := l.OptInt(3, 1)
	if at < 0 {
		at = max(1, len(s)+at+1)
	}
	return min(max(at, 1), len(s)+1) - 1
}

func stringFind(l *lua.LState) int {
	ms := newMatcher(l)
	at := startOf(l, ms.s)
	if lua.LVAsBool(l.Get(4)) || !strings.ContainsAny(ms.p, "^$*+?.([%-") {
		// The standard library's search is linear on average and has a bounded worst case.
		ms.m.charge((len(ms.s)-at)>>3+len(ms.p)>>3, 2*numberBytes)
		i := strings.Index(ms.s[at:], ms.p)
		if i < 0 {
			l.Push(lua.LNil)
			return 1
		}
		pushNumber(l, int64(at+i+1))
		pushNumber(l, int64(at+i+len(ms.p)))
		return 2
	}
	start, end := ms.search(at)
	if start < 0 {
		l.Push(lua.LNil)
		return 1
	}
	pushNumber(l, int64(start+1))
	pushNumber(l, int64(end))
	if ms.level == 0 {
		return 2
	}
	return 2 + ms.push(start, end)
}

func stringMatch(l *lua.LState) int {
	ms := newMatcher(l)
	start, end := ms.search(startOf(l, ms.s))
	if start < 0 {
		l.Push(lua.LNil)
		return 1
	}
	return ms.push(start, end)
}

func stringGmatch(l *lua.LState) int {
	ms := newMatcher(l)
	at := 0
	l.Push(goFunction(func(l *lua.LState) int {
		meterOf(l).charge(1, 0)
		start, end := -1, -1
		if at <= len(ms.s) {
			start, end = ms.search(at)
		}
		if start < 0 {
			at = len(ms.s) + 1
			l.Push(lua.LNil)
			return 1
		}
		at = end
		if end == start {
			at++
		}
		return ms.push(start, end)
	}))
	return 1
}

func stringGsub(l *lua.LState) int {
	ms := newMatcher(l)
	by := l.CheckAny(3)
	switch by.(type) {
	case lua.LString, lua.LNumber, *lua.LTable, *lua.LFunction:
	default:
		l.RaiseError("string.gsub: the replacement must be a text, a table or a function, is a %s", by.Type().String())
	}
	times := len(ms.s) + 1
	if l.Get(4) != lua.LNil {
		times = l.CheckInt(4)
	}
	var out strings.Builder
	add := func(s string) {
		ms.m.charge(len(s)>>textShift, 4*len(s))
		if out.Len()+len(s) > StringBytesMax {
			ms.m.chargeString(out.Len() + len(s))
		}
		out.WriteString(s)
	}
	n, at := 0, 0
	for n < times && at <= len(ms.s) {
		start, end := ms.search(at)
		if start < 0 {
			break
		}
		n++
		add(ms.s[at:start])
		add(ms.replacement(by, start, end))
		at = end
		if end == start {
			if at < len(ms.s) {
				add(ms.s[at : at+1])
			}
			at++
		}
		if strings.HasPrefix(ms.p, "^") {
			break
		}
	}
	if at < len(ms.s) {
		add(ms.s[at:])
	}
	l.Push(lua.LString(out.String()))
	return 1 + pushNumber(l, int64(n))
}

// replacement is what a match becomes: itself if a table or a function has nothing for it.
func (ms *matcher) replacement(by lua.LValue, start, end int) string {
	l := ms.m.l
	var v lua.LValue
	switch by := by.(type) {
	case *lua.LTable:
		v = by.RawGet(ms.value(0, start, end))
	case *lua.LFunction:
		l.Push(by)
		n := ms.push(start, end)
		l.Call(n, 1)
		v = l.Get(-1)
		l.Pop(1)
	default:
		return ms.expand(by.String(), start, end)
	}
	switch {
	case lua.LVIsFalse(v):
		return ms.s[start:end]
	case !lua.LVCanConvToString(v):
		l.RaiseError("string.gsub: a replacement must be a text or a number, is a %s", v.Type().String())
	}
	return v.String()
}

// expand puts captures for %1 to %9 and the match for %0.
func (ms *matcher) expand(by string, start, end int) string {
	if !strings.Contains(by, "%") {
		return by
	}
	var b strings.Builder
	for i := 0; i < len(by); i++ {
		ms.step()
		switch {
		case by[i] != '%' || i+1 == len(by):
			b.WriteByte(by[i])
			continue
		case by[i+1] == '0':
			b.WriteString(ms.s[start:end])
		case isDigit(by[i+1]):
			b.WriteString(ms.value(int(by[i+1]-'1'), start, end).String())
		default:
			b.WriteByte(by[i+1])
		}
		i++
		if b.Len() > StringBytesMax {
			ms.m.chargeString(b.Len())
		}
	}
	return b.String()
}
