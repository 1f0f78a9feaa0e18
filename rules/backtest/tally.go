package backtest

import (
	"hash/fnv"
	"slices"
	"unsafe"

	"apportion/engine"
	"apportion/rules"
)

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

// lineTally is one order item on both replicas, the baseline first.
type lineTally struct {
	order    int32
	asked    int64
	outcomes [2]outcome
	units    [2]int64
	pending  [2]int64
}

// tally has all order items of the period, by hash. Two that collide count as one: among millions that does not show.
type tally struct {
	linesMax int
	lines    []lineTally
	byItem   map[uint64]int32
	byOrder  map[uint64]int32
	differs  []bool // by order
}

// memoryBytes is what the lines and both maps take.
func (t *tally) memoryBytes() int64 {
	return int64(cap(t.lines))*int64(unsafe.Sizeof(lineTally{})) + int64(len(t.byItem)+len(t.byOrder))*mapEntryBytes
}

// mapEntryBytes is the average size of an entry in a map from a hash to a row.
const mapEntryBytes = 32

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

// answer is the result of an Allocate, with what rules had planned.
type answer struct {
	result *engine.Result
	plans  []engine.PlannedLine
}

// line gives the answer to a line. A command that was refused as a whole answers no line by itself.
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

// compare counts both answers to an order, and lists the order if they differ.
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
		t.note(0, b.baseline, &first)
		t.note(1, b.candidate, &second)
		differs = differs || !b.same(&first, &second)
	}
	if !differs || b.tally.differs[order] {
		return nil
	}
	b.tally.differs[order] = true
	if len(b.report.Differences) < b.cfg.DifferencesMax {
		d := Difference{OrderID: c.OrderID, At: engine.Moment{Index: b.candidate.index, TimeMS: b.askedMS},
			Decided: b.baseline.explain(c, was), Candidate: b.candidate.explain(c, would)}
		if b.listed+d.parts() <= differencePartsMax {
			b.report.Differences = append(b.report.Differences, d)
			b.listed += d.parts()
		}
	}
	return nil
}

// note keeps the last attempt. A repetition is no attempt, nor is one that conflicts with an item that was filled:
// neither changes the item.
func (t *lineTally) note(side int, rep *replica, l *engine.LineResult) {
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
		rep.count(l)
	}
}

// same reports whether two answers give a line the same units.
func (b *Backtest) same(x, y *engine.LineResult) bool {
	if (x.Code == engine.CodeOK) != (y.Code == engine.CodeOK) || x.Units != y.Units || x.Pending != y.Pending {
		return false
	}
	return slices.EqualFunc(x.Parts, y.Parts, func(p, q engine.Part) bool {
		return p.Units == q.Units && p.Pending == q.Pending && b.baseline.name(p.TagSet) == b.candidate.name(q.TagSet)
	})
}
