package engine

import (
	"apportion/engine/mem"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// archivedRows holds the stored form of orders that left memory between two checkpoints, and the names of orders that
// came back. Only the writer changes it, until it is frozen. Any goroutine may call mayHave at any time.
type archivedRows struct {
	entries mem.Ring  // order id, then the row; empty: delete the stored row
	byID    mem.Table // entries under resultRow
	buf     []byte
}

func newArchivedRows() *archivedRows {
	a := new(archivedRows)
	a.entries.Start(1)
	return a
}

// set records what the next checkpoint writes for an order; a nil row deletes the stored one.
func (a *archivedRows) set(orderID string, row []byte) {
	if number := a.find(orderID); number != 0 {
		a.byID.Remove(mem.HashText(orderID), resultRow(number))
	}
	a.buf = append(appendText(a.buf[:0], orderID), row...)
	a.byID.Add(mem.HashText(orderID), resultRow(a.entries.Add(a.buf)))
}

// get gives the order id and the row of an entry.
func (a *archivedRows) get(number uint64) (orderID string, row []byte) {
	in := reader{b: a.entries.Get(number)}
	orderID = in.text()
	return orderID, in.b[in.at:]
}

// find gives the number of an order's newest entry; 0: none.
func (a *archivedRows) find(orderID string) uint64 {
	for row, p := a.byID.Probe(mem.HashText(orderID)).Next(); row != 0; row, p = p.Next() {
		number := uint64(row &^ (1 << 31))
		if id, _ := a.get(number); id == orderID {
			return number
		}
	}
	return 0
}

// mayHave reports whether the order may have an entry. False is certain.
func (a *archivedRows) mayHave(orderID string) bool {
	row, _ := a.byID.Probe(mem.HashText(orderID)).Next()
	return row != 0
}

func (a *archivedRows) len() int { return a.entries.Len() }

// sorted gives the numbers of the newest entry of each order, by order id.
func (a *archivedRows) sorted() []uint64 {
	numbers := make([]uint64, 0, a.len())
	for n := a.entries.First(); n < a.entries.Next(); n++ {
		numbers = append(numbers, n)
	}
	id := func(number uint64) string { id, _ := a.get(number); return id }
	slices.SortFunc(numbers, func(x, y uint64) int {
		return cmp.Or(strings.Compare(id(x), id(y)), cmp.Compare(y, x)) // the newest first
	})
	return slices.CompactFunc(numbers, func(x, y uint64) bool { return id(x) == id(y) })
}

// archive moves a closed order out of memory. The next checkpoint writes its row.
func (e *Engine) archive(row uint32) {
	e.scratch.encoded = e.appendOrder(e.scratch.encoded[:0], row)
	e.archivedNow.Load().set(e.ordersText.Get(e.orders.At(row).id), e.scratch.encoded)
	e.touchOrder(row)
	e.dropOrder(row)
	e.stats.evicted.Add(1)
}

// loadArchived puts an order back into memory.
func (e *Engine) loadArchived(orderID string, b []byte) (uint32, error) {
	o, err := readOrder(b)
	if err != nil {
		return 0, err
	}
	if o.id != orderID {
		return 0, corrupt("a stored order has another id", 0)
	}
	row := e.orders.Add()
	e.touchOrder(row)
	e.loadOrder(row, &o)
	e.setChanged(row, e.appliedIndex.Load())
	e.closed.Push(closedOrder{row: row, changed: e.appliedIndex.Load()}, e.isClosed)
	e.archivedNow.Load().set(orderID, nil)
	return row, nil
}

// AppendArchived appends the stored form of a closed order that has left memory, or is about to, and is in no
// checkpoint yet. If it reports false, the caller looks among the rows of the checkpoints. The caller holds the mutex
// of Apply.
func (e *Engine) AppendArchived(dst []byte, orderID string) ([]byte, bool) {
	if row := e.findOrder(orderID); row != 0 {
		if e.orders.At(row).open > 0 {
			return dst, false
		}
		return e.appendOrder(dst, row), true
	}
	row, _ := e.archivedRow(orderID)
	return append(dst, row...), len(row) > 0
}

// archivedRow gives what the next checkpoint writes for an order: an empty row deletes the stored one.
func (e *Engine) archivedRow(orderID string) (row []byte, found bool) {
	for _, a := range []*archivedRows{e.archivedNow.Load(), e.archivedWas.Load()} {
		if a == nil {
			continue
		}
		if number := a.find(orderID); number != 0 {
			_, row = a.get(number)
			return row, true
		}
	}
	return nil, false
}

// IsUnarchived reports whether an order's row in the checkpoints is out of date, since the order came back into memory.
// The order may have left memory again. The caller holds the mutex of Apply.
func (e *Engine) IsUnarchived(orderID string) bool {
	row, found := e.archivedRow(orderID)
	return found && len(row) == 0
}

// AppendOrder appends the stored form of an order in memory, for DecodeArchivedOrder. The caller holds the mutex of
// Apply, for less time than ReadOrder takes: that matters for orders with thousands of items.
func (e *Engine) AppendOrder(dst []byte, orderID string) ([]byte, bool) {
	row := e.findOrder(orderID)
	if row == 0 {
		return dst, false
	}
	return e.appendOrder(dst, row), true
}

// ReadOrder copies an order in memory. The caller holds the mutex of Apply. If others wait for that mutex, use
// AppendOrder and decode outside.
func (e *Engine) ReadOrder(orderID string, v *OrderView) bool {
	row, found := e.AppendOrder(nil, orderID)
	if !found {
		return false
	}
	err := DecodeArchivedOrder(row, v)
	assert(err == nil, "an order in memory cannot be read in its stored form")
	return true
}

// MayHaveArchived reports whether AppendArchived may find the order. False is certain for all entries that were applied
// before the call.
func (rd *Reader) MayHaveArchived(orderID string) bool {
	hash := mem.HashText(orderID)
	// Memory first: an order is archived before it leaves memory.
	for row, p := rd.byOrderID.Probe(hash).Next(); row != 0; row, p = p.Next() {
		if atomic.LoadUint64(&rd.orders.At(row).hash) == hash {
			return true
		}
	}
	now, was := rd.archivedNow.Load(), rd.archivedWas.Load()
	return now.mayHave(orderID) || was != nil && was.mayHave(orderID)
}

// CheckArchivedOrder finds what is wrong with the stored form of an order that has left memory: it is another order's,
// it holds units, or its units do not add up.
func CheckArchivedOrder(orderID string, b []byte) error {
	o, err := readOrder(b)
	switch {
	case err != nil:
		return err
	case o.id != orderID:
		return fmt.Errorf("%w: the row is of order %s", ErrCorrupt, o.id)
	}
	for i := range o.items {
		s := &o.items[i]
		for k := range s.lines {
			switch l := &s.lines[k]; {
			case l.allocated+l.pending != 0:
				return fmt.Errorf("%w: item %s holds units: %+v", ErrCorrupt, s.id, *l)
			case !l.addsUp(&s.item):
				return fmt.Errorf("%w: item %s: the units do not add up: %+v", ErrCorrupt, s.id, *l)
			}
		}
	}
	return nil
}

// DecodeArchivedOrder reads the stored form of an order into v, which gets copies of the texts.
func DecodeArchivedOrder(b []byte, v *OrderView) error {
	o, err := readOrder(append([]byte(nil), b...))
	if err != nil {
		return err
	}
	*v = OrderView{OrderID: o.id, Changed: o.changed, Items: v.Items[:0]}
	for i := range o.items {
		s := &o.items[i]
		view := ItemView{ItemID: s.id, UPC: s.upc, Location: s.location, TagSet: s.item.tagSet,
			Requested: s.item.requested, ExpiresAtMS: s.item.expiresMS}
		for _, l := range s.lines {
			view.Lines = append(view.Lines, LineView{TagSet: l.tagSet, Allocated: l.allocated, Pending: l.pending,
				Fulfilled: l.fulfilled, Returned: l.returned, Released: l.released})
		}
		for _, m := range s.moves {
			view.Movements = append(view.Movements, MovementView{Kind: m.kind, TagSet: m.tagSet, Units: m.units,
				Index: m.index, TimeMS: m.timeMS, Reason: m.text})
			v.ChangedMS = max(v.ChangedMS, m.timeMS)
		}
		v.Items = append(v.Items, view)
	}
	return nil
}

// closedOrder is an order that had nothing open at a log index. It leaves memory after its time, unless it has changed
// since that index.
type closedOrder struct {
	row     uint32
	changed uint64
}

// evictClosedOrders moves orders that closed long ago out of memory. The next checkpoint writes them, and a command
// about one carries its row.
func (e *Engine) evictClosedOrders() {
	for e.closed.Len() > 0 && e.closed.Front().changed+ClosedOrderEntries <= e.appliedIndex.Load() {
		if c := e.closed.Pop(); e.isClosed(c) {
			e.archive(c.row)
		}
	}
}

// isClosed reports whether an order is unchanged since it was queued.
func (e *Engine) isClosed(c closedOrder) bool {
	o := e.orders.At(c.row)
	return o.live == 1 && o.changed == c.changed && o.open == 0
}

// OpenOrders appends copies of the orders that hold units. It continues behind the row after, looks at up to limit
// rows, and gives the row to continue behind, 0 at the end. The caller holds the mutex of Apply.
func (e *Engine) OpenOrders(after uint32, limit int, dst []OrderView) (orders []OrderView, next uint32) {
	for row := after + 1; row < e.orders.Used(); row++ {
		if limit--; limit < 0 {
			return dst, row - 1
		}
		o := e.orders.At(row)
		if o.live == 0 || o.open == 0 {
			continue
		}
		var v OrderView
		err := DecodeArchivedOrder(e.appendOrder(nil, row), &v)
		assert(err == nil, "an order in memory cannot be read")
		dst = append(dst, v)
	}
	return dst, 0
}

// OrderState picks orders by what they hold.
type OrderState uint8

// The states of orders.
const (
	OrdersAll      OrderState = iota
	OrdersOpen                // holds allocated or pending units
	OrdersReserved            // holds units of a reservation
	OrdersPending             // holds pending units
	OrdersClosed              // holds nothing; such orders are listed as long as they are in memory
)

// OrderStates are the states' texts, as the API has them.
var OrderStates = []string{OrdersAll: "all", OrdersOpen: "open", OrdersReserved: "reserved", OrdersPending: "pending",
	OrdersClosed: "closed"}

// OrderFilter picks orders; its zero value picks all. With a UPC or a location, one item of the order must have both,
// and be in the state: so State OrdersOpen with both finds the orders that hold units of a record.
type OrderFilter struct {
	State    OrderState
	UPC      string
	Location string
	BeforeMS int64 // only orders whose last change is older, Unix milliseconds; 0: of any age
}

// OrderCursor is a place among the orders, which are in the order of their last change. The zero value is before all of
// them. It means the same on every node, and stays valid when its order changes or goes.
type OrderCursor struct {
	Changed uint64 // log index of the last change
	Row     uint32
}

// OrdersAfter appends copies of orders in memory that a filter picks, those that changed longest ago first, at most
// limit, and gives the place to continue behind. It stops after so many looks; each order takes one, and so does each
// of its items. Then there may be more though few were found. An order that changes meanwhile moves behind all others,
// and is found there. The caller holds the mutex of Apply.
func (e *Engine) OrdersAfter(f OrderFilter, after OrderCursor, limit, looks int, dst []OrderView) (orders []OrderView,
	next OrderCursor, more bool) {
	upc, location := e.findName(&e.upcs, f.UPC), e.findName(&e.locations, f.Location)
	if f.UPC != "" && upc == 0 || f.Location != "" && location == 0 {
		return dst, after, false
	}
	for limit > 0 && looks > 0 {
		row := e.recent.After(after.Changed, after.Row)
		if row == 0 {
			return dst, after, false
		}
		o := e.orders.At(row)
		looks -= 1 + int(o.count)
		if f.BeforeMS != 0 && e.changedMS(o) >= f.BeforeMS {
			return dst, after, false // the times rise with the indexes
		}
		after = OrderCursor{Changed: o.changed, Row: row}
		if !e.isInState(o, f.State, upc, location) {
			continue
		}
		dst = append(dst, OrderView{})
		err := DecodeArchivedOrder(e.appendOrder(nil, row), &dst[len(dst)-1])
		assert(err == nil, "an order in memory cannot be read")
		limit--
	}
	return dst, after, true
}

// isInState reports whether an order is in a state, with an item of a UPC and a location that are not 0.
func (e *Engine) isInState(o *order, state OrderState, upc, location uint32) bool {
	if state == OrdersClosed && o.open > 0 || state != OrdersClosed && state != OrdersAll && o.open == 0 {
		return false
	}
	if upc == 0 && location == 0 && state != OrdersReserved && state != OrdersPending {
		return true
	}
	for row := o.items; row != 0; row = e.items.At(row).next {
		it := e.items.At(row)
		if upc != 0 && it.upc != upc || location != 0 && it.location != location {
			continue
		}
		allocated, pending := e.held(it)
		switch {
		case state == OrdersAll || state == OrdersClosed,
			state == OrdersOpen && allocated+pending > 0,
			state == OrdersReserved && allocated+pending > 0 && it.expiresMS != 0,
			state == OrdersPending && pending > 0:
			return true
		}
	}
	return false
}

// changedMS is the time of an order's last change: of the newest movement of its items.
func (e *Engine) changedMS(o *order) (timeMS int64) {
	for row := o.items; row != 0; row = e.items.At(row).next {
		if it := e.items.At(row); it.moveCount > 0 {
			timeMS = max(timeMS, e.moves.At(it.moveLast).timeMS)
		}
	}
	return timeMS
}

func (a *archivedRows) memoryBytes() int64 { return a.entries.MemoryBytes() + a.byID.MemoryBytes() }
