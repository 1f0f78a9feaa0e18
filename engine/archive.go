package engine

import (
	"apportion/engine/mem"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// archivedRows holds the stored form of orders that left memory between two checkpoints, and the names of those that
// came back. It is written by the writer alone, and not any more once it is frozen; mayHave may be asked at any time.
type archivedRows struct {
	entries mem.Ring  // order id, then the row; an empty row deletes the stored one
	byID    mem.Table // entries under resultRow
	buf     []byte
}

func newArchivedRows() *archivedRows {
	a := new(archivedRows)
	a.entries.Start(1)
	return a
}

// set notes what the next checkpoint does to an order's stored row; nil deletes it.
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

// find gives the number of an order's newest entry; 0: there is none.
func (a *archivedRows) find(orderID string) uint64 {
	for row, p := a.byID.Probe(mem.HashText(orderID)).Next(); row != 0; row, p = p.Next() {
		number := uint64(row &^ (1 << 31))
		if id, _ := a.get(number); id == orderID {
			return number
		}
	}
	return 0
}

// mayHave reports whether there may be an entry of the order; no is certain.
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

// archive takes a closed order out of memory; its row goes with the next checkpoint.
func (e *Engine) archive(row uint32) {
	e.scratch.encoded = e.appendOrder(e.scratch.encoded[:0], row)
	e.archivedNow.Load().set(e.ordersText.Get(e.orders.At(row).id), e.scratch.encoded)
	e.touchOrder(row)
	e.dropOrder(row)
	e.stats.evicted.Add(1)
}

// loadArchived brings an order back into memory.
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

// AppendArchived appends the stored form of a closed order that is on its way out of memory, or has left it and is not
// in a checkpoint yet. The caller holds the mutex under which Apply is called, and looks among the checkpoints' rows if
// the answer is false.
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

// archivedRow is what the next checkpoint does to an order's stored row: an empty one deletes it.
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

// IsUnarchived reports whether the row that a checkpoint may have of an order is no more: the order came back into
// memory since, and may have gone since from there, too. The caller holds the mutex under which Apply is called.
func (e *Engine) IsUnarchived(orderID string) bool {
	row, found := e.archivedRow(orderID)
	return found && len(row) == 0
}

// AppendOrder appends the stored form of an order that is in memory, for DecodeArchivedOrder: a copy that holds the
// mutex for less time than ReadOrder, which matters for orders of thousands of items. The caller holds the mutex under
// which Apply is called.
func (e *Engine) AppendOrder(dst []byte, orderID string) ([]byte, bool) {
	row := e.findOrder(orderID)
	if row == 0 {
		return dst, false
	}
	return e.appendOrder(dst, row), true
}

// ReadOrder copies an order that is in memory. The caller holds the mutex under which Apply is called; who shares
// it with others takes AppendOrder under it, and decodes outside.
func (e *Engine) ReadOrder(orderID string, v *OrderView) bool {
	row, found := e.AppendOrder(nil, orderID)
	if !found {
		return false
	}
	err := DecodeArchivedOrder(row, v)
	assert(err == nil, "an order in memory cannot be read in its stored form")
	return true
}

// MayHaveArchived reports whether AppendArchived may find the order. No is certain, as far as the log was applied when
// the call began.
func (rd *Reader) MayHaveArchived(orderID string) bool {
	hash := mem.HashText(orderID)
	// Memory first: an order is among the archived ones before it leaves memory.
	for row, p := rd.byOrderID.Probe(hash).Next(); row != 0; row, p = p.Next() {
		if atomic.LoadUint64(&rd.orders.At(row).hash) == hash {
			return true
		}
	}
	now, was := rd.archivedNow.Load(), rd.archivedWas.Load()
	return now.mayHave(orderID) || was != nil && was.mayHave(orderID)
}

// CheckArchivedOrder says what is wrong with the stored form of an order that has left memory: it is of another order,
// holds units, or its units do not add up.
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

// DecodeArchivedOrder reads the stored form of an order. The view's texts are copies.
func DecodeArchivedOrder(b []byte, v *OrderView) error {
	o, err := readOrder(append([]byte(nil), b...))
	if err != nil {
		return err
	}
	*v = OrderView{OrderID: o.id, Items: v.Items[:0]}
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
				Index: m.index, TimeMS: m.timeMS})
		}
		v.Items = append(v.Items, view)
	}
	return nil
}

// closedOrder is an order that had nothing open at a log index. If it still has that index as its last change when its
// time has come, it leaves memory.
type closedOrder struct {
	row     uint32
	changed uint64
}

// evictClosedOrders takes orders out of memory that closed long ago; they are written with the next checkpoint, and a
// command for one carries its row.
func (e *Engine) evictClosedOrders() {
	for e.closed.Len() > 0 && e.closed.Front().changed+ClosedOrderEntries <= e.appliedIndex.Load() {
		if c := e.closed.Pop(); e.isClosed(c) {
			e.archive(c.row)
		}
	}
}

// isClosed reports whether an order has not changed since it was queued.
func (e *Engine) isClosed(c closedOrder) bool {
	o := e.orders.At(c.row)
	return o.live == 1 && o.changed == c.changed && o.open == 0
}

// OpenOrders appends copies of orders that hold units, from one row after another on, looking at up to limit rows, and
// gives the row to go on after, 0 at the end. The caller holds the mutex under which Apply is called. The texts are
// copies.
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

func (a *archivedRows) memoryBytes() int64 { return a.entries.MemoryBytes() + a.byID.MemoryBytes() }
