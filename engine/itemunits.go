package engine

import (
	"strconv"

	"apportion/engine/mem"
)

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

// doneTo is how many units of an item the action has moved so far.
func (e *Engine) doneTo(action Kind, it *item) (units int64) {
	for row := it.lines; row != 0; row = e.lines.At(row).next {
		units += e.lines.At(row).done(action)
	}
	return units
}

func (l *line) done(action Kind) int64 {
	switch action {
	case KindFulfill:
		return l.fulfilled
	case KindReturn:
		return l.returned
	}
	return 0
}

// repeatDone answers a line with what the action has done to its item, and plans nothing.
func (e *Engine) repeatDone(action Kind, row uint32, out *LineResult) {
	out.Repeated = true
	for at := e.items.At(row).lines; at != 0; {
		l := e.lines.At(at)
		if units := l.done(action); units > 0 {
			out.Units += units
			out.Parts = append(out.Parts, Part{TagSet: e.Schema().canonical(l.tagSet), Units: units})
		}
		at = l.next
	}
	out.Requested = out.Units
	e.scratch.lines = append(e.scratch.lines, linePlan{item: row})
}

// planShip reports whether the segments have on hand what ships, besides what the command's earlier lines ship.
func (e *Engine) planShip(it *item, units int64) bool {
	if e.claimShip(it, units, 1) {
		return true
	}
	e.claimShip(it, units, -1)
	return false
}

// claimShip adds the units that ship to the segments' sums, or subtracts them, and reports whether the segments have
// them on hand.
func (e *Engine) claimShip(it *item, units, sign int64) bool {
	rec, enough := e.records.At(e.recordOf(it)), true
	for row := it.lines; row != 0 && units > 0; {
		l := e.lines.At(row)
		if ship := min(units, l.allocated); ship > 0 {
			seg := e.findSegment(rec, e.Schema().canonical(l.tagSet))
			sum := e.scratch.sums.At(seg)
			*sum += sign * ship
			enough = enough && *sum <= e.segments.At(seg).onHand
			units -= ship
		}
		row = l.next
	}
	return enough
}

// shippable is how many units of an item can ship, besides what the command's earlier lines ship. Units ship in the
// order of the allocation lines, up to the first line whose segment has too few on hand.
func (e *Engine) shippable(it *item) (units int64) {
	rec := e.records.At(e.recordOf(it))
	for row := it.lines; row != 0; {
		l := e.lines.At(row)
		if l.allocated > 0 {
			seg := e.findSegment(rec, e.Schema().canonical(l.tagSet))
			sum := e.scratch.sums.At(seg)
			ship := max(0, min(l.allocated, e.segments.At(seg).onHand-*sum))
			*sum += ship // two lines can be of one segment
			if units += ship; ship < l.allocated {
				break
			}
		}
		row = l.next
	}
	e.claimShip(it, units, -1)
	return units
}

// ship lets allocated units leave, the lines in order.
func (e *Engine) ship(itemRow uint32, rec *record, w *recordEdit, units int64, out *LineResult) {
	out.Units = units
	for row := e.items.At(itemRow).lines; row != 0 && units > 0; {
		l := e.lines.At(row)
		if ship := min(units, l.allocated); ship > 0 {
			id := e.Schema().canonical(l.tagSet)
			l.allocated -= ship
			l.fulfilled += ship
			units -= ship
			e.addUnits(rec, w, e.findSegment(rec, id), unitDelta{onHand: -ship, allocated: -ship})
			e.addMovement(itemRow, MovementFulfilled, id, ship)
			out.Parts = append(out.Parts, Part{TagSet: id, Units: ship})
		}
		row = l.next
	}
	assert(units == 0, "a fulfillment found fewer units than planned")
}

// Goods that come back.

// goods gives the location and tags to which line i of a Return sends the goods of a known item: "" and nil for where
// they came from. Older versions ignored tags.
func (e *Engine) goods(c *OrderChange, i int) (location string, tags []Tag) {
	if i >= len(c.Lines) {
		return "", nil
	}
	if e.scratch.strict {
		tags = c.Lines[i].Tags
	}
	return c.Lines[i].Location, tags
}

// checkGoods reports whether line i of a Return names tags that exist; otherwise the command is refused as a whole.
func (e *Engine) checkGoods(c *OrderChange, i int, r *Result) bool {
	_, tags := e.goods(c, i)
	_, _, code, tag := e.Schema().key(tags)
	if code != CodeOK {
		refuseTag(r, code, linePath(i, "tags"), tags[tag])
		r.Lines = r.Lines[:0]
	}
	return code == CodeOK
}

// canRestock reports whether the record that an item came from, or that at another location, has room for its units,
// which restock then puts back.
func (e *Engine) canRestock(it *item, elsewhere string, tags []Tag, units int64) bool {
	s, upc, location := e.Schema(), e.text(it.upc), e.text(it.location)
	if elsewhere != "" {
		location = elsewhere
	}
	t := stockTarget{record: e.findRecord(upc, location)}
	for row := it.lines; row != 0 && units > 0; {
		l := e.lines.At(row)
		if back := min(units, l.fulfilled-l.returned); back > 0 {
			units -= back
			t.key = s.override(s.sets.At(uint32(s.canonical(l.tagSet))).key, tags)
			if !e.reserveUnits(&t, upc, location, back) {
				return false
			}
		}
		row = l.next
	}
	return true
}

// planUnknown plans a line whose item is not known. Only a Return may have such lines.
func (e *Engine) planUnknown(c *OrderChange, i int, orderRow uint32, out *LineResult, r *Result) bool {
	l := &c.Lines[i]
	if c.Action != KindReturn || l.UPC == "" || l.Location == "" || e.scratch.strict && e.isAllocated(orderRow) {
		if orderRow == 0 {
			r.refuse(CodeUnknownOrder, "orderId", c.OrderID)
			r.Lines = r.Lines[:0]
			return false
		}
		out.Code = CodeUnknownItem
		e.scratch.lines = append(e.scratch.lines, linePlan{})
		return true
	}
	if l.Quantity == 0 {
		r.refuse(CodeInvalid, linePath(i, "quantity"), "0")
		r.Lines = r.Lines[:0]
		return false
	}
	key, _, code, tag := e.Schema().key(l.Tags)
	if code != CodeOK {
		refuseTag(r, code, linePath(i, "tags"), l.Tags[tag])
		r.Lines = r.Lines[:0]
		return false
	}
	if t := (stockTarget{record: e.findRecord(l.UPC, l.Location), key: key}); !e.reserveUnits(&t, l.UPC, l.Location,
		l.Quantity) {
		out.Code = CodeTooMany
	}
	if e.scratch.strict && e.itemsOf(orderRow)+len(e.scratch.lines) >= OrderItemsMax {
		r.refuse(CodeTooMany, "lines", strconv.Itoa(OrderItemsMax))
		r.Lines = r.Lines[:0]
		return false
	}
	e.scratch.lines = append(e.scratch.lines, linePlan{key: key, units: l.Quantity})
	return true
}

// isAllocated reports whether any item of an order was ever allocated here. If not, the order is only known from
// returns.
func (e *Engine) isAllocated(orderRow uint32) bool {
	if orderRow == 0 {
		return false
	}
	for row := e.orders.At(orderRow).items; row != 0; row = e.items.At(row).next {
		if !e.items.At(row).onlyReturned() {
			return true
		}
	}
	return false
}

// onlyReturned reports whether an item is only known from a return: no allocated item asks for 0 units.
func (it *item) onlyReturned() bool { return it.requested == 0 }

// planReturnedAgain answers a line for an item that is only known from a return. An equal line gets the first answer
// again; another one is refused, and the result is false.
func (e *Engine) planReturnedAgain(i int, row uint32, l *OrderLine, out *LineResult, r *Result) bool {
	it := e.items.At(row)
	s := e.Schema()
	key, _, code, tag := s.key(l.Tags)
	came := e.doneTo(KindReturn, it)
	field := ""
	switch {
	case code != CodeOK:
		refuseTag(r, code, linePath(i, "tags"), l.Tags[tag])
		r.Lines = r.Lines[:0]
		return false
	case l.Location != e.text(it.location):
		field = "location"
	case l.Quantity != 0 && l.Quantity != came:
		field = "quantity"
	case s.sets.At(uint32(s.canonical(it.tagSet))).key != key:
		field = "tags"
	}
	if field != "" {
		r.refuse(CodeItemConflict, linePath(i, field), l.ItemID)
		r.Lines = r.Lines[:0]
		return false
	}
	e.repeatDone(KindReturn, row, out)
	return true
}

// restockUnknown puts goods of an unknown order on hand, and keeps the return as an item of that order. Older versions
// kept nothing.
func (e *Engine) restockUnknown(orderRow uint32, p *linePlan, l *OrderLine, out *LineResult) {
	row := e.findRecord(l.UPC, l.Location)
	if row == 0 {
		row = e.createRecord(l.UPC, l.Location)
	}
	id := e.tagSetOf(p.key)
	if e.scratch.strict {
		e.keepReturn(orderRow, row, id, p.units, l)
	}
	e.moveOnHand(row, p.key, p.units)
	out.Units = p.units
	out.Parts = append(out.Parts, Part{TagSet: id, Units: p.units})
}

// keepReturn adds an item that has come back to an order that was touched.
func (e *Engine) keepReturn(orderRow, recordRow uint32, id TagSetID, units int64, l *OrderLine) {
	itemRow := e.createItem(orderRow, l.ItemID)
	it, rec := e.items.At(itemRow), e.records.At(recordRow)
	e.itemSeq++
	it.upc, it.location, it.record, it.tagSet, it.seq = rec.upc, rec.location, recordRow, id, e.itemSeq
	_, ln := e.createLine(itemRow)
	ln.tagSet, ln.returned = id, units
	e.addMovement(itemRow, MovementReturned, id, units)
	e.updateOpenCount(it, false)
	e.emit(&Event{Kind: EventUnknownReturned, UPC: l.UPC, Location: l.Location, TagSet: id,
		OrderID: e.ordersText.Get(e.orders.At(orderRow).id), ItemID: l.ItemID, Units: units})
}

// restock puts units on hand in the segments that they came from; at another location, in segments with the same tags.
// Tags of the return override those.
func (e *Engine) restock(p *linePlan, elsewhere string, tags []Tag, out *LineResult) {
	it := e.items.At(p.item)
	location := it.location
	if elsewhere != "" && p.units > 0 {
		location = e.intern(&e.locations, elsewhere)
	}
	left := p.units
	for row := it.lines; row != 0 && left > 0; {
		l := e.lines.At(row)
		if units := min(left, l.fulfilled-l.returned); units > 0 {
			s := e.Schema()
			key := s.override(s.sets.At(uint32(s.canonical(l.tagSet))).key, tags)
			id := e.tagSetOf(key)
			l.returned += units
			left -= units
			out.Parts = append(out.Parts, Part{TagSet: id, Units: units})
			// before the item's own pending units get what came back
			e.addMovement(p.item, MovementReturned, id, units)
			e.moveOnHand(e.recordAt(it.upc, location), key, units)
		}
		row = l.next
	}
	assert(left == 0, "a return found fewer units than planned")
	out.Units = p.units
	e.updateOpenCount(it, e.isOpen(it))
}

// recordAt finds or creates the record of a known UPC at a known location.
func (e *Engine) recordAt(upc, location uint32) uint32 {
	if row := e.findRecord(e.text(upc), e.text(location)); row != 0 {
		return row
	}
	return e.createRecord(e.text(upc), e.text(location))
}
