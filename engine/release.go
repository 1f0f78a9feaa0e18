package engine

import "apportion/engine/mem"

// release gives units back to their segments: pending before allocated ones, the lines from the last to the first. out
// may be nil.
func (e *Engine) release(itemRow uint32, rec *record, w *recordEdit, units int64, kind MovementKind, out *LineResult) {
	rows := e.scratch.lineRows[:0]
	for row := e.items.At(itemRow).lines; row != 0; row = e.lines.At(row).next {
		rows = append(rows, row)
	}
	e.scratch.lineRows = rows
	_, pending := e.held(e.items.At(itemRow))
	fromPending := min(units, pending)
	fromAllocated := units - fromPending
	for i := len(rows) - 1; i >= 0; i-- {
		l := e.lines.At(rows[i])
		d := unitDelta{pending: -min(fromPending, l.pending), allocated: -min(fromAllocated, l.allocated)}
		if d == (unitDelta{}) {
			continue
		}
		fromPending += d.pending
		fromAllocated += d.allocated
		e.releaseLine(itemRow, rec, w, rows[i], d, kind, out)
	}
	assert(fromPending == 0 && fromAllocated == 0, "a release found fewer units than planned")
}

func (e *Engine) releaseLine(itemRow uint32, rec *record, w *recordEdit, row uint32, d unitDelta, kind MovementKind,
	out *LineResult) {
	l := e.lines.At(row)
	id := e.Schema().canonical(l.tagSet)
	seg := e.findSegment(rec, id)
	l.pending += d.pending
	l.allocated += d.allocated
	l.released -= d.pending + d.allocated
	if d.pending != 0 && l.pending == 0 {
		e.dequeuePending(e.segments.At(seg), row)
	}
	if kind == MovementLost { // pending units were never there
		d.onHand = -min(-d.allocated, e.segments.At(seg).onHand)
		e.addUnits(rec, w, seg, d)
		e.addMovement(itemRow, MovementReleased, id, -d.pending)
		e.addMovement(itemRow, kind, id, -d.allocated)
	} else {
		e.addUnits(rec, w, seg, d)
		e.addMovement(itemRow, kind, id, -(d.pending + d.allocated))
	}
	if out != nil {
		out.Units -= d.allocated
		out.Pending -= d.pending
		out.Parts = append(out.Parts, Part{TagSet: id, Units: -d.allocated, Pending: -d.pending})
	}
}

// releaseAll releases everything that an item holds and returns how many units that was.
func (e *Engine) releaseAll(itemRow uint32, kind MovementKind) int64 {
	it := e.items.At(itemRow)
	allocated, pending := e.held(it)
	e.touchOrder(it.order)
	rec, w := e.openRecord(e.recordOf(it))
	e.release(itemRow, rec, &w, allocated+pending, kind, nil)
	if kind == MovementRecordDeleted {
		w.waiting = false // orders that wait get nothing from a record that goes away
	}
	e.closeRecord(rec, &w)
	e.updateOpenCount(it, true)
	return allocated + pending
}

// expireReservations ends the reservations that are due, in the order of their ends.
func (e *Engine) expireReservations() {
	now := e.nowMS.Load()
	for e.expiries.Len() > 0 && e.expiries.Top().AtMS <= now {
		d := e.expiries.Pop()
		if !e.expires(d) {
			continue
		}
		it := e.items.At(d.Row)
		units := e.releaseAll(d.Row, MovementExpired)
		e.emit(&Event{Kind: EventReservationExpired, UPC: e.text(it.upc), Location: e.text(it.location),
			TagSet:  it.tagSet,
			OrderID: e.ordersText.Get(e.orders.At(it.order).id), ItemID: e.ordersText.Get(it.id), Units: units})
	}
}

// expires reports whether the reservation still ends at the time of its heap entry.
func (e *Engine) expires(d mem.Due) bool {
	it := e.items.At(d.Row)
	return it.seq == d.Seq && it.expiresMS == d.AtMS && e.isOpen(it)
}

// confirm makes units of a reservation an order's, allocated before pending ones, and releases the rest.
func (e *Engine) confirm(itemRow uint32, rec *record, w *recordEdit, units int64, out *LineResult) {
	it := e.items.At(itemRow)
	it.expiresMS = 0
	allocated, pending := e.held(it)
	e.release(itemRow, rec, w, allocated+pending-units, MovementReleased, nil)
	for row := it.lines; row != 0; {
		l := e.lines.At(row)
		if kept := l.allocated + l.pending; kept > 0 {
			e.addMovement(itemRow, MovementConfirmed, l.tagSet, kept)
			out.Units += l.allocated
			out.Pending += l.pending
			out.Parts = append(out.Parts, Part{TagSet: l.tagSet, Units: l.allocated, Pending: l.pending})
		}
		row = l.next
	}
}

// releaseUnnamed releases the reservations of an order that a Confirm did not name.
func (e *Engine) releaseUnnamed(orderRow uint32, r *Result) {
	for row := e.orders.At(orderRow).items; row != 0; row = e.items.At(row).next {
		it := e.items.At(row)
		if it.expiresMS != 0 && e.isOpen(it) {
			e.releaseAll(row, MovementReleased)
		}
	}
}
