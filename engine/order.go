package engine

import (
	"sync/atomic"
)

// findOrder looks an order in memory up; 0: there is none.
func (e *Engine) findOrder(orderID string) uint32 { return e.findHashed(orderID, hashText(orderID)) }

func (e *Engine) findHashed(orderID string, hash uint64) uint32 {
	for row, p := e.byOrderID.probe(hash).next(); row != 0; row, p = p.next() {
		if e.ordersText.get(e.orders.at(row).id) == orderID {
			return row
		}
	}
	return 0
}

func (e *Engine) orderHash(row uint32) uint64 { return e.orders.at(row).hash }

// createOrder adds an order without items.
func (e *Engine) createOrder(orderID string, hash uint64) uint32 {
	row := e.orders.add()
	e.touchOrder(row)
	e.fillOrder(row, orderID, hash)
	return row
}

func (e *Engine) fillOrder(row uint32, orderID string, hash uint64) {
	o := e.orders.at(row)
	o.id, o.items, o.itemLast, o.count, o.open, o.live = e.ordersText.add(orderID), 0, 0, 0, 0, 1
	atomic.StoreUint64(&o.hash, hash)
	e.byOrderID.add(hash, row)
	e.stats.orders.Add(1)
}

// createItem adds an item at the end of an order.
func (e *Engine) createItem(orderRow uint32, itemID string) uint32 {
	row := e.items.add()
	it := e.items.at(row)
	*it = item{}
	it.id, it.order = e.ordersText.add(itemID), orderRow
	o := e.orders.at(orderRow)
	if o.itemLast == 0 {
		o.items = row
	} else {
		e.items.at(o.itemLast).next = row
	}
	o.itemLast = row
	o.count++
	e.index(orderRow, row)
	e.stats.items.Add(1)
	return row
}

// createLine adds an allocation line at the end of an item, for the caller to fill.
func (e *Engine) createLine(itemRow uint32) (row uint32, l *line) {
	row = e.lines.add()
	l = e.lines.at(row)
	*l = line{}
	l.item = itemRow
	at := &e.items.at(itemRow).lines
	for *at != 0 {
		at = &e.lines.at(*at).next
	}
	*at = row
	return row, l
}

// dropLines takes all lines of an item away; none of them waits.
func (e *Engine) dropLines(it *item) {
	for row := it.lines; row != 0; {
		next := e.lines.at(row).next
		e.lines.drop(row)
		row = next
	}
	it.lines = 0
}

// dropOrder takes an order out of memory.
func (e *Engine) dropOrder(row uint32) {
	o := e.orders.at(row)
	e.byOrderID.remove(e.orderHash(row), row)
	e.unindexOrder(row)
	for i := o.items; i != 0; {
		it := e.items.at(i)
		next := it.next
		e.dropLines(it)
		e.dropMoves(it)
		e.ordersText.drop(it.id)
		*it = item{}
		e.items.drop(i)
		e.stats.items.Add(-1)
		i = next
	}
	e.ordersText.drop(o.id)
	atomic.StoreUint64(&o.changed, 0)
	o.id, o.items, o.itemLast, o.count, o.live = 0, 0, 0, 0, 0
	e.orders.drop(row)
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
	it := e.items.at(itemRow)
	if it.moveCount == MovementsPerItemMax {
		oldest := it.moves
		it.moves = e.moves.at(oldest).next
		e.moves.drop(oldest)
		it.moveCount--
	}
	row := e.moves.add()
	m := e.moves.at(row)
	m.next = 0
	if it.moves == 0 {
		it.moves = row
	} else {
		e.moves.at(it.moveLast).next = row
	}
	it.moveLast = row
	it.moveCount++
	return m
}

func (e *Engine) dropMoves(it *item) {
	for row := it.moves; row != 0; {
		next := e.moves.at(row).next
		e.moves.drop(row)
		row = next
	}
	it.moves, it.moveLast, it.moveCount = 0, 0, 0
}

// recordOf gives the row of an item's record; 0: the record is gone.
func (e *Engine) recordOf(it *item) uint32 {
	if it.record != 0 {
		if rec := e.records.at(it.record); rec.flags&recordLive != 0 && rec.upc == it.upc &&
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
		l := e.lines.at(row)
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
		l := e.lines.at(row)
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
		l := e.lines.at(row)
		if l.allocated+l.pending+l.fulfilled+l.returned > 0 {
			return false
		}
		row = l.next
	}
	return true
}

// reckon brings an order's count of open items up to date after one of its items changed.
func (e *Engine) reckon(it *item, wasOpen bool) {
	o := e.orders.at(it.order)
	switch isOpen := e.isOpen(it); {
	case isOpen && !wasOpen:
		o.open++
	case wasOpen && !isOpen:
		o.open--
	}
	if o.open == 0 {
		e.closed.push(closedOrder{row: it.order, changed: o.changed}, e.isClosed)
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
	for e.expiries.len() > 0 && e.expiries.top().atMS <= now {
		d := e.expiries.pop()
		if !e.expires(d) {
			continue
		}
		it := e.items.at(d.row)
		units := e.releaseAll(d.row, MovementExpired)
		e.emit(&Event{Kind: EventReservationExpired, UPC: e.text(it.upc), Location: e.text(it.location),
			TagSet:  it.tagSet,
			OrderID: e.ordersText.get(e.orders.at(it.order).id), ItemID: e.ordersText.get(it.id), Units: units})
	}
}

// expires reports whether a reservation still ends at that time.
func (e *Engine) expires(d due) bool {
	it := e.items.at(d.row)
	return it.seq == d.seq && it.expiresMS == d.atMS && e.isOpen(it)
}

// releaseAll releases everything that an item holds and returns how many units that was.
func (e *Engine) releaseAll(itemRow uint32, kind MovementKind) int64 {
	it := e.items.at(itemRow)
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
