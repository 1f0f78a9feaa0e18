package strictjson

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestScannerString(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var s Scanner
		s.Reset([]byte(text))
		got := s.Text()
		s.End()
		if !s.OK() || got != want {
			t.Errorf("string(%s) = %q, fault %+v; want %q", text, got, s.Fault, want)
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
		var s Scanner
		s.Reset([]byte(text))
		got := s.Text()
		s.End()
		if s.Fault.Code != code {
			t.Errorf("string(%s) = %q, fault %+v; want %s", text, got, s.Fault, code)
		}
	}
	f(``, CodeBadJSON)
	f(`"a`, CodeBadJSON)
	f(`"a\`, CodeBadJSON)
	f(`"a\x41"`, CodeBadJSON)
	f(`"\u12"`, CodeBadJSON)
	f(`"\u12g4"`, CodeBadJSON)
	f(`"\ud83d"`, CodeBadJSON)
	f(`"\ud83dxxxxxx"`, CodeBadJSON)
	f(`"\ude42\ud83d"`, CodeBadJSON)
	f(`"\ud83d\u0041"`, CodeBadJSON)
	f("\"a\nb\"", CodeBadJSON)
	f("\"a\x00b\"", CodeBadJSON)
	f("\"\\\"a\x1fb\"", CodeBadJSON)
	f("\"a\xffb\"", CodeBadJSON)
	f("\"\\\"a\xc3\"", CodeBadJSON)
	f("\"\xed\xa0\x80\"", CodeBadJSON) // a surrogate in UTF-8
	f("\"a\x7fb\"", CodeInvalid)
	f(`"a\nb"`, CodeInvalid)
	f(`"a\u0000b"`, CodeInvalid)
	f(`"a\u007fb"`, CodeInvalid)
	f(`"a" x`, CodeBadJSON)
	f(`"a"`+"\x00", CodeBadJSON)
	f(`'a'`, CodeBadJSON)
	f(`1`, CodeWrongType)
	f(`null`, CodeWrongType)
	f(`nul`, CodeBadJSON)
	f(`{}`, CodeWrongType)
}

func TestScannerInteger(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		var s Scanner
		s.Reset([]byte(text))
		got := s.Integer()
		s.End()
		if !s.OK() || got != want {
			t.Errorf("integer(%s) = %d, fault %+v; want %d", text, got, s.Fault, want)
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
		var s Scanner
		s.Reset([]byte(text))
		got := s.Integer()
		s.End()
		if s.Fault.Code != code || s.Fault.Value != value {
			t.Errorf("integer(%s) = %d, fault %+v; want %s of %q", text, got, s.Fault, code, value)
		}
	}
	f(`1.5`, CodeWrongType, "1.5")
	f(`2.0`, CodeWrongType, "2.0")
	f(`1e3`, CodeWrongType, "1e3")
	f(`-1E+3`, CodeWrongType, "-1E+3")
	f(`"2"`, CodeWrongType, `"2"`)
	f(`true`, CodeWrongType, "true")
	f(`null`, CodeWrongType, "null")
	f(`01`, CodeBadJSON, "01")
	f(`-01`, CodeBadJSON, "-01")
	f(`00`, CodeBadJSON, "00")
	f(`-`, CodeBadJSON, "-")
	f(`1.`, CodeBadJSON, "1.")
	f(`1e`, CodeBadJSON, "1e")
	f(`--1`, CodeBadJSON, "--1")
	f(`+1`, CodeBadJSON, "+1")
	f(`.5`, CodeBadJSON, ".5")
	f(``, CodeBadJSON, "")
	f(`NaN`, CodeBadJSON, "")
	f(`9223372036854775808`, CodeInvalid, "9223372036854775808")
	f(`-9223372036854775808`, CodeInvalid, "-9223372036854775808")
	f(`18446744073709551616`, CodeInvalid, "18446744073709551616")
	f(strings.Repeat("9", 100), CodeInvalid, strings.Repeat("9", ValueBytesMax))
}

func TestScannerPercent(t *testing.T) {
	f := func(text string, want int32) {
		t.Helper()
		var s Scanner
		s.Reset([]byte(text))
		got := s.Percent()
		s.End()
		if !s.OK() || got != want {
			t.Errorf("percent(%s) = %d, fault %+v; want %d", text, got, s.Fault, want)
		}
		if again := AppendPercent(nil, got); json.Valid(again) {
			s.Reset(again)
			if back := s.Percent(); back != got {
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
		var s Scanner
		s.Reset([]byte(text))
		got := s.Percent()
		s.End()
		if s.Fault.Code != code {
			t.Errorf("percent(%s) = %d, fault %+v; want %s", text, got, s.Fault, code)
		}
	}
	bad(`33.333`, CodeInvalid)
	bad(`100.01`, CodeInvalid)
	bad(`-1`, CodeInvalid)
	bad(`1e2`, CodeInvalid)
	bad(`99999999999999999999`, CodeInvalid)
	bad(`1.`, CodeBadJSON)
	bad(`01`, CodeBadJSON)
	bad(`"80"`, CodeWrongType)
}

func TestScannerTime(t *testing.T) {
	f := func(text string, want int64, code string) {
		t.Helper()
		var s Scanner
		s.Reset([]byte(text))
		if got := s.TimeMS(); got != want || s.Fault.Code != code {
			t.Errorf("timeMS(%s) = %d, fault %+v; want %d %s", text, got, s.Fault, want, code)
		}
	}
	f(`"1970-01-01T00:00:01Z"`, 1000, "")
	f(`"1970-01-01T01:00:01.25+01:00"`, 1250, "")
	f(`"2026-11-30T12:00:00.123456Z"`, 1796040000123, "")
	f(`"1970-01-01T00:00:00Z"`, 0, CodeInvalid)
	f(`"1969-12-31T00:00:00Z"`, 0, CodeInvalid)
	f(`"2026-11-30"`, 0, CodeInvalid)
	f(`"2026-11-30T12:00:00"`, 0, CodeInvalid)
	f(`"2026-02-30T12:00:00Z"`, 0, CodeInvalid)
	f(`"now"`, 0, CodeInvalid)
	f(`1764504000123`, 0, CodeWrongType)
}

// TestDepth: the depth of a text has a limit.
func TestDepth(t *testing.T) {
	f := func(levels int, want bool) {
		t.Helper()
		var s Scanner
		s.Reset([]byte(strings.Repeat("[", levels)))
		for range levels {
			s.open('[', "a list")
		}
		if s.OK() != want {
			t.Errorf("%d levels: fault %+v", levels, s.Fault)
		}
	}
	f(DepthMax, true)
	f(DepthMax+1, false)
}

// Every written string is JSON, and reads back as the same string.
func FuzzAppendString(f *testing.F) {
	f.Add("a\"b\\c\n\x00\x7fü日🙂")
	f.Add("\xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(AppendString(nil, s), &back); err != nil {
			t.Fatalf("appendString(%q) = %s: %v", s, AppendString(nil, s), err)
		}
		if want := string([]rune(s)); back != want {
			t.Fatalf("appendString(%q) reads back as %q, want %q", s, back, want)
		}
	})
}
