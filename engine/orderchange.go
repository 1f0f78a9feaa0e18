package engine

import "apportion/engine/mem"

// apply confirms, releases, ships or restocks units of an order: all lines, or none when one cannot be done.
func (c *OrderChange) apply(e *Engine, envelope *Envelope, r *Result) {
	hash := mem.HashText(c.OrderID)
	orderRow, ok := e.orderFor(c.OrderID, hash, envelope, r)
	if !ok {
		return
	}
	if orderRow == 0 && (c.Action != KindReturn || len(c.Lines) == 0) {
		r.refuse(CodeUnknownOrder, "orderId", c.OrderID)
		return
	}
	e.scratch.lines, e.scratch.strict = e.scratch.lines[:0], envelope.strict()
	e.scratch.sums.Start(len(c.Lines))
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
	switch {
	case !e.movesUnits():
	case orderRow == 0:
		orderRow = e.createOrder(c.OrderID, hash)
	default:
		e.touchOrder(orderRow)
	}
	for i := range r.Lines {
		p := &e.scratch.lines[i]
		switch {
		case r.Lines[i].Repeated:
		case p.item == 0:
			e.restockUnknown(orderRow, p, &c.Lines[i], &r.Lines[i])
		case c.Action == KindReturn:
			location, tags := e.goods(c, i)
			e.restock(p, location, tags, &r.Lines[i])
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

// movesUnits reports whether the plan changes an item of the order, or adds one. If it does not, the order must not be
// touched: its last change decides when a closed order leaves memory.
func (e *Engine) movesUnits() bool {
	for i := range e.scratch.lines {
		if p := &e.scratch.lines[i]; (p.item != 0 || e.scratch.strict) && p.units > 0 {
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
	return int(e.orders.At(orderRow).count)
}

// planWholeOrder plans all items of an order that have something left for the action.
func (e *Engine) planWholeOrder(action Kind, orderRow uint32, r *Result) {
	expired, emptied := false, false
	for row := e.orders.At(orderRow).items; row != 0; row = e.items.At(row).next {
		it := e.items.At(row)
		if action == KindConfirm {
			if it.expiresMS == 0 {
				continue
			}
			expired = expired || it.expiresMS <= e.nowMS.Load()
		}
		left := e.leftFor(action, it)
		if left == 0 {
			emptied = true
			continue
		}
		out := r.addLine(e.ordersText.Get(it.id), left)
		if action == KindReturn && !e.canRestock(it, "", nil, left) {
			out.Code = CodeTooMany
		}
		e.planItem(action, row, left, out)
	}
	switch {
	case len(r.Lines) > 0:
	case action == KindConfirm && expired:
		r.refuse(CodeExpired, "orderId", e.ordersText.Get(e.orders.At(orderRow).id))
	case e.scratch.strict && (action != KindConfirm || emptied):
		e.answerNothingLeft(action, orderRow, r)
	case action == KindConfirm:
		r.refuse(CodeNotReserved, "orderId", e.ordersText.Get(e.orders.At(orderRow).id))
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
	it := e.items.At(row)
	if l.UPC != "" && l.UPC != e.text(it.upc) {
		r.refuse(CodeItemConflict, linePath(i, "upc"), l.UPC)
		r.Lines = r.Lines[:0]
		return false
	}
	if c.Action == KindReturn && it.onlyReturned() && l.UPC != "" && l.Location != "" {
		return e.planReturnedAgain(i, row, l, out, r)
	}
	if c.Action == KindReturn && !e.checkGoods(c, i, r) {
		return false
	}
	left := e.leftFor(c.Action, it)
	if e.scratch.strict && left == 0 && l.Quantity == 0 && c.Action != KindConfirm &&
		e.planNothingLeft(c.Action, row, out) {
		return true
	}
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
		if e.scratch.strict && left == 0 {
			out.Reason = e.whyNothingLeft(it)
		}
	}
	if location, tags := e.goods(c, i); c.Action == KindReturn && out.Code == CodeOK &&
		!e.canRestock(it, location, tags, units) {
		out.Code = CodeTooMany
	}
	e.planItem(c.Action, row, units, out)
	e.scratch.lines[len(e.scratch.lines)-1].lost = l.Lost
	return true
}

// planItem plans an action on units of an item.
func (e *Engine) planItem(action Kind, row uint32, units int64, out *LineResult) {
	if it := e.items.At(row); action == KindFulfill && out.Code == CodeOK && !e.planShip(it, units) {
		out.Code = CodeOnHandBelowZero
		if e.scratch.strict {
			out.Available = e.shippable(it)
		}
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

// shippable is how many units of an item can ship, after what the command's earlier lines ship. Units ship in the order
// of the allocation lines, so it ends with the first of them that has not all on hand.
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

// claimShip adds what ships to the segments' sums, or takes it off again, and reports whether the segments have it on
// hand.
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

// changeItem confirms, releases or ships units of an item.
func (e *Engine) changeItem(action Kind, p *linePlan, out *LineResult) {
	it := e.items.At(p.item)
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
	for row := e.items.At(itemRow).lines; row != 0 && units > 0; {
		l := e.lines.At(row)
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

// release gives units back to their segments: pending before allocated ones, the lines from the last to the first. out
// may be nil.
func (e *Engine) release(itemRow uint32, rec *record, w *window, units int64, kind MovementKind, out *LineResult) {
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

func (e *Engine) releaseLine(itemRow uint32, rec *record, w *window, row uint32, d delta, kind MovementKind,
	out *LineResult) {
	l := e.lines.At(row)
	id := e.Schema().canonical(l.tagSet)
	seg := e.findSegment(rec, id)
	l.pending += d.pending
	l.allocated += d.allocated
	l.released -= d.pending + d.allocated
	if d.pending != 0 && l.pending == 0 {
		e.unwait(e.segments.At(seg), row)
	}
	if kind == MovementLost { // what was pending never was there
		d.onHand = -min(-d.allocated, e.segments.At(seg).onHand)
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
	it := e.items.At(itemRow)
	it.expiresMS = 0
	allocated, pending := e.held(it)
	e.release(itemRow, rec, w, allocated+pending-units, MovementReleased, nil)
	for row := it.lines; row != 0; {
		l := e.lines.At(row)
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
	for row := e.orders.At(orderRow).items; row != 0; row = e.items.At(row).next {
		it := e.items.At(row)
		if it.expiresMS != 0 && e.isOpen(it) {
			e.releaseAll(row, MovementReleased)
		}
	}
}
