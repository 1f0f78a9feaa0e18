package load

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"apportion/bench/replay"
	"apportion/httpapi/api"
)

// fakeOptions describe a short run of 100 requests. A busy machine has two seconds after the end to send them all.
func fakeOptions(target, workload string) Options {
	return Options{Target: target, Workload: workload, Rates: []float64{1000}, Connections: 4, Records: 20,
		Lines:    min(5, workloadOf(workload).lines),
		Duration: 100 * time.Millisecond, Warmup: -1, Run: "test"}
}

func sampleRows(t *testing.T) []replay.Row {
	t.Helper()
	file, err := os.Open("../testdata/sample-orders.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := replay.ReadRows(file)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestRun: each workload against a correct server.
func TestRun(t *testing.T) {
	for _, w := range workloads {
		for _, segments := range []int{1, 3} {
			server, target := startFake(t)
			o := fakeOptions(target, w.name)
			o.Segments = segments
			if w.name == "orders" {
				o.Orders = sampleRows(t)
			}
			r, err := Run(context.Background(), o)
			if err != nil {
				t.Fatalf("%s, %d segments: %v", w.name, segments, err)
			}
			m := r.Runs[0]
			if m.Requests == 0 || m.Failed != m.NotSent || m.Work < m.Requests || m.Server.Commands == 0 ||
				r.Check.Records != r.Records {
				t.Errorf("%s, %d segments: %+v, check %+v", w.name, segments, m, r.Check)
			}
			if !slices.Contains([]string{"refresh", "reads"}, w.name) && r.Check.Orders == 0 {
				t.Errorf("%s: no order was read back", w.name)
			}
			if wantRules := []string{"PUT bench-test", "POST activate", "POST deactivate",
				"DELETE bench-test"}; w.rule && !slices.Equal(server.rules, wantRules) {
				t.Errorf("the rule's requests are %q", server.rules)
			}
		}
	}
}

// TestRunOpen: a sweep of rates, with every rate in its result.
func TestRunOpen(t *testing.T) {
	_, target := startFake(t)
	o := fakeOptions(target, "allocate")
	o.Rates, o.Warmup = []float64{200, 400}, 50*time.Millisecond
	var steps []string
	o.Progress = func(p Progress) { steps = append(steps, p.Step) }
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Runs) != 2 || r.Runs[0].Loop != "open" || r.Runs[0].Requests+r.Runs[0].NotSent != 20 ||
		r.Runs[1].Requests+r.Runs[1].NotSent != 40 {
		t.Errorf("runs %+v", r.Runs)
	}
	if !slices.Contains(steps, "warming up") || !slices.Contains(steps, "open loop, 400/s") {
		t.Errorf("progress told %q", steps)
	}
}

// TestUnknownOutcomes: requests with an unknown outcome make no differences. Half of them took effect.
func TestUnknownOutcomes(t *testing.T) {
	for _, workload := range []string{"allocate", "lifecycle", "flash-sale", "refresh", "batch"} {
		server, target := startFake(t)
		server.after = func(step string, number int, _ *fakeServer, status int, reply any) (int, any) {
			if number < 20 || slices.Contains([]string{"query", "tag-categories"}, step) ||
				strings.HasPrefix(step, "test-") || number%5 != 0 {
				return status, reply
			}
			if number%2 == 0 {
				return 0, nil
			}
			return fakeProblem(503, "outcome-unknown")
		}
		o := fakeOptions(target, workload)
		r, err := Run(context.Background(), o)
		if err != nil {
			t.Fatalf("%s: %v", workload, err)
		}
		if r.Runs[0].Failed == 0 || workload != "refresh" && r.Check.UnknownUnits == 0 {
			t.Errorf("%s: %d failed, %d units unknown", workload, r.Runs[0].Failed, r.Check.UnknownUnits)
		}
	}
}

// TestCheckFindsFaults: a run has no figures if the server oversells, or loses units, records or orders.
func TestCheckFindsFaults(t *testing.T) {
	f := func(workload, want string, after func(step string, s *fakeServer) bool) {
		t.Helper()
		server, target := startFake(t)
		hits := 0
		server.after = func(step string, number int, s *fakeServer, status int, reply any) (int, any) {
			if status == 409 && workload == "flash-sale" && after("refused", s) {
				return 200, struct{}{}
			}
			if hits == 0 && status == 200 && after(step, s) {
				hits++
			}
			return status, reply
		}
		r, err := Run(context.Background(), fakeOptions(target, workload))
		failed := (*CheckError)(nil)
		if !errors.As(err, &failed) || r != nil {
			t.Fatalf("%s: got %v, %v; want a failed check with %q", workload, r, err, want)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\ndoes not say %q", workload, err, want)
		}
	}
	on := func(wantStep string, do func(s *fakeServer)) func(string, *fakeServer) bool {
		return func(step string, s *fakeServer) bool {
			if step == wantStep {
				do(s)
			}
			return step == wantStep
		}
	}
	first := func(s *fakeServer) *api.Figures { return s.records["B0000000"][""] }
	// the server allocates what is not there
	f("flash-sale", "OVERSOLD", on("refused", func(s *fakeServer) {}))
	// the same, and the server's own figures show it
	f("flash-sale", "OVERSOLD", on("refused", func(s *fakeServer) { s.records[soldOutUPC][""].Allocated++ }))
	// a lost allocation; one that is made twice
	f("allocate", "allocated is", on("allocate", func(s *fakeServer) { first(s).Allocated -= 100_000 }))
	f("batch", "by what the server answered it must be", on("allocate", func(s *fakeServer) { first(s).Allocated++ }))
	// a shipment that leaves its units on hand; a lost return
	f("lifecycle", "on hand is", on("fulfill", func(s *fakeServer) { first(s).OnHand++ }))
	f("lifecycle", "on hand is", on("return", func(s *fakeServer) { first(s).OnHand-- }))
	// a lost record; a lost order
	f("allocate", "B0000019: the record is lost", on("allocate", func(s *fakeServer) { s.after = loseRecord }))
	f("mixed", "LOST", on("allocate", func(s *fakeServer) { s.after = loseOrders }))
	f("mixed", "LOST or changed", on("allocate", func(s *fakeServer) { s.after = releaseOrders }))
	// lost units of a refresh
	f("refresh", "on hand is", on("refresh", func(s *fakeServer) { s.after = loseUnit }))
}

// releaseOrders reports every order as released, although no order was.
func releaseOrders(_ string, _ int, s *fakeServer, status int, reply any) (int, any) {
	for _, o := range s.orders {
		o.released = true
	}
	return status, reply
}

// loseRecord answers a query with the first record in place of the last.
func loseRecord(step string, _ int, _ *fakeServer, status int, reply any) (int, any) {
	if step == "query" {
		records := reply.(map[string]any)["records"].([]map[string]any)
		records[len(records)-1] = records[0]
	}
	return status, reply
}

// loseUnit removes a unit after each refresh.
func loseUnit(step string, _ int, s *fakeServer, status int, reply any) (int, any) {
	if step == "refresh" {
		s.records["B0000000"][""].OnHand--
	}
	return status, reply
}

// loseOrders deletes all orders, but not their units.
func loseOrders(_ string, _ int, s *fakeServer, status int, reply any) (int, any) {
	clear(s.orders)
	return status, reply
}

// TestCheckSegments: the check finds units in the wrong segment, although the record's figures agree, and segments that
// do not sum to their record's figures.
func TestCheckSegments(t *testing.T) {
	b := &Bench{o: Options{Segments: 2, Records: 1}, workload: workloadOf("allocate"), ledger: newLedger(2)}
	b.ledger.set(0, 10, done)
	b.ledger.set(1, 10, done)
	b.ledger.add(0, promised, 3, done)
	segment := func(value string, onHand, allocated int64) api.Segment {
		return api.Segment{Tags: api.Tags{benchCategory: value},
			Figures: api.Figures{OnHand: onHand, Allocated: allocated, Available: onHand - allocated}}
	}
	f := func(record api.Figures, segments []api.Segment, wants ...string) {
		t.Helper()
		c := &checker{b: b}
		c.record(0, "X", record, segments)
		if len(c.Differences) != len(wants) {
			t.Fatalf("differences %q, want %q", c.Differences, wants)
		}
		for i, want := range wants {
			if !strings.Contains(c.Differences[i], want) {
				t.Errorf("difference %q, want %q", c.Differences[i], want)
			}
		}
	}
	sound := api.Figures{OnHand: 20, Allocated: 3, Available: 17}
	f(sound, []api.Segment{segment("s0", 10, 3), segment("s1", 10, 0)})
	f(sound, []api.Segment{segment("s0", 10, 0), segment("s1", 10, 3)}, "s0: allocated is 0", "s0: available",
		"s1: allocated is 3", "s1: available")
	f(sound, []api.Segment{segment("s0", 10, 3)}, "sum to on hand 10", "1 segments, but 2 were loaded")
	f(api.Figures{OnHand: 20, Allocated: 3, Available: 16}, []api.Segment{segment("s0", 10, 3), segment("s1", 10, 0)},
		"is not allocated", "available is 16", "sum to")
}

func TestLedger(t *testing.T) {
	l := newLedger(2)
	l.set(0, 100, done)
	l.set(0, 90, unknown)
	l.add(0, promised, 10, done)
	l.add(0, promised, 2, unknown)
	l.add(0, released, 1, unknown)
	l.add(0, shipped, 4, done)
	l.add(0, returned, 1, done)
	l.add(0, returned, 7, notDone)
	l.set(1, 5, unknown)
	l.set(1, 6, done) // a later certain outcome replaces the unknown one
	want := expected{
		loaded: interval{90, 100}, onHand: interval{87, 97}, allocated: interval{5, 8}, available: interval{79, 92},
		net: interval{8, 11},
	}
	if got := l.expect(0); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := l.expectRecord(0, 2); got.loaded != (interval{96, 106}) || got.onHand != (interval{93, 103}) {
		t.Errorf("the record is %+v", got)
	}
	if got := l.open(); got != 3 {
		t.Errorf("%d units are open, want 3", got)
	}
}

// TestSegmentsOfStrangers: loading names the tags of all the server's categories, an order line only those of the run.
// A category with enough values stays as it is.
func TestSegmentsOfStrangers(t *testing.T) {
	server, target := startFake(t)
	server.categories = []api.TagCategory{{Name: "Channel",
		Values: []api.TagValue{{Value: "Amazon"}, {Value: "Kibo", Default: true}}}}
	o := fakeOptions(target, "allocate")
	o.Segments = 2
	b, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	wantFull := []string{`,"tags":{"BenchSegment":"s0","Channel":"Kibo"}`,
		`,"tags":{"BenchSegment":"s1","Channel":"Kibo"}`}
	if wantLine := []string{`,"tags":{"BenchSegment":"s0"}`, `,"tags":{"BenchSegment":"s1"}`}; !reflect.DeepEqual(
		b.fullTags, wantFull) || !reflect.DeepEqual(b.lineTags, wantLine) {
		t.Errorf("tags %q and %q", b.fullTags, b.lineTags)
	}
}
