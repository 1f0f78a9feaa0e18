package engine

import (
	"encoding/binary"
	"strconv"

	"apportion/engine/mem"
)

// BlockItem is the mark that one UPC's record gets.
type BlockItem struct {
	UPC     string `json:"upc"`
	Blocked bool   `json:"blocked"`
}

// Block marks records at a location as blocked, or clears the mark: all items or none. Callers that choose a location
// for an order item skip blocked records. An Allocate that names the record ignores the mark. Each mark that changes is
// an event.
type Block struct {
	Location string      `json:"location"`
	Items    []BlockItem `json:"items"`
	StockNote
}

func (*Block) Kind() Kind { return KindBlock }

func (c *Block) check() *Fault {
	switch {
	case !IsText(c.Location, LocationBytesMax):
		return textFault("location", c.Location, LocationBytesMax)
	case c.StockNote.check() != nil:
		return c.StockNote.check()
	case len(c.Items) == 0 || len(c.Items) > OrderLinesMax:
		return sizeFault("items", len(c.Items), 1, OrderLinesMax)
	}
	for i := range c.Items {
		if !IsText(c.Items[i].UPC, UPCBytesMax) {
			return textFault("upc", c.Items[i].UPC, UPCBytesMax).in("items", i)
		}
	}
	if i := repeatedName(c.Items); i >= 0 {
		return repeatedFault("upc", c.Items[i].UPC).in("items", i)
	}
	return nil
}

func (it *BlockItem) name() string { return it.UPC }

const (
	blockOn       = 1 << 0
	blockBytesMin = 1 + textBytesMin
)

// since: only since that version is there a note, and an event.
func (c *Block) since() (form, meaning byte) {
	if c.StockNote.isEmpty() {
		return commandVersionCommon, commandVersionBlocks
	}
	return commandVersionBlocks, commandVersionBlocks
}

// appendBody: location, items, note; each item has flags and UPC.
func (c *Block) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(appendText(dst, c.Location), uint64(len(c.Items)))
	for i := range c.Items {
		dst = appendText(append(dst, flagBit(c.Items[i].Blocked, blockOn)), c.Items[i].UPC)
	}
	return c.appendMore(dst, 0)
}

func (c *Block) readBody(r *bodyReader) {
	c.Location = r.text()
	c.Items = resize(c.Items, r.count(blockBytesMin))
	for i := range c.Items {
		flags := r.flags(blockOn)
		c.Items[i] = BlockItem{UPC: r.text(), Blocked: flags != 0}
	}
	c.readMore(r, 0)
}

func (c *Block) digest(dst []byte) []byte {
	return c.StockNote.digest(digestList(digestText(dst, c.Location), c.Items))
}

func (it *BlockItem) hash() uint64 {
	return mem.HashJoin(mem.HashText(it.UPC), uint64(flagBit(it.Blocked, 1)))
}

func (c *Block) apply(e *Engine, envelope *Envelope, r *Result) {
	for i := range c.Items {
		if e.findRecord(c.Items[i].UPC, c.Location) == 0 {
			r.refuse(CodeUnknownRecord, "items["+strconv.Itoa(i)+"].upc", c.Items[i].UPC)
			return
		}
	}
	r.Stock.Items = int64(len(c.Items))
	for i := range c.Items {
		if !e.setBlocked(e.findRecord(c.Items[i].UPC, c.Location), c.Items[i].Blocked) {
			continue
		}
		r.Stock.Records++
		if envelope.means(commandVersionBlocks) {
			e.emit(&Event{Kind: blockEvent(c.Items[i].Blocked), UPC: c.Items[i].UPC, Location: c.Location,
				Reason: c.Reason, Reference: c.Reference})
		}
	}
}

func blockEvent(on bool) EventKind {
	if on {
		return EventRecordBlocked
	}
	return EventRecordUnblocked
}

// setBlocked sets or clears a record's mark, and reports whether that changes anything.
func (e *Engine) setBlocked(row uint32, on bool) bool {
	if e.records.At(row).flags&recordBlocked != 0 == on {
		return false
	}
	rec, w := e.openRecord(row)
	e.setFlag(rec, recordBlocked, on)
	e.closeRecord(rec, &w)
	return true
}

// BlockMark is what a Deallocate does to the mark of its item's record.
type BlockMark uint8

// The block marks. The numbers are stored.
const (
	BlockKeep BlockMark = iota // as it is
	BlockSet
	BlockClear

	blockMarks
)

// blockItems sets or clears the marks of the records that a Deallocate's items came from. A deleted record has none.
func (e *Engine) blockItems(c *OrderChange, envelope *Envelope) {
	for i := range c.Lines {
		it, on := e.items.At(e.scratch.lines[i].item), c.Lines[i].Block == BlockSet
		row := e.recordOf(it)
		if row == 0 || c.Lines[i].Block == BlockKeep || !e.setBlocked(row, on) {
			continue
		}
		if envelope.means(commandVersionBlocks) {
			e.emit(&Event{Kind: blockEvent(on), UPC: e.text(it.upc), Location: e.text(it.location), OrderID: c.OrderID,
				ItemID: c.Lines[i].ItemID, Reason: c.Reason})
		}
	}
}
