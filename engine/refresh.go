package engine

import (
	"encoding/binary"
	"strconv"
)

// Refresh sets on hand of items at a location.
type Refresh struct {
	Location string `json:"location"`

	// Count names an open stock count at the location; quantities are then as of the count's start.
	Count string      `json:"count"`
	Items []StockItem `json:"items"`
	StockNote
}

// StockNote says why stock is changed, or blocked, to those who read about it later. With a reason or a reference, each
// change of on hand is an event.
type StockNote struct {
	Reason    string `json:"reason"`    // usual ones: correction, count, received, damaged, shrinkage
	Reference string `json:"reference"` // to a document
}

func (n *StockNote) check() *Fault {
	if !isOptionalText(n.Reason, StockReasonBytesMax) {
		return textFault("reason", n.Reason, StockReasonBytesMax)
	}
	if !isOptionalText(n.Reference, StockReferenceBytesMax) {
		return textFault("reference", n.Reference, StockReferenceBytesMax)
	}
	return nil
}

func (n *StockNote) isEmpty() bool { return n.Reason == "" && n.Reference == "" }

// since gives the oldest version that can express a command with the note.
func (n *StockNote) since() byte {
	if n.isEmpty() {
		return commandVersionCommon
	}
	return commandVersionNoted
}

// The end of a stock command's body, if there is more to say than older versions could: flags, then what they announce.
const (
	moreVersions  = 1 << 0 // of a Transfer
	moreReason    = 1 << 1
	moreReference = 1 << 2
)

// appendMore appends the end of a body: the note, and flags of what the caller appends after it.
func (n *StockNote) appendMore(dst []byte, flags byte) []byte {
	flags |= flagBit(n.Reason != "", moreReason) | flagBit(n.Reference != "", moreReference)
	if flags == 0 {
		return dst
	}
	dst = append(dst, flags)
	if n.Reason != "" {
		dst = appendText(dst, n.Reason)
	}
	if n.Reference != "" {
		dst = appendText(dst, n.Reference)
	}
	return dst
}

// readMore reads what appendMore wrote, with flags of the caller's among those that are known.
func (n *StockNote) readMore(r *bodyReader, known byte) (flags byte) {
	*n = StockNote{}
	if r.left() == 0 {
		return 0
	}
	if flags = r.flags(known | moreReason | moreReference); flags == 0 {
		r.fail("nothing is announced")
	}
	if flags&moreReason != 0 {
		n.Reason = r.text()
	}
	if flags&moreReference != 0 {
		n.Reference = r.text()
	}
	if (n.Reason == "") != (flags&moreReason == 0) || (n.Reference == "") != (flags&moreReference == 0) {
		r.fail("an announced text is empty")
	}
	return flags
}

// digest leaves an empty note out: older versions had none.
func (n *StockNote) digest(dst []byte) []byte {
	if n.isEmpty() {
		return dst
	}
	return digestText(digestText(dst, n.Reason), n.Reference)
}

// tellChange makes an event of a change of on hand of a segment or a tag group.
func (e *Engine) tellChange(t *stockTarget, upc, location string, units int64, note *StockNote) {
	if units == 0 || note.isEmpty() {
		return
	}
	ev := Event{Kind: EventStockChanged, UPC: upc, Location: location, Units: units, Limit: e.targetOnHand(t),
		Reason: note.Reason, Reference: note.Reference}
	if !t.split {
		ev.TagSet = e.tagSetOf(t.key)
	}
	e.emit(&ev)
}

func (*Refresh) Kind() Kind { return KindRefresh }

func (c *Refresh) check() *Fault {
	if !IsText(c.Location, LocationBytesMax) {
		return textFault("location", c.Location, LocationBytesMax)
	}
	if !isOptionalText(c.Count, countBytesMax) {
		return textFault("count", c.Count, countBytesMax)
	}
	if f := c.StockNote.check(); f != nil {
		return f
	}
	if f := checkSize("items", len(c.Items), 1, RefreshItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkItem(KindRefresh, &c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func (c *Refresh) since() (form, meaning byte) {
	form, meaning = max(c.StockNote.since(), formOfItems(c.Items)), commandVersionCommon
	if c.Count != "" {
		meaning = commandVersionStrict
	}
	return form, meaning
}

// formOfItems gives the oldest version that can express the items.
func formOfItems(items []StockItem) byte {
	for i := range items {
		if items[i].Has&HasVersion != 0 {
			return commandVersionNoted
		}
	}
	return commandVersionCommon
}

// appendBody: location, count, items, note.
func (c *Refresh) appendBody(dst []byte) []byte {
	dst = appendText(dst, c.Location)
	dst = appendText(dst, c.Count)
	return c.appendMore(appendStockItems(dst, c.Items), 0)
}

func (c *Refresh) readBody(r *bodyReader) {
	c.Location, c.Count = r.text(), r.text()
	c.Items = r.readStockItems(c.Items)
	c.readMore(r, 0)
}

func (c *Refresh) digest(dst []byte) []byte {
	return c.StockNote.digest(digestList(digestText(digestText(dst, c.Location), c.Count), c.Items))
}

// apply sets on hand: all items, or none if one cannot be done.
func (c *Refresh) apply(e *Engine, envelope *Envelope, r *Result) {
	count := e.counts.find(e, c.Location, c.Count)
	if c.Count != "" && count == nil {
		r.refuse(CodeUnknownCount, "count", c.Count)
		return
	}
	if !e.matchVersions(c.Location, c.Items, r) || !e.targets(c.Location, c.Items, r) {
		return
	}
	for i := range c.Items {
		t := &e.scratch.stock[i]
		t.onHand = c.Items[i].Quantity
		if count != nil && c.Items[i].DeliveryDateMS == 0 {
			t.onHand += e.sinceCount(count, t)
			if t.onHand < 0 && envelope.strict() {
				t.onHand, t.short = 0, -t.onHand // one wrong figure does not stop the count
			}
		}
		if !e.checkOnHand(t, i, c.Location, c.Items, r) {
			return
		}
	}
	e.counts.loading = count != nil
	e.setStock(c.Location, c.Items, &c.StockNote, r)
	if count != nil {
		e.nameTargets(count, c.Items)
		e.reportShortfalls(c, r)
	}
}

// reportShortfalls reports the items of a count that came out below zero: a wrong count, or a sale of units that were
// not there.
func (e *Engine) reportShortfalls(c *Refresh, r *Result) {
	for i := range c.Items {
		t := &e.scratch.stock[i]
		if t.short == 0 {
			continue
		}
		if len(r.Shortfalls) < ReportedItemsMax {
			r.Shortfalls = append(r.Shortfalls, Shortfall{Item: i, Units: t.short})
		}
		ev := Event{Kind: EventCountShort, UPC: c.Items[i].UPC, Location: c.Location, Name: c.Count, Units: t.short,
			Limit: c.Items[i].Quantity}
		if !t.split {
			ev.TagSet = e.tagSetOf(t.key)
		}
		e.emit(&ev)
	}
}

// matchVersions refuses the command if the record of an item does not have the version that the item depends on.
func (e *Engine) matchVersions(location string, items []StockItem, r *Result) bool {
	for i := range items {
		if it := &items[i]; it.Has&HasVersion != 0 {
			e.matchVersion(i, it.UPC, location, it.IfVersion, r)
		}
	}
	return r.Code == CodeOK
}

// matchVersion refuses the command if a record does not have the version that an item depends on. All such records are
// listed, so that the sender can mend all of its items at once.
func (e *Engine) matchVersion(i int, upc, location string, version uint64, r *Result) {
	now := RecordState{Item: i, UPC: upc, Location: location}
	if row := e.findRecord(upc, location); row != 0 {
		now.fill(e.records.At(row))
	}
	if now.Version == version {
		return
	}
	if r.Code == CodeOK {
		r.refuse(CodeVersionMismatch, itemPath(i, "ifVersion"), strconv.FormatUint(version, 10))
	}
	if len(r.Records) < ReportedItemsMax {
		r.Records = append(r.Records, now)
	}
}

// Adjust changes on hand of items at a location by signed amounts.
type Adjust struct {
	Location string      `json:"location"`
	Items    []StockItem `json:"items"`
	StockNote
}

func (*Adjust) Kind() Kind { return KindAdjust }

func (c *Adjust) check() *Fault {
	if !IsText(c.Location, LocationBytesMax) {
		return textFault("location", c.Location, LocationBytesMax)
	}
	if f := c.StockNote.check(); f != nil {
		return f
	}
	if f := checkSize("items", len(c.Items), 1, AdjustItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkItem(KindAdjust, &c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func (c *Adjust) since() (form, meaning byte) {
	return max(c.StockNote.since(), formOfItems(c.Items)), commandVersionCommon
}

// appendBody: location, items, note.
func (c *Adjust) appendBody(dst []byte) []byte {
	return c.appendMore(appendStockItems(appendText(dst, c.Location), c.Items), 0)
}

func (c *Adjust) readBody(r *bodyReader) {
	c.Location = r.text()
	c.Items = r.readStockItems(c.Items)
	c.readMore(r, 0)
}

func (c *Adjust) digest(dst []byte) []byte {
	return c.StockNote.digest(digestList(digestText(dst, c.Location), c.Items))
}

// apply changes on hand: all items, or none if one cannot be done.
func (c *Adjust) apply(e *Engine, _ *Envelope, r *Result) {
	if !e.matchVersions(c.Location, c.Items, r) || !e.targets(c.Location, c.Items, r) {
		return
	}
	for i := range c.Items {
		t := &e.scratch.stock[i]
		if c.Items[i].DeliveryDateMS != 0 {
			t.onHand = e.futureQuantity(t, c.Items[i].DeliveryDateMS) + c.Items[i].Quantity
		} else {
			t.onHand = e.targetOnHand(t) + c.Items[i].Quantity
		}
		if !e.checkOnHand(t, i, c.Location, c.Items, r) {
			return
		}
	}
	e.setStock(c.Location, c.Items, &c.StockNote, r)
}

// RecordState is a record as it is now, of an item of the command.
type RecordState struct {
	Item     int
	UPC      string
	Location string
	Version  uint64 // 0: there is no such record

	OnHand, Allocated, Pending, SafetyStock int64
}

func (s *RecordState) fill(r *record) {
	s.Version, s.OnHand, s.Allocated, s.Pending, s.SafetyStock = r.version, r.onHand, r.allocated, r.pending, r.safety
}

const recordBytesMin = 2 + 2*textBytesMin + 4

func appendRecordStates(dst []byte, records []RecordState) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	for i := range records {
		s := &records[i]
		dst = appendText(appendText(binary.AppendUvarint(dst, uint64(s.Item)), s.UPC), s.Location)
		dst = binary.AppendUvarint(dst, s.Version)
		dst = appendUvarints(dst, zigzag(s.OnHand), zigzag(s.Allocated), zigzag(s.Pending), zigzag(s.SafetyStock))
	}
	return dst
}

func readRecordStates(in *reader, records []RecordState) []RecordState {
	records = resize(records, in.count(recordBytesMin))
	for i := range records {
		records[i] = RecordState{Item: int(in.uint32()), UPC: in.text(), Location: in.text(), Version: in.uvarint(),
			OnHand: in.varint(), Allocated: in.varint(), Pending: in.varint(), SafetyStock: in.varint()}
	}
	return records
}
