package rules

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"apportion/engine"
)

// fuzzLimits are small, so that a source reaches them quickly.
var fuzzLimits = Limits{Steps: 20_000, MemoryBytes: 256 << 10}

// FuzzSource: for any upload, Compile and the hooks return within their bounds, without a panic, and only with errors
// of this package. A second call gives the same answer.
func FuzzSource(f *testing.F) {
	paths, _ := filepath.Glob("examples/*.lua")
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(source))
	}
	f.Add(twoHooks)
	f.Add("local t = {} for i = 1, 9 do t[i] = {x = i} end\nfunction select(item, record, ...) local a, b = ... " +
		"repeat local c = a until true\n" +
		"for k, v in pairs(item.tags) do t2 = {k, v; [v] = k, f = function(...) return ... end} end while not nil " +
		"do break end\n" +
		"return {{tags = {[('a'):rep(3):upper()] = ('%5d'):format(#t) .. 1}, keep = -2 ^ 3 % 5 / 1}}, " +
		"string.gsub('a', '(.)', '%1') end")
	f.Fuzz(func(t *testing.T, source string) {
		p, _, err := Compile("fuzz", source, fuzzLimits)
		if err != nil {
			checkError(t, source, err)
			return
		}
		_, _ = p.Test(context.Background())
		runBoth(t, source, p)
	})
}

// FuzzBody runs the data as code in a hook, and in functions that the library calls.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`local s = "x" while true do s = s .. s end`, `local t = {} t[8000] = t return t`,
		`return ("a"):rep(30):match(("a*"):rep(30))`,
		`local function f(...) return f(1, ...) end return f()`,
		`for k, v in pairs(record.segments) do record.segments[k] = nil end`,
		`local t = {} for i = 1, 99 do t[i], t["k" .. i] = i, {} end for k in pairs(t) do t[k] = nil end return next(t), #t, unpack(t)`,
		`return string.format("%-99.99s|%q|%c", ("x"):rep(99), "\0", 65), tostring(item) .. tostring(2 ^ 53)`,
		`return {{tags = item.tags, max = math.random(9)}, {tags = {A = "b"}, keep = 1e15}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		source := "local up = {{}}\nfunction select(item, record)\nlocal l = {5, 3, 4}\ntable.sort(l, function(a, b) " +
			"local x = ('k=v'):gsub('%w', function(c) " + body + "\nend)\nreturn a < b end)\n" + body + "\nend\n" +
			"function redistribute(record, schema)\n" + body + "\nend"
		p, _, err := Compile("fuzz", source, fuzzLimits)
		if err != nil {
			checkError(t, source, err)
			return
		}
		runBoth(t, source, p)
	})
}

func runBoth(t *testing.T, source string, p *Program) {
	in := &Input{Item: anItem(), Record: fiveSegments(), Seed: 3, Output: &Output{}}
	for _, hook := range p.Hooks() {
		var usage [2]Usage
		var errs [2]error
		for i := range 2 {
			if hook == engine.HookSelect {
				_, usage[i], errs[i] = p.Select(context.Background(), in)
			} else {
				_, usage[i], errs[i] = p.Redistribute(context.Background(), in)
			}
			checkError(t, source, errs[i])
			if u := usage[i]; u.Steps > fuzzLimits.Steps+1<<17 {
				t.Fatalf("%d steps of %d\n%s", u.Steps, fuzzLimits.Steps, source)
			}
		}
		if usage[0] != usage[1] || errs[0] != nil != (errs[1] != nil) || errs[0] != nil &&
			errs[0].Error() != errs[1].Error() {
			t.Fatalf("%+v %v, then %+v %v\n%s", usage[0], errs[0], usage[1], errs[1], source)
		}
	}
}

// checkError refuses errors of other packages, and errors that show internals of the program.
func checkError(t *testing.T, source string, err error) {
	if err == nil || errors.Is(err, ErrNoHook) {
		return
	}
	switch err.(type) {
	case *SyntaxError, *LimitError, *RuntimeError, *ResultError:
	default:
		t.Fatalf("%T %v\n%s", err, err, source)
	}
	for _, part := range []string{"runtime error", "goroutine", ": 0xc0", "nil pointer", "interface conversion",
		"BUG"} {
		if strings.Contains(err.Error(), part) {
			t.Fatalf("%v\n%s", err, source)
		}
	}
}
