package backtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apportion/engine"
)

// refuse records an early refusal after the last entry, like a store.
func (tp *tape) refuse(c *engine.Allocate) {
	tp.t.Helper()
	var r engine.Result
	if !tp.e.Refuses("", c, &r) {
		tp.t.Fatalf("order %s is not refused", c.OrderID)
	}
	tp.note(engine.Refused{Code: r.Code}, engine.AppendCommand(nil, &engine.Envelope{}, c))
}

// note puts a refusal after the last entry, half a second later.
func (tp *tape) note(r engine.Refused, commands ...[]byte) {
	if tp.refused == nil {
		tp.refused = map[int][]engine.Entry{}
	}
	n := len(tp.entries)
	r.Is = true
	tp.refused[n] = append(tp.refused[n], engine.Entry{Index: uint64(n) + tp.skipped, TimeMS: int64(n)*1000 + 500,
		Commands: commands, Refused: r})
}

// TestRefusedOrderIsFilled: a rule that borrows fills an order that was refused early.
func TestRefusedOrderIsFilled(t *testing.T) {
	tp := stocked(t)
	tp.must(orderOf("o1", engine.ModeAll, wants("U", "A", 8)))
	// 2 of A and 2 of B are enough
	tp.refuse(orderOf("o2", engine.ModeAll, wants("U", "A", 4)))
	tp.refuse(orderOf("o3", engine.ModeAll, wants("U", "A", 9))) // no segments have enough
	// not enough either, for each line alone
	tp.refuse(orderOf("o4", engine.ModeLine, wants("U", "A", 30), wants("V", "A", 1)))
	tp.must(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 30}}}) // of A
	tp.must(orderOf("o3", engine.ModeAll, wants("U", "A", 9)))                                   // sent again
	r := tp.mustBacktest(borrow, nil)
	want := Report{
		From: engine.Moment{Index: 1, TimeMS: 1000}, To: engine.Moment{Index: 5, TimeMS: 5000}, Asked: 52,
		Refused: RefusedCounts{Recorded: 3},
		Decided: Totals{Orders: Counts{Filled: 2, Refused: 2}, Lines: Counts{Filled: 2, Refused: 3}, Allocated: 17},
		Candidate: Totals{Orders: Counts{Filled: 3, Refused: 1, Split: 1},
			Lines: Counts{Filled: 3, Refused: 2, Split: 1}, Allocated: 21, Ruled: 5},
		Segments: []SegmentTotals{
			{Tags: channel("A"), Decided: SegmentUnits{17, 13}, Candidate: SegmentUnits{19, 11}},
			{Tags: channel("B"), Decided: SegmentUnits{0, 5}, Candidate: SegmentUnits{2, 3}},
		},
		OrdersThatDiffer: 1,
	}
	differences := r.Differences
	r.Differences = nil
	if diff := cmp.Diff(want, *r); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	wantDifferences := []Difference{{OrderID: "o2", At: engine.Moment{Index: 3, TimeMS: 3500},
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
					Taken: 2})}}}}}
	if diff := cmp.Diff(wantDifferences, differences); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
}

// TestRefusedOrderCountsOnce: an order that was refused several times counts once.
func TestRefusedOrderCountsOnce(t *testing.T) {
	tp := stocked(t)
	tp.must(orderOf("o1", engine.ModeAll, wants("U", "A", 10)))
	for range 3 {
		tp.refuse(orderOf("o2", engine.ModeAll, wants("U", "A", 2)))
	}
	tp.refuse(orderOf("o3", engine.ModeAll, wants("U", "A", 2)))
	tp.must(&engine.Adjust{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 1}}})
	tp.refuse(orderOf("o2", engine.ModeAll, wants("U", "A", 2)))
	// a smaller order: the candidate has already filled more
	tp.must(orderOf("o2", engine.ModeAll, wants("U", "A", 1)))
	r := tp.mustBacktest(borrow, nil)
	if want := (Totals{Orders: Counts{Filled: 2, Refused: 1}, Lines: Counts{Filled: 2, Refused: 1},
		Allocated: 11}); r.Decided != want {
		t.Errorf("decided %+v, want %+v", r.Decided, want)
	}
	if want := (Totals{Orders: Counts{Filled: 3}, Lines: Counts{Filled: 3}, Allocated: 14,
		Ruled: 7}); r.Candidate != want {
		t.Errorf("candidate %+v, want %+v", r.Candidate, want)
	}
	if r.Refused != (RefusedCounts{Recorded: 5}) || r.OrdersThatDiffer != 2 {
		t.Errorf("%+v, %d orders differ", r.Refused, r.OrdersThatDiffer)
	}
}

// TestRefusalAsRecorded: a recorded refusal counts, even if the baseline would accept the order at that index. It does
// not count if the baseline has the order.
func TestRefusalAsRecorded(t *testing.T) {
	tp := stocked(t)
	command := func(id string) []byte {
		return engine.AppendCommand(nil, &engine.Envelope{}, orderOf(id, engine.ModeAll, wants("U", "A", 1)))
	}
	tp.must(orderOf("o1", engine.ModeAll, wants("U", "A", 1)))
	tp.note(engine.Refused{Code: engine.CodeUnavailable}, command("o1"))
	tp.note(engine.Refused{Code: engine.CodeUnavailable}, command("o2"))
	r := tp.mustBacktest(borrow, nil)
	if want := (Counts{Filled: 1, Refused: 1}); r.Decided.Orders != want || r.Candidate.Orders != (Counts{Filled: 2}) {
		t.Errorf("decided %+v, candidate %+v", r.Decided.Orders, r.Candidate.Orders)
	}
	if d := r.Differences[0]; d.OrderID != "o2" || d.Decided[0].Code != engine.CodeUnavailable ||
		d.At != (engine.Moment{Index: 3, TimeMS: 3500}) {
		t.Errorf("%+v", d)
	}
}

// TestPeriodOfRefusalsOnly: a period without entries may have refused orders.
func TestPeriodOfRefusalsOnly(t *testing.T) {
	tp := stocked(t)
	tp.must(orderOf("o1", engine.ModeAll, wants("U", "A", 10)))
	tp.base = len(tp.entries)
	tp.refuse(orderOf("o2", engine.ModeAll, wants("U", "A", 4)))
	r := tp.mustBacktest(borrow, func(c *Config) { c.Period.FromTimeMS = 3400 })
	if r.From != (engine.Moment{Index: 3, TimeMS: 3500}) || r.To != r.From || r.Candidate.Orders.Filled != 1 ||
		r.Candidate.Ruled != 1 {
		t.Errorf("%+v", r)
	}
}

// TestPeriodOfRefusals: a refusal counts in its period. A gap counts in each period that it may overlap.
func TestPeriodOfRefusals(t *testing.T) {
	tp := stocked(t)
	tp.base = len(tp.entries)
	for i := range 4 { // entries 3 to 6
		tp.must(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 0}}})
		tp.refuse(orderOf(fmt.Sprint("o", i), engine.ModeAll, wants("U", "A", 1)))
		tp.note(engine.Refused{Lost: 10})
	}
	tp.note(engine.Refused{Gap: true, UntilIndex: 6, UntilMS: 6900})
	tp.refused[4] = append(tp.refused[4], engine.Entry{Index: 4, TimeMS: 4500,
		Refused: engine.Refused{Is: true, Gap: true, UntilIndex: 5, UntilMS: 5200}})
	for _, test := range []struct {
		period Period
		want   RefusedCounts
	}{
		{Period{}, RefusedCounts{Recorded: 4, Lost: 40, Gaps: 2}},
		{Period{FromIndex: 4}, RefusedCounts{Recorded: 3, Lost: 30, Gaps: 2}},
		{Period{FromIndex: 5}, RefusedCounts{Recorded: 2, Lost: 20, Gaps: 2}},
		{Period{FromIndex: 6}, RefusedCounts{Recorded: 1, Lost: 10, Gaps: 1}},
		{Period{ToIndex: 3}, RefusedCounts{Recorded: 1, Lost: 10}},
		{Period{ToIndex: 4}, RefusedCounts{Recorded: 2, Lost: 20, Gaps: 1}},
		{Period{FromTimeMS: 4501}, RefusedCounts{Recorded: 2, Lost: 20, Gaps: 2}},
		{Period{FromTimeMS: 5201}, RefusedCounts{Recorded: 2, Lost: 20, Gaps: 1}},
		{Period{FromTimeMS: 4500, ToTimeMS: 5499}, RefusedCounts{Recorded: 1, Lost: 10, Gaps: 1}},
		{Period{ToTimeMS: 6499}, RefusedCounts{Recorded: 3, Lost: 30, Gaps: 1}},
	} {
		r := tp.mustBacktest(borrow, func(c *Config) { c.Period = test.period })
		if r.Refused != test.want {
			t.Errorf("%+v: %+v, want %+v", test.period, r.Refused, test.want)
		}
	}
	// The clock of the node that refused may be ahead of the log. Later entries are in the period in any case.
	tp.refused[4][0].TimeMS = 99_000
	r := tp.mustBacktest(borrow, func(c *Config) { c.Period.ToTimeMS = 6600 })
	if r.To.Index != 6 || r.Refused.Recorded != 3 {
		t.Errorf("up to %+v, %+v", r.To, r.Refused)
	}
}

// TestRefusalsLeftOut: refused orders never use the lines that orders of the log need.
func TestRefusalsLeftOut(t *testing.T) {
	tp := stocked(t)
	for i := range 5 {
		tp.refuse(orderOf(fmt.Sprint("r", i), engine.ModeAll, wants("U", "A", 11)))
	}
	tp.note(engine.Refused{Code: engine.CodeInsufficient}, []byte{1, 2, 3})
	tp.note(engine.Refused{Code: engine.CodeInsufficient},
		engine.AppendCommand(nil, &engine.Envelope{}, &engine.Adjust{Location: "L"}))
	for i := range 4 {
		tp.must(orderOf(fmt.Sprint("o", i), engine.ModeAll, wants("U", "A", 1)))
	}
	tp.refuse(orderOf("late", engine.ModeAll, wants("U", "A", 11)))
	for _, test := range []struct {
		linesMax  int
		leftOut   int64
		refused   int64
		wantError error
	}{{100, 2, 6, nil}, {8, 4, 4, nil}, {6, 5, 3, ErrTooManyLines}, {5, 6, 2, ErrTooManyLines}} {
		r, err := tp.backtest(borrow, func(c *Config) { c.LinesMax = test.linesMax })
		if !errors.Is(err, test.wantError) {
			t.Errorf("%d lines: %v", test.linesMax, err)
		}
		if err != nil {
			continue
		}
		if r.Refused != (RefusedCounts{Recorded: 8, LeftOut: test.leftOut}) ||
			r.Decided.Lines != (Counts{Filled: 4, Refused: test.refused}) {
			t.Errorf("%d lines: %+v, %+v", test.linesMax, r.Refused, r.Decided.Lines)
		}
	}
	tp = stocked(t)
	for i := range 7 {
		tp.must(orderOf(fmt.Sprint("o", i), engine.ModeAll, wants("U", "A", 1)))
	}
	tp.refuse(orderOf("r0", engine.ModeAll, wants("U", "A", 11)))
	tp.refuse(orderOf("r1", engine.ModeAll, wants("U", "A", 11)))
	if r := tp.mustBacktest(borrow, func(c *Config) {
		c.LinesMax = 8
	}); r.Refused.LeftOut != 1 || r.Decided.Lines.Refused != 1 {
		t.Errorf("7 lines of the log, 8 in all: %+v, %+v", r.Refused, r.Decided)
	}
}
