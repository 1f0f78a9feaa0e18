package sandbox

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

var stringFunctions = map[string]lua.LGFunction{
	"byte": stringByte, "char": stringChar, "find": stringFind, "format": stringFormat, "gmatch": stringGmatch,
	"gsub": stringGsub, "len": stringLen, "lower": stringLower, "match": stringMatch, "rep": stringRep,
	"reverse": stringReverse, "sub": stringSub, "upper": stringUpper,
}

func stringLen(l *lua.LState) int {
	meterOf(l).charge(0, numberBytes)
	return pushNumber(l, int64(len(l.CheckString(1))))
}

// rangeOf turns the positions of string.sub into a Go range.
func rangeOf(n, from, to int) (start, end int) {
	if from < 0 {
		from = max(n+from+1, 1)
	} else if from == 0 {
		from = 1
	}
	if to < 0 {
		to = n + to + 1
	}
	to = min(to, n)
	if from > to {
		return 0, 0
	}
	return from - 1, to
}

func stringSub(l *lua.LState) int {
	meterOf(l).charge(0, stringHeader)
	s := l.CheckString(1)
	start, end := rangeOf(len(s), l.CheckInt(2), l.OptInt(3, -1))
	return pushText(l, s[start:end])
}

func stringByte(l *lua.LState) int {
	s := l.CheckString(1)
	from := l.OptInt(2, 1)
	start, end := rangeOf(len(s), from, l.OptInt(3, from))
	if end-start > unpackMax {
		l.RaiseError("string.byte: more than %d values", unpackMax)
	}
	meterOf(l).charge((end-start)>>2, 0)
	for i := start; i < end; i++ {
		l.Push(lua.LNumber(s[i]))
	}
	return end - start
}

func stringChar(l *lua.LState) int {
	n := l.GetTop()
	meterOf(l).chargeString(n)
	b := make([]byte, n)
	for i := range b {
		c := l.CheckInt(i + 1)
		if c < 0 || c > 255 {
			l.RaiseError("string.char: %d is not between 0 and 255", c)
		}
		b[i] = byte(c)
	}
	return pushText(l, string(b))
}

func stringRep(l *lua.LState) int {
	s, n := l.CheckString(1), max(0, l.CheckInt(2))
	if n > 0 && len(s) > StringBytesMax/n {
		meterOf(l).limit(WhatString, StringBytesMax)
	}
	meterOf(l).raise()
	meterOf(l).chargeString(n * len(s))
	return pushText(l, strings.Repeat(s, n))
}

func stringReverse(l *lua.LState) int {
	return mapBytesOf(l, func(s string, b []byte) {
		for i := range b {
			b[i] = s[len(s)-1-i]
		}
	})
}

func stringUpper(l *lua.LState) int {
	return mapBytesOf(l, func(s string, b []byte) {
		for i := range b {
			b[i] = upper(s[i])
		}
	})
}

func stringLower(l *lua.LState) int {
	return mapBytesOf(l, func(s string, b []byte) {
		for i := range b {
			b[i] = lower(s[i])
		}
	})
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c - 'A' + 'a'
	}
	return c
}

func mapBytesOf(l *lua.LState, change func(s string, b []byte)) int {
	s := l.CheckString(1)
	meterOf(l).chargeString(2 * len(s))
	b := make([]byte, len(s))
	change(s, b)
	return pushText(l, string(b))
}

// stringFormat knows d i u c x X o e E f g G q s and %, with a width and a precision below 100.
func stringFormat(l *lua.LState) int {
	m := meterOf(l)
	format := l.CheckString(1)
	var out strings.Builder
	arg := 1
	for format != "" {
		plain, rest, found := strings.Cut(format, "%")
		m.chargeString(out.Len() + len(plain))
		out.WriteString(plain)
		if !found {
			break
		}
		n := specLength(l, rest)
		verb := rest[n]
		if verb == '%' {
			out.WriteByte('%')
		} else {
			arg++
			piece := formatOne(l, "%"+rest[:n], verb, arg)
			m.chargeString(out.Len() + len(piece))
			out.WriteString(piece)
		}
		format = rest[n+1:]
	}
	return pushText(l, out.String())
}

// specLength is how long flags, width and precision are.
func specLength(l *lua.LState, spec string) int {
	n := 0
	for n < len(spec) && strings.IndexByte("-+ #0", spec[n]) >= 0 {
		n++
	}
	start := n
	for n < len(spec) && (spec[n] >= '0' && spec[n] <= '9' || spec[n] == '.') {
		n++
	}
	for number := range strings.SplitSeq(spec[start:n], ".") {
		if len(number) > 2 || strings.Count(spec[start:n], ".") > 1 {
			l.RaiseError("string.format: a width or a precision has at most two digits")
		}
	}
	if n == len(spec) || start > 5 {
		l.RaiseError("string.format: the format ends after a %%: for a percent sign write %%%%")
	}
	return n
}

func formatOne(l *lua.LState, spec string, verb byte, arg int) string {
	switch verb {
	case 'd', 'i', 'u':
		return fmt.Sprintf(spec+"d", int64(l.CheckNumber(arg)))
	case 'x', 'X', 'o':
		return fmt.Sprintf(spec+string(rune(verb)), int64(l.CheckNumber(arg)))
	case 'c':
		return string([]byte{byte(l.CheckInt(arg))})
	case 'e', 'E', 'f', 'g', 'G':
		n := float64(l.CheckNumber(arg))
		if math.Abs(n) < 1e15 && !strings.Contains(spec, ".") {
			meterOf(l).charge(8, 128)
		} else {
			meterOf(l).charge(256, 1024) // may be a long decimal
		}
		return fmt.Sprintf(spec+string(rune(verb)), n)
	case 'q':
		text := display(l.CheckAny(arg))
		meterOf(l).chargeString(4 * len(text))
		return strconv.Quote(text)
	case 's':
		text := display(l.CheckAny(arg))
		meterOf(l).chargeString(len(text))
		return fmt.Sprintf(spec+"s", text)
	}
	l.RaiseError("string.format: %%%c is not offered", verb)
	return ""
}
