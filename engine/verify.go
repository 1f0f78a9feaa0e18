package engine

import (
	"crypto/sha256"
	"fmt"
)

// promise is what order items hold of a segment.
type promise struct{ allocated, pending int64 }

// Verify recomputes every identity and sum and reports each that does not hold: each record is the sum of its segments,
// no counter is negative, what each segment has promised is what order items hold of it, and each record is listed. The
// caller holds the mutex under which Apply is called.
func (e *Engine) Verify(report func(problem string)) {
	promised := make([]promise, e.segments.Used())
	e.verifyOrders(promised, report)
	e.verifyRules(report)
	e.verifyJobs(report)
	e.verifyWebhooks(report)
	e.verifyListed(report)
	e.verifyChanges(report)
	planned := 0
	for row := uint32(1); row < e.records.Used(); row++ {
		r := e.records.At(row)
		if r.flags&recordPlanned != 0 {
			planned++
		}
		if r.flags&recordPlanned != 0 != e.plans.Has(row) {
			report(fmt.Sprintf("the record in row %d waits for a plan, or does not, and the queue says otherwise", row))
		}
		if r.flags&recordLive != 0 {
			e.verifyRecord(row, r, promised, report)
		}
	}
	if int64(planned) != e.PlansWaiting() {
		report(fmt.Sprintf("%d records wait for a plan, counted %d", e.PlansWaiting(), planned))
	}
}

func (e *Engine) verifyRecord(row uint32, r *record, promised []promise, report func(string)) {
	e.verifySums(row, r, report)
	for s := r.segments; s != 0; s = e.segments.At(s).next {
		seg := e.segments.At(s)
		if p := promised[s]; p.allocated != seg.allocated || p.pending != seg.pending {
			report(fmt.Sprintf("record %s at %s, segment %s: allocated %d and pending %d, but order items hold %d "+
				"and %d",
				e.text(r.upc), e.text(r.location), e.Schema().TagsJSON(seg.tagSet), seg.allocated, seg.pending,
				p.allocated, p.pending))
		}
	}
}

// verifySums checks that a record is found by its key and is the sum of its segments.
func (e *Engine) verifySums(row uint32, r *record, report func(string)) {
	if e.findRecord(e.text(r.upc), e.text(r.location)) != row {
		report(fmt.Sprintf("record %s at %s cannot be found by its key", e.text(r.upc), e.text(r.location)))
	}
	var sum segment
	count := uint32(0)
	for s := r.segments; s != 0; s = e.segments.At(s).next {
		seg := e.segments.At(s)
		count++
		sum.onHand += seg.onHand
		sum.allocated += seg.allocated
		sum.pending += seg.pending
		sum.safety += seg.safety
		if seg.onHand < 0 || seg.allocated < 0 || seg.pending < 0 || seg.safety < 0 {
			report(fmt.Sprintf("record %s at %s, segment %s: a negative counter: %+v", e.text(r.upc),
				e.text(r.location),
				e.Schema().TagsJSON(seg.tagSet), *seg))
		}
	}
	if sum.onHand != r.onHand || sum.allocated != r.allocated || sum.pending != r.pending || sum.safety != r.safety ||
		sum.available() != r.available() || count != r.segmentCount {
		report(fmt.Sprintf("record %s at %s is not the sum of its segments", e.text(r.upc), e.text(r.location)))
	}
}

// verifyOrders checks the order items and adds up what they hold of each segment.
func (e *Engine) verifyOrders(promised []promise, report func(string)) {
	for row := uint32(1); row < e.orders.Used(); row++ {
		o := e.orders.At(row)
		if o.live == 0 {
			continue
		}
		e.verifyOpen(o, report)
		for i := o.items; i != 0; i = e.items.At(i).next {
			e.verifyItem(o, e.items.At(i), promised, report)
		}
	}
}

// verifyOpen checks an order's count of open items.
func (e *Engine) verifyOpen(o *order, report func(string)) {
	open := uint32(0)
	for i := o.items; i != 0; i = e.items.At(i).next {
		if e.isOpen(e.items.At(i)) {
			open++
		}
	}
	if open != o.open {
		report(fmt.Sprintf("order %s has %d open items, counted %d", e.ordersText.Get(o.id), o.open, open))
	}
}

func (e *Engine) verifyItem(o *order, it *item, promised []promise, report func(string)) {
	say := func(what string) {
		report(fmt.Sprintf("order %s, item %s: %s", e.ordersText.Get(o.id), e.ordersText.Get(it.id), what))
	}
	for row := it.lines; row != 0; row = e.lines.At(row).next {
		l := e.lines.At(row)
		if !l.addsUp(it) {
			say(fmt.Sprintf("the units do not add up: %+v", *l))
		}
		if l.allocated+l.pending == 0 {
			continue
		}
		seg := e.segmentOf(it, l)
		if seg == 0 {
			say("holds units of a segment that does not exist")
			continue
		}
		promised[seg].allocated += l.allocated
		promised[seg].pending += l.pending
	}
}

// segmentOf gives the segment that a line holds units of; 0: there is none.
func (e *Engine) segmentOf(it *item, l *line) uint32 {
	rec := e.recordOf(it)
	if rec == 0 {
		return 0
	}
	return e.findSegment(e.records.At(rec), e.Schema().canonical(l.tagSet))
}

// addsUp reports whether the units of an item's line are what became of those that it got.
func (l *line) addsUp(it *item) bool {
	return l.took+l.waited == l.allocated+l.pending+l.fulfilled+l.released &&
		(l.returned <= l.fulfilled || it.onlyReturned())
}

// Hash is a digest of the whole state. The same log gives the same hash, on every replica and across restarts. The
// caller holds the mutex under which Apply is called.
func (e *Engine) Hash() [32]byte {
	h := sha256.New()
	var b []byte
	write := func(key []byte, row []byte) {
		b = appendText(appendText(b[:0], aliasText(key)), aliasText(row))
		h.Write(b)
	}
	write([]byte{metaTable}, e.appendMeta(nil))
	write([]byte{schemaTable}, e.appendSchema(nil))
	write([]byte{placeTable}, e.appendDetails(nil))
	write([]byte{groupTable}, e.appendLocationGroups(nil))
	if row := e.appendWebhooks(nil); len(row) > 0 { // a state without has the hash that it had before there were any
		write([]byte{hookTable}, row)
	}
	e.Rules().ruleRows(&RuleSet{}, func(_ RowOp, key, row []byte) { write(key, row) })
	var row []byte
	for i := uint32(1); i < e.records.Used(); i++ {
		if row = e.appendRecord(row[:0], i); len(row) > 0 {
			write(rowKey(recordTable, i), row)
		}
	}
	for i := uint32(1); i < e.orders.Used(); i++ {
		if row = e.appendOrder(row[:0], i); len(row) > 0 {
			write(rowKey(orderTable, i), row)
		}
	}
	for id := range e.logs {
		for n := e.logs[id].First(); n < e.logs[id].Next(); n++ {
			write(numberKey(keptLogKinds[id].table, n), e.logs[id].Get(n))
		}
	}
	return [32]byte(h.Sum(nil))
}

// With the build tag invariants, and under the race detector, every command is followed by a recount of the records and
// orders that it has touched: a wrong figure stops the process at the command that made it.

// touched is what a command has touched so far.
type touched struct{ records, orders []uint32 }

// recountedMax bounds the rows that one list is followed for, so that tests of long lists end in time.
const recountedMax = 256

// recount checks what was touched since the last call.
func (e *Engine) recount() {
	report := func(problem string) { panic("BUG: engine: " + problem) }
	t := &e.scratch.touched
	for _, row := range t.records {
		if r := e.records.At(row); r.flags&recordLive != 0 {
			assert(r.seq%2 == 0, "a record was left open")
			e.verifySums(row, r, report)
			e.verifyQueues(r, report)
		}
	}
	for _, row := range t.orders {
		if o := e.orders.At(row); o.live == 1 && o.count <= recountedMax {
			e.verifyOpen(o, report)
			e.verifyLines(o, report)
		}
	}
	t.records, t.orders = t.records[:0], t.orders[:0]
}

// verifyQueues checks that the pending units of a record's segments are those of the lines that wait.
func (e *Engine) verifyQueues(r *record, report func(string)) {
	for s := r.segments; s != 0; s = e.segments.At(s).next {
		seg := e.segments.At(s)
		units, lines := int64(0), 0
		for row := seg.waiting; row != 0 && lines < recountedMax; row = e.lines.At(row).waitNext {
			units += e.lines.At(row).pending
			lines++
		}
		if units != seg.pending && lines < recountedMax {
			report(fmt.Sprintf("record %s at %s, segment %s: %d units are pending, %d wait in the queue", e.text(r.upc),
				e.text(r.location), e.Schema().TagsJSON(seg.tagSet), seg.pending, units))
		}
	}
}

// verifyLines checks that the units of an order's lines are what became of those that the lines got, and that their
// segments hold at least as many.
func (e *Engine) verifyLines(o *order, report func(string)) {
	for i := o.items; i != 0; i = e.items.At(i).next {
		it := e.items.At(i)
		say := func(l *line, what string) {
			report(fmt.Sprintf("order %s, item %s: %s: %+v", e.ordersText.Get(o.id), e.ordersText.Get(it.id), what, *l))
		}
		for row := it.lines; row != 0; row = e.lines.At(row).next {
			l := e.lines.At(row)
			if !l.addsUp(it) {
				say(l, "the units do not add up")
			}
			if l.allocated+l.pending == 0 {
				continue
			}
			seg := e.segmentOf(it, l)
			if seg == 0 {
				say(l, "holds units of a segment that does not exist")
				continue
			}
			if s := e.segments.At(seg); s.allocated < l.allocated || s.pending < l.pending {
				say(l, "holds more than its segment has promised")
			}
		}
	}
}

// assert stops the process when the engine is wrong about itself; going on would answer from a state nobody can prove.
func assert(ok bool, what string) {
	if !ok {
		panic("BUG: engine: " + what)
	}
}
