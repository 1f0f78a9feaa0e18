package engine

import (
	"apportion/engine/mem"
	"sync/atomic"
)

// unitDelta is a change of a segment's counters, in units.
type unitDelta struct{ onHand, allocated, pending, safety int64 }

// recordEdit is what an opened record needs at its end.
type recordEdit struct {
	available int64 // before
	row       uint32
	waiting   bool // a changed segment has pending units that may now be allocated
}

// openRecord opens a record for changes: readers wait for end. Records are opened one at a time.
func (e *Engine) openRecord(row uint32) (*record, recordEdit) {
	e.touchRecord(row)
	r := e.records.At(row)
	assert(r.flags&recordLive != 0, "change of a record that is gone")
	assert(r.seq%2 == 0, "a record is opened twice")
	atomic.StoreUint32(&r.seq, r.seq+1)
	return r, recordEdit{available: r.available(), row: row}
}

// closeRecord closes a record: pending units take what has become free, and readers see the new figures all at once.
func (e *Engine) closeRecord(r *record, w *recordEdit) {
	if w.waiting {
		e.fillPending(r)
	}
	assert(r.onHand >= 0 && r.allocated >= 0 && r.pending >= 0 && r.safety >= 0, "a record's counter is negative")
	atomic.StoreUint64(&r.version, e.nextVersion(r, w.row))
	atomic.StoreUint32(&r.seq, r.seq+1)
	if now := r.available(); r.floor > 0 && w.available >= r.floor && now < r.floor {
		e.emit(&Event{Kind: EventFloorCrossed, UPC: e.text(r.upc), Location: e.text(r.location), Units: now,
			Limit: r.floor})
	}
}

// addUnits adds to a segment's counters and its record's totals.
func (e *Engine) addUnits(r *record, w *recordEdit, row uint32, d unitDelta) {
	s := e.segments.At(row)
	before, safety := s.available(), s.safety
	if d.onHand != 0 {
		e.counts.noteChange(r.location, row, s.onHand, d.onHand)
		atomic.StoreInt64(&s.onHand, s.onHand+d.onHand)
		atomic.StoreInt64(&r.onHand, r.onHand+d.onHand)
		e.addToLocation(r, 0, d.onHand)
	}
	if d.allocated != 0 {
		atomic.StoreInt64(&s.allocated, s.allocated+d.allocated)
		atomic.StoreInt64(&r.allocated, r.allocated+d.allocated)
	}
	if d.pending != 0 {
		atomic.StoreInt64(&s.pending, s.pending+d.pending)
		atomic.StoreInt64(&r.pending, r.pending+d.pending)
	}
	if d.safety != 0 {
		atomic.StoreInt64(&s.safety, s.safety+d.safety)
		atomic.StoreInt64(&r.safety, r.safety+d.safety)
	}
	assert(s.onHand >= 0 && s.allocated >= 0 && s.pending >= 0 && s.safety >= 0, "a segment's counter is negative")
	w.waiting = w.waiting || s.waiting != 0
	now := s.available()
	if before <= 0 || now <= 0 {
		e.noteEdge(r, row, edgeStateOf(before, safety))
	}
	if s.floor > 0 && before >= s.floor && now < s.floor {
		e.emit(&Event{Kind: EventFloorCrossed, UPC: e.text(r.upc), Location: e.text(r.location), TagSet: s.tagSet,
			Units: now, Limit: s.floor})
	}
}

// fillPending turns pending units into allocated ones where a segment has units for them, the oldest order item first.
func (e *Engine) fillPending(r *record) {
	for row := r.segments; row != 0; row = e.segments.At(row).next {
		s := e.segments.At(row)
		pending := s.pending
		for s.waiting != 0 {
			free := s.onHand - s.allocated - s.safety
			if free <= 0 {
				break
			}
			e.fillPendingLine(r, row, s.waiting, free)
		}
		if s.pending < pending && e.changed.seq != 0 {
			e.emit(&Event{Kind: EventPendingFilled, UPC: e.text(r.upc), Location: e.text(r.location), TagSet: s.tagSet,
				Units: pending - s.pending, Limit: s.pending})
		}
	}
}

func (e *Engine) fillPendingLine(r *record, row, lineRow uint32, free int64) {
	l := e.lines.At(lineRow)
	e.touchOrder(e.items.At(l.item).order)
	units := min(free, l.pending)
	l.pending -= units
	l.allocated += units
	var w recordEdit
	e.addUnits(r, &w, row, unitDelta{allocated: units, pending: -units})
	if l.pending == 0 {
		e.dequeuePending(e.segments.At(row), lineRow)
	}
	e.addMovement(l.item, MovementPendingReleased, l.tagSet, units)
}

// queuePending puts a line with pending units at the end of its segment's queue.
func (e *Engine) queuePending(s *segment, row uint32) {
	l := e.lines.At(row)
	l.waitPrev, l.waitNext = s.waitLast, 0
	if s.waitLast == 0 {
		s.waiting = row
	} else {
		e.lines.At(s.waitLast).waitNext = row
	}
	s.waitLast = row
}

// dequeuePending takes a line out of its segment's queue.
func (e *Engine) dequeuePending(s *segment, row uint32) {
	l := e.lines.At(row)
	if l.waitPrev == 0 {
		assert(s.waiting == row, "a line waits in another segment's queue")
		s.waiting = l.waitNext
	} else {
		e.lines.At(l.waitPrev).waitNext = l.waitNext
	}
	if l.waitNext == 0 {
		s.waitLast = l.waitPrev
	} else {
		e.lines.At(l.waitNext).waitPrev = l.waitPrev
	}
	l.waitNext, l.waitPrev = 0, 0
}

// setDue marks an opened record for redistribution, or takes the mark away.
func (e *Engine) setDue(r *record, on bool) { e.setFlag(r, recordDue, on) }

// setFlag sets a flag of an opened record.
func (e *Engine) setFlag(r *record, flag uint32, on bool) {
	flags := r.flags &^ flag
	if on {
		flags |= flag
	}
	atomic.StoreUint32(&r.flags, flags)
}

// capacity adds up what one command brings to each record, so that its lines together keep to the limits that each
// keeps to alone: units of a record, segments of a record, tag sets of the schema.
type capacity struct {
	units    mem.HashMap[uint32, int64] // by record
	segments mem.HashMap[uint32, int64] // by record
	sets     int
	counted  tagSetKey // the group whose tag sets were counted last
	isGroup  bool
}

// start forgets what the last command brought. This one has at most n lines.
func (m *capacity) start(n int) {
	m.units.Start(n)
	m.segments.Start(n)
	m.sets, m.isGroup = 0, false
}

// reserveUnits reports whether the target's record can take that many units more, on hand or as safety stock, and the
// segments that the target lacks, besides what earlier lines of the command take.
func (e *Engine) reserveUnits(t *stockTarget, upc, location string, units int64) bool {
	held := int64(0)
	if t.record != 0 {
		rec := e.records.At(t.record)
		held = rec.onHand + rec.safety
	}
	return e.reserve(t, upc, location, held, units)
}

// reservePending is reserveUnits for units that will be pending. They have a bound of their own, so that promises,
// however many, do not keep stock from arriving.
func (e *Engine) reservePending(t *stockTarget, upc, location string, units int64) bool {
	return e.reserve(t, upc, location, e.records.At(t.record).pending, units)
}

func (e *Engine) reserve(t *stockTarget, upc, location string, held, units int64) bool {
	m := &e.scratch.capacity
	key, segments := t.record, 0
	if key == 0 {
		key = uint32(mem.HashText2(upc, location)) | 1<<31 // no record has so high a row
	} else {
		segments = int(e.records.At(t.record).segmentCount)
	}
	brought, missing := m.units.At(key), m.segments.At(key)
	*brought += max(0, units)
	*missing += int64(e.missingSegments(t))
	m.sets += e.missingSets(t)
	return held+*brought <= RecordUnitsMax && segments+int(*missing) <= SegmentsPerRecordMax &&
		int(e.Schema().sets.Used())+m.sets <= TagSetsMax
}

// missingSegments is how many segments of a target its record lacks.
func (e *Engine) missingSegments(t *stockTarget) int {
	want := 1
	if t.split {
		want = e.Schema().combinations
	}
	have := 0
	e.eachTargeted(t, func(uint32, *segment) { have++ })
	return max(0, want-have)
}

// missingSets is how many tag sets of a target the schema lacks; those of one group are counted once in a row.
func (e *Engine) missingSets(t *stockTarget) (missing int) {
	s, m := e.Schema(), &e.scratch.capacity
	if !t.split {
		if s.find(t.key) == 0 {
			missing = 1
		}
		return missing
	}
	if m.isGroup && s.sameGroup(m.counted, t.key) {
		return 0
	}
	m.counted, m.isGroup = t.key, true
	return s.missingOfGroup(t.key)
}

// missingOfGroup is how many tag sets of a key's group do not exist yet.
func (s *Schema) missingOfGroup(key tagSetKey) (missing int) {
	if id := s.find(key); id != 0 && s.sets.At(uint32(id)).group != 0 {
		return 0
	}
	s.eachCombination(s.distributed(), key, 1, func(key tagSetKey, _ uint64, _ Value) {
		if s.find(key) == 0 {
			missing++
		}
	})
	return missing
}

// canSplit reports whether a record has room for all segments of a group that it has some of. A redistribution leaves
// the group alone otherwise, and the record stays due.
func (e *Engine) canSplit(rec *record, recordRow uint32, id TagSetID) bool {
	s := e.Schema()
	t := stockTarget{record: recordRow, key: s.sets.At(uint32(id)).key, split: true}
	missing := e.missingSegments(&t)
	return int(rec.segmentCount)+missing <= SegmentsPerRecordMax && e.segments.Count()+
		missing <= mem.SlabRowsMax-reservedRows &&
		int(s.sets.Used())+s.missingOfGroup(t.key) <= TagSetsMax
}
