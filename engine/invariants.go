package engine

import "fmt"

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
