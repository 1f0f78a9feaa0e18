package load

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"apportion/bench/replay"
)

func TestParseRates(t *testing.T) {
	f := func(text string, want ...float64) {
		t.Helper()
		got, err := ParseRates(text)
		if !reflect.DeepEqual(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	f("max", 0)
	f("2500", 2500)
	f("0.5", 0.5)
	f("20k", 20_000)
	f("1.5k", 1500)
	f("1000, 2k,max", 1000, 2000, 0)
	for _, text := range []string{"", "0", "-1", "fast", "1,,2", "NaN", "Inf", "k", "1e9", "20 k", "max,"} {
		f(text)
	}
}

func TestOptionsComplete(t *testing.T) {
	o := Options{Target: "http://127.0.0.1:1", Workload: "batch"}
	if err := o.Complete(); err != nil {
		t.Fatal(err)
	}
	if o.Connections != 16 || o.Records != 1000 || o.Lines != 500 || o.Segments != 1 || o.Duration != DefaultDuration ||
		o.Warmup != DefaultWarmup || len(o.Rates) != 1 || o.Run == "" {
		t.Errorf("defaults are %+v", o)
	}
	f := func(want string, change func(o *Options)) {
		t.Helper()
		o := Options{Target: "http://127.0.0.1:1", Workload: "allocate"}
		change(&o)
		if err := o.Complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not contain %q", err, want)
		}
	}
	f("expected a URL", func(o *Options) { o.Target = "localhost" })
	f(`workload "x": expected one of allocate, flash-sale`, func(o *Options) { o.Workload = "x" })
	f("rate -1", func(o *Options) { o.Rates = []float64{-1} })
	f("rate NaN", func(o *Options) { o.Rates = []float64{math.NaN()} })
	f("51 rates", func(o *Options) { o.Rates = make([]float64, 51) })
	f("connections -1", func(o *Options) { o.Connections = -1 })
	f("connections 10001", func(o *Options) { o.Connections = 10_001 })
	f("records -1", func(o *Options) { o.Records = -1 })
	f("segments 257", func(o *Options) { o.Segments = 257 })
	f("at most 50000000 segments", func(o *Options) { o.Records, o.Segments = 1_000_000, 200 })
	f("lines 1001", func(o *Options) { o.Lines = 1001 })
	f("duration -1s", func(o *Options) { o.Duration = -time.Second })
	f("zipf -1", func(o *Options) { o.Zipf = -1 })
	f(`run "a b"`, func(o *Options) { o.Run = "a b" })
	f("a file of orders", func(o *Options) { o.Workload = "orders" })
	// all faults at once
	f("segments 257", func(o *Options) { o.Target, o.Connections, o.Segments = "x", -1, 257 })
}

func TestPicker(t *testing.T) {
	b := &Bench{o: Options{Seed: 7}}
	c := newShared(b, 0)
	uniform, zipf := newPicker(10, 0), newPicker(10, 1)
	var u, z [10]int
	for range 100_000 {
		u[uniform.pick(c.random)]++
		z[zipf.pick(c.random)]++
	}
	harmonic := 0.0
	for i := 1; i <= 10; i++ {
		harmonic += 1 / float64(i)
	}
	for i := range 10 {
		if math.Abs(float64(u[i])-10_000) > 500 {
			t.Errorf("uniform: record %d was picked %d times of 100,000", i, u[i])
		}
		if want := 100_000 / float64(i+1) / harmonic; math.Abs(float64(z[i])-want) > 500 {
			t.Errorf("Zipf: record %d was picked %d times, want about %.0f", i, z[i], want)
		}
	}
}

func TestFilePlan(t *testing.T) {
	row := func(invoice, code string, units int64) replay.Row {
		return replay.Row{Invoice: invoice, StockCode: code, Quantity: units}
	}
	p := newFilePlan([]replay.Row{row("1", "10101", 2), row("1", "10102", 1), row("1", "POST", 1), row("1", "10101", 3),
		row("C2", "10102", -4), row("1", "10101", 1), row("3", "10101", 6)})
	want := []fileEntry{
		{lines: []orderLine{{0, 2}, {1, 1}, {0, 3}}},
		{lines: []orderLine{{1, 4}}, isReturn: true},
		{lines: []orderLine{{0, 1}}},
		{lines: []orderLine{{0, 6}}},
	}
	if !reflect.DeepEqual(p.entries, want) || !reflect.DeepEqual(p.upcs, []string{"10101", "10102"}) {
		t.Errorf("got %v of %v", p.entries, p.upcs)
	}
	many := make([]replay.Row, replay.OrderLinesMax+1)
	for i := range many {
		many[i] = row("1", "10101", 1)
	}
	if p := newFilePlan(many); len(p.entries) != 2 || len(p.entries[1].lines) != 1 {
		t.Errorf("an invoice that is too long makes %d orders", len(p.entries))
	}
}
