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
		got := s.string()
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
		got := s.string()
		s.end()
		if s.fault.code != code {
			t.Errorf("string(%s) = %q, fault %+v; want %s", text, got, s.fault, code)
		}
	}
	f(``, codeBadJSON)
	f(`"a`, codeBadJSON)
	f(`"a\`, codeBadJSON)
	f(`"a\x41"`, codeBadJSON)
	f(`"\u12"`, codeBadJSON)
	f(`"\u12g4"`, codeBadJSON)
	f(`"\ud83d"`, codeBadJSON)
	f(`"\ud83dxxxxxx"`, codeBadJSON)
	f(`"\ude42\ud83d"`, codeBadJSON)
	f(`"\ud83d\u0041"`, codeBadJSON)
	f("\"a\nb\"", codeBadJSON)
	f("\"a\x00b\"", codeBadJSON)
	f("\"\\\"a\x1fb\"", codeBadJSON)
	f("\"a\xffb\"", codeBadJSON)
	f("\"\\\"a\xc3\"", codeBadJSON)
	f("\"\xed\xa0\x80\"", codeBadJSON) // a surrogate in UTF-8
	f("\"a\x7fb\"", codeInvalid)
	f(`"a\nb"`, codeInvalid)
	f(`"a\u0000b"`, codeInvalid)
	f(`"a\u007fb"`, codeInvalid)
	f(`"a" x`, codeBadJSON)
	f(`"a"`+"\x00", codeBadJSON)
	f(`'a'`, codeBadJSON)
	f(`1`, codeWrongType)
	f(`null`, codeWrongType)
	f(`nul`, codeBadJSON)
	f(`{}`, codeWrongType)
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
	f(`1.5`, codeWrongType, "1.5")
	f(`2.0`, codeWrongType, "2.0")
	f(`1e3`, codeWrongType, "1e3")
	f(`-1E+3`, codeWrongType, "-1E+3")
	f(`"2"`, codeWrongType, `"2"`)
	f(`true`, codeWrongType, "true")
	f(`null`, codeWrongType, "null")
	f(`01`, codeBadJSON, "01")
	f(`-01`, codeBadJSON, "-01")
	f(`00`, codeBadJSON, "00")
	f(`-`, codeBadJSON, "-")
	f(`1.`, codeBadJSON, "1.")
	f(`1e`, codeBadJSON, "1e")
	f(`--1`, codeBadJSON, "--1")
	f(`+1`, codeBadJSON, "+1")
	f(`.5`, codeBadJSON, ".5")
	f(``, codeBadJSON, "")
	f(`NaN`, codeBadJSON, "")
	f(`9223372036854775808`, codeInvalid, "9223372036854775808")
	f(`-9223372036854775808`, codeInvalid, "-9223372036854775808")
	f(`18446744073709551616`, codeInvalid, "18446744073709551616")
	f(strings.Repeat("9", 100), codeInvalid, strings.Repeat("9", valueBytesMax))
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
	bad(`33.333`, codeInvalid)
	bad(`100.01`, codeInvalid)
	bad(`-1`, codeInvalid)
	bad(`1e2`, codeInvalid)
	bad(`99999999999999999999`, codeInvalid)
	bad(`1.`, codeBadJSON)
	bad(`01`, codeBadJSON)
	bad(`"80"`, codeWrongType)
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
	f(`"1970-01-01T00:00:00Z"`, 0, codeInvalid)
	f(`"1969-12-31T00:00:00Z"`, 0, codeInvalid)
	f(`"2026-11-30"`, 0, codeInvalid)
	f(`"2026-11-30T12:00:00"`, 0, codeInvalid)
	f(`"2026-02-30T12:00:00Z"`, 0, codeInvalid)
	f(`"now"`, 0, codeInvalid)
	f(`1764504000123`, 0, codeWrongType)
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
