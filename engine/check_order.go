package engine

import (
	"math"
	"strconv"

	"apportion/engine/mem"
)

func (c *Allocate) check() *Fault { return c.checkLines(nil) }

// checkLines is check; known, if not nil, has a list for each line whose tags were checked before.
func (c *Allocate) checkLines(known []*tagList) *Fault {
	if !IsText(c.OrderID, OrderIDBytesMax) {
		return textFault("orderId", c.OrderID, OrderIDBytesMax)
	}
	if c.Mode > ModePartial {
		return numberFault("mode", int64(c.Mode), 0, int64(ModePartial))
	}
	if c.ExpiresAtMS < 0 {
		return numberFault("expiresAt", c.ExpiresAtMS, 0, math.MaxInt64)
	}
	if f := checkSize("lines", len(c.Lines), 1, OrderLinesMax); f != nil {
		return f
	}
	for i := range c.Lines {
		f := checkAllocateLine(&c.Lines[i])
		if f == nil && (known == nil || known[i] == nil) {
			f = checkTags("tags", c.Lines[i].Tags)
		}
		if f != nil {
			return f.in("lines", i)
		}
	}
	if i := repeatedName(c.Lines); i >= 0 {
		return repeatedFault("itemId", c.Lines[i].ItemID).in("lines", i)
	}
	return nil
}

// checkAllocateLine checks everything but the tags.
func checkAllocateLine(l *AllocateLine) *Fault {
	if !IsText(l.ItemID, ItemIDBytesMax) {
		return textFault("itemId", l.ItemID, ItemIDBytesMax)
	}
	if !IsText(l.UPC, UPCBytesMax) {
		return textFault("upc", l.UPC, UPCBytesMax)
	}
	if !IsText(l.Location, LocationBytesMax) {
		return textFault("location", l.Location, LocationBytesMax)
	}
	if f := checkQuantity("quantity", l.Quantity, 1); f != nil {
		return f
	}
	if l.Attributes != nil {
		return checkAttributes(l.Attributes)
	}
	return nil
}

func (c *OrderChange) check() *Fault {
	if !isOrderChange(c.Action) {
		return numberFault("kind", int64(c.Action), int64(KindConfirm), int64(KindReturn))
	}
	if !IsText(c.OrderID, OrderIDBytesMax) {
		return textFault("orderId", c.OrderID, OrderIDBytesMax)
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

const onlyReturns = "only a return may name it"

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

const onlyDeallocates = "only a deallocate may say so"

// checkNoMarks refuses what only a Deallocate may say.
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

// named is a pointer to an element of a list whose names must differ.
type named[E any] interface {
	*E
	name() string
}

func (l *AllocateLine) name() string { return l.ItemID }
func (l *OrderLine) name() string    { return l.ItemID }
func (v *Value) name() string        { return v.Name }
func (m *Move) name() string         { return m.From }

// repeatedPairsMax is the length up to which comparing each pair of names is cheaper than a table.
const repeatedPairsMax = 12

// repeatedName gives the first element whose name an element before it has, or -1. It works on lists within the limits.
func repeatedName[E any, P named[E]](list []E) int {
	if len(list) < 2 {
		return -1
	}
	if len(list) > repeatedPairsMax {
		return repeatedNameByTable[E, P](list)
	}
	for i := range list {
		for k := range i {
			if P(&list[k]).name() == P(&list[i]).name() {
				return i
			}
		}
	}
	return -1
}

// nameSlots is the size of the table of names: a power of two, and roomy, so that chains stay short.
const nameSlots = 2048

const _ = uint(nameSlots - 2*OrderLinesMax)
const _ = uint(nameSlots - 2*CategoryValuesMax)

// repeatedNameByTable is repeatedName with an open-addressing table on the stack.
func repeatedNameByTable[E any, P named[E]](list []E) int {
	var slots [nameSlots]uint16 // 1 + index of the element, or 0
	for i := range list {
		name := P(&list[i]).name()
		at := mem.HashText(name) % nameSlots
		for ; slots[at] != 0; at = (at + 1) % nameSlots {
			if P(&list[slots[at]-1]).name() == name {
				return i
			}
		}
		slots[at] = uint16(i + 1)
	}
	return -1
}
