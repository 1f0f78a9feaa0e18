package engine

import (
	"encoding/binary"
	"strconv"

	"apportion/engine/mem"
)

// OrderLine names units of one order item.
type OrderLine struct {
	ItemID string `json:"itemId"`

	// Quantity in units; 0: everything that is left.
	Quantity int64 `json:"quantity"`

	// UPC, Location and Tags are for Return only: goods whose order is unknown, or that come back to another location
	// or with other tags.
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Tags     []Tag  `json:"tags"`

	// Lost and Block are for Deallocate only. Lost: the released units are gone, so on hand falls by as many allocated
	// units, but not below 0. Block marks the item's record.
	Lost  bool      `json:"lost"`
	Block BlockMark `json:"block"`
}

// OrderChange acts on units of an order that an Allocate promised before. The action is one of:
//
//   - KindConfirm: a reservation, or the named part of it, becomes an order allocation; the rest is released.
//   - KindDeallocate: pending, then allocated units are released to the segments they came from.
//   - KindFulfill: allocated units ship; allocated and on hand both fall.
//   - KindReturn: fulfilled units go back on hand in the segments they came from. Goods of an unknown order are kept as
//     its items.
type OrderChange struct {
	Action  Kind        `json:"-"`
	OrderID string      `json:"orderId"`
	Lines   []OrderLine `json:"lines"` // empty: everything that is left

	// Reason is why a Deallocate releases units; the items' history keeps it. Other actions have none.
	Reason string `json:"reason"`
}

func (c *OrderChange) Kind() Kind { return c.Action }

func isOrderChange(k Kind) bool { return k >= KindConfirm && k <= KindReturn }

func (c *OrderChange) check() *Fault {
	if !isOrderChange(c.Action) {
		return numberFault("kind", int64(c.Action), int64(KindConfirm), int64(KindReturn))
	}
	if !IsText(c.OrderID, OrderIDBytesMax) {
		return textFault("orderId", c.OrderID, OrderIDBytesMax)
	}
	if !isOptionalText(c.Reason, StockReasonBytesMax) {
		return textFault("reason", c.Reason, StockReasonBytesMax)
	}
	if c.Reason != "" && c.Action != KindDeallocate {
		return &Fault{"reason", shownText(c.Reason), onlyDeallocates}
	}
	if f := checkSize("lines", len(c.Lines), 0, OrderLinesMax); f != nil {
		return f
	}
	for i := range c.Lines {
		if f := checkOrderLine(&c.Lines[i], c.Action); f != nil {
			return f.in("lines", i)
		}
	}
	if i := repeatedName(c.Lines); i >= 0 {
		return repeatedFault("itemId", c.Lines[i].ItemID).in("lines", i)
	}
	return nil
}

func checkOrderLine(l *OrderLine, action Kind) *Fault {
	if !IsText(l.ItemID, ItemIDBytesMax) {
		return textFault("itemId", l.ItemID, ItemIDBytesMax)
	}
	if f := checkQuantity("quantity", l.Quantity, 0); f != nil {
		return f
	}
	if action != KindDeallocate {
		if f := checkNoMarks(l); f != nil {
			return f
		}
	}
	if l.Block >= blockMarks {
		return numberFault("block", int64(l.Block), 0, int64(blockMarks-1))
	}
	if action != KindReturn {
		return checkNoGoods(l)
	}
	if !isOptionalText(l.UPC, UPCBytesMax) {
		return textFault("upc", l.UPC, UPCBytesMax)
	}
	if !isOptionalText(l.Location, LocationBytesMax) {
		return textFault("location", l.Location, LocationBytesMax)
	}
	return checkTags("tags", l.Tags)
}

const onlyReturns = "only a return may have it"

// checkNoGoods refuses what only a Return may name: another action would ignore it, and its sender would not know.
func checkNoGoods(l *OrderLine) *Fault {
	switch {
	case l.UPC != "":
		return &Fault{"upc", shownText(l.UPC), onlyReturns}
	case l.Location != "":
		return &Fault{"location", shownText(l.Location), onlyReturns}
	case len(l.Tags) > 0:
		return &Fault{"tags", strconv.Itoa(len(l.Tags)), onlyReturns}
	default:
		return nil
	}
}

const onlyDeallocates = "only a deallocate may have it"

// checkNoMarks refuses what only a Deallocate may have.
func checkNoMarks(l *OrderLine) *Fault {
	switch {
	case l.Lost:
		return &Fault{"lost", "true", onlyDeallocates}
	case l.Block != BlockKeep:
		return &Fault{"block", strconv.Itoa(int(l.Block)), onlyDeallocates}
	default:
		return nil
	}
}

func (l *OrderLine) name() string { return l.ItemID }

func (c *OrderChange) since() (form, meaning byte) {
	form, meaning = commandVersionCommon, commandVersionStrict
	for i := range c.Lines {
		switch l := &c.Lines[i]; {
		case l.Block != BlockKeep:
			form, meaning = commandVersionMore, commandVersionBlocks
		case l.Lost:
			form = commandVersionMore
		}
	}
	if c.Reason != "" {
		return commandVersionNoted, meaning
	}
	return form, meaning
}

const (
	lineHasGoods = 1 << 0 // an OrderLine with UPC, Location or Tags
	lineLost     = 1 << 1
	lineBlock    = 3 << lineBlockShift // its BlockMark

	lineBlockShift = 2

	lineBytesMin = 1 + textBytesMin + 1
)

// appendBody: order, lines, and if there is one the reason; each line has flags, item, quantity, and with lineHasGoods
// UPC, location and tags. The action is the command's kind.
func (c *OrderChange) appendBody(dst []byte) []byte {
	if !isOrderChange(c.Action) {
		panic("BUG: an order change without an action")
	}
	dst = appendText(dst, c.OrderID)
	dst = binary.AppendUvarint(dst, uint64(len(c.Lines)))
	for i := range c.Lines {
		l := &c.Lines[i]
		hasGoods := l.UPC != "" || l.Location != "" || len(l.Tags) > 0
		dst = append(dst, flagBit(hasGoods, lineHasGoods)|flagBit(l.Lost, lineLost)|byte(
			l.Block)<<lineBlockShift&lineBlock)
		dst = appendText(dst, l.ItemID)
		dst = binary.AppendVarint(dst, l.Quantity)
		if hasGoods {
			dst = appendText(dst, l.UPC)
			dst = appendText(dst, l.Location)
			dst = appendTags(dst, l.Tags)
		}
	}
	if c.Reason != "" {
		dst = appendText(dst, c.Reason)
	}
	return dst
}

func (c *OrderChange) readBody(r *bodyReader) {
	c.OrderID = r.text()
	c.Lines = resize(c.Lines, r.count(lineBytesMin))
	for i := range c.Lines {
		r.readOrderLine(&c.Lines[i])
	}
	if c.Reason = ""; r.left() > 0 {
		if c.Reason = r.text(); c.Reason == "" {
			r.fail("an announced text is empty")
		}
	}
}

func (r *bodyReader) readOrderLine(l *OrderLine) {
	flags := r.flags(lineHasGoods | lineLost | lineBlock)
	l.Lost, l.Block = flags&lineLost != 0, BlockMark(flags&lineBlock>>lineBlockShift)
	l.ItemID = r.text()
	l.Quantity = r.varint()
	l.UPC, l.Location, l.Tags = "", "", nil
	if flags&lineHasGoods == 0 {
		return
	}
	l.UPC = r.text()
	l.Location = r.text()
	l.Tags = r.readTags()
	if l.UPC == "" && l.Location == "" && len(l.Tags) == 0 {
		r.fail("announced goods are empty")
	}
}

func (c *OrderChange) digest(dst []byte) []byte {
	dst = digestList(digestText(digestNumber(dst, uint64(c.Action)), c.OrderID), c.Lines)
	if c.Reason != "" { // older versions had none
		dst = digestText(dst, c.Reason)
	}
	return dst
}

func (l *OrderLine) hash() uint64 {
	h := mem.HashJoin(mem.HashText(l.ItemID), uint64(l.Quantity))
	h = mem.HashJoin(h, mem.HashText2(l.UPC, l.Location))
	h = mem.HashJoin(h, hashTags(l.Tags))
	if l.Lost || l.Block != BlockKeep { // other lines keep the hash of older versions
		h = mem.HashJoin(h, uint64(l.Block)<<1|uint64(flagBit(l.Lost, 1)))
	}
	return h
}

// apply confirms, releases, ships or restocks units of an order: all lines, or none if one cannot be done.
func (c *OrderChange) apply(e *Engine, envelope *Envelope, r *Result) {
	hash, changed := mem.HashText(c.OrderID), uint64(0)
	if envelope.IfSeen {
		changed = e.lastChangeOf(c.OrderID, hash, envelope) // before it may come back, which counts as a change
	}
	orderRow, ok := e.orderFor(c.OrderID, hash, envelope, r)
	if !ok {
		return
	}
	if orderRow == 0 && (c.Action != KindReturn || len(c.Lines) == 0) {
		r.refuse(CodeUnknownOrder, "orderId", c.OrderID)
		return
	}
	if envelope.IfSeen && changed != envelope.Seen {
		r.refuse(CodeVersionMismatch, "orderId", c.OrderID)
		return
	}
	e.scratch.lines, e.scratch.strict, e.scratch.reason = e.scratch.lines[:0], envelope.strict(), c.Reason
	e.scratch.sums.Start(len(c.Lines))
	e.scratch.capacity.start(max(len(c.Lines), e.itemsOf(orderRow)))
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
		e.blockItems(c, envelope)
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

// planNamed plans one line of the command. It reports false if the command is refused as a whole.
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

// changeItem confirms, releases or ships units of an item.
func (e *Engine) changeItem(action Kind, p *linePlan, out *LineResult) {
	it := e.items.At(p.item)
	wasOpen := e.isOpen(it)
	if !wasOpen {
		return // nothing is left and nothing was asked for
	}
	rec, w := e.openRecord(e.recordOf(it))
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
	e.closeRecord(rec, &w)
	e.updateOpenCount(it, wasOpen)
}

// The answers of an action that finds no units left. They must not say ok: on an ok the caller ships goods, or pays
// money back.

// answerNothingLeft answers an action on a whole order that has no units left for it: with what the action did before,
// or else with what became of the units.
func (e *Engine) answerNothingLeft(action Kind, orderRow uint32, r *Result) {
	o := e.orders.At(orderRow)
	shipped := false
	for row := o.items; row != 0; row = e.items.At(row).next {
		it := e.items.At(row)
		shipped = shipped || e.doneTo(KindFulfill, it) > 0
		if e.doneTo(action, it) > 0 {
			e.repeatDone(action, row, r.addLine(e.ordersText.Get(it.id), 0))
		}
	}
	if len(r.Lines) > 0 || action == KindDeallocate && !shipped {
		return // an order that holds nothing needs no release, unless its units have shipped
	}
	for row := o.items; row != 0; row = e.items.At(row).next {
		e.planNothing(row, r.addLine(e.ordersText.Get(e.items.At(row).id), 0))
	}
	r.refuse(CodeNothingLeft, "orderId", e.ordersText.Get(o.id))
}

// planNothingLeft plans a line that asks for everything left of an item that has nothing left. It reports whether it
// did; if not, the caller plans the line as usual.
func (e *Engine) planNothingLeft(action Kind, row uint32, out *LineResult) bool {
	it := e.items.At(row)
	switch {
	case e.doneTo(action, it) > 0:
		e.repeatDone(action, row, out)
	case action == KindDeallocate && e.doneTo(KindFulfill, it) == 0:
		return false
	default:
		e.planNothing(row, out)
	}
	return true
}

// planNothing refuses a line for an item that has nothing left.
func (e *Engine) planNothing(row uint32, out *LineResult) {
	out.Code, out.Reason = CodeNothingLeft, e.whyNothingLeft(e.items.At(row))
	e.scratch.lines = append(e.scratch.lines, linePlan{item: row})
}

// whyNothingLeft gives the state of an item's units, or the last movement if it has none.
func (e *Engine) whyNothingLeft(it *item) string {
	allocated, pending := e.held(it)
	why := MovementKind(0)
	switch {
	case allocated > 0:
		why = MovementAllocated
	case pending > 0:
		why = MovementPending
	case e.restockable(it) > 0:
		why = MovementFulfilled
	case it.moveCount > 0:
		why = e.moves.At(it.moveLast).kind
	}
	return why.String()
}
