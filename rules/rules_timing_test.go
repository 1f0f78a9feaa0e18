package rules

import (
	"context"
	"os"
	"testing"
)

// BenchmarkSelect measures the parts of a call over five segments.
func BenchmarkSelect(b *testing.B) {
	for _, bench := range []struct{ name, body string }{
		{"empty", `return none`},
		{"fields", `local n = item.quantity + record.onHand + record.allocated + record.available return none`},
		{"segments", `local n = 0 for _, s in ipairs(record.segments) do n = n + s.available end return none`},
		{"tags",
			`local n = 0 for _, s in ipairs(record.segments) do if s.tags.Channel == "Kibo" then n = n + 1 end end return none`},
		{"candidates", `return {{tags = {Channel = "Web"}, keep = 5}, {tags = {Channel = "Amazon"}, max = 10}}`},
		{"filter", `local out = {}
			for _, s in ipairs(record.segments) do
				if s.available > item.quantity then out[#out + 1] = {tags = s.tags, keep = 5} end
			end
			return out`},
		{"sort", `local list = record.segments
			table.sort(list, function(a, b) return a.available > b.available end)
			return {{tags = list[1].tags}}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			runSelect(b, "local none = {}\nfunction select(item, record)\n"+bench.body+"\nend")
		})
	}
	for _, name := range []string{"strict-segment", "borrow-above-reserve", "drain-by-precedence", "vip-first"} {
		b.Run(name, func(b *testing.B) {
			source, err := os.ReadFile("examples/" + name + ".lua")
			if err != nil {
				b.Fatal(err)
			}
			runSelect(b, string(source))
		})
	}
}

func runSelect(b *testing.B, source string) {
	p := mustCompile(b, source, Limits{})
	in := &Input{Item: anItem(), Record: fiveSegments()}
	ctx := context.Background()
	b.ReportAllocs()
	var usage Usage
	for b.Loop() {
		var err error
		if _, usage, err = p.Select(ctx, in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(usage.Steps), "steps")
	b.ReportMetric(float64(usage.MemoryBytes), "charged-B")
}

// BenchmarkRedistribute measures the example rule over five segments.
func BenchmarkRedistribute(b *testing.B) {
	source, err := os.ReadFile("examples/equalise-sell-through.lua")
	if err != nil {
		b.Fatal(err)
	}
	p := mustCompile(b, string(source), Limits{})
	in := &Input{Record: fiveSegments()}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := p.Redistribute(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
