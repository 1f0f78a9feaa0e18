package engine

import (
	"apportion/engine/mem"
	"slices"
)

// groupScratch holds a group's segments of one record, by rank.
type groupScratch struct {
	split splitScratch

	rows      []uint32 // 0: the record has no such segment
	allocated []int64
	safety    []int64
	pending   []int64
	current   []int64 // available now
	onHand    []int64 // the answer
	parts     []int64
	zeros     []int64

	// The walk over a record's groups: the next segment, the groups that were given, and whether one was left out.
	at      uint32
	visited mem.HashMap[uint32, bool]
	left    bool
}

// loadGroup reads a group's segments of a record and gives the group's units on hand.
func (e *Engine) loadGroup(rec *record, g *group) (onHand int64) {
	sc := &e.scratch.group
	n := len(g.sets)
	sc.rows = resize(sc.rows, n)
	clear(sc.rows)
	for _, list := range []*[]int64{&sc.allocated, &sc.safety, &sc.pending, &sc.current, &sc.onHand, &sc.parts,
		&sc.zeros} {
		*list = resize(*list, n)
		clear(*list)
	}
	number := e.Schema().sets.At(uint32(g.sets[0])).group
	for row := rec.segments; row != 0; {
		seg := e.segments.At(row)
		if e.Schema().sets.At(uint32(seg.tagSet)).group == number {
			i := slices.Index(g.sets, seg.tagSet)
			sc.rows[i] = row
			sc.allocated[i], sc.safety[i], sc.pending[i] = seg.allocated, seg.safety, seg.pending
			sc.current[i] = seg.available()
			onHand += seg.onHand
		}
		row = seg.next
	}
	return onHand
}

// planGroup fills scratch.group.onHand with what each segment of the loaded group has when the group has total units.
func (e *Engine) planGroup(rec *record, g *group, total int64) {
	sc := &e.scratch.group
	covered := int64(0)
	for i := range g.sets {
		covered += sc.allocated[i] + sc.safety[i] + sc.pending[i]
	}
	if total < covered {
		sc.split.fillLayers(total, sc.allocated, sc.safety, sc.pending, sc.onHand)
		return
	}
	sc.split.split(total-covered, &g.rule, sc.current, e.roundingOffset(rec), sc.parts)
	for i := range g.sets {
		sc.onHand[i] = sc.allocated[i] + sc.safety[i] + sc.pending[i] + sc.parts[i]
	}
}

// roundingOffset spreads the fractional units of many records evenly; it depends on the record's key alone.
func (e *Engine) roundingOffset(rec *record) uint64 {
	return mem.HashText2(e.text(rec.upc), e.text(rec.location))
}

// splitGroup gives an opened record's group that many units on hand, split by percentages, and returns the units moved.
func (e *Engine) splitGroup(rec *record, w *window, g *group, total int64) (moved int64) {
	e.loadGroup(rec, g)
	e.planGroup(rec, g, total)
	sc := &e.scratch.group
	for i := range g.sets {
		d := sc.onHand[i]
		if sc.rows[i] != 0 {
			d -= e.segments.At(sc.rows[i]).onHand
		}
		if sc.rows[i] == 0 && (d != 0 || g.wants(i)) {
			sc.rows[i] = e.addSegment(rec, g.sets[i])
		}
		if d != 0 {
			e.change(rec, w, sc.rows[i], delta{onHand: d})
		}
		moved += max(d, 0)
	}
	return moved
}

// wants reports whether the segment of that rank takes part in splits.
func (g *group) wants(i int) bool {
	return g.rule.weights[i] > 0 || g.rule.mins != nil && g.rule.mins[i] > 0
}

// splitSafety splits safety stock like on hand of empty segments.
func (e *Engine) splitSafety(rec *record, w *window, g *group, safety int64) {
	e.loadGroup(rec, g)
	sc := &e.scratch.group
	sc.split.split(safety, &g.rule, sc.safety, e.roundingOffset(rec), sc.parts)
	for i := range g.sets {
		if sc.rows[i] == 0 && (sc.parts[i] != 0 || g.wants(i)) {
			sc.rows[i] = e.addSegment(rec, g.sets[i])
		}
		if sc.rows[i] != 0 {
			e.change(rec, w, sc.rows[i], delta{safety: sc.parts[i] - sc.safety[i]})
		}
	}
}

// startGroups begins a walk over the groups of a record.
func (e *Engine) startGroups(rec *record) {
	sc := &e.scratch.group
	sc.at, sc.left = rec.segments, false
	sc.visited.Start(int(rec.segmentCount))
}

// nextGroup gives the next group that the record has segments of and room for, nil at the end. Segments that are
// created on the way belong to groups that were visited.
func (e *Engine) nextGroup(rec *record, recordRow uint32) *group {
	sc := &e.scratch.group
	s := e.Schema()
	for sc.at != 0 {
		seg := e.segments.At(sc.at)
		sc.at = seg.next
		if number := s.sets.At(uint32(seg.tagSet)).group; number != 0 && *sc.visited.At(number) {
			continue
		}
		if !e.canSplit(rec, recordRow, seg.tagSet) {
			sc.left = true
			continue
		}
		g := e.groupOf(seg.tagSet)
		*sc.visited.At(s.sets.At(uint32(seg.tagSet)).group) = true
		return g
	}
	return nil
}

// splitRecord redistributes every group of a record and returns the units moved. The record is due no more, unless it
// had no room for a group.
func (e *Engine) splitRecord(row uint32) (moved int64) {
	rec, w := e.begin(row)
	left := false
	if e.Schema().combinations > 0 {
		e.startGroups(rec)
		for g := e.nextGroup(rec, row); g != nil; g = e.nextGroup(rec, row) {
			moved += e.splitGroup(rec, &w, g, e.loadGroup(rec, g))
		}
		left = e.scratch.group.left
	}
	e.setDue(rec, left)
	e.end(rec, &w)
	return moved
}
