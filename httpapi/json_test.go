package httpapi

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestScannerString(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.text()
		s.end()
		if !s.ok() || got != want {
			t.Errorf("string(%s) = %q, fault %+v; want %q", text, got, s.fault, want)
		}
	}
	f(`""`, "")
	f(`"a"`, "a")
	f(` "a b" `, "a b")
	f(`"Ärger 日本 🙂"`, "Ärger 日本 🙂")
	f(`"a\"b\\c\/d"`, `a"b\c/d`)
	f(`"\u0041\u00e9\u65e5"`, "Aé日")
	f(`"x\ud83d\ude42y"`, "x🙂y")
	f(`"\uD83D\uDE42"`, "🙂")
}

func TestScannerStringFaults(t *testing.T) {
	f := func(text, code string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.text()
		s.end()
		if s.fault.code != code {
			t.Errorf("string(%s) = %q, fault %+v; want %s", text, got, s.fault, code)
		}
	}
	f(``, jsonCodeBadJSON)
	f(`"a`, jsonCodeBadJSON)
	f(`"a\`, jsonCodeBadJSON)
	f(`"a\x41"`, jsonCodeBadJSON)
	f(`"\u12"`, jsonCodeBadJSON)
	f(`"\u12g4"`, jsonCodeBadJSON)
	f(`"\ud83d"`, jsonCodeBadJSON)
	f(`"\ud83dxxxxxx"`, jsonCodeBadJSON)
	f(`"\ude42\ud83d"`, jsonCodeBadJSON)
	f(`"\ud83d\u0041"`, jsonCodeBadJSON)
	f("\"a\nb\"", jsonCodeBadJSON)
	f("\"a\x00b\"", jsonCodeBadJSON)
	f("\"\\\"a\x1fb\"", jsonCodeBadJSON)
	f("\"a\xffb\"", jsonCodeBadJSON)
	f("\"\\\"a\xc3\"", jsonCodeBadJSON)
	f("\"\xed\xa0\x80\"", jsonCodeBadJSON) // a surrogate in UTF-8
	f("\"a\x7fb\"", jsonCodeInvalid)
	f(`"a\nb"`, jsonCodeInvalid)
	f(`"a\u0000b"`, jsonCodeInvalid)
	f(`"a\u007fb"`, jsonCodeInvalid)
	f(`"a" x`, jsonCodeBadJSON)
	f(`"a"`+"\x00", jsonCodeBadJSON)
	f(`'a'`, jsonCodeBadJSON)
	f(`1`, jsonCodeWrongType)
	f(`null`, jsonCodeWrongType)
	f(`nul`, jsonCodeBadJSON)
	f(`{}`, jsonCodeWrongType)
}

func TestScannerInteger(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.integer()
		s.end()
		if !s.ok() || got != want {
			t.Errorf("integer(%s) = %d, fault %+v; want %d", text, got, s.fault, want)
		}
	}
	f(`0`, 0)
	f(`-0`, 0)
	f(` 7 `, 7)
	f(`-12`, -12)
	f(`1000000000000`, 1e12)
	f(`9223372036854775807`, math.MaxInt64)
	f(`-9223372036854775807`, -math.MaxInt64)
}

func TestScannerIntegerFaults(t *testing.T) {
	f := func(text, code, value string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.integer()
		s.end()
		if s.fault.code != code || s.fault.value != value {
			t.Errorf("integer(%s) = %d, fault %+v; want %s of %q", text, got, s.fault, code, value)
		}
	}
	f(`1.5`, jsonCodeWrongType, "1.5")
	f(`2.0`, jsonCodeWrongType, "2.0")
	f(`1e3`, jsonCodeWrongType, "1e3")
	f(`-1E+3`, jsonCodeWrongType, "-1E+3")
	f(`"2"`, jsonCodeWrongType, `"2"`)
	f(`true`, jsonCodeWrongType, "true")
	f(`null`, jsonCodeWrongType, "null")
	f(`01`, jsonCodeBadJSON, "01")
	f(`-01`, jsonCodeBadJSON, "-01")
	f(`00`, jsonCodeBadJSON, "00")
	f(`-`, jsonCodeBadJSON, "-")
	f(`1.`, jsonCodeBadJSON, "1.")
	f(`1e`, jsonCodeBadJSON, "1e")
	f(`--1`, jsonCodeBadJSON, "--1")
	f(`+1`, jsonCodeBadJSON, "+1")
	f(`.5`, jsonCodeBadJSON, ".5")
	f(``, jsonCodeBadJSON, "")
	f(`NaN`, jsonCodeBadJSON, "")
	f(`9223372036854775808`, jsonCodeInvalid, "9223372036854775808")
	f(`-9223372036854775808`, jsonCodeInvalid, "-9223372036854775808")
	f(`18446744073709551616`, jsonCodeInvalid, "18446744073709551616")
	f(strings.Repeat("9", 100), jsonCodeInvalid, strings.Repeat("9", valueBytesMax))
}

func TestScannerPercent(t *testing.T) {
	f := func(text string, want int32) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.percent()
		s.end()
		if !s.ok() || got != want {
			t.Errorf("percent(%s) = %d, fault %+v; want %d", text, got, s.fault, want)
		}
		if again := appendPercent(nil, got); json.Valid(again) {
			s.reset(again)
			if back := s.percent(); back != got {
				t.Errorf("percent(%s) is shown as %s, which is read as %d", text, again, back)
			}
		}
	}
	f(`0`, 0)
	f(`100`, 10000)
	f(`100.00`, 10000)
	f(`80`, 8000)
	f(`33.3`, 3330)
	f(`33.33`, 3333)
	f(`0.01`, 1)
	f(`99.99`, 9999)

	bad := func(text, code string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.percent()
		s.end()
		if s.fault.code != code {
			t.Errorf("percent(%s) = %d, fault %+v; want %s", text, got, s.fault, code)
		}
	}
	bad(`33.333`, jsonCodeInvalid)
	bad(`100.01`, jsonCodeInvalid)
	bad(`-1`, jsonCodeInvalid)
	bad(`1e2`, jsonCodeInvalid)
	bad(`99999999999999999999`, jsonCodeInvalid)
	bad(`1.`, jsonCodeBadJSON)
	bad(`01`, jsonCodeBadJSON)
	bad(`"80"`, jsonCodeWrongType)
}

func TestScannerTime(t *testing.T) {
	f := func(text string, want int64, code string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		if got := s.timeMS(); got != want || s.fault.code != code {
			t.Errorf("timeMS(%s) = %d, fault %+v; want %d %s", text, got, s.fault, want, code)
		}
	}
	f(`"1970-01-01T00:00:01Z"`, 1000, "")
	f(`"1970-01-01T01:00:01.25+01:00"`, 1250, "")
	f(`"2026-11-30T12:00:00.123456Z"`, 1796040000123, "")
	f(`"1970-01-01T00:00:00Z"`, 0, jsonCodeInvalid)
	f(`"1969-12-31T00:00:00Z"`, 0, jsonCodeInvalid)
	f(`"2026-11-30"`, 0, jsonCodeInvalid)
	f(`"2026-11-30T12:00:00"`, 0, jsonCodeInvalid)
	f(`"2026-02-30T12:00:00Z"`, 0, jsonCodeInvalid)
	f(`"now"`, 0, jsonCodeInvalid)
	f(`1764504000123`, 0, jsonCodeWrongType)
}

// TestDepth: a text may be nested so deep, and no deeper.
func TestDepth(t *testing.T) {
	f := func(levels int, want bool) {
		t.Helper()
		var s scanner
		s.reset([]byte(strings.Repeat("[", levels)))
		for range levels {
			s.open('[', "a list")
		}
		if s.ok() != want {
			t.Errorf("%d levels: fault %+v", levels, s.fault)
		}
	}
	f(jsonDepthMax, true)
	f(jsonDepthMax+1, false)
}

// Every string that is written is JSON that reads back as the same string.
func FuzzAppendString(f *testing.F) {
	f.Add("a\"b\\c\n\x00\x7fü日🙂")
	f.Add("\xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil {
			t.Fatalf("appendString(%q) = %s: %v", s, appendString(nil, s), err)
		}
		if want := string([]rune(s)); back != want {
			t.Fatalf("appendString(%q) reads back as %q, want %q", s, back, want)
		}
	})
}
