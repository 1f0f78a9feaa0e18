package engine

import (
	"apportion/engine/mem"
	"sync/atomic"
)

// nextFuture gives the first delivery of a target at a time, from a row of its record's list on; 0: there is none.
// There are several if a schema change has merged two segments.
func (e *Engine) nextFuture(t *stockTarget, dueMS int64, row uint32) uint32 {
	s := e.Schema()
	for row != 0 {
		f := e.futures.At(row)
		key := s.sets.At(uint32(s.canonical(f.tagSet))).key
		split := f.split == 1 && s.combinations > 0 // nothing is split if no category has percents now
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
	row := e.nextFuture(t, dueMS, e.records.At(t.record).futures)
	for row != 0 {
		f := e.futures.At(row)
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
		f := e.futures.At(row)
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
	row := e.futures.Add()
	to := e.futures.At(row)
	to.record = f.record
	atomic.StoreUint64(&to.seq, f.seq)
	atomic.StoreInt64(&to.dueMS, f.dueMS)
	atomic.StoreInt64(&to.quantity, f.quantity)
	atomic.StoreUint32((*uint32)(&to.tagSet), uint32(f.tagSet))
	atomic.StoreUint32(&to.split, f.split)
	atomic.StoreUint32(&to.next, 0)
	at := &rec.futures
	for *at != 0 {
		at = &e.futures.At(*at).next
	}
	atomic.StoreUint32(at, row)
	e.arrivals.Push(mem.Due{AtMS: f.dueMS, Seq: f.seq, Row: row}, e.arrives)
	e.stats.futures.Add(1)
}

// removeFuture removes a delivery from its record's list.
func (e *Engine) removeFuture(rec *record, row uint32) {
	at := &rec.futures
	for *at != row {
		at = &e.futures.At(*at).next
	}
	atomic.StoreUint32(at, e.futures.At(row).next)
	e.dropFuture(row)
}

func (e *Engine) dropFuture(row uint32) {
	atomic.StoreUint64(&e.futures.At(row).seq, 0)
	e.futures.Drop(row)
	e.stats.futures.Add(-1)
}

// receiveArrivals adds the deliveries that are due to on hand, in the order of their dates.
func (e *Engine) receiveArrivals() {
	now := e.nowMS.Load()
	for e.arrivals.Len() > 0 && e.arrivals.Top().AtMS <= now {
		d := e.arrivals.Pop()
		if e.arrives(d) {
			e.receive(d.Row)
		}
	}
}

// arrives reports whether a delivery is still expected.
func (e *Engine) arrives(d mem.Due) bool {
	f := e.futures.At(d.Row)
	return f.seq == d.Seq && f.dueMS == d.AtMS
}

func (e *Engine) receive(row uint32) {
	f := *e.futures.At(row)
	rec, w := e.openRecord(f.record)
	e.removeFuture(rec, row)
	id := e.Schema().canonical(f.tagSet)
	t := stockTarget{record: f.record, key: e.Schema().sets.At(uint32(id)).key, split: f.split == 1}
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
		e.addUnits(rec, &w, seg, unitDelta{onHand: units})
	}
	e.closeRecord(rec, &w)
	e.emit(&Event{Kind: EventDelivered, UPC: e.text(rec.upc), Location: e.text(rec.location), TagSet: id, Units: units})
	if rec.flags&recordDue != 0 {
		e.redistributeRecord(f.record, nil)
	}
}

// deliverable is how much of a delivery fits within the limits. An arrival cannot be refused, so the rest is dropped.
func deliverable(rec *record, onHand, quantity int64) int64 {
	return max(0, min(quantity, QuantityMax-onHand, RecordUnitsMax-rec.onHand-rec.safety))
}
