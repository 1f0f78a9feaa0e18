package engine

import (
	"apportion/engine/mem"
	"sync/atomic"
)

// findOrder looks an order in memory up; 0: there is none.
func (e *Engine) findOrder(orderID string) uint32 {
	return e.findHashed(orderID, mem.HashText(orderID))
}

func (e *Engine) findHashed(orderID string, hash uint64) uint32 {
	for row, p := e.byOrderID.Probe(hash).Next(); row != 0; row, p = p.Next() {
		if e.ordersText.Get(e.orders.At(row).id) == orderID {
			return row
		}
	}
	return 0
}

func (e *Engine) orderHash(row uint32) uint64 { return e.orders.At(row).hash }

// createOrder adds an order without items.
func (e *Engine) createOrder(orderID string, hash uint64) uint32 {
	row := e.orders.Add()
	e.touchOrder(row)
	e.fillOrder(row, orderID, hash)
	return row
}

func (e *Engine) fillOrder(row uint32, orderID string, hash uint64) {
	o := e.orders.At(row)
	o.id, o.items, o.itemLast, o.count, o.open, o.live = e.ordersText.Add(orderID), 0, 0, 0, 0, 1
	atomic.StoreUint64(&o.hash, hash)
	e.byOrderID.Add(hash, row)
	e.stats.orders.Add(1)
}

// createItem adds an item at the end of an order.
func (e *Engine) createItem(orderRow uint32, itemID string) uint32 {
	row := e.items.Add()
	it := e.items.At(row)
	*it = item{}
	it.id, it.order = e.ordersText.Add(itemID), orderRow
	o := e.orders.At(orderRow)
	if o.itemLast == 0 {
		o.items = row
	} else {
		e.items.At(o.itemLast).next = row
	}
	o.itemLast = row
	o.count++
	e.index(orderRow, row)
	e.stats.items.Add(1)
	return row
}

// createLine adds an allocation line at the end of an item, for the caller to fill.
func (e *Engine) createLine(itemRow uint32) (row uint32, l *line) {
	row = e.lines.Add()
	l = e.lines.At(row)
	*l = line{}
	l.item = itemRow
	at := &e.items.At(itemRow).lines
	for *at != 0 {
		at = &e.lines.At(*at).next
	}
	*at = row
	return row, l
}

// dropLines takes all lines of an item away; none of them waits.
func (e *Engine) dropLines(it *item) {
	for row := it.lines; row != 0; {
		next := e.lines.At(row).next
		e.lines.Drop(row)
		row = next
	}
	it.lines = 0
}

// dropOrder takes an order out of memory.
func (e *Engine) dropOrder(row uint32) {
	o := e.orders.At(row)
	e.byOrderID.Remove(e.orderHash(row), row)
	e.unindexOrder(row)
	for i := o.items; i != 0; {
		it := e.items.At(i)
		next := it.next
		e.dropLines(it)
		e.dropMoves(it)
		e.ordersText.Drop(it.id)
		*it = item{}
		e.items.Drop(i)
		e.stats.items.Add(-1)
		i = next
	}
	e.ordersText.Drop(o.id)
	atomic.StoreUint64(&o.changed, 0)
	o.id, o.items, o.itemLast, o.count, o.live = 0, 0, 0, 0, 0
	e.orders.Drop(row)
	e.stats.orders.Add(-1)
}

// moved adds to an item's history.
func (e *Engine) moved(itemRow uint32, kind MovementKind, id TagSetID, units int64) {
	if units == 0 {
		return
	}
	m := e.addMove(itemRow)
	m.kind, m.tagSet, m.units, m.index, m.timeMS = kind, id, units, e.appliedIndex.Load(), e.nowMS.Load()
}

// addMove adds a movement at the end of an item's history, for the caller to fill.
func (e *Engine) addMove(itemRow uint32) *movement {
	it := e.items.At(itemRow)
	if it.moveCount == MovementsPerItemMax {
		oldest := it.moves
		it.moves = e.moves.At(oldest).next
		e.moves.Drop(oldest)
		it.moveCount--
	}
	row := e.moves.Add()
	m := e.moves.At(row)
	m.next = 0
	if it.moves == 0 {
		it.moves = row
	} else {
		e.moves.At(it.moveLast).next = row
	}
	it.moveLast = row
	it.moveCount++
	return m
}

func (e *Engine) dropMoves(it *item) {
	for row := it.moves; row != 0; {
		next := e.moves.At(row).next
		e.moves.Drop(row)
		row = next
	}
	it.moves, it.moveLast, it.moveCount = 0, 0, 0
}

// recordOf gives the row of an item's record; 0: the record is gone.
func (e *Engine) recordOf(it *item) uint32 {
	if it.record != 0 {
		if rec := e.records.At(it.record); rec.flags&recordLive != 0 && rec.upc == it.upc &&
			rec.location == it.location {
			return it.record
		}
	}
	it.record = e.findRecord(e.text(it.upc), e.text(it.location))
	return it.record
}

// held is what an item has allocated and pending.
func (e *Engine) held(it *item) (allocated, pending int64) {
	for row := it.lines; row != 0; {
		l := e.lines.At(row)
		allocated += l.allocated
		pending += l.pending
		row = l.next
	}
	return allocated, pending
}

// restockable is what an item has shipped and not got back. Of what only came back nothing was shipped.
func (e *Engine) restockable(it *item) (units int64) {
	if it.onlyReturned() {
		return 0
	}
	for row := it.lines; row != 0; {
		l := e.lines.At(row)
		units += l.fulfilled - l.returned
		row = l.next
	}
	return units
}

func (e *Engine) isOpen(it *item) bool {
	allocated, pending := e.held(it)
	return allocated+pending > 0
}

// isSpent reports whether everything of an item was released and nothing fulfilled or returned, so that it may be
// allocated anew.
func (e *Engine) isSpent(it *item) bool {
	for row := it.lines; row != 0; {
		l := e.lines.At(row)
		if l.allocated+l.pending+l.fulfilled+l.returned > 0 {
			return false
		}
		row = l.next
	}
	return true
}

// reckon brings an order's count of open items up to date after one of its items changed.
func (e *Engine) reckon(it *item, wasOpen bool) {
	o := e.orders.At(it.order)
	switch isOpen := e.isOpen(it); {
	case isOpen && !wasOpen:
		o.open++
	case wasOpen && !isOpen:
		o.open--
	}
	if o.open == 0 {
		e.closed.Push(closedOrder{row: it.order, changed: o.changed}, e.isClosed)
	}
}

// orderFor gives the order a command is about: from memory, or from the stored row that the command carries; 0 if there
// is none. false: the stored row may be out of date, so the command must be sent again.
func (e *Engine) orderFor(orderID string, hash uint64, envelope *Envelope, r *Result) (uint32, bool) {
	if row := e.findHashed(orderID, hash); row != 0 || len(envelope.Archived) == 0 {
		return row, true
	}
	// Within that many entries the order cannot have come back, changed, and left memory again.
	if e.appliedIndex.Load()-envelope.ArchivedAt >= ClosedOrderEntries {
		r.refuse(CodeRetry, "orderId", orderID)
		return 0, false
	}
	row, err := e.loadArchived(orderID, envelope.Archived)
	if err != nil {
		r.refuse(CodeInvalid, "archived", err.Error())
		return 0, false
	}
	return row, true
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

// expires reports whether a reservation still ends at that time.
func (e *Engine) expires(d mem.Due) bool {
	it := e.items.At(d.Row)
	return it.seq == d.Seq && it.expiresMS == d.AtMS && e.isOpen(it)
}

// releaseAll releases everything that an item holds and returns how many units that was.
func (e *Engine) releaseAll(itemRow uint32, kind MovementKind) int64 {
	it := e.items.At(itemRow)
	allocated, pending := e.held(it)
	e.touchOrder(it.order)
	rec, w := e.begin(e.recordOf(it))
	e.release(itemRow, rec, &w, allocated+pending, kind, nil)
	if kind == MovementRecordDeleted {
		w.waiting = false // whoever waits there gets nothing from a record that goes away
	}
	e.end(rec, &w)
	e.reckon(it, true)
	return allocated + pending
}
