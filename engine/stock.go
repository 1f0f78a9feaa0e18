package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"

	"apportion/engine/mem"
)

// StockFields says which optional fields of a StockItem were given.
type StockFields uint8

// The optional fields of a StockItem. A field that was not given stays as it is.
const (
	HasSafetyStock StockFields = 1 << iota
	HasFloor
	HasLTD
	HasVersion
)

// StockItem is one item of a Refresh or an Adjust.
type StockItem struct {
	UPC  string `json:"upc"`
	Tags []Tag  `json:"tags"`

	// Quantity in units: the new on hand in a Refresh, the signed change in an Adjust.
	Quantity int64 `json:"quantity"`

	Has         StockFields `json:"fields"`
	SafetyStock int64       `json:"safetyStock"`
	Floor       int64       `json:"floor"`
	LTD         int64       `json:"ltd"` // days

	// DeliveryDateMS makes the quantity future stock, due at that time (Unix milliseconds). 0: on hand now.
	DeliveryDateMS int64 `json:"deliveryDate"`

	// IfVersion makes the command depend on the version of the item's record before it; 0: there is no such record.
	IfVersion uint64 `json:"ifVersion"`
}

// CheckItem checks one item of a Refresh or an Adjust, by kind. The fault's field is one of the item.
func CheckItem(kind Kind, it *StockItem) *Fault { return checkItem(kind, it) }

// checkItem checks one item of a Refresh or an Adjust.
func checkItem(kind Kind, it *StockItem) *Fault {
	if f := checkStockItem(it); f != nil {
		return f
	}
	if kind == KindRefresh {
		return checkQuantity("quantity", it.Quantity, 0)
	}
	return checkChange(it)
}

// checkChange checks the signed quantity of an Adjust: an item that changes nothing is a mistake.
func checkChange(it *StockItem) *Fault {
	if it.Quantity == 0 && it.Has&^HasVersion != 0 {
		return nil
	}
	if it.Quantity == 0 || it.Quantity < -QuantityMax || it.Quantity > QuantityMax {
		return &Fault{"quantity", strconv.FormatInt(it.Quantity, 10),
			fmt.Sprintf("a number from %d to %d other than 0 is expected", -QuantityMax, QuantityMax)}
	}
	return nil
}

// checkStockItem checks everything but the quantity, whose range depends on the command.
func checkStockItem(it *StockItem) *Fault {
	if !IsText(it.UPC, UPCBytesMax) {
		return textFault("upc", it.UPC, UPCBytesMax)
	}
	if f := checkTags("tags", it.Tags); f != nil {
		return f
	}
	if it.Has != 0 {
		if f := checkStockFields(it); f != nil {
			return f
		}
	}
	if it.DeliveryDateMS < 0 {
		return numberFault("deliveryDate", it.DeliveryDateMS, 0, math.MaxInt64)
	}
	return nil
}

func checkStockFields(it *StockItem) *Fault {
	if it.Has&^stockFieldsKnown != 0 {
		return numberFault("fields", int64(it.Has), 0, int64(stockFieldsKnown))
	}
	if it.Has&HasSafetyStock != 0 {
		if f := checkQuantity("safetyStock", it.SafetyStock, 0); f != nil {
			return f
		}
	}
	if it.Has&HasFloor != 0 {
		if f := checkQuantity("floor", it.Floor, 0); f != nil {
			return f
		}
	}
	if it.Has&HasLTD != 0 {
		return checkQuantity("ltd", it.LTD, 0)
	}
	return nil
}

// The flags of a stock item: the bits of StockFields, then stockHasDelivery.
const (
	stockFieldsKnown = HasSafetyStock | HasFloor | HasLTD | HasVersion
	stockHasDelivery = 1 << 7

	stockBytesMin = 1 + textBytesMin + 1 + 1
)

func appendStockItems(dst []byte, items []StockItem) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for i := range items {
		dst = appendStockItem(dst, &items[i])
	}
	return dst
}

// appendStockItem: flags, UPC, tags, quantity, then what the flags announce, in the order of the bits.
func appendStockItem(dst []byte, it *StockItem) []byte {
	has := it.Has & stockFieldsKnown
	dst = append(dst, byte(has)|flagBit(it.DeliveryDateMS != 0, stockHasDelivery))
	dst = appendText(dst, it.UPC)
	dst = appendTags(dst, it.Tags)
	dst = binary.AppendVarint(dst, it.Quantity)
	if has&HasSafetyStock != 0 {
		dst = binary.AppendVarint(dst, it.SafetyStock)
	}
	if has&HasFloor != 0 {
		dst = binary.AppendVarint(dst, it.Floor)
	}
	if has&HasLTD != 0 {
		dst = binary.AppendVarint(dst, it.LTD)
	}
	if has&HasVersion != 0 {
		dst = binary.AppendUvarint(dst, it.IfVersion)
	}
	if it.DeliveryDateMS != 0 {
		dst = binary.AppendVarint(dst, it.DeliveryDateMS)
	}
	return dst
}

func (r *bodyReader) readStockItems(items []StockItem) []StockItem {
	items = resize(items, r.count(stockBytesMin))
	for i := range items {
		r.readStockItem(&items[i])
	}
	return items
}

func (r *bodyReader) readStockItem(it *StockItem) {
	flags := r.flags(byte(stockFieldsKnown) | stockHasDelivery)
	it.Has = StockFields(flags) & stockFieldsKnown
	it.UPC = r.text()
	it.Tags = r.readTags()
	it.Quantity = r.varint()
	it.SafetyStock, it.Floor, it.LTD, it.DeliveryDateMS, it.IfVersion = 0, 0, 0, 0, 0
	if flags == 0 {
		return
	}
	if it.Has&HasSafetyStock != 0 {
		it.SafetyStock = r.varint()
	}
	if it.Has&HasFloor != 0 {
		it.Floor = r.varint()
	}
	if it.Has&HasLTD != 0 {
		it.LTD = r.varint()
	}
	if it.Has&HasVersion != 0 {
		it.IfVersion = r.uvarint()
	}
	if flags&stockHasDelivery != 0 {
		if it.DeliveryDateMS = r.varint(); it.DeliveryDateMS == 0 {
			r.fail("announced date is empty")
		}
	}
}

func (it *StockItem) hash() uint64 {
	h := mem.HashJoin(mem.HashText(it.UPC), hashTags(it.Tags))
	h = mem.HashJoin(h, uint64(it.Quantity))
	if it.Has == 0 && it.DeliveryDateMS == 0 {
		return h
	}
	h = mem.HashJoin(h, uint64(it.Has))
	h = mem.HashJoin(h, uint64(it.SafetyStock))
	h = mem.HashJoin(h, uint64(it.Floor))
	h = mem.HashJoin(h, uint64(it.LTD))
	h = mem.HashJoin(h, uint64(it.DeliveryDateMS))
	if it.Has&HasVersion != 0 { // other items keep the hash of older versions
		h = mem.HashJoin(h, it.IfVersion)
	}
	return h
}

// stockTarget is what one stock item sets: a segment, or the tag group that it is split over.
type stockTarget struct {
	record uint32 // 0: the record does not exist yet
	key    tagSetKey
	split  bool
	onHand int64 // the new on hand of the target; not for future stock
	short  int64 // by how much a counted quantity came out below zero
}

// targets resolves every item into scratch.stock, or refuses the first one that cannot be resolved.
func (e *Engine) targets(location string, items []StockItem, r *Result) bool {
	s := e.Schema()
	e.scratch.stock = e.scratch.stock[:0]
	e.scratch.sums.Start(len(items))
	e.scratch.capacity.start(len(items))
	for i := range items {
		key, split, code, tag := s.key(items[i].Tags)
		if code != CodeOK {
			refuseTag(r, code, itemPath(i, "tags"), items[i].Tags[tag])
			return false
		}
		t := stockTarget{record: e.findRecord(items[i].UPC, location), key: key, split: split}
		if date := items[i].DeliveryDateMS; date != 0 && date <= e.nowMS.Load() {
			// If it counted as arrived, a feed that is sent twice would add the same units twice.
			r.refuse(CodeExpired, itemPath(i, "deliveryDate"), strconv.FormatInt(date, 10))
			return false
		}
		if items[i].DeliveryDateMS != 0 && e.tooManyFutures(&t, items[i].UPC) {
			r.refuse(CodeTooMany, itemPath(i, "deliveryDate"), items[i].UPC)
			return false
		}
		e.scratch.stock = append(e.scratch.stock, t)
	}
	if i := e.firstDuplicate(items); i >= 0 {
		r.refuse(CodeDuplicate, itemPath(i, "upc"), items[i].UPC)
		return false
	}
	return true
}

func refuseTag(r *Result, code Code, path string, t Tag) {
	if code == CodeUnknownValue {
		r.refuse(code, path+"."+t.Category, t.Value)
		return
	}
	r.refuse(code, path, t.Category)
}

func itemPath(i int, field string) string { return "items[" + strconv.Itoa(i) + "]." + field }

// tooManyFutures reports whether a record may pass FuturesPerRecordMax with this item and the earlier ones of the
// command.
func (e *Engine) tooManyFutures(t *stockTarget, upc string) bool {
	n := int64(0)
	key := t.record
	if key == 0 {
		key = uint32(mem.HashText(upc)) | 1<<31 // no record has so high a row
	} else {
		for row := e.records.At(t.record).futures; row != 0; row = e.futures.At(row).next {
			n++
		}
	}
	sum := e.scratch.sums.At(key)
	*sum++
	return n+*sum > FuturesPerRecordMax
}

// firstDuplicate gives the first item whose target an earlier item sets too, or -1. A tag group and one of its segments
// overlap, so they count as one target.
func (e *Engine) firstDuplicate(items []StockItem) int {
	if len(items) == 1 {
		return -1
	}
	s := e.Schema()
	seen := &e.scratch.seen
	seen.Start(len(items))
	for i := range items {
		h := mem.HashText(items[i].UPC) ^ mix(uint64(items[i].DeliveryDateMS)^s.discreteHash(e.scratch.stock[i].key),
			0x9e3779b97f4a7c15)
		p := seen.Probe(h)
		for j := seen.Next(&p); j != nil; j = seen.Next(&p) {
			a, b := &e.scratch.stock[i], &e.scratch.stock[*j]
			if items[i].UPC == items[*j].UPC && items[i].DeliveryDateMS == items[*j].DeliveryDateMS &&
				(a.key == b.key || (a.split || b.split) && s.sameGroup(a.key, b.key)) {
				return i
			}
		}
		*seen.Add(h) = int32(i)
	}
	return -1
}

// targetOnHand is the target's on hand now.
func (e *Engine) targetOnHand(t *stockTarget) int64 {
	units := int64(0)
	e.eachTargeted(t, func(row uint32, seg *segment) { units += seg.onHand })
	return units
}

// eachTargeted calls do for each segment of the target that exists.
func (e *Engine) eachTargeted(t *stockTarget, do func(row uint32, seg *segment)) {
	if t.record == 0 {
		return
	}
	s := e.Schema()
	for row := e.records.At(t.record).segments; row != 0; {
		seg := e.segments.At(row)
		key := s.sets.At(uint32(seg.tagSet)).key
		if key == t.key || t.split && s.sameGroup(key, t.key) {
			do(row, seg)
		}
		row = seg.next
	}
}

// checkOnHand refuses an item that would set on hand, or a delivery, outside the limits.
func (e *Engine) checkOnHand(t *stockTarget, i int, location string, items []StockItem, r *Result) bool {
	it := &items[i]
	more := int64(0)
	if it.DeliveryDateMS == 0 {
		more = t.onHand - e.targetOnHand(t)
	}
	if it.Has&HasSafetyStock != 0 {
		more = max(0, more) + it.SafetyStock
	}
	switch {
	case t.onHand < 0:
		r.refuse(CodeOnHandBelowZero, itemPath(i, "quantity"), strconv.FormatInt(it.Quantity, 10))
	case t.onHand > QuantityMax:
		r.refuse(CodeInvalid, itemPath(i, "quantity"), strconv.FormatInt(it.Quantity, 10))
	case !e.reserveUnits(t, it.UPC, location, more):
		r.refuse(CodeTooMany, itemPath(i, "tags"), it.UPC)
	default:
		return true
	}
	return false
}

// setStock carries out the resolved items.
func (e *Engine) setStock(location string, items []StockItem, note *StockNote, r *Result) {
	e.scratch.sums.Start(len(items))
	for i := range items {
		t := &e.scratch.stock[i]
		if t.record == 0 {
			t.record = e.findRecord(items[i].UPC, location) // an earlier item may have created it
		}
		if t.record == 0 {
			t.record = e.createRecord(items[i].UPC, location)
		}
		before := int64(0)
		if !note.isEmpty() {
			before = e.targetOnHand(t)
		}
		e.setStockItem(t, &items[i])
		if items[i].DeliveryDateMS == 0 {
			r.Stock.Units += max(items[i].Quantity, -items[i].Quantity)
			e.tellChange(t, items[i].UPC, location, t.onHand-before, note)
		}
		e.countRecord(t.record, r)
	}
	e.counts.loading = false // a redistribution does not correct what was there at the count's start
	for i := range items {
		if row := e.scratch.stock[i].record; e.records.At(row).flags&recordDue != 0 {
			e.redistributeRecord(row, nil)
		}
	}
	r.Stock.Items = int64(len(items))
}

// countRecord counts a changed record once in a result. scratch.sums has the records counted so far.
func (e *Engine) countRecord(row uint32, r *Result) {
	if seen := e.scratch.sums.At(row); *seen == 0 {
		*seen = 1
		r.Stock.Records++
	}
}

func (e *Engine) setStockItem(t *stockTarget, it *StockItem) {
	rec, w := e.openRecord(t.record)
	if it.DeliveryDateMS != 0 {
		e.setFuture(t, rec, it.DeliveryDateMS)
	}
	if t.split {
		e.setGroup(t, rec, &w, it)
	} else {
		e.setSegment(t, rec, &w, it)
	}
	e.closeRecord(rec, &w)
}

func (e *Engine) setSegment(t *stockTarget, rec *record, w *recordEdit, it *StockItem) {
	id := e.tagSetOf(t.key)
	row := e.findSegment(rec, id)
	if row == 0 {
		row = e.addSegment(rec, id)
	}
	seg := e.segments.At(row)
	d := unitDelta{}
	if it.DeliveryDateMS == 0 {
		d.onHand = t.onHand - seg.onHand
	}
	if it.Has&HasSafetyStock != 0 {
		d.safety = it.SafetyStock - seg.safety
	}
	e.addUnits(rec, w, row, d)
	if it.Has&HasFloor != 0 {
		atomic.StoreInt64(&seg.floor, it.Floor)
	}
	if it.Has&HasLTD != 0 {
		atomic.StoreInt64(&seg.ltd, it.LTD)
	}
}

func (e *Engine) setGroup(t *stockTarget, rec *record, w *recordEdit, it *StockItem) {
	g := e.groupOf(e.tagSetOf(t.key))
	if it.Has&HasSafetyStock != 0 {
		e.splitSafety(rec, w, g, it.SafetyStock)
	}
	if it.DeliveryDateMS == 0 {
		e.splitGroup(rec, w, g, t.onHand)
	}
	if it.Has&HasFloor != 0 {
		atomic.StoreInt64(&rec.floor, it.Floor)
	}
	if it.Has&HasLTD != 0 {
		atomic.StoreInt64(&rec.ltd, it.LTD)
	}
}

// addSegment creates a segment; while a count is open at the location, it had nothing when the count began.
func (e *Engine) addSegment(rec *record, id TagSetID) uint32 {
	row := e.createSegment(rec, id)
	e.counts.note(rec.location, row, 0)
	e.noteEdge(rec, row, edgeOut|edgeNew)
	return row
}

// tagSetOf finds or creates the tag set of a key.
func (e *Engine) tagSetOf(key tagSetKey) TagSetID {
	id, created := e.Schema().set(key)
	e.changes.schema = e.changes.schema || created
	return id
}

// groupOf gives the group of a tag set.
func (e *Engine) groupOf(id TagSetID) *tagGroup {
	s := e.Schema()
	number, created := s.groupOf(id)
	e.changes.schema = e.changes.schema || created
	return &s.groups[number]
}
