package sandbox

import (
	"fmt"
	"strings"
	"testing"
)

// TestSourceLimits: a source at each limit is accepted, and one above it is refused.
func TestSourceLimits(t *testing.T) {
	tests := []struct {
		name  string
		limit int
		of    func(n int) string
		want  string
	}{
		{"bytes", SourceBytesMax, func(n int) string {
			return okSelect + strings.Repeat(" ", n-len(okSelect))
		}, "more than 65536 bytes of source"},
		{"functions", functionsMax, func(n int) string {
			return okSelect + strings.Repeat("f=function()end ", n-1)
		}, "more than 256 functions"},
		{"bytes of a text", StringBytesMax, func(n int) string {
			return okSelect + "x='" + strings.Repeat("a", n) + "'"
		}, "a text of more than 16384 bytes"},
		{"fields of a table", ListMax, func(n int) string {
			return okSelect + "x={" + strings.Repeat("{},", n) + "}"
		}, "a table with more than 8192 fields"},
		{"names, texts and numbers", constantsMax, func(n int) string {
			return okSelect + "x={" + strings.Repeat("1,", n-2) + "}"
		}, "a function has more than 4096 names, texts and numbers"},
	}
	for _, test := range tests {
		if _, _, err := Compile(test.of(test.limit), testFunctions, Limits{}); err != nil {
			t.Errorf("%d %s: %v", test.limit, test.name, err)
		}
		if _, _, err := Compile(test.of(test.limit+1), testFunctions, Limits{}); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%d %s: %v, want %q", test.limit+1, test.name, err, test.want)
		}
	}
}

// TestWarningsMax: the warnings of a source are bounded.
func TestWarningsMax(t *testing.T) {
	for _, n := range []int{warningsMax, warningsMax + 1} {
		_, warnings, err := Compile("function select()\n"+strings.Repeat("n = 1\n", n)+"end", testFunctions, Limits{})
		if err != nil || len(warnings) != warningsMax {
			t.Errorf("of %d: %d warnings, %v", n, len(warnings), err)
		}
	}
}

// TestAnswerLimits: limits of results, of a call and of library functions.
func TestAnswerLimits(t *testing.T) {
	body := func(format string) func(n int) error {
		return func(n int) error {
			_, _, err := selectBody(t, fmt.Sprintf(format, n), Limits{})
			return err
		}
	}
	tests := []struct {
		name  string
		limit int
		of    func(n int) error
		want  string // for one above the limit
	}{
		{"bytes of a text", StringBytesMax, body(`local s = ("x"):rep(%d) return nil, "no"`), "more than 16384"},
		{"values of string.byte", unpackMax, body(`local n = ("x"):rep(300):byte(1, %d) return nil, "no"`),
			"string.byte: more than 256 values"},
		{"values of unpack", unpackMax, body(`local n = unpack({}, 1, %d) return nil, "no"`),
			"unpack: from 1 to 257 must be places of a list, at most 256 of them"},
		{"entries of a list", ListMax, body(`local t = {} for i = 1, %d do t[#t + 1] = i end return nil, "no"`),
			"more than 8192"},
		{"entries of a list by insert", ListMax,
			body(`local t = {} for i = 1, %d do table.insert(t, i) end return nil, "no"`), "more than 8192"},
	}
	for _, test := range tests {
		if err := test.of(test.limit); err != nil {
			t.Errorf("%d %s: %v", test.limit, test.name, err)
		}
		if err := test.of(test.limit + 1); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d %s: %v, want %q", test.limit+1, test.name, err, test.want)
		}
	}
}
