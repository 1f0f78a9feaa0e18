package backtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apportion/engine"
	"apportion/rules"
)

// tape records the commands of an engine, one command an entry, one entry a second.
type tape struct {
	t       *testing.T
	e       *engine.Engine
	p       *rules.Planner
	base    int // entries in the state at the start
	entries []engine.Entry
	loads   int
	skipped uint64                 // entries of others
	refused map[int][]engine.Entry // by the number of entries before them
	failing []engine.SuspendRule
}

func newTape(t *testing.T) *tape {
	tp := &tape{t: t, e: engine.New()}
	tp.p = rules.NewPlanner(tp.e, rules.Limits{}, func(c engine.SuspendRule, _ func()) {
		tp.failing = append(tp.failing, c)
	})
	return tp
}

// do plans a command, if it is an order, and executes it.
func (tp *tape) do(key string, c engine.Command) (r engine.Result) {
	tp.t.Helper()
	env := engine.Envelope{Key: key}
	if order, ok := c.(*engine.Allocate); ok {
		budget := rules.NewBudget(time.Time{}, len(order.Lines))
		if err := tp.p.Plan(&budget, order, tp.now(), &env); err != nil {
			tp.t.Fatal(err)
		}
	}
	if change, ok := c.(*engine.OrderChange); ok {
		if row, found := tp.e.AppendArchived(nil, change.OrderID); found {
			env.Archived, env.ArchivedAt = row, tp.e.AppliedIndex()
		}
	}
	r = tp.record(engine.AppendCommand(nil, &env, c))
	for _, c := range tp.failing {
		tp.failing = nil
		tp.do("", &c)
	}
	return r
}

func (tp *tape) now() int64 { return int64(len(tp.entries)+1) * 1000 }

func (tp *tape) record(command []byte) (r engine.Result) {
	tp.t.Helper()
	entry := engine.Entry{Index: uint64(len(tp.entries)+1) + tp.skipped, TimeMS: tp.now(), Commands: [][]byte{command}}
	tp.entries = append(tp.entries, entry)
	if err := engine.DecodeResult(tp.e.Apply(entry.Index, entry.TimeMS, command, nil), &r); err != nil {
		tp.t.Fatal(err)
	}
	return r
}

func (tp *tape) must(c engine.Command) engine.Result {
	tp.t.Helper()
	r := tp.do("", c)
	if r.Code != engine.CodeOK {
		tp.t.Fatalf("%T: %v %s %s", c, r.Code, r.Field, r.Value)
	}
	return r
}

// playback reads a tape from its base.
type playback struct {
	tape    *tape
	next    int
	refused int // of those before the next entry
}

func (p *playback) Load(_ context.Context, pace func()) (*engine.Engine, error) {
	p.tape.loads++
	pace()
	e := engine.New()
	for _, entry := range p.tape.entries[:p.tape.base] {
		e.Apply(entry.Index, entry.TimeMS, entry.Commands[0], nil)
	}
	p.next = p.tape.base
	return e, nil
}

func (p *playback) Next(e *engine.Entry) error {
	if refused := p.tape.refused[p.next]; p.refused < len(refused) {
		*e = refused[p.refused]
		p.refused++
		return nil
	}
	if p.next >= len(p.tape.entries) {
		return io.EOF
	}
	*e = p.tape.entries[p.next]
	p.next, p.refused = p.next+1, 0
	return nil
}

func (tp *tape) backtest(source string, change func(c *Config)) (*Report, error) {
	tp.t.Helper()
	cfg := Config{Candidate: engine.Activation{Rule: "c", Version: 7, Hook: engine.HookSelect, FailuresMax: 3},
		Source: source, DifferencesMax: 10}
	if change != nil {
		change(&cfg)
	}
	b, err := New(cfg)
	if err != nil {
		tp.t.Fatal(err)
	}
	return b.Run(context.Background(), &playback{tape: tp})
}

func (tp *tape) mustBacktest(source string, change func(c *Config)) *Report {
	tp.t.Helper()
	r, err := tp.backtest(source, change)
	if err != nil {
		tp.t.Fatal(err)
	}
	return r
}

func orderOf(id string, mode engine.Mode, lines ...engine.AllocateLine) *engine.Allocate {
	for i := range lines {
		lines[i].ItemID, lines[i].Location = fmt.Sprint(i+1), "L"
	}
	return &engine.Allocate{OrderID: id, Mode: mode, Lines: lines}
}

func wants(upc, value string, units int64) engine.AllocateLine {
	return engine.AllocateLine{UPC: upc, Quantity: units, Tags: channel(value)}
}

// stocked is a tape with ten units of U in channel A and five in B.
func stocked(t *testing.T) *tape {
	tp := newTape(t)
	tp.must(&engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
		{Name: "A", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
		{Name: "B", Percent: engine.NoPercent, Max: engine.NoMax}}})
	tp.must(&engine.Refresh{Location: "L", Items: []engine.StockItem{
		{UPC: "U", Quantity: 10}, {UPC: "U", Quantity: 5, Tags: channel("B")}}})
	return tp
}

const borrow = `function select(item, record)
	return { {tags=item.tags}, {tags={Channel="B"}, keep=1} }
end`

func TestBacktestOfNativePath(t *testing.T) {
	tp := stocked(t)
	tp.must(orderOf("o1", engine.ModeAll, wants("U", "A", 8)))
	tp.do("", orderOf("o2", engine.ModeAll, wants("U", "A", 4))) // refused: 2 are left
	tp.must(orderOf("o3", engine.ModeLine, wants("U", "B", 4), wants("U", "B", 1)))
	tp.must(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "o3"})
	tp.must(&engine.OrderChange{Action: engine.KindReturn, OrderID: "o3",
		Lines: []engine.OrderLine{{ItemID: "1", Quantity: 3}}})
	r := tp.mustBacktest(borrow, nil)
	// With the candidate, o2 takes 2 units of A and 2 of B. Of the 3 units left in B, o3's first line gets nothing, and
	// its second line gets 1. So the later shipment and return of the first line have no units.
	want := Report{
		From: engine.Moment{Index: 1, TimeMS: 1000}, To: engine.Moment{Index: 7, TimeMS: 7000}, Asked: 17,
		Decided: Totals{Orders: Counts{Filled: 2, Refused: 1}, Lines: Counts{Filled: 3, Refused: 1}, Allocated: 13},
		Candidate: Totals{Orders: Counts{Filled: 2, Partial: 1, Split: 1},
			Lines: Counts{Filled: 3, Refused: 1, Split: 1}, Allocated: 13, Ruled: 4},
		Segments: []SegmentTotals{
			{Tags: channel("A"), Decided: SegmentUnits{8, 2}, Candidate: SegmentUnits{10, 0}},
			{Tags: channel("B"), Decided: SegmentUnits{5, 3}, Candidate: SegmentUnits{3, 2}},
		},
		OrdersThatDiffer: 2, ChangesAdapted: 1,
	}
	differences := r.Differences
	r.Differences = nil
	if diff := cmp.Diff(want, *r); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	wantDifferences := []Difference{
		{OrderID: "o2", At: engine.Moment{Index: 4, TimeMS: 4000},
			Decided: []Explained{{ItemID: "1", UPC: "U", Location: "L", Tags: channel("A"), Requested: 4,
				Code: engine.CodeInsufficient,
				Candidates: []ExplainedCandidate{explained("insufficient",
					engine.CandidateExplanation{Tags: channel("A"), Available: 2})}}},
			Candidate: []Explained{{ItemID: "1", UPC: "U", Location: "L", Tags: channel("A"), Requested: 4, Taken: 4,
				Rule: "c", Version: 7, Outcome: engine.PlanCandidates,
				Candidates: []ExplainedCandidate{
					explained("taken", engine.CandidateExplanation{Tags: channel("A"), OnHand: 10, Allocated: 8,
						Available: 2, Taken: 2}),
					explained("taken", engine.CandidateExplanation{Tags: channel("B"), Keep: 1, OnHand: 5, Available: 5,
						Taken: 2})}}}},
		{OrderID: "o3", At: engine.Moment{Index: 5, TimeMS: 5000},
			Decided: []Explained{
				{ItemID: "1", UPC: "U", Location: "L", Tags: channel("B"), Requested: 4, Taken: 4,
					Candidates: []ExplainedCandidate{explained(
						"taken", engine.CandidateExplanation{Tags: channel("B"), Available: 5, Taken: 4})}},
				{ItemID: "2", UPC: "U", Location: "L", Tags: channel("B"), Requested: 1, Taken: 1,
					Candidates: []ExplainedCandidate{explained(
						"taken", engine.CandidateExplanation{Tags: channel("B"), Available: 1, Taken: 1})}}},
			Candidate: []Explained{
				{ItemID: "1", UPC: "U", Location: "L", Tags: channel("B"), Requested: 4, Code: engine.CodeInsufficient,
					Rule: "c", Version: 7, Outcome: engine.PlanCandidates,
					Candidates: []ExplainedCandidate{
						explained("not-enough", engine.CandidateExplanation{Tags: channel("B"), OnHand: 5, Allocated: 3,
							Available: 2}),
						explained("nothing-available", engine.CandidateExplanation{Tags: channel("B"), Keep: 1,
							OnHand: 5, Allocated: 3, Available: 0})}},
				{ItemID: "2", UPC: "U", Location: "L", Tags: channel("B"), Requested: 1, Taken: 1, Rule: "c",
					Version: 7, Outcome: engine.PlanCandidates,
					Candidates: []ExplainedCandidate{
						explained("taken", engine.CandidateExplanation{Tags: channel("B"), OnHand: 5, Allocated: 2,
							Available: 3, Taken: 1}),
						explained("full", engine.CandidateExplanation{Tags: channel("B"), Keep: 1, OnHand: 5,
							Allocated: 2, Available: 2})}}}},
	}
	if diff := cmp.Diff(wantDifferences, differences); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if tp.loads != 2 {
		t.Errorf("%d engines were loaded", tp.loads)
	}
}

// TestBacktestCountsOnce: a repetition does not count as another attempt.
func TestBacktestCountsOnce(t *testing.T) {
	tp := stocked(t)
	o1 := orderOf("o1", engine.ModeAll, wants("U", "A", 3))
	tp.do("k1", o1)
	tp.do("k1", o1)
	tp.do("", o1)
	o2 := orderOf("o2", engine.ModeAll, wants("U", "A", 2))
	if r := tp.record(engine.AppendCommand(nil, &engine.Envelope{RulesIndex: 9}, o2)); r.Code != engine.CodeRetry {
		t.Fatalf("planned under other rules: %v", r.Code)
	}
	r := tp.mustBacktest(borrow, nil)
	if want := (Totals{Orders: Counts{Filled: 1}, Lines: Counts{Filled: 1}, Allocated: 3}); r.Decided != want ||
		r.Asked != 3 {
		t.Errorf("decided %+v of %d", r.Decided, r.Asked)
	}
	if want := (Totals{Orders: Counts{Filled: 1}, Lines: Counts{Filled: 1}, Allocated: 3,
		Ruled: 2}); r.Candidate != want {
		t.Errorf("candidate %+v", r.Candidate)
	}
	if got := r.Segments[0]; got.Decided != (SegmentUnits{3, 7}) || got.Candidate != (SegmentUnits{3, 7}) {
		t.Errorf("segments %+v", got)
	}
}

// TestBacktestOfArchivedOrders: an order that has left memory comes back with the candidate's figures.
func TestBacktestOfArchivedOrders(t *testing.T) {
	tp := stocked(t)
	tp.must(orderOf("o1", engine.ModePartial, wants("U", "A", 14)))
	tp.must(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "o1"})
	tp.skipped = 2 * engine.ClosedOrderEntries
	tp.must(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "V", Quantity: 1}}})
	tp.must(&engine.OrderChange{Action: engine.KindReturn, OrderID: "o1"})
	r := tp.mustBacktest(borrow, nil)
	want := []SegmentTotals{
		{Tags: channel("A"), Decided: SegmentUnits{10, 11}, Candidate: SegmentUnits{10, 11}},
		{Tags: channel("B"), Decided: SegmentUnits{0, 5}, Candidate: SegmentUnits{4, 5}},
	}
	if diff := cmp.Diff(want, r.Segments); diff != "" || r.OtherAnswersDiffer > 0 {
		t.Errorf("%d other answers differ, segments (-want +got):\n%s", r.OtherAnswersDiffer, diff)
	}
}

// TestBacktestPeriod: the candidate is asked only in the period. Before the period, both replicas are equal.
func TestBacktestPeriod(t *testing.T) {
	tp := stocked(t)
	tp.base = len(tp.entries)
	for i := range 6 {
		tp.do("", orderOf(fmt.Sprint("o", i), engine.ModePartial, wants("U", "A", 4)))
	}
	for _, test := range []struct {
		period    Period
		from, to  uint64
		allocated int64 // by the candidate, in the period
	}{
		{Period{}, 3, 8, 14},
		{Period{FromIndex: 5}, 5, 8, 6},
		{Period{FromTimeMS: 5000}, 5, 8, 6},
		{Period{FromIndex: 5, ToIndex: 6}, 5, 6, 6},
		{Period{FromIndex: 5, ToTimeMS: 5999}, 5, 5, 4},
		{Period{ToIndex: 4}, 3, 4, 8},
		{Period{ToIndex: 5}, 3, 5, 12},
	} {
		r := tp.mustBacktest(borrow, func(c *Config) { c.Period = test.period })
		if r.From.Index != test.from || r.To.Index != test.to || r.Candidate.Allocated != test.allocated {
			t.Errorf("%+v: %d to %d, %d allocated, want %d to %d, %d", test.period, r.From.Index, r.To.Index,
				r.Candidate.Allocated, test.from, test.to, test.allocated)
		}
	}
	for _, period := range []Period{{FromIndex: 9}, {FromTimeMS: 8001}, {ToIndex: 2}} {
		if _, err := tp.backtest(borrow, func(c *Config) {
			c.Period = period
		}); !errors.Is(err, ErrEmptyPeriod) {
			t.Errorf("%+v: %v", period, err)
		}
	}
}

// TestBacktestOfActiveRule: the active rule as the candidate gives no difference.
func TestBacktestOfActiveRule(t *testing.T) {
	source := `function select(item, record)
		if item.quantity == 7 then return nil, "seven" end
		if item.quantity == 6 and item.itemId == "2" then error("six") end
		return { {tags=item.tags, keep=math.random(0, 3)}, {tags={Channel="B"}, max=2}, {tags={Channel="A"}, keep=1} }
	end`
	splits, refused := int64(0), int64(0)
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tp := stocked(t)
		tp.must(&engine.PutRule{Name: "c", Source: source, Hooks: []engine.RuleHook{engine.HookSelect}})
		tp.must(&engine.ActivateRule{Name: "c", Hook: engine.HookSelect, OnError: engine.RuleFallback(seed % 2),
			FailuresMax: 3})
		tp.base = len(tp.entries)
		for i := range 300 {
			tp.traffic(rng, i)
		}
		r := tp.mustBacktest(source, func(c *Config) { c.Candidate.OnError = engine.RuleFallback(seed % 2) })
		if r.OrdersThatDiffer > 0 || r.ChangesAdapted > 0 || r.OtherAnswersDiffer > 0 {
			t.Fatalf("seed %d: %d orders differ, %d changes, %d other answers; the first: %+v", seed,
				r.OrdersThatDiffer, r.ChangesAdapted, r.OtherAnswersDiffer, r.Differences)
		}
		if diff := cmp.Diff(r.Decided, r.Candidate); diff != "" {
			t.Fatalf("seed %d: totals (-decided +candidate):\n%s", seed, diff)
		}
		for _, s := range r.Segments {
			if s.Decided != s.Candidate {
				t.Fatalf("seed %d: %+v", seed, s)
			}
		}
		splits, refused = splits+r.Decided.Lines.Split, refused+r.Decided.Lines.Refused
	}
	if splits < 20 || refused < 20 {
		t.Errorf("nothing much happened: %d lines were split, %d refused", splits, refused)
	}
}

// traffic is one random command.
func (tp *tape) traffic(rng *rand.Rand, i int) {
	channels := []string{"A", "B"}
	order := fmt.Sprint("o", rng.IntN(i/2+1))
	switch rng.IntN(8) {
	default:
		c := orderOf(order, engine.Mode(rng.IntN(3)))
		for n := range 1 + rng.IntN(3) {
			l := wants("U", channels[rng.IntN(2)], int64(1+rng.IntN(7)))
			l.ItemID, l.Location = fmt.Sprint(n), "L"
			c.Lines = append(c.Lines, l)
		}
		c.Backorder = rng.IntN(20) == 0
		key := ""
		if rng.IntN(4) == 0 {
			key = fmt.Sprint("k", rng.IntN(10))
		}
		tp.do(key, c)
	case 0:
		tp.do("", &engine.OrderChange{Action: engine.KindFulfill, OrderID: order})
	case 1:
		tp.do("", &engine.OrderChange{Action: engine.KindDeallocate, OrderID: order})
	case 2:
		tp.do("", &engine.OrderChange{Action: engine.KindReturn, OrderID: order,
			Lines: []engine.OrderLine{{ItemID: "0", Quantity: 1}}})
	case 3:
		tp.do("", &engine.Adjust{Location: "L",
			Items: []engine.StockItem{{UPC: "U", Quantity: int64(rng.IntN(30)), Tags: channel(channels[rng.IntN(2)])}}})
	}
}

// TestBacktestBesideOtherRules: outside the candidate's scope, the backtest asks the rules that were active then.
func TestBacktestBesideOtherRules(t *testing.T) {
	tp := stocked(t)
	tp.base = len(tp.entries)
	tp.must(&engine.PutRule{Name: "refuse", Source: `function select() return nil, "closed" end`,
		Hooks: []engine.RuleHook{engine.HookSelect}})
	tp.do("", orderOf("o1", engine.ModeAll, wants("U", "A", 1)))
	tp.must(&engine.ActivateRule{Name: "refuse", Hook: engine.HookSelect, FailuresMax: 3})
	tp.do("", orderOf("o2", engine.ModeAll, wants("U", "A", 1)))
	tp.do("", orderOf("o3", engine.ModeAll, wants("U", "B", 1)))
	tp.must(&engine.DeactivateRule{Name: "refuse"})
	tp.do("", orderOf("o4", engine.ModeAll, wants("U", "A", 1)))
	r := tp.mustBacktest(borrow, func(c *Config) { c.Candidate.Scope.Tags = channel("B") })
	if r.OrdersThatDiffer != 1 || r.Differences[0].OrderID != "o3" ||
		r.Candidate.Orders != (Counts{Filled: 3, Refused: 1}) || r.Candidate.Ruled != 2 {
		t.Errorf("%+v", r)
	}
	if d := r.Differences[0].Decided[0]; d.Rule != "refuse" || d.Reason != "closed" ||
		d.Code != engine.CodeRuleRefused || d.Candidates != nil {
		t.Errorf("decided %+v", d)
	}
}

// TestBacktestOfFailingRule: a backtest suspends a failing rule too, and the report has the log index.
func TestBacktestOfFailingRule(t *testing.T) {
	tp := stocked(t)
	tp.base = len(tp.entries)
	for i := range 6 {
		tp.do("", orderOf(fmt.Sprint("o", i), engine.ModeAll, wants("U", "A", 1)))
	}
	r := tp.mustBacktest(`function select() error("no") end`, func(c *Config) {
		c.Candidate.OnError = engine.FallbackReject
	})
	if r.Suspended != (engine.Moment{Index: 5, TimeMS: 5000}) || !strings.Contains(r.SuspendedReason, "no") {
		t.Errorf("suspended at %+v: %q", r.Suspended, r.SuspendedReason)
	}
	if r.Candidate.RuleFailures != 6 || r.Candidate.Orders.Refused != 6 || r.Decided.Orders.Filled != 6 {
		t.Errorf("%+v", r.Candidate)
	}
	if last := r.Differences[5].Candidate[0]; last.Code != engine.CodeRuleFailed ||
		!strings.HasPrefix(last.Reason, "suspended: ") {
		t.Errorf("the last: %+v", last)
	}
}

// TestBacktestStops: a backtest has bounds, and its context can stop it.
func TestBacktestStops(t *testing.T) {
	tp := stocked(t)
	for i := range 5 {
		tp.do("", orderOf(fmt.Sprint("o", i), engine.ModeAll, wants("U", "A", 1)))
	}
	if _, err := tp.backtest(borrow, func(c *Config) { c.LinesMax = 4 }); !errors.Is(err, ErrTooManyLines) {
		t.Errorf("5 lines of 4: %v", err)
	}
	if r := tp.mustBacktest(borrow, func(c *Config) { c.LinesMax = 5 }); r.Decided.Lines.Filled != 5 {
		t.Errorf("%+v", r.Decided)
	}
	ctx, cancel := context.WithCancel(context.Background())
	paced := 0
	b, err := New(Config{Candidate: engine.Activation{Rule: "c", Hook: engine.HookSelect,
		FailuresMax: 1}, Source: borrow,
		Pace: func() {
			if paced++; paced == 6 {
				cancel()
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Run(ctx, &playback{tape: tp}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if p := b.Progress(); p.Commands != 4 || p.Index != 4 {
		t.Errorf("progress %+v after 4 commands", p)
	}
	if _, err := New(Config{Candidate: engine.Activation{Rule: "c", Hook: engine.HookRedistribute},
		Source: borrow}); !errors.Is(err, rules.ErrNoHook) {
		t.Errorf("a source without the hook: %v", err)
	}
}

// newBusyTape makes a tape with records in its state and orders in its period.
func newBusyTape(t *testing.T, records, orders int) *tape {
	tp := newTape(t)
	refresh := &engine.Refresh{Location: "L"}
	for i := range records {
		refresh.Items = append(refresh.Items, engine.StockItem{UPC: fmt.Sprint("U", i), Quantity: 1000})
	}
	tp.must(refresh)
	tp.base = len(tp.entries)
	for i := range orders {
		tp.must(&engine.Allocate{OrderID: fmt.Sprint("o", i), Mode: engine.ModeAll, Lines: []engine.AllocateLine{
			{ItemID: "1", UPC: fmt.Sprint("U", i%records), Location: "L", Quantity: 1}}})
	}
	return tp
}

const takesAll = `function select(item, record) return { {tags=item.tags} } end`

// TestBacktestMemory: a backtest stops at its memory bound, at the start and during the period.
func TestBacktestMemory(t *testing.T) {
	tp := newBusyTape(t, 1000, 60_000)
	f := func(bytesMax int64, want error) {
		t.Helper()
		if _, err := tp.backtest(takesAll, func(c *Config) { c.BytesMax = bytesMax }); !errors.Is(err, want) {
			t.Errorf("at most %d bytes: %v, want %v", bytesMax, err, want)
		}
	}
	before, after := engine.New(), tp.e.MemoryBytes()
	before.Apply(1, 1000, tp.entries[0].Commands[0], nil)
	f(2*before.MemoryBytes()-1, ErrTooMuchMemory)
	if loads := tp.loads; loads != 1 {
		t.Errorf("%d states were loaded", loads)
	}
	f(2*after-(after-before.MemoryBytes())/2, ErrTooMuchMemory)
	f(2*after+60_000*200, nil)
	f(0, nil)
}

// TestBacktestFreesMemory: after a backtest, only its report uses memory.
func TestBacktestFreesMemory(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	tp := newBusyTape(t, 10_000, 100)
	var ended []*Backtest
	before := heap()
	for range 5 {
		b, err := New(Config{Candidate: engine.Activation{Rule: "c", Hook: engine.HookSelect},
			Source: takesAll, DifferencesMax: 10})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Run(t.Context(), &playback{tape: tp}); err != nil {
			t.Fatal(err)
		}
		ended = append(ended, b)
	}
	if took, one := heap()-before, tp.e.MemoryBytes(); took > one {
		t.Errorf("5 backtests that have ended take %d bytes, the state has %d", took, one)
	}
	runtime.KeepAlive(ended)
}

// TestBacktestReportIsBounded: the report lists the orders with differences until it is full.
func TestBacktestReportIsBounded(t *testing.T) {
	tp := newTape(t)
	tp.must(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 1_000_000}}})
	tp.base = len(tp.entries)
	for i := range 30 {
		order := &engine.Allocate{OrderID: fmt.Sprint("o", i), Mode: engine.ModeAll}
		for k := range 400 {
			order.Lines = append(order.Lines, engine.AllocateLine{ItemID: fmt.Sprint(k), UPC: "U", Location: "L",
				Quantity: 1})
		}
		tp.must(order)
	}
	r, err := tp.backtest(`function select(item, record) return nil, "no" end`, func(c *Config) {
		c.DifferencesMax = 30
	})
	if err != nil {
		t.Fatal(err)
	}
	parts := 0
	for i := range r.Differences {
		parts += r.Differences[i].parts()
	}
	if r.OrdersThatDiffer != 30 || len(r.Differences) == 0 || len(r.Differences) == 30 || parts > differencePartsMax {
		t.Errorf("%d of %d orders that differ are listed, with %d parts", len(r.Differences), r.OrdersThatDiffer, parts)
	}
}

// explained is a candidate with a reason, from the rule or from the engine.
func explained(reason string, c engine.CandidateExplanation) ExplainedCandidate {
	for why := engine.WhyTaken; why <= engine.WhyFull; why++ {
		if why.String() == reason {
			c.Why = why
		}
	}
	return ExplainedCandidate{CandidateExplanation: c, Reason: reason}
}

func channel(value string) []engine.Tag { return []engine.Tag{{Category: "Channel", Value: value}} }
