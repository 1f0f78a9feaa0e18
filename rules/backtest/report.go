package backtest

import (
	"context"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/rules"
)

// Counts say what became of orders, or of lines, at their last attempt. Filled: in full from stock. Partial: in part,
// or with units that wait for stock. Split: with a line that got units from more than one segment.
type Counts struct {
	Filled, Partial, Refused, Split int64
}

func (c *Counts) add(o outcome) {
	switch o.kind() {
	case outcomeFilled:
		c.Filled++
	case outcomePartial:
		c.Partial++
	case outcomeRefused:
		c.Refused++
	}
	if o&outcomeSplit != 0 {
		c.Split++
	}
}

// Totals are the figures of one replica.
type Totals struct {
	Orders, Lines        Counts
	Allocated            int64 // units
	Pending              int64 // units that had to wait for stock
	Ruled                int64 // lines in the scope of a rule
	RuleFailures         int64 // of Ruled, lines whose rule failed or was suspended
	RecordsRedistributed int64 // redistributed by rule, or left as they are
	UnitsRedistributed   int64 // moved by rules
}

// countRedistributed counts records that rules redistributed.
func (t *Totals) countRedistributed(r *engine.Result) {
	t.RecordsRedistributed += r.Stock.Records
	t.UnitsRedistributed += r.Stock.Units
}

// rules counts lines that were planned by rule.
func (t *Totals) rules(plans []engine.PlannedLine) {
	t.Ruled += int64(len(plans))
	for i := range plans {
		if o := plans[i].Outcome; o == engine.PlanFallback || o == engine.PlanRejected {
			t.RuleFailures++
		}
	}
}

// SegmentTotals compare the segments of one combination of tags, over all records in the candidate's scope. Allocated:
// the units that orders of the period got from them. Stranded: the units still available in them at the end.
type SegmentTotals struct {
	Tags               []engine.Tag
	Decided, Candidate SegmentUnits
}

// SegmentUnits are units of one replica.
type SegmentUnits struct{ Allocated, Stranded int64 }

// Report is what a backtest found.
type Report struct {
	From, To engine.Moment // first and last entry of the period with commands
	Asked    int64         // units that the lines asked for
	Refused  RefusedCounts

	Decided, Candidate Totals
	Segments           []SegmentTotals

	OrdersThatDiffer int64
	Differences      []Difference // the first ones; fewer than DifferencesMax if they take much memory

	// ChangesAdapted counts changes of orders that were cut down, since the candidate had filled the order otherwise.
	// OtherAnswersDiffer counts other commands with another answer.
	ChangesAdapted     int64
	OtherAnswersDiffer int64

	// Suspended is where the candidate rule would have been suspended; index 0: nowhere.
	Suspended       engine.Moment
	SuspendedReason string
}

// RefusedCounts count early refusals of the period.
type RefusedCounts struct {
	Recorded int64 // each attempt of an order
	LeftOut  int64 // of Recorded, those that the report leaves out: see Config.LinesMax
	Lost     int64 // counted, but not recorded
	Gaps     int64 // times at which an unknown number was not recorded
}

// MemoryBytes is roughly the memory that a report takes.
func (r *Report) MemoryBytes() int64 {
	parts := len(r.Segments)
	for i := range r.Differences {
		parts += r.Differences[i].parts()
	}
	return int64(parts) * reportPartBytes
}

// differencePartsMax bounds the lines and candidates that a report lists: 10 MB of them.
const differencePartsMax = 20_000

// reportPartBytes is what a segment's totals, an explained line or a candidate take with their texts.
const reportPartBytes = 512

// parts counts the lines and candidates of both explanations.
func (d *Difference) parts() (n int) {
	for _, lines := range [][]Explained{d.Decided, d.Candidate} {
		n += len(lines)
		for i := range lines {
			n += len(lines[i].Candidates)
		}
	}
	return n
}

// finish adds up the report.
func (b *Backtest) finish(ctx context.Context) error {
	b.addOrders()
	segments := map[string]*SegmentTotals{}
	if err := b.addSegments(ctx, b.baseline, segments, func(s *SegmentTotals) *SegmentUnits {
		return &s.Decided
	}); err != nil {
		return err
	}
	if err := b.addSegments(ctx, b.candidate, segments, func(s *SegmentTotals) *SegmentUnits {
		return &s.Candidate
	}); err != nil {
		return err
	}
	for _, s := range segments {
		b.report.Segments = append(b.report.Segments, *s)
	}
	slices.SortFunc(b.report.Segments, func(x, y SegmentTotals) int {
		return strings.Compare(rules.TagsText(x.Tags), rules.TagsText(y.Tags))
	})
	return nil
}

func (b *Backtest) addOrders() {
	totals := [2]*Totals{&b.report.Decided, &b.report.Candidate}
	orders := [2][]outcome{make([]outcome, len(b.tally.differs)), make([]outcome, len(b.tally.differs))}
	for i := range b.tally.lines {
		t := &b.tally.lines[i]
		b.report.Asked += t.asked
		for side, total := range totals {
			total.Lines.add(t.outcomes[side])
			total.Allocated += t.units[side]
			total.Pending += t.pending[side]
			orders[side][t.order] = together(orders[side][t.order], t.outcomes[side])
		}
	}
	for side, total := range totals {
		for _, o := range orders[side] {
			total.Orders.add(o)
		}
	}
	for _, differs := range b.tally.differs {
		if differs {
			b.report.OrdersThatDiffer++
		}
	}
}

// together is the outcome of an order with lines of two outcomes.
func together(a, b outcome) outcome {
	split := (a | b) & outcomeSplit
	switch {
	case a.kind() == outcomeNone, a.kind() == b.kind():
		return b.kind() | split
	case b.kind() == outcomeNone:
		return a.kind() | split
	}
	return outcomePartial | split
}

// addSegments adds up a replica's segments: what orders got from them, and what is left in the candidate's scope.
func (b *Backtest) addSegments(ctx context.Context, rep *replica, all map[string]*SegmentTotals,
	side func(*SegmentTotals) *SegmentUnits) error {
	of := func(name string, tags []engine.Tag) *SegmentUnits {
		if all[name] == nil {
			all[name] = &SegmentTotals{Tags: tags}
		}
		return side(all[name])
	}
	for name, t := range rep.allocated {
		of(name, t.tags).Allocated += t.units
	}
	scope := &b.cfg.Candidate.Scope
	var v engine.RecordView
	for row := rep.engine.NextRecord(0, &v); row != 0; row = rep.engine.NextRecord(row, &v) {
		b.cfg.Pace()
		if err := ctx.Err(); err != nil {
			return err
		}
		if !strings.HasPrefix(v.UPC, scope.UPCPrefix) || len(scope.Locations) > 0 &&
			!slices.Contains(scope.Locations, v.Location) {
			continue
		}
		for i := range v.Segments {
			if s := &v.Segments[i]; s.Available() > 0 {
				of(rep.name(s.TagSet), rep.engine.Schema().Tags(s.TagSet)).Stranded += s.Available()
			}
		}
	}
	return nil
}
