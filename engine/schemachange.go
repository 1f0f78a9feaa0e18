package engine

import (
	"slices"
	"strconv"
	"sync/atomic"

	"apportion/engine/mem"
)

// DeleteTagCategory removes a category: segments that differed only in it become one.
type DeleteTagCategory struct {
	Name string `json:"name"`

	// MoveTo names the value into whose segments everything is moved first; without it, a category with stock or
	// promises outside its default value is not deleted.
	MoveTo string `json:"moveTo"`
}

func (*DeleteTagCategory) Kind() Kind { return KindDeleteTagCategory }

func (c *DeleteTagCategory) check() *Fault {
	if !IsText(c.Name, TagBytesMax) {
		return textFault("name", c.Name, TagBytesMax)
	}
	if !isOptionalText(c.MoveTo, TagBytesMax) {
		return textFault("moveTo", c.MoveTo, TagBytesMax)
	}
	return nil
}

// appendBody: name, moveTo.
func (c *DeleteTagCategory) appendBody(dst []byte) []byte {
	return appendText(appendText(dst, c.Name), c.MoveTo)
}

func (c *DeleteTagCategory) readBody(r *bodyReader) { c.Name, c.MoveTo = r.text(), r.text() }

func (c *DeleteTagCategory) digest(dst []byte) []byte {
	return digestText(digestText(dst, c.Name), c.MoveTo)
}

// apply removes a category; segments that differed only in it become one.
func (c *DeleteTagCategory) apply(e *Engine, _ *Envelope, r *Result) {
	old := e.Schema()
	at := old.position(c.Name)
	if at < 0 {
		r.refuse(CodeUnknownCategory, "name", c.Name)
		return
	}
	category := &old.categories[at]
	stays, named := category.dflt, c.MoveTo != ""
	if named {
		id, ok := category.id(c.MoveTo)
		if !ok {
			r.refuse(CodeUnknownValue, "moveTo", c.MoveTo)
			return
		}
		stays = id
	}
	moves := make(map[uint16]valueMove)
	for _, id := range category.ids {
		if id != stays {
			moves[id] = valueMove{id: stays, named: named}
		}
	}
	if !e.unused(old, at, moves, r) {
		return
	}
	e.countMoved(old, at, moves, r)
	next := &Schema{index: e.appliedIndex.Load(), categories: slices.Delete(slices.Clone(old.categories), at, at+1)}
	next.check()
	e.replaceSchema(old, next, func(key tagSetKey) tagSetKey {
		return key.without(at)
	})
	e.emit(&Event{Kind: EventSchemaChanged, Name: c.Name})
}

// valueMove is where the stock of a value that leaves the schema goes.
type valueMove struct {
	id    uint16
	named bool // by the command; without it, the value must be unused
}

// unused reports whether the segments of values that leave without a named move are all empty. If not, it refuses.
func (e *Engine) unused(s *Schema, at int, moves map[uint16]valueMove, r *Result) bool {
	inWay := func(id TagSetID) bool {
		move, leaves := moves[s.sets.At(uint32(id)).key.at(at)]
		return leaves && !move.named
	}
	if len(moves) == 0 {
		return true
	}
	for row := uint32(1); row < e.records.Used(); row++ {
		if rec := e.records.At(row); rec.flags&recordLive != 0 {
			e.countUse(rec, inWay, r)
		}
	}
	if r.Stock.Records == 0 {
		return true
	}
	r.refuse(CodeInUse, "values", strconv.FormatInt(r.Stock.Records, 10)+" records")
	return false
}

// countMoved adds to a result what the segments of leaving values hold.
func (e *Engine) countMoved(s *Schema, at int, moves map[uint16]valueMove, r *Result) {
	leaves := func(id TagSetID) bool {
		_, leaves := moves[s.sets.At(uint32(id)).key.at(at)]
		return leaves
	}
	for row := uint32(1); row < e.records.Used() && len(moves) > 0; row++ {
		if rec := e.records.At(row); rec.flags&recordLive != 0 {
			e.countUse(rec, leaves, r)
		}
	}
	r.Blocked = r.Blocked[:0]
}

// countUse adds to a result what the record holds in segments that are in the way.
func (e *Engine) countUse(rec *record, inWay func(TagSetID) bool, r *Result) {
	used := false
	for row := rec.segments; row != 0; row = e.segments.At(row).next {
		seg := e.segments.At(row)
		if !inWay(seg.tagSet) || seg.onHand|seg.allocated|seg.pending|seg.safety == 0 {
			continue
		}
		used = true
		r.Stock.Units += seg.onHand
		r.Stock.Promised += seg.allocated + seg.pending
	}
	for row := rec.futures; row != 0; row = e.futures.At(row).next {
		f := e.futures.At(row)
		used = used || f.split == 0 && inWay(e.Schema().canonical(f.tagSet))
	}
	if used {
		r.Stock.Records++
		e.block(rec, r)
	}
}

// replaceSchema publishes a schema whose tag sets are the old one's under new keys. Sets that become equal are one from
// now on, and so are their segments.
func (e *Engine) replaceSchema(old, next *Schema, rekey func(tagSetKey) tagSetKey) {
	merged := next.copySets(old, old.sets.Used(), rekey)
	e.schema.Store(next)
	e.changes.schema = true
	if !merged {
		return
	}
	e.edges.off = true
	for row := uint32(1); row < e.records.Used(); row++ {
		if rec := e.records.At(row); rec.flags&recordLive != 0 {
			e.mergeSegments(row, rec)
		}
	}
}

// copySets gives a schema that has none yet the tag sets of an old one, below a row, under new keys and the same
// numbers. It reports whether some became equal.
func (s *Schema) copySets(old *Schema, used uint32, rekey func(tagSetKey) tagSetKey) (merged bool) {
	for row := uint32(1); row < used; row++ {
		set := old.sets.At(row)
		same := s.sets.Add()
		assert(same == row, "tag sets are numbered without gaps")
		fresh := tagSet{key: rekey(set.key), alias: set.alias}
		if fresh.alias == 0 {
			fresh.alias = s.find(fresh.key)
			merged = merged || fresh.alias != 0
		}
		s.put(row, fresh)
	}
	return merged
}

// mergeSegments moves a record's segments to the tag sets that replace theirs.
func (e *Engine) mergeSegments(row uint32, rec *record) {
	s := e.Schema()
	stale := false
	for seg := rec.segments; seg != 0 && !stale; seg = e.segments.At(seg).next {
		stale = s.sets.At(uint32(e.segments.At(seg).tagSet)).alias != 0
	}
	if !stale {
		return
	}
	_, w := e.openRecord(row)
	at := &rec.segments
	for *at != 0 {
		seg := e.segments.At(*at)
		id := s.canonical(seg.tagSet)
		if id == seg.tagSet {
			at = &seg.next
			continue
		}
		into := e.findSegment(rec, id)
		if into == 0 {
			atomic.StoreUint32((*uint32)(&seg.tagSet), uint32(id))
			at = &seg.next
			continue
		}
		from := *at
		e.mergeInto(rec, &w, into, from)
		atomic.StoreUint32(at, seg.next)
		rec.segmentCount--
		e.counts.forget(rec.location, from)
		e.dropSegment(from)
	}
	e.closeRecord(rec, &w)
}

// mergeInto moves everything of one segment of a record into another one. The larger floor and ltd stay: the result
// must not depend on which segment has the older tag set and so keeps its row.
func (e *Engine) mergeInto(rec *record, w *recordEdit, into, from uint32) {
	target, source := e.segments.At(into), e.segments.At(from)
	e.counts.merge(rec.location, into, from, target.onHand, source.onHand)
	floor, ltd := max(target.floor, source.floor), max(target.ltd, source.ltd)
	atomic.StoreInt64(&source.floor, 0)
	d := unitDelta{onHand: source.onHand, allocated: source.allocated, pending: source.pending, safety: source.safety}
	e.mergeWaiting(target, source)
	e.addUnits(rec, w, into, d)
	e.addUnits(rec, w, from, unitDelta{onHand: -d.onHand, allocated: -d.allocated, pending: -d.pending,
		safety: -d.safety})
	atomic.StoreInt64(&target.floor, floor)
	atomic.StoreInt64(&target.ltd, ltd)
}

// mergeWaiting joins two queues of pending lines, the oldest order item first.
func (e *Engine) mergeWaiting(target, source *segment) {
	a, b := target.waiting, source.waiting
	source.waiting, source.waitLast = 0, 0
	target.waiting, target.waitLast = 0, 0
	for a != 0 || b != 0 {
		row := a
		if a == 0 || b != 0 && e.lineSeq(b) < e.lineSeq(a) {
			row = b
			b = e.lines.At(b).waitNext
		} else {
			a = e.lines.At(a).waitNext
		}
		e.queuePending(target, row)
	}
}

func (e *Engine) lineSeq(row uint32) uint64 { return e.items.At(e.lines.At(row).item).seq }

// CategoryDryRun is what a PutTagCategory would do, and what a redistribution of all records after it would do.
type CategoryDryRun struct {
	// Result is that of the command: what moves at once, or why it is refused. CodeRetry: the schema has changed
	// meanwhile.
	Result Result

	// Redistribution is empty if the command is refused.
	Redistribution Redistribution

	// Schema is what the command would make. It has the tag sets of the redistribution.
	Schema *Schema

	rd      *Reader
	old     *Schema
	used    uint32 // tag sets of old that Schema has under the same numbers
	put     categoryPut
	blocked Result // what is in the way

	group  tagGroupScratch
	totals segmentTotals
	placed []int64 // by group: the number of the record that it was split for last
}

// Redistribution is what a redistribution of records would do.
type Redistribution struct {
	Records int64 // that it is asked for
	Changed int64 // that it would change
	ByRule  int64 // whose rule would be asked: the rest leaves them out
	Units   int64

	// Segments has the segments with available units before or after, by rank, at most ReportedItemsMax.
	Segments []SegmentTotal

	// Changes has the segments that would change, record by record, at most ReportedItemsMax.
	Changes []SegmentChange
}

// dryRunStride is how many records are read between two questions whether to go on.
const dryRunStride = 1024

// DryRunCategory finds out what a command would do that has been checked. It reads the records one after the other,
// each as of one moment, and asks goOn from time to time; false: it did not come to the end.
func (rd *Reader) DryRunCategory(c *PutTagCategory, goOn func() bool) (d *CategoryDryRun, done bool) {
	d = &CategoryDryRun{rd: rd, old: rd.Schema()}
	d.Result.Kind, d.Result.Index = KindPutTagCategory, rd.AppliedIndex()
	var ok bool
	if d.put, ok = c.plan(d.old, &d.Result); !ok {
		return d, true
	}
	d.Schema, d.used = d.put.next, d.old.setsUsed.Load()
	d.Schema.copySets(d.old, d.used, d.put.rekey)
	var v RecordView
	for row := rd.NextRecord(0, &v); row != 0; row = rd.NextRecord(row, &v) {
		if rd.Schema() != d.old { // which may lack a tag set of the record
			d.Result.refuse(CodeRetry, "name", c.Name)
			d.Redistribution = Redistribution{}
			return d, true
		}
		d.look(&v)
		if d.Redistribution.Records%dryRunStride == 0 && !goOn() {
			return d, false
		}
	}
	if n := d.blocked.Stock.Records; n > 0 {
		d.Result.Stock, d.Result.Blocked = d.blocked.Stock, d.blocked.Blocked
		d.Result.refuse(CodeInUse, "values", strconv.FormatInt(n, 10)+" records")
		d.Redistribution = Redistribution{}
		return d, true
	}
	d.Redistribution.Segments = d.totals.appendByRank(nil, d.Schema)
	return d, true
}

// look adds a record.
func (d *CategoryDryRun) look(v *RecordView) {
	if len(d.put.moves) > 0 {
		d.count(v, &d.blocked, func(move valueMove) bool { return !move.named })
		d.count(v, &d.Result, func(move valueMove) bool { return move.named })
		d.Result.Blocked = nil
	}
	for i := range v.Segments {
		if s := &v.Segments[i]; uint32(s.TagSet) >= d.used {
			s.TagSet, _ = d.Schema.set(d.put.rekey(d.old.sets.At(uint32(s.TagSet)).key))
		}
	}
	v.MergeSegments(d.Schema)
	r := &d.Redistribution
	r.Records++
	a := d.rd.Rules().Find(HookRedistribute, d.Schema, v.Location, v.UPC, nil)
	if a != nil && !(a.Suspended && a.OnError == FallbackDefault) {
		r.ByRule++
		return
	}
	d.redistribute(v)
}

// count adds to a result what the record has in segments of values that leave.
func (d *CategoryDryRun) count(v *RecordView, r *Result, counts func(valueMove) bool) {
	inWay := func(id TagSetID) bool {
		move, leaves := d.put.moves[d.old.sets.At(uint32(d.old.canonical(id))).key.at(d.put.at)]
		return leaves && counts(move)
	}
	used := false
	for i := range v.Segments {
		s := &v.Segments[i]
		if !inWay(s.TagSet) || s.OnHand|s.Allocated|s.Pending|s.SafetyStock == 0 {
			continue
		}
		used = true
		r.Stock.Units += s.OnHand
		r.Stock.Promised += s.Allocated + s.Pending
	}
	for i := range v.Future {
		used = used || !v.Future[i].Split && inWay(v.Future[i].TagSet)
	}
	if !used {
		return
	}
	r.Stock.Records++
	if len(r.Blocked) < ReportedItemsMax {
		r.Blocked = append(r.Blocked, BlockedRecord{UPC: v.UPC, Location: v.Location, OnHand: v.OnHand,
			Allocated: v.Allocated, Pending: v.Pending})
	}
}

// redistribute adds what a split of a record by percent does.
func (d *CategoryDryRun) redistribute(v *RecordView) {
	changed := false
	for i := range v.Segments {
		id := v.Segments[i].TagSet
		if number := d.Schema.sets.At(uint32(id)).group; number != 0 && d.placed[number] == d.Redistribution.Records {
			continue
		}
		number := d.groupOf(v, id)
		if number == 0 {
			units := v.Segments[i].Available()
			d.add(id, units, units)
			continue
		}
		d.placed[number] = d.Redistribution.Records
		g, sc := &d.Schema.groups[number], &d.group
		sc.plan(g, d.load(v, g, number), mem.HashText2(v.UPC, v.Location))
		for k, set := range g.sets {
			before, after := sc.current[k], sc.onHand[k]-sc.allocated[k]-sc.safety[k]-sc.pending[k]
			d.add(set, before, after)
			changed = changed || before != after
			if before != after && len(d.Redistribution.Changes) < ReportedItemsMax {
				d.Redistribution.Changes = append(d.Redistribution.Changes, SegmentChange{UPC: v.UPC,
					Location: v.Location, TagSet: set, Before: before, After: after})
			}
		}
	}
	if changed {
		d.Redistribution.Changed++
	}
}

// groupOf gives the group that a segment of a record is split in; 0: its units stay, since nothing is split or there is
// no room.
func (d *CategoryDryRun) groupOf(v *RecordView, id TagSetID) (number uint32) {
	s := d.Schema
	if s.combinations == 0 {
		return 0
	}
	key := s.sets.At(uint32(id)).key
	missing := s.combinations
	for i := range v.Segments {
		if s.sameGroup(s.sets.At(uint32(v.Segments[i].TagSet)).key, key) {
			missing--
		}
	}
	if len(v.Segments)+missing > SegmentsPerRecordMax || int(s.sets.Used())+s.missingOfGroup(key) > TagSetsMax {
		return 0
	}
	number, _ = s.groupOf(id)
	d.placed = append(d.placed, make([]int64, max(0, len(s.groups)-len(d.placed)))...)
	return number
}

// load reads a group's segments of a record and gives the group's units on hand.
func (d *CategoryDryRun) load(v *RecordView, g *tagGroup, number uint32) (onHand int64) {
	sc := &d.group
	sc.start(len(g.sets))
	for i := range v.Segments {
		s := &v.Segments[i]
		if d.Schema.sets.At(uint32(s.TagSet)).group != number {
			continue
		}
		k := slices.Index(g.sets, s.TagSet)
		sc.allocated[k], sc.safety[k], sc.pending[k] = s.Allocated, s.SafetyStock, s.Pending
		sc.current[k] = s.Available()
		onHand += s.OnHand
	}
	return onHand
}

// add adds a segment's available units to the totals.
func (d *CategoryDryRun) add(id TagSetID, before, after int64) {
	d.totals.add(id, before, after)
	d.Redistribution.Units += max(0, after-before)
}
