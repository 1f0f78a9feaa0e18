package engine

import "apportion/engine/mem"

// itemIndex finds the items of one order, the one that commands ask about: an order is made and changed by commands of
// many lines, and then not looked at for long. An index of all items would cost each new item a cache miss, for lookups
// that mostly never happen.
type itemIndex struct {
	order uint32                      // whose items are in it, 0: nobody's
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

// index enters an item that has come to an order, if that is the one. An index of too many items that have left is
// given up.
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

// unindex takes out an item that leaves an order and still has its id.
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
