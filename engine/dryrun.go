package engine

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"

	"apportion/engine/mem"
)

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

// SegmentTotal is the available units of a segment in many records, before and after.
type SegmentTotal struct {
	TagSet TagSetID
	Before int64
	After  int64
}

// segmentTotals adds up available units by segment. The index is the tag set.
type segmentTotals []SegmentTotal

func (s *segmentTotals) add(id TagSetID, before, after int64) {
	*s = append(*s, make([]SegmentTotal, max(0, int(id)+1-len(*s)))...)
	t := &(*s)[id]
	t.TagSet, t.Before, t.After = id, t.Before+before, t.After+after
}

func (s *segmentTotals) clear() {
	clear(*s)
	*s = (*s)[:0]
}

// appendByRank appends the segments with units before or after to dst, at most ReportedItemsMax, and by rank: in the
// first category by the order of its values, and so on.
func (s segmentTotals) appendByRank(dst []SegmentTotal, schema *Schema) []SegmentTotal {
	for _, t := range s {
		if t.Before != 0 || t.After != 0 {
			dst = append(dst, t)
		}
	}
	slices.SortFunc(dst, func(a, b SegmentTotal) int { return schema.compareRank(a.TagSet, b.TagSet) })
	return dst[:min(len(dst), ReportedItemsMax)]
}

// compareRank compares two tag sets by the order of the schema's categories and of their values.
func (s *Schema) compareRank(a, b TagSetID) int {
	rank := func(id TagSetID, at int) int {
		return slices.Index(s.categories[at].ids, s.sets.At(uint32(s.canonical(id))).key.at(at))
	}
	for at := range s.categories {
		if by := cmp.Compare(rank(a, at), rank(b, at)); by != 0 {
			return by
		}
	}
	return 0
}

const totalBytesMin = 3

func appendTotals(dst []byte, totals []SegmentTotal) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(totals)))
	for _, t := range totals {
		dst = binary.AppendUvarint(dst, uint64(t.TagSet))
		dst = binary.AppendVarint(binary.AppendVarint(dst, t.Before), t.After)
	}
	return dst
}

func readTotals(in *reader, totals []SegmentTotal) []SegmentTotal {
	totals = resize(totals, in.count(totalBytesMin))
	for i := range totals {
		totals[i] = SegmentTotal{TagSet: readTagSet(in), Before: in.varint(), After: in.varint()}
	}
	return totals
}
