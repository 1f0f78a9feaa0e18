package rules

import (
	"context"
	"fmt"
	"os"
	"testing"

	"apportion/engine"
)

// BenchmarkSelect shows what a call costs over five segments, part by part.
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

// BenchmarkRedistribute is the example over five segments.
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

// BenchmarkBacktest replays 20,000 one-line orders over 1,000 records, as decided natively and with an example rule.
func BenchmarkBacktest(b *testing.B) {
	source, err := os.ReadFile("examples/borrow-above-reserve.lua")
	if err != nil {
		b.Fatal(err)
	}
	const records, orders = 1_000, 20_000
	tp := &tape{e: engine.New(), skipped: 0}
	tp.p = NewPlanner(tp.e, Limits{}, func(engine.SuspendRule, func()) {})
	add := func(c engine.Command) {
		tp.entries = append(tp.entries, engine.Entry{Index: uint64(len(tp.entries) + 1), TimeMS: tp.now(),
			Commands: [][]byte{engine.AppendCommand(nil, &engine.Envelope{}, c)}})
	}
	put := &engine.PutTagCategory{Name: "Channel"}
	for i, name := range []string{"Web", "Amazon", "Kibo", "Store", "Outlet"} {
		put.Values = append(put.Values, engine.Value{Name: name, Percent: 2000, Default: i == 0, Max: engine.NoMax})
	}
	add(put)
	for i := range records {
		add(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: fmt.Sprint("U", i), Quantity: 100}}})
	}
	tp.base = len(tp.entries)
	for i := range orders {
		add(orderOf(fmt.Sprint("o", i), engine.ModeAll, wants(fmt.Sprint("U", i*7919%records), put.Values[i%5].Name,
			2)))
	}
	b.ReportAllocs()
	for b.Loop() {
		test, err := NewBacktest(BacktestConfig{Source: string(source), DifferencesMax: 20,
			Candidate: engine.Activation{Rule: "c", Hook: engine.HookSelect, FailuresMax: 10}})
		if err != nil {
			b.Fatal(err)
		}
		report, err := test.Run(context.Background(), &playback{tape: tp})
		if err != nil || report.Decided.Lines.Filled == 0 {
			b.Fatal(err, report)
		}
	}
	b.ReportMetric(float64(orders)*float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}
