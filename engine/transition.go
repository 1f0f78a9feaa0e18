package engine

import (
	"encoding/binary"
	"strconv"

	"apportion/engine/mem"
)

// TransitionLine names a reserved item, and the item that it becomes.
type TransitionLine struct {
	ItemID   string `json:"itemId"`
	ToItemID string `json:"toItemId"`
}

// Transition makes reserved items of one order firm items of another one, with the units that they hold: all lines or
// none. Nothing is released on the way, so no waiting order can take the units.
type Transition struct {
	FromOrderID string           `json:"fromOrderId"`
	OrderID     string           `json:"orderId"`
	Lines       []TransitionLine `json:"lines"`
}

func (*Transition) Kind() Kind { return KindTransition }

// check: two different orders, and lines that name each item once on either side.
func (c *Transition) check() *Fault {
	switch {
	case !IsText(c.FromOrderID, OrderIDBytesMax):
		return textFault("fromOrderId", c.FromOrderID, OrderIDBytesMax)
	case !IsText(c.OrderID, OrderIDBytesMax):
		return textFault("orderId", c.OrderID, OrderIDBytesMax)
	case c.OrderID == c.FromOrderID:
		return &Fault{"orderId", shownText(c.OrderID), "another order than fromOrderId is expected"}
	case len(c.Lines) == 0 || len(c.Lines) > OrderLinesMax:
		return sizeFault("lines", len(c.Lines), 1, OrderLinesMax)
	}
	for i := range c.Lines {
		if l := &c.Lines[i]; !IsText(l.ItemID, ItemIDBytesMax) {
			return textFault("itemId", l.ItemID, ItemIDBytesMax).in("lines", i)
		} else if !IsText(l.ToItemID, ItemIDBytesMax) {
			return textFault("toItemId", l.ToItemID, ItemIDBytesMax).in("lines", i)
		}
	}
	if i := repeatedName(c.Lines); i >= 0 {
		return repeatedFault("itemId", c.Lines[i].ItemID).in("lines", i)
	}
	targets := make([]transitionTarget, len(c.Lines))
	for i := range c.Lines {
		targets[i] = transitionTarget(c.Lines[i])
	}
	if i := repeatedName(targets); i >= 0 {
		return repeatedFault("toItemId", c.Lines[i].ToItemID).in("lines", i)
	}
	return nil
}

// transitionTarget is a line by what it becomes.
type transitionTarget TransitionLine

func (l *TransitionLine) name() string { return l.ItemID }

func (l *transitionTarget) name() string { return l.ToItemID }

const becomesBytesMin = 2 * textBytesMin

// appendBody: both orders, lines.
func (c *Transition) appendBody(dst []byte) []byte {
	dst = appendText(appendText(dst, c.FromOrderID), c.OrderID)
	dst = binary.AppendUvarint(dst, uint64(len(c.Lines)))
	for i := range c.Lines {
		dst = appendText(appendText(dst, c.Lines[i].ItemID), c.Lines[i].ToItemID)
	}
	return dst
}

func (c *Transition) readBody(r *bodyReader) {
	c.FromOrderID, c.OrderID = r.text(), r.text()
	c.Lines = resize(c.Lines, r.count(becomesBytesMin))
	for i := range c.Lines {
		c.Lines[i] = TransitionLine{ItemID: r.text(), ToItemID: r.text()}
	}
}

func (c *Transition) digest(dst []byte) []byte {
	return digestList(digestText(digestText(dst, c.FromOrderID), c.OrderID), c.Lines)
}

func (l *TransitionLine) hash() uint64 { return mem.HashText2(l.ItemID, l.ToItemID) }

// apply moves reserved items into another order as they are. Their lines stay, and so does their turn in the queues for
// stock.
func (c *Transition) apply(e *Engine, envelope *Envelope, r *Result) {
	hash := mem.HashText(c.OrderID)
	to, ok := e.orderFor(c.OrderID, hash, envelope, r)
	if !ok {
		return
	}
	from := e.findOrder(c.FromOrderID)
	if from == 0 || e.orders.At(from).open == 0 {
		// The answer must not depend on whether an order that holds nothing is still in memory.
		r.refuse(CodeNotReserved, "fromOrderId", c.FromOrderID)
		return
	}
	if to != 0 && int(e.orders.At(to).count)+len(c.Lines) > OrderItemsMax {
		r.refuse(CodeTooMany, "lines", strconv.Itoa(OrderItemsMax))
		return
	}
	for i := range c.Lines {
		e.planTransition(&c.Lines[i], from, to, r)
	}
	if refusedAll(r) {
		return
	}
	if to == 0 {
		to = e.createOrder(c.OrderID, hash)
	} else {
		e.touchOrder(to)
	}
	e.touchOrder(from)
	for i := range c.Lines {
		row := e.findItem(from, c.Lines[i].ItemID)
		e.unlinkItem(from, row)
		e.linkItem(to, row, c.Lines[i].ToItemID)
		e.firm(row, &r.Lines[i])
	}
	if o := e.orders.At(from); o.count == 0 {
		e.dropOrder(from)
	} else if o.open == 0 {
		e.closed.Push(closedOrder{row: from, changed: o.changed}, e.isClosed)
	}
}

// planTransition answers a line as far as it is known before all lines are planned.
func (e *Engine) planTransition(l *TransitionLine, from, to uint32, r *Result) {
	out := r.addLine(l.ToItemID, 0)
	row := e.findItem(from, l.ItemID)
	if row == 0 {
		out.Code = CodeUnknownItem
		return
	}
	it := e.items.At(row)
	allocated, pending := e.held(it)
	out.Requested = allocated + pending
	switch {
	case to != 0 && e.findItem(to, l.ToItemID) != 0:
		out.Code = CodeItemConflict
	case it.expiresMS != 0 && it.expiresMS <= e.nowMS.Load():
		out.Code = CodeExpired
	case it.expiresMS == 0:
		out.Code = CodeNotReserved
	case out.Requested == 0:
		out.Code = CodeExceedsLeft
	}
}

// unlinkItem takes an item that holds units out of its order.
func (e *Engine) unlinkItem(orderRow, row uint32) {
	o := e.orders.At(orderRow)
	e.unindex(orderRow, row)
	last := uint32(0)
	at := &o.items
	for *at != row {
		last = *at
		at = &e.items.At(*at).next
	}
	*at = e.items.At(row).next
	if o.itemLast == row {
		o.itemLast = last
	}
	o.count--
	o.open--
	e.ordersText.Drop(e.items.At(row).id)
}

// linkItem adds an item that holds units at the end of an order, under an id.
func (e *Engine) linkItem(orderRow, row uint32, id string) {
	o, it := e.orders.At(orderRow), e.items.At(row)
	it.id, it.order, it.next = e.ordersText.Add(id), orderRow, 0
	if o.itemLast == 0 {
		o.items = row
	} else {
		e.items.At(o.itemLast).next = row
	}
	o.itemLast = row
	o.count++
	o.open++
	e.index(orderRow, row)
}

// firm ends an item's reservation without releasing anything, and answers what it holds.
func (e *Engine) firm(row uint32, out *LineResult) {
	it := e.items.At(row)
	it.expiresMS = 0
	for line := it.lines; line != 0; line = e.lines.At(line).next {
		l := e.lines.At(line)
		if kept := l.allocated + l.pending; kept > 0 {
			e.addMovement(row, MovementConfirmed, l.tagSet, kept)
			out.Units += l.allocated
			out.Pending += l.pending
			out.Parts = append(out.Parts, Part{TagSet: l.tagSet, Units: l.allocated, Pending: l.pending})
		}
	}
}
