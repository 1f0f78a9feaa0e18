package engine

import "sync/atomic"

// delta is a change of a segment's counters, in units.
type delta struct{ onHand, allocated, pending, safety int64 }

// window is what an opened record needs at its end.
type window struct {
	available int64 // before
	waiting   bool  // a changed segment has pending units that may now be allocated
}

// begin opens a record for changes: readers wait for end. Records are opened one at a time.
func (e *Engine) begin(row uint32) (*record, window) {
	e.touchRecord(row)
	r := e.records.At(row)
	assert(r.flags&recordLive != 0, "change of a record that is gone")
	assert(r.seq%2 == 0, "a record is opened twice")
	atomic.StoreUint32(&r.seq, r.seq+1)
	return r, window{available: r.available()}
}

// end closes a record: pending units take what has become free, and readers see the new figures all at once.
func (e *Engine) end(r *record, w *window) {
	if w.waiting {
		e.settle(r)
	}
	assert(r.onHand >= 0 && r.allocated >= 0 && r.pending >= 0 && r.safety >= 0, "a record's counter is negative")
	atomic.StoreUint64(&r.version, r.version+1)
	atomic.StoreUint32(&r.seq, r.seq+1)
	if now := r.available(); r.floor > 0 && w.available >= r.floor && now < r.floor {
		e.emit(&Event{Kind: EventFloorCrossed, UPC: e.text(r.upc), Location: e.text(r.location), Units: now,
			Limit: r.floor})
	}
}

// change adds to a segment's counters and its record's totals.
func (e *Engine) change(r *record, w *window, row uint32, d delta) {
	s := e.segments.At(row)
	before := s.available()
	if d.onHand != 0 {
		e.counts.noteChange(r.location, row, s.onHand, d.onHand)
		atomic.StoreInt64(&s.onHand, s.onHand+d.onHand)
		atomic.StoreInt64(&r.onHand, r.onHand+d.onHand)
	}
	if d.allocated != 0 {
		atomic.StoreInt64(&s.allocated, s.allocated+d.allocated)
		atomic.StoreInt64(&r.allocated, r.allocated+d.allocated)
	}
	if d.pending != 0 {
		atomic.StoreInt64(&s.pending, s.pending+d.pending)
		atomic.StoreInt64(&r.pending, r.pending+d.pending)
	}
	if d.safety != 0 {
		atomic.StoreInt64(&s.safety, s.safety+d.safety)
		atomic.StoreInt64(&r.safety, r.safety+d.safety)
	}
	assert(s.onHand >= 0 && s.allocated >= 0 && s.pending >= 0 && s.safety >= 0, "a segment's counter is negative")
	w.waiting = w.waiting || s.waiting != 0
	if now := s.available(); s.floor > 0 && before >= s.floor && now < s.floor {
		e.emit(&Event{Kind: EventFloorCrossed, UPC: e.text(r.upc), Location: e.text(r.location), TagSet: s.tagSet,
			Units: now, Limit: s.floor})
	}
}

// settle turns pending units into allocated ones where a segment has units for them, the oldest order item first.
func (e *Engine) settle(r *record) {
	for row := r.segments; row != 0; row = e.segments.At(row).next {
		s := e.segments.At(row)
		for s.waiting != 0 {
			free := s.onHand - s.allocated - s.safety
			if free <= 0 {
				break
			}
			e.settleLine(r, row, s.waiting, free)
		}
	}
}

func (e *Engine) settleLine(r *record, row, lineRow uint32, free int64) {
	l := e.lines.At(lineRow)
	e.touchOrder(e.items.At(l.item).order)
	units := min(free, l.pending)
	l.pending -= units
	l.allocated += units
	var w window
	e.change(r, &w, row, delta{allocated: units, pending: -units})
	if l.pending == 0 {
		e.unwait(e.segments.At(row), lineRow)
	}
	e.moved(l.item, MovementPendingReleased, l.tagSet, units)
}

// wait puts a line with pending units at the end of its segment's queue.
func (e *Engine) wait(s *segment, row uint32) {
	l := e.lines.At(row)
	l.waitPrev, l.waitNext = s.waitLast, 0
	if s.waitLast == 0 {
		s.waiting = row
	} else {
		e.lines.At(s.waitLast).waitNext = row
	}
	s.waitLast = row
}

// unwait takes a line out of its segment's queue.
func (e *Engine) unwait(s *segment, row uint32) {
	l := e.lines.At(row)
	if l.waitPrev == 0 {
		assert(s.waiting == row, "a line waits in another segment's queue")
		s.waiting = l.waitNext
	} else {
		e.lines.At(l.waitPrev).waitNext = l.waitNext
	}
	if l.waitNext == 0 {
		s.waitLast = l.waitPrev
	} else {
		e.lines.At(l.waitNext).waitPrev = l.waitPrev
	}
	l.waitNext, l.waitPrev = 0, 0
}

// setDue marks an opened record for redistribution, or takes the mark away.
func (e *Engine) setDue(r *record, on bool) { e.setFlag(r, recordDue, on) }

// setFlag sets a flag of an opened record.
func (e *Engine) setFlag(r *record, flag uint32, on bool) {
	flags := r.flags &^ flag
	if on {
		flags |= flag
	}
	atomic.StoreUint32(&r.flags, flags)
}
