package backtest

import (
	"context"
	"hash/fnv"
	"slices"
	"strings"
	"unsafe"

	"apportion/engine"
	"apportion/rules"
)

// Counts say what became of orders, or of lines, at their last attempt: Filled in full out of stock, Partial in part or
// with units that wait for stock, or Refused. Split are those that got units from more than one segment for a line.
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

// Totals are the figures of one of the two courses of events.
type Totals struct {
	Orders, Lines        Counts
	Allocated            int64 // units
	Pending              int64 // units that had to wait for stock
	Ruled                int64 // lines that a rule was responsible for
	RuleFailures         int64 // of these, lines whose rule failed or was suspended
	RecordsRedistributed int64 // redistributed by rule, or left as they are
	UnitsRedistributed   int64 // that this moved
}

// countRedistributed counts what rules did to records.
func (t *Totals) countRedistributed(r *engine.Result) {
	t.RecordsRedistributed += r.Stock.Records
	t.UnitsRedistributed += r.Stock.Units
}

// rules counts what rules said.
func (t *Totals) rules(plans []engine.PlannedLine) {
	t.Ruled += int64(len(plans))
	for i := range plans {
		if o := plans[i].Outcome; o == engine.PlanFallback || o == engine.PlanRejected {
			t.RuleFailures++
		}
	}
}

// SegmentTotals compare the segments of one combination of tags over all records in the candidate's scope. Allocated is
// what orders of the period got out of them, Stranded what was still available in them at the end.
type SegmentTotals struct {
	Tags               []engine.Tag
	Decided, Candidate SegmentUnits
}

// SegmentUnits are units of one of the two courses of events.
type SegmentUnits struct{ Allocated, Stranded int64 }

// Report is what a backtest found.
type Report struct {
	From, To engine.Moment // first and last entry of the period with commands
	Asked    int64         // units that the lines asked for
	Refused  RefusedCounts

	Decided, Candidate Totals
	Segments           []SegmentTotals

	OrdersThatDiffer int64
	Differences      []Difference // the first of them, fewer than were asked for where these take much memory

	// ChangesAdapted counts what was confirmed, released, shipped or returned of orders that the candidate had filled
	// otherwise, and that was therefore cut down. OtherAnswersDiffer counts other commands that had another answer.
	ChangesAdapted     int64
	OtherAnswersDiffer int64

	// Suspended is where the candidate would have been suspended, for the reason given; index 0: nowhere.
	Suspended       engine.Moment
	SuspendedReason string
}

// RefusedCounts say what a report knows of the orders that were refused before the log.
type RefusedCounts struct {
	Recorded int64 // refusals that were recorded in the period, each attempt of an order
	LeftOut  int64 // of these, those that are not among the report's orders, see Config.LinesMax
	Lost     int64 // refusals in the period that were not recorded
	Gaps     int64 // how often the recording broke off in the period, with an unknown number
}

// outcome is what became of a line.
type outcome uint8

const (
	outcomeNone outcome = iota
	outcomeFilled
	outcomePartial
	outcomeRefused

	outcomeSplit outcome = 1 << 2
)

func (o outcome) kind() outcome { return o &^ outcomeSplit }

// lineTally is one order item, as decided and with the candidate.
type lineTally struct {
	order    int32
	asked    int64
	outcomes [2]outcome
	units    [2]int64
	pending  [2]int64
}

// tally has all order items of the period, by hash: two that collide count as one, which a report of millions can bear.
type tally struct {
	linesMax int
	lines    []lineTally
	byItem   map[uint64]int32
	byOrder  map[uint64]int32
	differs  []bool // by order
}

// memoryBytes is what the lines take, and the entries of both maps.
func (t *tally) memoryBytes() int64 {
	return int64(cap(t.lines))*int64(unsafe.Sizeof(lineTally{})) + int64(len(t.byItem)+len(t.byOrder))*mapEntryBytes
}

// mapEntryBytes is what an entry takes in a map from a hash to a row, on average over the times at which it grows.
const mapEntryBytes = 32

// MemoryBytes is the memory that a report takes, about.
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

func (t *tally) start(linesMax int) {
	*t = tally{linesMax: linesMax, byItem: map[uint64]int32{}, byOrder: map[uint64]int32{}}
}

func (t *tally) order(orderID string) int32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(orderID))
	at, known := t.byOrder[h.Sum64()]
	if !known {
		at = int32(len(t.differs))
		t.byOrder[h.Sum64()] = at
		t.differs = append(t.differs, false)
	}
	return at
}

// line finds or adds an item; nil: there are too many.
func (t *tally) line(orderID, itemID string, order int32) *lineTally {
	key := rules.ItemSeed(orderID, itemID)
	at, known := t.byItem[key]
	if !known {
		if len(t.lines) >= t.linesMax {
			return nil
		}
		at = int32(len(t.lines))
		t.byItem[key] = at
		t.lines = append(t.lines, lineTally{order: order})
	}
	return &t.lines[at]
}

// answer is the result of an Allocate, and what rules had said about it.
type answer struct {
	result *engine.Result
	plans  []engine.PlannedLine
}

// line gives the answer to a line; a command that was refused as a whole answers none.
func (a *answer) line(i int) engine.LineResult {
	if i < len(a.result.Lines) {
		return a.result.Lines[i]
	}
	return engine.LineResult{Code: a.result.Code}
}

func (a *answer) plan(line int) *engine.PlannedLine {
	for i := range a.plans {
		if a.plans[i].Line == line {
			return &a.plans[i]
		}
	}
	return nil
}

// compare notes both answers to an order.
func (b *Backtest) compare(c *engine.Allocate, was, would *answer) error {
	order := b.tally.order(c.OrderID)
	differs := false
	for i := range c.Lines {
		l := &c.Lines[i]
		t := b.tally.line(c.OrderID, l.ItemID, order)
		if t == nil {
			return ErrTooManyLines
		}
		t.asked = l.Quantity
		first, second := was.line(i), would.line(i)
		t.note(0, b.decided, &first)
		t.note(1, b.candidate, &second)
		differs = differs || !b.same(&first, &second)
	}
	if !differs || b.tally.differs[order] {
		return nil
	}
	b.tally.differs[order] = true
	if len(b.report.Differences) < b.cfg.DifferencesMax {
		d := Difference{OrderID: c.OrderID, At: engine.Moment{Index: b.candidate.index, TimeMS: b.askedMS},
			Decided: b.decided.explain(c, was), Candidate: b.candidate.explain(c, would)}
		if b.listed+d.parts() <= differencePartsMax {
			b.report.Differences = append(b.report.Differences, d)
			b.listed += d.parts()
		}
	}
	return nil
}

// note keeps the last attempt. What is only repeated is none, nor is one that asks for something else of an item that
// was filled: it changes nothing of that.
func (t *lineTally) note(side int, w *world, l *engine.LineResult) {
	filled := t.outcomes[side].kind() == outcomeFilled || t.outcomes[side].kind() == outcomePartial
	if l.Repeated || filled && l.Code == engine.CodeItemConflict {
		return
	}
	t.units[side], t.pending[side] = l.Units, l.Pending
	o := outcomePartial
	switch {
	case l.Code != engine.CodeOK:
		t.units[side], t.pending[side], o = 0, 0, outcomeRefused
	case l.Units == t.asked:
		o = outcomeFilled
	}
	from := 0
	for i := range l.Parts {
		if l.Parts[i].Units > 0 {
			from++
		}
	}
	if from > 1 {
		o |= outcomeSplit
	}
	t.outcomes[side] = o
	if l.Code == engine.CodeOK {
		w.take(l)
	}
}

// same reports whether two answers to a line come to the same.
func (b *Backtest) same(x, y *engine.LineResult) bool {
	if (x.Code == engine.CodeOK) != (y.Code == engine.CodeOK) || x.Units != y.Units || x.Pending != y.Pending {
		return false
	}
	return slices.EqualFunc(x.Parts, y.Parts, func(p, q engine.Part) bool {
		return p.Units == q.Units && p.Pending == q.Pending && b.decided.name(p.TagSet) == b.candidate.name(q.TagSet)
	})
}

// finish adds everything up.
func (b *Backtest) finish(ctx context.Context) error {
	b.addOrders()
	segments := map[string]*SegmentTotals{}
	if err := b.addSegments(ctx, b.decided, segments, func(s *SegmentTotals) *SegmentUnits {
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

// together is what an order is that has lines of two outcomes.
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

// addSegments walks over a world's records.
func (b *Backtest) addSegments(ctx context.Context, w *world, all map[string]*SegmentTotals,
	side func(*SegmentTotals) *SegmentUnits) error {
	of := func(name string, tags []engine.Tag) *SegmentUnits {
		if all[name] == nil {
			all[name] = &SegmentTotals{Tags: tags}
		}
		return side(all[name])
	}
	for name, t := range w.taken {
		of(name, t.tags).Allocated += t.units
	}
	scope := &b.cfg.Candidate.Scope
	var v engine.RecordView
	for row := w.engine.NextRecord(0, &v); row != 0; row = w.engine.NextRecord(row, &v) {
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
				of(w.name(s.TagSet), w.engine.Schema().Tags(s.TagSet)).Stranded += s.Available()
			}
		}
	}
	return nil
}
