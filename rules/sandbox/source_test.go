package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSyntax: an error in a source names its place.
func TestSyntax(t *testing.T) {
	names := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint("a", i)
		}
		return strings.Join(list, ", ")
	}
	tests := []struct{ name, source, want string }{
		{"syntax", "function select(\n  x y) end", `line 2, column 5: syntax error near "y"`},
		{"end missing", "function select()\n", "line 2: syntax error at the end of the source"},
		{"text not closed", "local x = 'a\n", `line 2, column 1: unterminated string near "a"`},
		{"token", "local x = ?", `line 1, column 11: Invalid token near "?"`},
		{"break", "break " + okSelect, `line 1, column 7: syntax error near "function"`},
		{"break outside", okSelect + "break", "line 2: no loop to break"},
		{"dots", "function select()\n return ... end", "line 2: cannot use '...' outside a vararg function"},
		{"goto", okSelect + "goto x ::x::", "line 2: goto is not offered: use a loop or a function"},
		{"too many locals", okSelect + "local " + names(195), "line 2: too many locals and values at one time (195, " +
			"at most 190): divide the function"},
		{"too many arguments", okSelect + "print(" + names(250) + ")", "line 2: too many locals and values at one " +
			"time (252, at most 190): divide the function"},
		{"arguments in arguments", okSelect + "print(" + names(100) + ", print(" + names(100) + "))",
			"line 2: too many locals and values at one time (204, at most 190): divide the function"},
		{"too many upvalues", "local " + names(100) + "\nfunction select() local t = {" + names(100) + "} end",
			"line 2: a function uses more than 60 locals of the functions around it: put them into a table"},
		{"deep", okSelect + "local x = " + strings.Repeat("(", 30_000) + "1" + strings.Repeat(")", 30_000), ""},
		{"deep tables", okSelect + "x = " + strings.Repeat("{", 1000) + strings.Repeat("}", 1000),
			"line 2: nested more than 150 deep: move inner parts into functions"},
		{"deep blocks", okSelect + strings.Repeat("do ", 1000) + strings.Repeat("end ", 1000),
			"line 2: nested more than 150 deep: move inner parts into functions"},
		{"deep functions", okSelect + "x = " + strings.Repeat("function() return ", 500) + "1" +
			strings.Repeat(" end", 500), "line 2: nested more than 150 deep: move inner parts into functions"},
		{"long sum", okSelect + "x = 1" + strings.Repeat("+y", 10_000), "line 2: nested more than 150 deep: move " +
			"inner parts into functions"},
		{"long concat", okSelect + "x = 'a'" + strings.Repeat("..y", 10_000), "line 2: nested more than 150 deep: " +
			"move inner parts into functions"},
		{"not not", okSelect + "x = " + strings.Repeat("not ", 10_000) + "y", "line 2: nested more than 150 deep: " +
			"move inner parts into functions"},
		{"elseif", okSelect + "if x then " + strings.Repeat("elseif x then ", 1000) + "end",
			"line 2: nested more than 150 deep: move inner parts into functions"},
		{"many functions", okSelect + strings.Repeat("f=function()end ", 1000), "line 2: more than 256 functions"},
		{"many constants", okSelect + "x = {" + strings.Repeat("1,", 6000) + "}", "line 2: a function has more than " +
			"4096 names, texts and numbers: divide it"},
		{"many nodes", okSelect + strings.Repeat("do end ", 9_000) + strings.Repeat("x={};", 100), ""},
		{"modulos", okSelect + strings.Repeat("x = y"+strings.Repeat("%(1e308%3e-308)", 140)+"\n", 28),
			"line 3: the source has more than 30000 expressions and statements"},
		{"long text", okSelect + "x = '" + strings.Repeat("a", StringBytesMax+1) + "'", "line 2: a text of more " +
			"than 16384 bytes"},
		{"large", okSelect + strings.Repeat(" ", SourceBytesMax), "more than 65536 bytes of source"},
		{"zeros", "\x00", `line 1, column 1: Invalid token near "\x00"`},
		{"endless top level", okSelect + "while true do end", "line 2: more than 200000 steps"},
		{"error of the top level", okSelect + "local x = nil + 1", "line 2: cannot perform add operation between " +
			"nil and number"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Compile(test.source, testFunctions, Limits{})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	_, _, err := Compile("x = = 1", testFunctions, Limits{})
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 1 || syntax.Column != 5 {
		t.Errorf("got %#v", err)
	}
}

// TestWarnings: a warning names each name that does not exist at run time.
func TestWarnings(t *testing.T) {
	_, warnings, err := Compile(`
local limit, seen = 5, {}
later = 1
function select(item, record)
	local x = unknown + limit + later + helper()
	counter = 1
	limit = 2
	seen.x = math.floor(recordd.onHand)
	local function inner() limit = 3; x = 4 end
	return os.time()
end
function helper() return tests end
`, testFunctions, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`line 5: unknown global "unknown"`,
		`line 6: sets the global "counter" in a function: that stops the rule when it runs; use local`,
		`line 7: sets "limit" of the top level in a function: that stops the rule when it runs, since nothing outlives a call`,
		`line 8: unknown global "recordd"`,
		`line 9: sets "limit" of the top level in a function: that stops the rule when it runs, since nothing outlives a call`,
		`line 10: "os" is not offered: a rule knows no clock but item.now`,
		`line 12: unknown global "tests"`,
	}
	var got []string
	for _, w := range warnings {
		got = append(got, w.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
