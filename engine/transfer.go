package engine

import (
	"encoding/binary"
	"slices"
	"strconv"

	"apportion/engine/mem"
)

// TransferItem moves available units of one UPC between two segments.
type TransferItem struct {
	UPC          string `json:"upc"`
	FromLocation string `json:"from.location"`
	FromTags     []Tag  `json:"from.tags"`
	ToLocation   string `json:"to.location"`
	ToTags       []Tag  `json:"to.tags"`
	Quantity     int64  `json:"quantity"`

	// IfVersion, if Has is HasVersion, makes the command depend on the version before it of the record that the units
	// are taken from.
	Has       StockFields `json:"fields"`
	IfVersion uint64      `json:"ifVersion"`
}

// Transfer moves available units between segments of a record or between locations, all items or none.
type Transfer struct {
	Items []TransferItem `json:"items"`
	StockNote
}

func (*Transfer) Kind() Kind { return KindTransfer }

func (c *Transfer) check() *Fault {
	if f := c.StockNote.check(); f != nil {
		return f
	}
	if f := checkSize("items", len(c.Items), 1, TransferItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkTransferItem(&c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func checkTransferItem(it *TransferItem) *Fault {
	if !IsText(it.UPC, UPCBytesMax) {
		return textFault("upc", it.UPC, UPCBytesMax)
	}
	if !IsText(it.FromLocation, LocationBytesMax) {
		return textFault("from.location", it.FromLocation, LocationBytesMax)
	}
	if f := checkTags("from.tags", it.FromTags); f != nil {
		return f
	}
	if !IsText(it.ToLocation, LocationBytesMax) {
		return textFault("to.location", it.ToLocation, LocationBytesMax)
	}
	if f := checkTags("to.tags", it.ToTags); f != nil {
		return f
	}
	if it.Has&^HasVersion != 0 {
		return numberFault("fields", int64(it.Has), 0, int64(HasVersion))
	}
	return checkQuantity("quantity", it.Quantity, 1)
}

func (c *Transfer) hasVersions() bool {
	return slices.ContainsFunc(c.Items, func(it TransferItem) bool { return it.Has&HasVersion != 0 })
}

func (c *Transfer) since() (form, meaning byte) {
	if c.hasVersions() {
		return commandVersionNoted, commandVersionCommon
	}
	return c.StockNote.since(), commandVersionCommon
}

const transferBytesMin = 3*textBytesMin + 2 + 1

// appendBody: items, note, and with moreVersions of each item whether it depends on a version, and on which.
func (c *Transfer) appendBody(dst []byte) []byte {
	has := c.hasVersions()
	dst = c.appendMore(appendTransferItems(dst, c.Items), flagBit(has, moreVersions))
	if !has {
		return dst
	}
	for i := range c.Items {
		it := &c.Items[i]
		dst = append(dst, byte(it.Has&HasVersion))
		if it.Has&HasVersion != 0 {
			dst = binary.AppendUvarint(dst, it.IfVersion)
		}
	}
	return dst
}

func appendTransferItems(dst []byte, items []TransferItem) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for i := range items {
		it := &items[i]
		dst = appendText(dst, it.UPC)
		dst = appendText(dst, it.FromLocation)
		dst = appendTags(dst, it.FromTags)
		dst = appendText(dst, it.ToLocation)
		dst = appendTags(dst, it.ToTags)
		dst = binary.AppendVarint(dst, it.Quantity)
	}
	return dst
}

func (c *Transfer) readBody(r *bodyReader) {
	c.Items = resize(c.Items, r.count(transferBytesMin))
	for i := range c.Items {
		it := &c.Items[i]
		it.UPC = r.text()
		it.FromLocation = r.text()
		it.FromTags = r.readTags()
		it.ToLocation = r.text()
		it.ToTags = r.readTags()
		it.Quantity = r.varint()
		it.Has, it.IfVersion = 0, 0
	}
	if c.readMore(r, moreVersions)&moreVersions != 0 {
		c.readVersions(r)
	}
}

func (c *Transfer) readVersions(r *bodyReader) {
	for i := range c.Items {
		it := &c.Items[i]
		if it.Has = StockFields(r.flags(byte(HasVersion))); it.Has != 0 {
			it.IfVersion = r.uvarint()
		}
	}
	if !c.hasVersions() {
		r.fail("announced versions are none")
	}
}

func (c *Transfer) digest(dst []byte) []byte { return c.StockNote.digest(digestList(dst, c.Items)) }

func (it *TransferItem) hash() uint64 {
	h := mem.HashJoin(mem.HashText(it.UPC), mem.HashText2(it.FromLocation, it.ToLocation))
	h = mem.HashJoin(h, hashTags(it.FromTags))
	h = mem.HashJoin(h, hashTags(it.ToTags))
	h = mem.HashJoin(h, uint64(it.Quantity))
	if it.Has&HasVersion != 0 { // other items keep the hash of older versions
		h = mem.HashJoin(h, it.IfVersion)
	}
	return h
}

// apply moves available units: all items, or none if one cannot be done.
func (c *Transfer) apply(e *Engine, _ *Envelope, r *Result) {
	for i := range c.Items {
		if it := &c.Items[i]; it.Has&HasVersion != 0 {
			e.matchVersion(i, it.UPC, it.FromLocation, it.IfVersion, r)
		}
	}
	if r.Code != CodeOK {
		return
	}
	e.scratch.stock = e.scratch.stock[:0]
	e.scratch.sums.Start(len(c.Items))
	e.scratch.capacity.start(len(c.Items))
	for i := range c.Items {
		if !e.planTransfer(i, &c.Items[i], r) {
			return
		}
	}
	e.scratch.sums.Start(2 * len(c.Items)) // from here on: the records counted so far
	for i := range c.Items {
		it, from, to := &c.Items[i], &e.scratch.stock[2*i], &e.scratch.stock[2*i+1]
		e.moveOnHand(from.record, from.key, -it.Quantity)
		if to.record == 0 {
			to.record = e.findRecord(it.UPC, it.ToLocation)
		}
		if to.record == 0 {
			to.record = e.createRecord(it.UPC, it.ToLocation)
		}
		e.moveOnHand(to.record, to.key, it.Quantity)
		e.tellChange(from, it.UPC, it.FromLocation, -it.Quantity, &c.StockNote)
		e.tellChange(to, it.UPC, it.ToLocation, it.Quantity, &c.StockNote)
		e.countRecord(from.record, r)
		e.countRecord(to.record, r)
		r.Stock.Units += it.Quantity
	}
	r.Stock.Items = int64(len(c.Items))
}

func (e *Engine) planTransfer(i int, it *TransferItem, r *Result) bool {
	s := e.Schema()
	fromKey, _, code, tag := s.key(it.FromTags)
	if code != CodeOK {
		refuseTag(r, code, itemPath(i, "from.tags"), it.FromTags[tag])
		return false
	}
	toKey, _, code, tag := s.key(it.ToTags)
	if code != CodeOK {
		refuseTag(r, code, itemPath(i, "to.tags"), it.ToTags[tag])
		return false
	}
	from := stockTarget{record: e.findRecord(it.UPC, it.FromLocation), key: fromKey}
	to := stockTarget{record: e.findRecord(it.UPC, it.ToLocation), key: toKey}
	e.scratch.stock = append(e.scratch.stock, from, to)
	switch {
	case from.record == 0:
		r.refuse(CodeUnknownRecord, itemPath(i, "from.location"), it.FromLocation)
	case it.FromLocation == it.ToLocation && fromKey == toKey:
		r.refuse(CodeInvalid, itemPath(i, "to"), it.ToLocation)
	case !e.reserveUnits(&to, it.UPC, it.ToLocation, it.Quantity):
		r.refuse(CodeTooMany, itemPath(i, "to.tags"), it.UPC)
	default:
		return e.planTake(i, it, &from, r)
	}
	return false
}

// planTake checks that the segment still has the units, after what earlier items take.
func (e *Engine) planTake(i int, it *TransferItem, from *stockTarget, r *Result) bool {
	s := e.Schema()
	rec := e.records.At(from.record)
	row := uint32(0)
	if id := s.find(from.key); id != 0 {
		row = e.findSegment(rec, id)
	}
	if row == 0 {
		r.refuse(CodeUnknownSegment, itemPath(i, "from.tags"), it.UPC)
		return false
	}
	sum := e.scratch.sums.At(row)
	*sum += it.Quantity
	if available := e.segments.At(row).available(); *sum > available {
		r.refuse(CodeInsufficient, itemPath(i, "quantity"), strconv.FormatInt(it.Quantity, 10))
		r.Stock.Units = max(0, available-(*sum-it.Quantity))
		return false
	}
	return true
}

// moveOnHand changes on hand of one segment, and creates a missing segment.
func (e *Engine) moveOnHand(recordRow uint32, key tagSetKey, units int64) {
	rec, w := e.openRecord(recordRow)
	id := e.tagSetOf(key)
	row := e.findSegment(rec, id)
	if row == 0 {
		row = e.addSegment(rec, id)
	}
	e.addUnits(rec, &w, row, unitDelta{onHand: units})
	e.closeRecord(rec, &w)
}
