package engine

import (
	"strconv"
	"sync/atomic"
)

// nextFuture gives the first delivery of a target at a time from a row of its record's list on; 0: there is none. A
// schema change that made one of two segments can have left several.
func (e *Engine) nextFuture(t *stockTarget, dueMS int64, row uint32) uint32 {
	s := e.Schema()
	for row != 0 {
		f := e.futures.at(row)
		key := s.sets.at(uint32(s.canonical(f.tagSet))).key
		split := f.split == 1 && s.combinations > 0 // nothing is split when no category has percents any more
		if f.dueMS == dueMS && split == t.split && (key == t.key || t.split && s.sameGroup(key, t.key)) {
			return row
		}
		row = f.next
	}
	return 0
}

func (e *Engine) futureQuantity(t *stockTarget, dueMS int64) (units int64) {
	if t.record == 0 {
		return 0
	}
	row := e.nextFuture(t, dueMS, e.records.at(t.record).futures)
	for row != 0 {
		f := e.futures.at(row)
		units += f.quantity
		row = e.nextFuture(t, dueMS, f.next)
	}
	return units
}

// setFuture makes t.onHand the quantity that the target will receive at a time; 0 removes the delivery.
func (e *Engine) setFuture(t *stockTarget, rec *record, dueMS int64) {
	left := t.onHand
	row := e.nextFuture(t, dueMS, rec.futures)
	for row != 0 {
		f := e.futures.at(row)
		next := e.nextFuture(t, dueMS, f.next)
		if left != 0 {
			atomic.StoreInt64(&f.quantity, left)
			left = 0
		} else {
			e.removeFuture(rec, row)
		}
		row = next
	}
	if left != 0 {
		e.addFuture(t, rec, dueMS)
	}
}

func (e *Engine) addFuture(t *stockTarget, rec *record, dueMS int64) {
	e.futureSeq++
	f := future{dueMS: dueMS, quantity: t.onHand, seq: e.futureSeq, record: t.record, tagSet: e.tagSetOf(t.key)}
	if t.split {
		f.split = 1
	}
	e.linkFuture(rec, f)
}

// linkFuture adds a delivery at the end of its record's list.
func (e *Engine) linkFuture(rec *record, f future) {
	row := e.futures.add()
	to := e.futures.at(row)
	to.record = f.record
	atomic.StoreUint64(&to.seq, f.seq)
	atomic.StoreInt64(&to.dueMS, f.dueMS)
	atomic.StoreInt64(&to.quantity, f.quantity)
	atomic.StoreUint32((*uint32)(&to.tagSet), uint32(f.tagSet))
	atomic.StoreUint32(&to.split, f.split)
	atomic.StoreUint32(&to.next, 0)
	at := &rec.futures
	for *at != 0 {
		at = &e.futures.at(*at).next
	}
	atomic.StoreUint32(at, row)
	e.arrivals.push(due{atMS: f.dueMS, seq: f.seq, row: row}, e.arrives)
	e.stats.futures.Add(1)
}

// removeFuture takes a delivery out of its record's list.
func (e *Engine) removeFuture(rec *record, row uint32) {
	at := &rec.futures
	for *at != row {
		at = &e.futures.at(*at).next
	}
	atomic.StoreUint32(at, e.futures.at(row).next)
	e.dropFuture(row)
}

func (e *Engine) dropFuture(row uint32) {
	atomic.StoreUint64(&e.futures.at(row).seq, 0)
	e.futures.drop(row)
	e.stats.futures.Add(-1)
}

// receiveArrivals adjusts into on hand what is delivered by now, in the order of the delivery dates.
func (e *Engine) receiveArrivals() {
	now := e.nowMS.Load()
	for e.arrivals.len() > 0 && e.arrivals.top().atMS <= now {
		d := e.arrivals.pop()
		if e.arrives(d) {
			e.receive(d.row)
		}
	}
}

// arrives reports whether a delivery is still waited for.
func (e *Engine) arrives(d due) bool {
	f := e.futures.at(d.row)
	return f.seq == d.seq && f.dueMS == d.atMS
}

func (e *Engine) receive(row uint32) {
	f := *e.futures.at(row)
	rec, w := e.begin(f.record)
	e.removeFuture(rec, row)
	id := e.Schema().canonical(f.tagSet)
	t := stockTarget{record: f.record, key: e.Schema().sets.at(uint32(id)).key, split: f.split == 1}
	t.split = t.split && e.Schema().combinations > 0 && e.canSplit(rec, f.record, id)
	onHand := e.targetOnHand(&t)
	units := deliverable(rec, onHand, f.quantity)
	if t.split {
		e.splitGroup(rec, &w, e.groupOf(id), onHand+units)
	} else {
		seg := e.findSegment(rec, id)
		if seg == 0 {
			seg = e.addSegment(rec, id)
		}
		e.change(rec, &w, seg, delta{onHand: units})
	}
	e.end(rec, &w)
	e.emit(&Event{Kind: EventDelivered, UPC: e.text(rec.upc), Location: e.text(rec.location), TagSet: id, Units: units})
	if rec.flags&recordDue != 0 {
		e.redistributeRecord(f.record, nil)
	}
}

// deliverable is how much of a delivery fits: nobody is there to refuse what would pass the limits.
func deliverable(rec *record, onHand, quantity int64) int64 {
	return max(0, min(quantity, QuantityMax-onHand, RecordUnitsMax-rec.onHand-rec.safety))
}

// stockCounts is the open stock counts, by location.
type stockCounts struct {
	open []stockCount // in the order of their start

	// bases holds, while a count is open, on hand as of the count's start, of the segments that have changed since.
	bases map[uint32]int64

	// loading reports whether the quantities being set are counted ones.
	loading bool
}

// stockCount is one open count.
type stockCount struct {
	location  uint32 // row in Engine.names
	name      string
	startedMS int64
	index     uint64
}

func (c *stockCounts) at(location uint32) int {
	for i := range c.open {
		if c.open[i].location == location {
			return i
		}
	}
	return -1
}

// find gives the open count of that name at the location, nil if there is none.
func (c *stockCounts) find(e *Engine, location, name string) *stockCount {
	if row := e.findName(&e.locations, location); row != 0 {
		if i := c.at(row); i >= 0 && c.open[i].name == name {
			return &c.open[i]
		}
	}
	return nil
}

// note keeps a segment's on hand before its first change since the count began.
func (c *stockCounts) note(location, segmentRow uint32, onHand int64) {
	if len(c.open) == 0 || c.at(location) < 0 {
		return
	}
	if _, ok := c.bases[segmentRow]; !ok {
		c.bases[segmentRow] = onHand
	}
}

// noteChange keeps a segment's base before on hand changes by d. What a counted quantity corrects was so at the count's
// start already, so it moves the base too, and loading the same count again corrects nothing.
func (c *stockCounts) noteChange(location, segmentRow uint32, onHand, d int64) {
	c.note(location, segmentRow, onHand)
	if c.loading {
		c.bases[segmentRow] += d
	}
}

// base is on hand as of the count's start of a segment that has onHand now.
func (c *stockCounts) base(segmentRow uint32, onHand int64) int64 {
	if base, ok := c.bases[segmentRow]; ok {
		return base
	}
	return onHand
}

// forget drops what is kept of a segment that goes away.
func (c *stockCounts) forget(segmentRow uint32) { delete(c.bases, segmentRow) }

func (c *stockCounts) nextDueMS() (int64, bool) {
	if len(c.open) == 0 {
		return 0, false
	}
	return c.open[0].startedMS + CountAgeMS, true
}

// sinceCount is how on hand of the target has changed since the count began.
func (e *Engine) sinceCount(t *stockTarget) int64 {
	units := int64(0)
	e.eachTargeted(t, func(row uint32, seg *segment) {
		if base, ok := e.counts.bases[row]; ok {
			units += seg.onHand - base
		}
	})
	return units
}

func (e *Engine) startCount(c *StartCount, r *Result) {
	row := e.findName(&e.locations, c.Location)
	switch {
	case row != 0 && e.counts.at(row) >= 0:
		r.refuse(CodeCountOpen, "location", c.Location)
		return
	case len(e.counts.open) == CountsMax:
		r.refuse(CodeTooMany, "count", strconv.Itoa(CountsMax))
		return
	}
	if e.counts.bases == nil {
		e.counts.bases = make(map[uint32]int64)
	}
	e.counts.open = append(e.counts.open, stockCount{location: e.intern(&e.locations, c.Location),
		name: string([]byte(c.Count)), startedMS: e.nowMS.Load(), index: e.appliedIndex.Load()})
	e.emit(&Event{Kind: EventCountStarted, Location: c.Location, Name: c.Count})
}

func (e *Engine) closeCount(c *CloseCount, r *Result) {
	if e.counts.find(e, c.Location, c.Count) == nil {
		r.refuse(CodeUnknownCount, "count", c.Count)
		return
	}
	e.endCount(e.counts.at(e.findName(&e.locations, c.Location)))
}

// endCount forgets the count and what was kept for it.
func (e *Engine) endCount(i int) {
	count := e.counts.open[i]
	e.counts.open = append(e.counts.open[:i], e.counts.open[i+1:]...)
	for row := uint32(1); row < e.records.used; row++ {
		rec := e.records.at(row)
		if rec.flags&recordLive == 0 || rec.location != count.location {
			continue
		}
		for seg := rec.segments; seg != 0; seg = e.segments.at(seg).next {
			if _, ok := e.counts.bases[seg]; ok {
				e.touchRecord(row)
				e.counts.forget(seg)
			}
		}
	}
	e.emit(&Event{Kind: EventCountClosed, Location: e.text(count.location), Name: count.name})
}

func (e *Engine) closeOldCounts() {
	for len(e.counts.open) > 0 && e.counts.open[0].startedMS+CountAgeMS <= e.nowMS.Load() {
		e.endCount(0)
	}
}
