package engine

// itemIndex finds the items of one order, the one that commands ask about: an order is made and changed by commands of
// many lines, and then not looked at for long. An index of all items would cost each new one a place in a table that is
// out of the cache, for lookups of which most never come.
type itemIndex struct {
	order uint32   // whose items are in it, 0: nobody's
	asked uint32   // the large order that was asked for last
	slots []uint32 // rows of items by their id's hash, a power of two long; 0: free
	taken int      // slots that are not free
}

const (
	// itemsWalked is the number of items up to which an order's items are always found by walking them.
	itemsWalked = 8

	// itemGone is in the slot of an item that has left the order.
	itemGone = 1<<32 - 1
)

// findItem looks an item of an order up; 0: there is none.
func (e *Engine) findItem(orderRow uint32, itemID string) uint32 {
	o := e.orders.at(orderRow)
	if o.count > itemsWalked && e.indexed(orderRow, o) {
		return e.findIndexed(itemID)
	}
	row := o.items
	for row != 0 && e.ordersText.get(e.items.at(row).id) != itemID {
		row = e.items.at(row).next
	}
	return row
}

// indexed reports whether the index is of this order. It becomes so when the order is asked for twice in a row: to
// build it costs as much as some walks.
func (e *Engine) indexed(orderRow uint32, o *order) bool {
	x := &e.itemIndex
	switch {
	case x.order == orderRow:
		return true
	case x.asked != orderRow:
		x.asked = orderRow
		return false
	}
	size := itemIndexSlotsMin
	for size < 2*int(o.count)+1 {
		size *= 2
	}
	if size <= cap(x.slots) {
		x.slots = x.slots[:size]
		clear(x.slots)
	} else {
		x.slots = make([]uint32, size)
	}
	x.order, x.taken = orderRow, 0
	for row := o.items; row != 0; row = e.items.at(row).next {
		e.index(orderRow, row)
	}
	return true
}

// itemIndexSlotsMin leaves an order that has just been indexed room for more items.
const itemIndexSlotsMin = 64

func (e *Engine) findIndexed(itemID string) uint32 {
	x := &e.itemIndex
	mask := uint64(len(x.slots) - 1)
	for at := hashText(itemID) & mask; ; at = (at + 1) & mask {
		row := x.slots[at]
		if row == 0 || row != itemGone && e.ordersText.get(e.items.at(row).id) == itemID {
			return row
		}
	}
}

// index enters an item that has come to an order, if that is the one. An index that becomes full is given up.
func (e *Engine) index(orderRow, row uint32) {
	x := &e.itemIndex
	if x.order != orderRow {
		return
	}
	if x.taken++; 4*x.taken > 3*len(x.slots) {
		x.order = 0
		return
	}
	mask := uint64(len(x.slots) - 1)
	at := hashText(e.ordersText.get(e.items.at(row).id)) & mask
	for x.slots[at] != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = row
}

// unindex takes out an item that leaves an order and still has its id.
func (e *Engine) unindex(orderRow, row uint32) {
	x := &e.itemIndex
	if x.order != orderRow {
		return
	}
	mask := uint64(len(x.slots) - 1)
	at := hashText(e.ordersText.get(e.items.at(row).id)) & mask
	for x.slots[at] != row {
		assert(x.slots[at] != 0, "an item is not in the index of its order")
		at = (at + 1) & mask
	}
	x.slots[at] = itemGone
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
