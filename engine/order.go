package engine

import (
	"strconv"
	"sync/atomic"

	"apportion/engine/mem"
)

// MayHaveOrder reports whether an order is in memory and will stay there while a command goes through the log. If not,
// the caller looks the order up with AppendArchived under the mutex, and among the stored rows.
func (rd *Reader) MayHaveOrder(orderID string) bool {
	applied := rd.appliedIndex.Load()
	hash := mem.HashText(orderID)
	for row, p := rd.byOrderID.Probe(hash).Next(); row != 0; row, p = p.Next() {
		o := rd.orders.At(row)
		if atomic.LoadUint64(&o.hash) == hash && atomic.LoadUint64(&o.changed)+ClosedOrderEntries*9/10 > applied {
			return true
		}
	}
	return false
}

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

// lastChangeOf is the log index of the last change of the order that a command names, from memory or from the stored
// row in its envelope; 0 of none.
func (e *Engine) lastChangeOf(orderID string, hash uint64, envelope *Envelope) uint64 {
	if row := e.findHashed(orderID, hash); row != 0 {
		return e.orders.At(row).changed
	}
	stored, err := readOrder(envelope.Archived)
	if err != nil {
		return 0 // there is none, or orderFor refuses it
	}
	return stored.changed
}

// itemsOf is the number of items of an order, 0 of none.
func (e *Engine) itemsOf(orderRow uint32) int {
	if orderRow == 0 {
		return 0
	}
	return int(e.orders.At(orderRow).count)
}

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

// dropLines removes all lines of an item. None of them waits for stock.
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
	e.recent.Remove(row)
	e.orders.Drop(row)
	e.stats.orders.Add(-1)
}

// addMovement adds to an item's history.
func (e *Engine) addMovement(itemRow uint32, kind MovementKind, id TagSetID, units int64) {
	if units == 0 {
		return
	}
	m := e.addMove(itemRow)
	m.kind, m.tagSet, m.units, m.index, m.timeMS = kind, id, units, e.appliedIndex.Load(), e.nowMS.Load()
	if m.reason = 0; kind == MovementReleased || kind == MovementLost {
		m.reason = e.ordersText.Add(e.scratch.reason)
	}
}

// addMove adds a movement at the end of an item's history, for the caller to fill.
func (e *Engine) addMove(itemRow uint32) *movement {
	it := e.items.At(itemRow)
	if it.moveCount == MovementsPerItemMax {
		oldest := it.moves
		it.moves = e.moves.At(oldest).next
		e.ordersText.Drop(e.moves.At(oldest).reason)
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
		e.ordersText.Drop(e.moves.At(row).reason)
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

// restockable is how many units of an item have shipped and not come back: 0 if the item is only known from a return.
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

// isSpent reports whether all units of an item were released, and none fulfilled or returned. Such an item may be
// allocated again.
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

// updateOpenCount brings an order's count of open items up to date after one of its items changed.
func (e *Engine) updateOpenCount(it *item, wasOpen bool) {
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

// orderFor gives the order that a command names, from memory or from the stored row in its envelope; 0 if there is
// none. ok is false if the stored row may be out of date: the command must be sent again.
func (e *Engine) orderFor(orderID string, hash uint64, envelope *Envelope, r *Result) (uint32, bool) {
	if row := e.findHashed(orderID, hash); row != 0 || len(envelope.Archived) == 0 {
		return row, true
	}
	// Within so many entries the order cannot have come back, changed, and left memory again.
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

// linePlan is what an order command will do for one line.
type linePlan struct {
	code    Code
	item    uint32 // 0: to be created
	record  uint32
	segment uint32 // 0: to be created
	key     tagSetKey
	tagSet  TagSetID // of key; 0: to be created
	units   int64
	pending int64
	before  int64 // available to the line
	lost    bool  // what a Deallocate releases

	// plan is what a rule decided, nil on the native path; its candidates are scratch.takes[from:to], and version is
	// the record's before the command.
	plan     *PlannedLine
	from, to uint32
	version  uint64
}

// addLine adds an empty plan in place: to copy so large a struct costs more than to fill it.
func (s *scratch) addLine() *linePlan {
	s.lines = resize(s.lines, len(s.lines)+1)
	p := &s.lines[len(s.lines)-1]
	*p = linePlan{}
	return p
}

// refusedAll refuses a command with a refused line, and reports whether there is one. The result names the first line
// with the smallest code, by its number and item id. The other lines are not attempted.
func refusedAll(r *Result) bool {
	for i := range r.Lines {
		if code := r.Lines[i].Code; code != CodeOK && (r.Code == CodeOK || code < r.Code) {
			r.Code, r.Field, r.Value = code, lineName(i), r.Lines[i].ItemID
		}
	}
	if r.Code == CodeOK {
		return false
	}
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Code == CodeOK && !l.Repeated {
			l.Code = CodeUnavailable
		}
	}
	return true
}

// itemIndex finds the items of the one order that commands work on. Commands of many lines make and change an order,
// which then rests for long. An index of all items would cost each new item a cache miss, for lookups that mostly never
// happen.
type itemIndex struct {
	order uint32                      // whose items are in it; 0: no order's
	asked uint32                      // the large order that was asked for last
	rows  mem.HashMap[uint64, uint32] // of the items, by their id's hash; 0: the item has left the order
}

const (
	// itemsWalked is the number of items up to which an order's items are always found by walking them.
	itemsWalked = 8

	// itemIndexSpare leaves an order that has just been indexed room for more items, and for items that leave.
	itemIndexSpare = 64
)

// findItem looks an item of an order up; 0: there is none.
func (e *Engine) findItem(orderRow uint32, itemID string) uint32 {
	o := e.orders.At(orderRow)
	if o.count > itemsWalked && e.indexed(orderRow, o) {
		return e.findIndexed(itemID)
	}
	row := o.items
	for row != 0 && e.ordersText.Get(e.items.At(row).id) != itemID {
		row = e.items.At(row).next
	}
	return row
}

// indexed reports whether the index is of this order. It is built when the order is asked for twice in a row, since
// that costs as much as some walks.
func (e *Engine) indexed(orderRow uint32, o *order) bool {
	x := &e.itemIndex
	switch {
	case x.order == orderRow:
		return true
	case x.asked != orderRow:
		x.asked = orderRow
		return false
	}
	x.rows.Start(int(o.count) + itemIndexSpare)
	x.order = orderRow
	for row := o.items; row != 0; row = e.items.At(row).next {
		e.index(orderRow, row)
	}
	return true
}

func (e *Engine) findIndexed(itemID string) uint32 {
	x := &e.itemIndex
	p := x.rows.Probe(mem.HashText(itemID))
	for row := x.rows.Next(&p); row != nil; row = x.rows.Next(&p) {
		if *row != 0 && e.ordersText.Get(e.items.At(*row).id) == itemID {
			return *row
		}
	}
	return 0
}

// index adds a new item of an order, if the index is of that order. An index with too many items that have left is
// dropped.
func (e *Engine) index(orderRow, row uint32) {
	x := &e.itemIndex
	switch {
	case x.order != orderRow:
	case x.rows.Len() > 2*(int(e.orders.At(orderRow).count)+itemIndexSpare):
		x.order = 0
	default:
		*x.rows.Add(mem.HashText(e.ordersText.Get(e.items.At(row).id))) = row
	}
}

// unindex removes an item that leaves an order and still has its id.
func (e *Engine) unindex(orderRow, row uint32) {
	x := &e.itemIndex
	if x.order != orderRow {
		return
	}
	p := x.rows.Probe(mem.HashText(e.ordersText.Get(e.items.At(row).id)))
	for at := x.rows.Next(&p); ; at = x.rows.Next(&p) {
		assert(at != nil, "an item is not in the index of its order")
		if *at == row {
			*at = 0
			return
		}
	}
}

// unindexOrder is for an order whose row becomes free.
func (e *Engine) unindexOrder(orderRow uint32) {
	x := &e.itemIndex
	if x.order == orderRow {
		x.order = 0
	}
	if x.asked == orderRow {
		x.asked = 0
	}
}

// lineNames has the names of a command's first lines, so that a usual refusal allocates nothing.
var lineNames = func() (names [refusedLinesMax]string) {
	for i := range names {
		names[i] = "lines[" + strconv.Itoa(i) + "]"
	}
	return names
}()

func lineName(i int) string {
	if i < len(lineNames) {
		return lineNames[i]
	}
	return "lines[" + strconv.Itoa(i) + "]"
}

func linePath(i int, field string) string { return lineName(i) + "." + field }
