package sandbox

import (
	"context"
	"testing"
)

// BenchmarkState measures the first call of a state, and each call after an error.
func BenchmarkState(b *testing.B) {
	p := mustCompile(b, "function select() end", Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.newState(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep measures one step of each kind of work, in scripts that run to the default bound.
func BenchmarkStep(b *testing.B) {
	for _, bench := range []struct{ name, body string }{
		{"loop", `while true do end`},
		{"arithmetic", `local n = 0 while true do n = n + 1.5 end`},
		{"fields", `while true do local n = record.onHand end`},
		{"calls", `local function f() end while true do f() end`},
		{"tables", `while true do local t = {1} end`},
		{"pattern", `local s = ("a"):rep(100) while true do s:find("a-b") end`},
		{"format", `while true do local s = ("%99.99f"):format(1e308) end`},
		{"compare", `local a, b = ("x"):rep(16000) .. 1, ("x"):rep(16000) .. 2 while true do local c = a < b end`},
		{"modulo", `local n = 0 while true do n = n + 1.7e308 % 3e-308 end`},
		{"list holes", `local t = {} t[8000] = 1 t[8000] = nil while true do local n = #t end`},
		{"removed keys",
			`local t = {} for i = 1, 5000 do t["k" .. i] = 1 end for i = 1, 5000 do t["k" .. i] = nil end while true do next(t) end`},
		{"sort", `local t = {} for i = 1, 5000 do t[i] = -i end while true do table.sort(t) table.insert(t, 1, 1) end`},
		{"upvalues", `local function f(n) local a, b, c, d, e, g, h, i = 1, 2, 3, 4, 5, 6, 7, 8
			local k = function() return a, b, c, d, e, g, h, i end
			if n < 90 then f(n + 1) else while true do local x = 1 local y = function() return x end end end end f(1)`},
		{"far index", `while true do local t = {} t[8000] = 1 end`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			p := mustCompile(b, "function select(item, record)\n"+bench.body+"\nend", Limits{MemoryBytes: 1 << 40})
			in := anInput()
			for b.Loop() {
				if _, _, err := run(context.Background(), p, in); err == nil {
					b.Fatal("it ended")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/StepsDefault, "ns/step")
		})
	}
}
