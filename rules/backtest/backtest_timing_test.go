package backtest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"apportion/engine"
	"apportion/rules"
)

// BenchmarkBacktest replays 20,000 one-line orders over 1,000 records, without a rule and with an example rule.
func BenchmarkBacktest(b *testing.B) {
	source, err := os.ReadFile("../examples/borrow-above-reserve.lua")
	if err != nil {
		b.Fatal(err)
	}
	const records, orders = 1_000, 20_000
	tp := &tape{e: engine.New(), skipped: 0}
	tp.p = rules.NewPlanner(tp.e, rules.Limits{}, func(engine.SuspendRule, func()) {})
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
		test, err := New(Config{Source: string(source), DifferencesMax: 20,
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
