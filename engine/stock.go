package engine

import (
	"apportion/engine/mem"
	"strconv"
	"sync/atomic"
)

// stockTarget is where one stock item goes: a segment, or a group that it is split over.
type stockTarget struct {
	record uint32 // 0: the record does not exist yet
	key    tagSetKey
	split  bool
	onHand int64 // what on hand of the target becomes; not for future stock
	short  int64 // by how much a counted quantity came out below zero
}

// apply sets on hand: all items, or none when one cannot be done.
func (c *Refresh) apply(e *Engine, envelope *Envelope, r *Result) {
	count := e.counts.find(e, c.Location, c.Count)
	if c.Count != "" && count == nil {
		r.refuse(CodeUnknownCount, "count", c.Count)
		return
	}
	if !e.targets(c.Location, c.Items, r) {
		return
	}
	for i := range c.Items {
		t := &e.scratch.stock[i]
		t.onHand = c.Items[i].Quantity
		if count != nil && c.Items[i].DeliveryDateMS == 0 {
			t.onHand += e.sinceCount(t)
			if t.onHand < 0 && envelope.strict() {
				t.onHand, t.short = 0, -t.onHand // one wrong figure does not spoil the count
			}
		}
		if !e.checkOnHand(t, i, c.Location, c.Items, r) {
			return
		}
	}
	e.counts.loading = count != nil
	e.setStock(c.Location, c.Items, r)
	if count != nil {
		e.reportShortfalls(c, r)
	}
}

// reportShortfalls tells of the items of a count that came out below zero: somebody has miscounted, or sold what was
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

// apply changes on hand: all items, or none when one cannot be done.
func (c *Adjust) apply(e *Engine, _ *Envelope, r *Result) {
	if !e.targets(c.Location, c.Items, r) {
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
	e.setStock(c.Location, c.Items, r)
}

// checkOnHand refuses what an item would set on hand, or a delivery, to.
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
	case !e.takeRoom(t, it.UPC, location, more):
		r.refuse(CodeTooMany, itemPath(i, "tags"), it.UPC)
	default:
		return true
	}
	return false
}

// targets resolves every item into scratch.stock, or refuses the first that cannot be.
func (e *Engine) targets(location string, items []StockItem, r *Result) bool {
	s := e.Schema()
	e.scratch.stock = e.scratch.stock[:0]
	e.scratch.sums.Start(len(items))
	e.scratch.room.start(len(items))
	for i := range items {
		key, split, code, tag := s.key(items[i].Tags)
		if code != CodeOK {
			refuseTag(r, code, itemPath(i, "tags"), items[i].Tags[tag])
			return false
		}
		t := stockTarget{record: e.findRecord(items[i].UPC, location), key: key, split: split}
		if date := items[i].DeliveryDateMS; date != 0 && date <= e.nowMS.Load() {
			// Taken as arrived, a feed that is sent again would bring the same units again.
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

// firstDuplicate gives the first item whose target an earlier item sets too, or -1. A group and one of its segments
// overlap, so they count as the same target.
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

// targetOnHand is what the target has now.
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

// setStock does the resolved items.
func (e *Engine) setStock(location string, items []StockItem, r *Result) {
	e.scratch.sums.Start(len(items))
	for i := range items {
		t := &e.scratch.stock[i]
		if t.record == 0 {
			t.record = e.findRecord(items[i].UPC, location) // an earlier item may have created it
		}
		if t.record == 0 {
			t.record = e.createRecord(items[i].UPC, location)
		}
		e.setStockItem(t, &items[i])
		if items[i].DeliveryDateMS == 0 {
			r.Stock.Units += max(items[i].Quantity, -items[i].Quantity)
		}
		e.countRecord(t.record, r)
	}
	e.counts.loading = false // what a redistribution moves was not so at the count's start
	for i := range items {
		if row := e.scratch.stock[i].record; e.records.At(row).flags&recordDue != 0 {
			e.redistributeRecord(row, nil)
		}
	}
	r.Stock.Items = int64(len(items))
}

// countRecord counts a changed record once in a result. scratch.sums has those that have been counted.
func (e *Engine) countRecord(row uint32, r *Result) {
	if seen := e.scratch.sums.At(row); *seen == 0 {
		*seen = 1
		r.Stock.Records++
	}
}

func (e *Engine) setStockItem(t *stockTarget, it *StockItem) {
	rec, w := e.begin(t.record)
	if it.DeliveryDateMS != 0 {
		e.setFuture(t, rec, it.DeliveryDateMS)
	}
	if t.split {
		e.setGroup(t, rec, &w, it)
	} else {
		e.setSegment(t, rec, &w, it)
	}
	e.end(rec, &w)
}

func (e *Engine) setSegment(t *stockTarget, rec *record, w *window, it *StockItem) {
	id := e.tagSetOf(t.key)
	row := e.findSegment(rec, id)
	if row == 0 {
		row = e.addSegment(rec, id)
	}
	seg := e.segments.At(row)
	d := delta{}
	if it.DeliveryDateMS == 0 {
		d.onHand = t.onHand - seg.onHand
	}
	if it.Has&HasSafetyStock != 0 {
		d.safety = it.SafetyStock - seg.safety
	}
	e.change(rec, w, row, d)
	if it.Has&HasFloor != 0 {
		atomic.StoreInt64(&seg.floor, it.Floor)
	}
	if it.Has&HasLTD != 0 {
		atomic.StoreInt64(&seg.ltd, it.LTD)
	}
}

func (e *Engine) setGroup(t *stockTarget, rec *record, w *window, it *StockItem) {
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
	return row
}

// tagSetOf finds or creates the tag set of a key.
func (e *Engine) tagSetOf(key tagSetKey) TagSetID {
	id, created := e.Schema().set(key)
	e.changes.schema = e.changes.schema || created
	return id
}

// groupOf gives the group of a tag set.
func (e *Engine) groupOf(id TagSetID) *group {
	s := e.Schema()
	number, created := s.groupOf(id)
	e.changes.schema = e.changes.schema || created
	return &s.groups[number]
}

// apply moves available units: all items, or none when one cannot be done.
func (c *Transfer) apply(e *Engine, _ *Envelope, r *Result) {
	e.scratch.stock = e.scratch.stock[:0]
	e.scratch.sums.Start(len(c.Items))
	e.scratch.room.start(len(c.Items))
	for i := range c.Items {
		if !e.planTransfer(i, &c.Items[i], r) {
			return
		}
	}
	e.scratch.sums.Start(2 * len(c.Items)) // from here on: the records that have been counted
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
	case !e.takeRoom(&to, it.UPC, it.ToLocation, it.Quantity):
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

// moveOnHand changes on hand of one segment, which is created if need be.
func (e *Engine) moveOnHand(recordRow uint32, key tagSetKey, units int64) {
	rec, w := e.begin(recordRow)
	id := e.tagSetOf(key)
	row := e.findSegment(rec, id)
	if row == 0 {
		row = e.addSegment(rec, id)
	}
	e.change(rec, &w, row, delta{onHand: units})
	e.end(rec, &w)
}
