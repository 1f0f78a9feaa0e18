package engine

import (
	"encoding/binary"
	"strconv"
)

// BlockItem says of one UPC whether it is blocked.
type BlockItem struct {
	UPC     string `json:"upc"`
	Blocked bool   `json:"blocked"`
}

// Block marks records at a location as ones from which no order items are to be assigned, or takes the mark away: all items
// or none. The mark is for those who choose where an item comes from; an Allocate that names the record does not look at it.
type Block struct {
	Location string      `json:"location"`
	Items    []BlockItem `json:"items"`
}

func checkBlock(c *Block) *fault {
	switch {
	case !isText(c.Location, LocationBytesMax):
		return textFault("location", c.Location)
	case len(c.Items) == 0 || len(c.Items) > OrderLinesMax:
		return numberFault("items", int64(len(c.Items)))
	}
	for i := range c.Items {
		if !isText(c.Items[i].UPC, UPCBytesMax) {
			return textFault("upc", c.Items[i].UPC).in("items", i)
		}
	}
	if i := repeatedName(c.Items); i >= 0 {
		return textFault("upc", c.Items[i].UPC).in("items", i)
	}
	return nil
}

func (it *BlockItem) name() string { return it.UPC }

const (
	blockOn       = 1 << 0
	blockBytesMin = 1 + textBytesMin
)

// appendBlock: location, items; each has flags and UPC.
func appendBlock(dst []byte, c *Block) []byte {
	dst = binary.AppendUvarint(appendText(dst, c.Location), uint64(len(c.Items)))
	for i := range c.Items {
		dst = appendText(append(dst, flagBit(c.Items[i].Blocked, blockOn)), c.Items[i].UPC)
	}
	return dst
}

func readBlock(r *reader, c *Block) {
	c.Location = r.text()
	c.Items = resize(c.Items, r.count(blockBytesMin))
	for i := range c.Items {
		flags := r.flags(blockOn)
		c.Items[i] = BlockItem{UPC: r.text(), Blocked: flags != 0}
	}
}

func (e *Engine) blockRecords(c *Block, r *Result) {
	for i := range c.Items {
		if e.findRecord(c.Items[i].UPC, c.Location) == 0 {
			r.refuse(CodeUnknownRecord, "items["+strconv.Itoa(i)+"].upc", c.Items[i].UPC)
			return
		}
	}
	r.Stock.Items = int64(len(c.Items))
	for i := range c.Items {
		row := e.findRecord(c.Items[i].UPC, c.Location)
		if e.records.at(row).flags&recordBlocked != 0 == c.Items[i].Blocked {
			continue
		}
		rec, w := e.begin(row)
		e.setFlag(rec, recordBlocked, c.Items[i].Blocked)
		e.end(rec, &w)
		r.Stock.Records++
	}
}
