package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

// TestBounds: the named bound stops each script that would never end, or would use all memory. No script may allocate
// much more than the memory bound.
func TestBounds(t *testing.T) {
	tests := []struct {
		name, body string
		want       What
	}{
		{"endless loop", `while true do end`, WhatSteps},
		{"endless repeat", `local n = 0 repeat n = n + 1 until false`, WhatSteps},
		{"endless for", `for i = 1, math.huge do end`, WhatSteps},
		{"for that does not move", `for i = 1, 2, 0 do end for i = 1, 0, 0 do end while true do end`, WhatSteps},
		{"giant rep", `return nil, ("x"):rep(2^28)`, WhatString},
		{"rep that overflows", `return nil, ("xxxx"):rep(2^62)`, WhatString},
		{"rep of rep", `local s = ("x"):rep(1000) return nil, s:rep(1000)`, WhatString},
		{"rep of nothing", `local s = "" for i = 1, 1e9 do s = (""):rep(1e9) end`, WhatSteps},
		{"doubling", `local s = "x" for i = 1, 40 do s = s .. s end return nil, s`, WhatString},
		{"many strings", `local t = {} for i = 1, 1e9 do t[i % 8000 + 1] = ("x"):rep(16000) .. i end`, WhatMemory},
		{"concat of numbers", `local s = "" while true do s = s .. 1234567.125 .. 2 end`, WhatMemory},
		{"table.concat", `local t = {} for i = 1, 8000 do t[i] = "xxxx" end return nil, table.concat(t, ", ")`,
			WhatString},
		{"recursion", `local function f(n) return 1 + f(n + 1) end f(1)`, WhatDepth},
		{"tail recursion", `local function f(n) return f(n + 1) end f(1)`, WhatDepth},
		{"recursion through sort", `local function f() table.sort({1, 2, 3}, f) end f()`, WhatDepth},
		{"recursion through gsub", `local function f() ("x"):gsub("x", f) end f()`, WhatDepth},
		{"many arguments", `local function f(...) f(1, 2, 3, 4, 5, 6, 7, 8, 9, ...) end f(unpack({1, 2, 3, 4}))`,
			WhatStack},
		{"wide recursion", `local t = {} for i = 1, 250 do t[i] = i end local function f(...) f(1, unpack(t)) end f()`,
			WhatStack},
		{"far index", `while true do local t = {} t[8000] = 1 end`, WhatMemory},
		{"far index, kept", `local t = {} for i = 1, 1e9 do t[i] = {} t[i][8000] = 1 end`, WhatMemory},
		{"long list", `local t = {} for i = 1, 1e9 do t[#t + 1] = i end`, WhatList},
		{"long list by insert", `local t = {} for i = 1, 1e9 do table.insert(t, i) end`, WhatList},
		{"insert at the front", `local t = {} for i = 1, 1e9 do table.insert(t, 1, i) end`, WhatSteps},
		{"remove from the front",
			`local t = {} for i = 1, 5000 do t[i] = i end while true do table.remove(t, 1) table.insert(t, 1) end`,
			WhatSteps},
		{"many keys", `local t = {} for i = 1, 1e9 do t["k" .. i] = i end`, WhatMemory},
		{"many sparse keys", `local t = {} for i = 1e9, 2e9 do t[i] = i end`, WhatMemory},
		{"many tables", `local t = {} while true do t = {t, {}, {}, {}, {}} end`, WhatMemory},
		{"many functions", `local t = {} while true do t[1] = function() return t, item, record end end`, WhatMemory},
		{"many list holes", `local t = {} t[8000] = 1 t[8000] = nil while true do local n = #t end`, WhatSteps},
		{"walk over removed keys",
			`local t = {} for i = 1, 5000 do t["k" .. i] = 1 end for i = 1, 5000 do t["k" .. i] = nil end while true do next(t) end`, WhatSteps},
		{"pattern of death", `return nil, (("a"):rep(30) .. "b"):match(("a*"):rep(30) .. "c")`, WhatSteps},
		{"pattern, lazy", `return nil, (("a"):rep(3000)):match(("a-"):rep(10) .. "c")`, WhatSteps},
		{"pattern, gsub", `return nil, (("a"):rep(16000)):gsub("a", "aa")`, WhatString},
		{"sort without order",
			`local t = {} for i = 1, 5000 do t[i] = i end while true do table.sort(t, function() return true end) end`,
			WhatSteps},
		{"sort with an endless comparator", `table.sort({2, 1}, function() while true do end end)`, WhatSteps},
		{"comparing long texts",
			`local a, b = ("x"):rep(16000) .. 1, ("x"):rep(16000) .. 2 while true do local c = a < b end`, WhatSteps},
		{"format", `local s = "" while true do s = ("%99d%99d%s"):format(1, 2, s) end`, WhatString},
		{"format in a loop", `while true do local s = ("%99.99f"):format(1e308) end`, WhatSteps},
		{"print", `while true do print(("x"):rep(1000)) end`, WhatMemory},
		{"numbers", `local t = {} for i = 1, 1e9 do t[i % 8000 + 1] = i * 1.5 end`, WhatSteps},
		{"modulo of the farthest", `local n = 0 while true do n = n + 1.7e308 % 3e-308 end`, WhatSteps},
		{"attributes in a loop", `while true do for k, v in pairs(item.attributes) do end end`, WhatSteps},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := mustCompile(t, "function select(item, record)\n"+test.body+"\nend", Limits{})
			in := anInput()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, usage, err := run(context.Background(), p, in)
			runtime.ReadMemStats(&after)
			var limit *LimitError
			if !errors.As(err, &limit) || limit.What != test.want {
				t.Fatalf("got %v, want a LimitError of %q", err, test.want)
			}
			if limit.Line != 2 {
				t.Errorf("line %d, want 2", limit.Line)
			}
			if allocated := int64(after.TotalAlloc - before.TotalAlloc); allocated > usage.MemoryBytes+2<<20 {
				t.Errorf("allocated %d bytes, charged %d", allocated, usage.MemoryBytes)
			}
			_, again, err2 := run(context.Background(), p, in)
			if again != usage || err2.Error() != err.Error() {
				t.Errorf("the second run: %v after %+v, the first: %v after %+v", err2, again, err, usage)
			}
		})
	}
}

// TestCharges: additional work of one instruction or library call counts as steps, and its memory as bytes.
func TestCharges(t *testing.T) {
	const times = 200
	tests := []struct {
		name, before, body string
		steps              int64 // at least, each time
	}{
		{"nothing", ``, ``, 1},
		{"long key", `local t, k = {}, ("k"):rep(16000)`, `local x = t[k]`, 250},
		{"setting a long key", `local t, k = {}, ("k"):rep(16000)`, `t[k] = 1`, 250},
		{"equal texts", `local a, b = ("x"):rep(16000), ("x"):rep(16000)`, `local c = a == b`, 250},
		{"comparing texts", `local a, b = ("x"):rep(16000), ("x"):rep(16000)`, `local c = a < b`, 1000},
		{"concat", `local a, b = ("x"):rep(8000), ("x"):rep(8000)`, `local c = a .. b`, 250},
		{"holes", `local t = {} t[8000] = 1 t[8000] = nil`, `local n = #t`, 4000},
		{"holes, insert", `local t = {} t[8000] = 1 t[8000] = nil`, `table.insert(t, 1)`, 3000},
		{"holes, next", `local t = {} t[8000] = 1 t[8000] = nil t.k = 1`, `local k = next(t)`, 4000},
		{"removed keys", `local t = {} for i = 1, 500 do t["k" .. i] = 1 end for i = 1, 500 do t["k" .. i] = nil end`,
			`local k = next(t)`, 500},
		{"modulo", `local a, b = 1.7e308, 3e-308`, `local n = a % b`, 250},
		{"fmod", ``, `local n = math.fmod(1.7e308, 3e-308)`, 250},
		{"numbers in texts", `local s = ("1"):rep(300)`, `local n = s + 1`, 18},
		{"remove", `local t = {} for i = 1, 4000 do t[i] = i end`, `table.remove(t, 1)`, 200},
		{"sort", `local t = {} for i = 1, 100 do t[i] = i end`, `table.sort(t)`, 124},
		{"unpack", `local t = {} for i = 1, 200 do t[i] = i end`, `local a = unpack(t)`, 50},
		{"many arguments", `local t = {} for i = 1, 200 do t[i] = i end local f = function(...) return 1 end`,
			`f(unpack(t))`, 60},
		{"closures over deep registers",
			`local t = {} for i = 1, 200 do t[i] = i end local f = function(...) local x = 1 return function() return x end end`, `f(unpack(t))`, 75},
		{"find", `local s = ("a"):rep(8000)`, `local a = s:find("b", 1, true)`, 1000},
		{"match", `local s = ("a"):rep(300)`, `local a = s:match("b")`, 600},
		{"float format", ``, `local s = ("%.3f"):format(1e300)`, 256},
		{"field", ``, `local n = record.onHand`, 1 + fieldSteps},
		{"field of a segment", `local s = record.segments[1]`, `local n = s.onHand`, 1 + fieldSteps},
		{"attributes", ``, `for k, v in pairs(item.attributes) do end`, 6},
		{"empty table", ``, `local t = {}`, 1},
		{"table with a field", ``, `local t = {k = 1}`, 1},
		{"table with a later field", ``, `local t = {} t.k = 1`, 1},
		{"table with a number", ``, `local t = {} t[0] = 1`, 1},
		{"table with both", ``, `local t = {} for i = 1, 60 do t["k" .. i] = 1 end t[0] = 1`, 60},
		{"table with a list", ``, `local t = {1, 2, 3}`, 1},
		{"table with a later list", ``, `local t = {} for i = 1, 100 do t[i] = i end`, 100},
		{"table of 100 fields", ``, `local t = {} for i = 1, 100 do t[i * 1.5] = i end`, 100},
		{"variable arguments", `local f = function(...) end`, `f(1, 2, 3)`, 1},
		{"closure", `local f = function() local a, b, c = 1, 2, 3 return function() return a, b, c end end`, `f()`, 1},
		{"gsub", `local s = ("a"):rep(500)`, `local x = s:gsub("a", "bb")`, 500},
		{"table.concat", `local t = {} for i = 1, 500 do t[i] = "abc" end`, `local x = table.concat(t, ", ")`, 500},
		{"upper", `local s = ("a"):rep(5000)`, `local x = s:upper()`, 70},
		{"print", `local s = ("a"):rep(5000)`, `print(s, s)`, 150},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			source := fmt.Sprintf("function select(item, record)\n%s\nfor i = 1, item.quantity do\n%s\nend\nreturn "+
				"{}\nend", test.before, test.body)
			p := mustCompile(t, source, Limits{Steps: 1 << 40, MemoryBytes: 1 << 40})
			s, err := p.State()
			if err != nil {
				t.Fatal(err)
			}
			run := func(quantity int64) (Usage, int64) {
				in := anInput()
				in.Quantity = quantity
				item, record := in.item(), fiveSegments()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, _, err := s.Call(context.Background(), &Call{Function: "select"}, item, record)
				runtime.ReadMemStats(&after)
				if err != nil {
					t.Fatal(err)
				}
				return s.Usage(), int64(after.TotalAlloc - before.TotalAlloc)
			}
			each := func() (steps, charged, bytes int64) {
				none, allocatedNone := run(0)
				usage, allocated := run(times)
				return (usage.Steps - none.Steps) / times, (usage.MemoryBytes - none.MemoryBytes) / times,
					(allocated - allocatedNone) / times
			}
			steps, charged, bytes := each()
			// The growth of a Go map depends on its random seed, so that the same work may seem to allocate more.
			for again := 0; again < 5 && bytes > charged+charged/8+16; again++ {
				steps, charged, bytes = each()
			}
			if steps < test.steps {
				t.Errorf("%d steps each time, at least %d are due", steps, test.steps)
			}
			if bytes > charged+charged/8+16 {
				t.Errorf("%d bytes each time, %d charged", bytes, charged)
			}
		})
	}
}

// TestMapBytes: a map is charged at least what Go allocates for it.
func TestMapBytes(t *testing.T) {
	for n := 1; n <= ListMax; n += max(1, n/20) {
		took := uint64(math.MaxUint64)
		for range 5 { // other goroutines may allocate meanwhile
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			made := make(map[[2]uintptr][2]uintptr, n)
			made[[2]uintptr{}] = [2]uintptr{1}
			runtime.ReadMemStats(&after)
			took = min(took, after.TotalAlloc-before.TotalAlloc)
			runtime.KeepAlive(made)
		}
		if charged := uint64(mapBytes(n)); took > charged {
			t.Errorf("a map of %d takes %d bytes, charged are %d", n, took, charged)
		}
	}
}

// TestStepsAreExact: a script stops at the same instruction each time, and one more step is enough.
func TestStepsAreExact(t *testing.T) {
	body := `local n = 0 for i = 1, 100 do n = n + i end return {{tags={Channel="Web"}}}`
	_, usage, err := selectBody(t, body, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := selectBody(t, body, Limits{Steps: usage.Steps}); err != nil {
		t.Errorf("with %d steps: %v", usage.Steps, err)
	}
	_, _, err = selectBody(t, body, Limits{Steps: usage.Steps - 1})
	var limit *LimitError
	if !errors.As(err, &limit) || limit.What != WhatSteps || limit.Limit != usage.Steps-1 {
		t.Errorf("with a step less: %v", err)
	}
	_, _, err = selectBody(t, body, Limits{MemoryBytes: usage.MemoryBytes - 1})
	if !errors.As(err, &limit) || limit.What != WhatMemory {
		t.Errorf("with a byte less: %v", err)
	}
}

// TestStopByContext: a context that has ended stops an endless script.
func TestStopByContext(t *testing.T) {
	p := mustCompile(t, "function select() while true do end end", Limits{Steps: 1 << 50})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, usage, err := run(ctx, p, anInput())
	var stopped *StoppedError
	if !errors.As(err, &stopped) || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if usage.Steps > 2*stopEvery {
		t.Errorf("stopped after %d steps", usage.Steps)
	}
}

// TestNoCatching: no function lets a script go on after a bound or an error.
func TestNoCatching(t *testing.T) {
	for _, name := range []string{"pcall", "xpcall", "coroutine", "setmetatable", "getmetatable", "rawset", "rawget",
		"rawequal",
		"load", "loadstring", "loadfile", "dofile", "require", "module", "io", "os", "debug", "package",
		"collectgarbage",
		"getfenv", "setfenv", "newproxy", "_G", "_VERSION", "_printregs"} {
		p, warnings, err := Compile("function select() return "+name+"(function() while true do end end) end",
			testFunctions, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0].Message, `"`+name+`"`) {
			t.Errorf("%s: warnings %v", name, warnings)
		}
		_, _, err = run(context.Background(), p, anInput())
		var runtime *RuntimeError
		if !errors.As(err, &runtime) || runtime.Message != "attempt to call a non-function object" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"string.dump", "table.getn", "table.maxn", "table.foreach", "math.randomseed",
		"string.gfind"} {
		if _, _, err := selectBody(t, "return "+name+"()", Limits{}); err == nil ||
			!strings.Contains(err.Error(), "attempt to call") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFaultStays: if a function exceeds a bound inside a library call, nothing runs after it.
func TestFaultStays(t *testing.T) {
	var o Output
	p := mustCompile(t, `function select()
		table.sort({3, 2, 1}, function(a, b) if a == 1 then while true do end end return a < b end)
		print("went on")
	end`, Limits{})
	_, _, err := run(context.Background(), p, &Input{Output: &o})
	var limit *LimitError
	if !errors.As(err, &limit) || o.Text() != "" {
		t.Fatalf("%v, printed %q", err, o.Text())
	}
}

// TestOutputIsBounded: the output of print keeps the beginning, and a note about the rest.
func TestOutputIsBounded(t *testing.T) {
	var o Output
	p := mustCompile(t, `function select() for i = 1, 300 do print(i, ("x"):rep(100)) end return nil, "no" end`,
		Limits{})
	if _, _, err := run(context.Background(), p, &Input{Output: &o}); err != nil {
		t.Fatal(err)
	}
	text := o.Text()
	if len(text) > OutputBytesMax+100 || !strings.HasPrefix(text, "1\txxx") ||
		!strings.HasSuffix(text, "(print wrote more)\n") {
		t.Errorf("%d bytes, ends in %q", len(text), text[max(0, len(text)-60):])
	}
}
