package engine

// changeOrder confirms, releases, ships or restocks units of an order: all lines, or none when one cannot be done.
func (e *Engine) changeOrder(c *OrderChange, envelope *Envelope, r *Result) {
	orderRow, ok := e.orderFor(c.OrderID, hashText(c.OrderID), envelope, r)
	if !ok {
		return
	}
	if orderRow == 0 && (c.Action != KindReturn || len(c.Lines) == 0) {
		r.refuse(CodeUnknownOrder, "orderId", c.OrderID)
		return
	}
	e.scratch.lines = e.scratch.lines[:0]
	e.scratch.sums.start(len(c.Lines))
	e.scratch.room.start(max(len(c.Lines), e.itemsOf(orderRow)))
	if len(c.Lines) == 0 {
		e.planWholeOrder(c.Action, orderRow, r)
	}
	for i := range c.Lines {
		if !e.planNamed(c, i, orderRow, r) {
			return
		}
	}
	if refusedAll(r) {
		return
	}
	if e.movesUnits() {
		e.touchOrder(orderRow)
	}
	for i := range r.Lines {
		p := &e.scratch.lines[i]
		switch {
		case p.item == 0:
			e.restockUnknown(p, &c.Lines[i], &r.Lines[i])
		case c.Action == KindReturn:
			e.restock(p, c.location(i), &r.Lines[i])
		default:
			e.changeItem(c.Action, p, &r.Lines[i])
		}
	}
	switch {
	case c.Action == KindConfirm && len(c.Lines) > 0:
		e.releaseUnnamed(orderRow, r)
	case c.Action == KindDeallocate:
		e.blockItems(c.Lines)
	}
}

// movesUnits says that the plan changes an item of the order. If it does not, the order must not be touched: its last
// change decides when a closed order leaves memory.
func (e *Engine) movesUnits() bool {
	for i := range e.scratch.lines {
		if p := &e.scratch.lines[i]; p.item != 0 && p.units > 0 {
			return true
		}
	}
	return false
}

// itemsOf is the number of items of an order, 0 of none.
func (e *Engine) itemsOf(orderRow uint32) int {
	if orderRow == 0 {
		return 0
	}
	return int(e.orders.at(orderRow).count)
}

// location is the one that line i of a Return names, "" if there is none.
func (c *OrderChange) location(i int) string {
	if i >= len(c.Lines) {
		return ""
	}
	return c.Lines[i].Location
}

// planWholeOrder plans all items of an order that have something left for the action.
func (e *Engine) planWholeOrder(action Kind, orderRow uint32, r *Result) {
	expired := false
	for row := e.orders.at(orderRow).items; row != 0; row = e.items.at(row).next {
		it := e.items.at(row)
		if action == KindConfirm {
			if it.expiresMS == 0 {
				continue
			}
			expired = expired || it.expiresMS <= e.nowMS.Load()
		}
		left := e.leftFor(action, it)
		if left == 0 {
			continue
		}
		out := r.addLine(e.ordersText.get(it.id), left)
		if action == KindReturn && !e.canRestock(it, e.text(it.location), left) {
			out.Code = CodeTooMany
		}
		e.planItem(action, row, left, out)
	}
	if action == KindConfirm && len(r.Lines) == 0 {
		r.Code = CodeNotReserved
		if expired {
			r.Code = CodeExpired
		}
		r.Field, r.Value = "orderId", e.ordersText.get(e.orders.at(orderRow).id)
	}
}

// leftFor is how many units of an item an action could still take.
func (e *Engine) leftFor(action Kind, it *item) int64 {
	if action == KindReturn {
		return e.restockable(it)
	}
	allocated, pending := e.held(it)
	if action == KindFulfill {
		return allocated
	}
	return allocated + pending
}

// planNamed plans one line of the command. false: the command is refused as a whole.
func (e *Engine) planNamed(c *OrderChange, i int, orderRow uint32, r *Result) bool {
	l := &c.Lines[i]
	row := uint32(0)
	if orderRow != 0 {
		row = e.findItem(orderRow, l.ItemID)
	}
	out := r.addLine(l.ItemID, l.Quantity)
	if row == 0 {
		return e.planUnknown(c, i, orderRow, out, r)
	}
	it := e.items.at(row)
	if l.UPC != "" && l.UPC != e.text(it.upc) {
		r.refuse(CodeItemConflict, linePath(i, "upc"), l.UPC)
		r.Lines = r.Lines[:0]
		return false
	}
	left := e.leftFor(c.Action, it)
	units := l.Quantity
	if units == 0 {
		units = left
	}
	out.Requested = units
	switch {
	case c.Action == KindConfirm && it.expiresMS == 0:
		out.Code = CodeNotReserved
	case c.Action == KindConfirm && it.expiresMS <= e.nowMS.Load():
		out.Code = CodeExpired
	case units > left || c.Action == KindConfirm && left == 0:
		out.Code, out.Available = CodeExceedsLeft, left
	}
	location := e.text(it.location)
	if l.Location != "" {
		location = l.Location
	}
	if c.Action == KindReturn && out.Code == CodeOK && !e.canRestock(it, location, units) {
		out.Code = CodeTooMany
	}
	e.planItem(c.Action, row, units, out)
	e.scratch.lines[len(e.scratch.lines)-1].lost = l.Lost
	return true
}

// canRestock says that the record an item came from, at a location, has room for its units. They go back as restock does it.
func (e *Engine) canRestock(it *item, location string, units int64) bool {
	s, upc := e.Schema(), e.text(it.upc)
	t := stockTarget{record: e.findRecord(upc, location)}
	for row := it.lines; row != 0 && units > 0; {
		l := e.lines.at(row)
		if back := min(units, l.fulfilled-l.returned); back > 0 {
			units -= back
			t.key = s.sets.at(uint32(s.canonical(l.tagSet))).key
			if !e.takeRoom(&t, upc, location, back) {
				return false
			}
		}
		row = l.next
	}
	return true
}

// planItem plans an action on units of an item.
func (e *Engine) planItem(action Kind, row uint32, units int64, out *LineResult) {
	if action == KindFulfill && out.Code == CodeOK && !e.planShip(e.items.at(row), units) {
		out.Code = CodeOnHandBelowZero
	}
	e.scratch.lines = append(e.scratch.lines, linePlan{item: row, units: units})
}

// planShip checks that the segments have on hand what ships, after what the command's earlier lines ship.
func (e *Engine) planShip(it *item, units int64) bool {
	if e.claimShip(it, units, 1) {
		return true
	}
	e.claimShip(it, units, -1)
	return false
}

// claimShip adds what ships to the segments' sums, or takes it off again, and says whether the segments have it on hand.
func (e *Engine) claimShip(it *item, units, sign int64) bool {
	rec, enough := e.records.at(e.recordOf(it)), true
	for row := it.lines; row != 0 && units > 0; {
		l := e.lines.at(row)
		if ship := min(units, l.allocated); ship > 0 {
			seg := e.findSegment(rec, e.Schema().canonical(l.tagSet))
			sum := e.scratch.sums.of(seg)
			*sum += sign * ship
			enough = enough && *sum <= e.segments.at(seg).onHand
			units -= ship
		}
		row = l.next
	}
	return enough
}

// planUnknown plans a line whose item is not known: only goods that come back can be that.
func (e *Engine) planUnknown(c *OrderChange, i int, orderRow uint32, out *LineResult, r *Result) bool {
	l := &c.Lines[i]
	if c.Action != KindReturn || l.UPC == "" || l.Location == "" {
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
	if t := (stockTarget{record: e.findRecord(l.UPC, l.Location), key: key}); !e.takeRoom(&t, l.UPC, l.Location, l.Quantity) {
		out.Code = CodeTooMany
	}
	e.scratch.lines = append(e.scratch.lines, linePlan{key: key, units: l.Quantity})
	return true
}

// restockUnknown puts goods of an unknown order on hand.
func (e *Engine) restockUnknown(p *linePlan, l *OrderLine, out *LineResult) {
	row := e.findRecord(l.UPC, l.Location)
	if row == 0 {
		row = e.createRecord(l.UPC, l.Location)
	}
	e.moveOnHand(row, p.key, p.units)
	out.Units = p.units
	out.Parts = append(out.Parts, Part{TagSet: e.tagSetOf(p.key), Units: p.units})
}

// restock puts units on hand in the segments they were taken from; at another location, in the segments of the same tags.
func (e *Engine) restock(p *linePlan, elsewhere string, out *LineResult) {
	it := e.items.at(p.item)
	location := it.location
	if elsewhere != "" && p.units > 0 {
		location = e.intern(&e.locations, elsewhere)
	}
	left := p.units
	for row := it.lines; row != 0 && left > 0; {
		l := e.lines.at(row)
		if units := min(left, l.fulfilled-l.returned); units > 0 {
			id := e.Schema().canonical(l.tagSet)
			l.returned += units
			left -= units
			out.Parts = append(out.Parts, Part{TagSet: id, Units: units})
			e.moved(p.item, MovementReturned, id, units) // before the item's own pending units take what came back
			e.moveOnHand(e.recordAt(it.upc, location), e.Schema().sets.at(uint32(id)).key, units)
		}
		row = l.next
	}
	assert(left == 0, "a return found fewer units than planned")
	out.Units = p.units
	e.reckon(it, e.isOpen(it))
}

// recordAt finds or creates the record of a known UPC at a known location.
func (e *Engine) recordAt(upc, location uint32) uint32 {
	if row := e.findRecord(e.text(upc), e.text(location)); row != 0 {
		return row
	}
	return e.createRecord(e.text(upc), e.text(location))
}

// changeItem confirms, releases or ships units of an item.
func (e *Engine) changeItem(action Kind, p *linePlan, out *LineResult) {
	it := e.items.at(p.item)
	wasOpen := e.isOpen(it)
	if !wasOpen {
		return // nothing is left and nothing was asked for
	}
	rec, w := e.begin(e.recordOf(it))
	switch action {
	case KindFulfill:
		e.ship(p.item, rec, &w, p.units, out)
	case KindDeallocate:
		kind := MovementReleased
		if p.lost {
			kind = MovementLost
		}
		e.release(p.item, rec, &w, p.units, kind, out)
	case KindConfirm:
		e.confirm(p.item, rec, &w, p.units, out)
	}
	e.end(rec, &w)
	e.reckon(it, wasOpen)
}

// ship lets allocated units leave, the lines in order.
func (e *Engine) ship(itemRow uint32, rec *record, w *window, units int64, out *LineResult) {
	out.Units = units
	for row := e.items.at(itemRow).lines; row != 0 && units > 0; {
		l := e.lines.at(row)
		if ship := min(units, l.allocated); ship > 0 {
			id := e.Schema().canonical(l.tagSet)
			l.allocated -= ship
			l.fulfilled += ship
			units -= ship
			e.change(rec, w, e.findSegment(rec, id), delta{onHand: -ship, allocated: -ship})
			e.moved(itemRow, MovementFulfilled, id, ship)
			out.Parts = append(out.Parts, Part{TagSet: id, Units: ship})
		}
		row = l.next
	}
	assert(units == 0, "a fulfillment found fewer units than planned")
}

// release gives units back to their segments: pending before allocated ones, the lines from the last to the first. out may
// be nil.
func (e *Engine) release(itemRow uint32, rec *record, w *window, units int64, kind MovementKind, out *LineResult) {
	rows := e.scratch.lineRows[:0]
	for row := e.items.at(itemRow).lines; row != 0; row = e.lines.at(row).next {
		rows = append(rows, row)
	}
	e.scratch.lineRows = rows
	_, pending := e.held(e.items.at(itemRow))
	fromPending := min(units, pending)
	fromAllocated := units - fromPending
	for i := len(rows) - 1; i >= 0; i-- {
		l := e.lines.at(rows[i])
		d := delta{pending: -min(fromPending, l.pending), allocated: -min(fromAllocated, l.allocated)}
		if d == (delta{}) {
			continue
		}
		fromPending += d.pending
		fromAllocated += d.allocated
		e.releaseLine(itemRow, rec, w, rows[i], d, kind, out)
	}
	assert(fromPending == 0 && fromAllocated == 0, "a release found fewer units than planned")
}

func (e *Engine) releaseLine(itemRow uint32, rec *record, w *window, row uint32, d delta, kind MovementKind, out *LineResult) {
	l := e.lines.at(row)
	id := e.Schema().canonical(l.tagSet)
	seg := e.findSegment(rec, id)
	l.pending += d.pending
	l.allocated += d.allocated
	l.released -= d.pending + d.allocated
	if d.pending != 0 && l.pending == 0 {
		e.unwait(e.segments.at(seg), row)
	}
	if kind == MovementLost { // what was pending never was there
		d.onHand = -min(-d.allocated, e.segments.at(seg).onHand)
		e.change(rec, w, seg, d)
		e.moved(itemRow, MovementReleased, id, -d.pending)
		e.moved(itemRow, kind, id, -d.allocated)
	} else {
		e.change(rec, w, seg, d)
		e.moved(itemRow, kind, id, -(d.pending + d.allocated))
	}
	if out != nil {
		out.Units -= d.allocated
		out.Pending -= d.pending
		out.Parts = append(out.Parts, Part{TagSet: id, Units: -d.allocated, Pending: -d.pending})
	}
}

// confirm makes units of a reservation an order's, allocated before pending ones, and releases the rest.
func (e *Engine) confirm(itemRow uint32, rec *record, w *window, units int64, out *LineResult) {
	it := e.items.at(itemRow)
	it.expiresMS = 0
	allocated, pending := e.held(it)
	e.release(itemRow, rec, w, allocated+pending-units, MovementReleased, nil)
	for row := it.lines; row != 0; {
		l := e.lines.at(row)
		if kept := l.allocated + l.pending; kept > 0 {
			e.moved(itemRow, MovementConfirmed, l.tagSet, kept)
			out.Units += l.allocated
			out.Pending += l.pending
			out.Parts = append(out.Parts, Part{TagSet: l.tagSet, Units: l.allocated, Pending: l.pending})
		}
		row = l.next
	}
}

// releaseUnnamed releases the reservations of an order that a Confirm did not name.
func (e *Engine) releaseUnnamed(orderRow uint32, r *Result) {
	for row := e.orders.at(orderRow).items; row != 0; row = e.items.at(row).next {
		it := e.items.at(row)
		if it.expiresMS != 0 && e.isOpen(it) {
			e.releaseAll(row, MovementReleased)
		}
	}
}
