package engine

import "apportion/engine/mem"

// room adds up what one command brings to each record, so that its lines together keep to the limits that each keeps to
// alone: units of a record, segments of a record, tag sets of the schema.
type room struct {
	units    mem.HashMap[uint32, int64] // by record
	segments mem.HashMap[uint32, int64] // by record
	sets     int
	counted  tagSetKey // the group whose tag sets were counted last
	isGroup  bool
}

// start forgets what the last command brought. This one has at most n lines.
func (m *room) start(n int) {
	m.units.Start(n)
	m.segments.Start(n)
	m.sets, m.isGroup = 0, false
}

// takeRoom reports whether the target's record can take that many units more, on hand or as safety stock, and the
// segments that the target lacks, besides what earlier lines of the command take.
func (e *Engine) takeRoom(t *stockTarget, upc, location string, units int64) bool {
	held := int64(0)
	if t.record != 0 {
		rec := e.records.At(t.record)
		held = rec.onHand + rec.safety
	}
	return e.takeMore(t, upc, location, held, units)
}

// takePending is takeRoom for units that will be pending. They have a bound of their own, so that promises, however
// many, do not keep stock from arriving.
func (e *Engine) takePending(t *stockTarget, upc, location string, units int64) bool {
	return e.takeMore(t, upc, location, e.records.At(t.record).pending, units)
}

func (e *Engine) takeMore(t *stockTarget, upc, location string, held, units int64) bool {
	m := &e.scratch.room
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
	s, m := e.Schema(), &e.scratch.room
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
