package engine

import (
	"cmp"
	"math/bits"
	"slices"

	"apportion/engine/mem"
)

// The arithmetic of splitting units among the segments of a group. It knows no records and no schema: segments are
// positions in slices, in segment order, which is also their rank. Every split conserves the total exactly.

// splitWeightSumMax bounds the sum of a rule's weights: products of the basis points of up to four categories.
const splitWeightSumMax = 10_000 * 10_000 * 10_000 * 10_000

// The functions below add two numbers smaller than the sum of weights in 64 bits.
const _ = uint64(1<<63-1) - 2*splitWeightSumMax

// splitRule says how a group's available units are divided among its segments. It is made once for a schema and shared
// by all records; splitting does not change it.
type splitRule struct {
	// weights are proportional to the shares, products of basis points; 0 for a segment that gets nothing by percent.
	weights   []uint64
	weightSum uint64 // more than 0

	// mins and maxs are units, NoMax for no max. Both are nil if no value of the group has a min or a max. A segment
	// that is no part of the split has the min 0 and the max 0.
	mins, maxs []int64

	rounding Rounding
}

// splitScratch is the memory that splits work in; it grows to the largest group and is reused.
type splitScratch struct {
	remainders []uint64
	claims     []claim
	weights    []uint64
	shares     []int64
}

// claim is a segment's claim to one of the units left over when every segment has its whole units.
type claim struct {
	remainder uint64
	segment   int32
	keeps     bool // the segment holds that unit already, so giving it moves nothing
}

// split divides total units by the rule: splitRanked if the rule has mins and maxs, or else splitAvailable.
func (s *splitScratch) split(total int64, rule *splitRule, current []int64, offset uint64, out []int64) {
	if rule.mins != nil {
		s.splitRanked(total, rule, offset, out)
		return
	}
	s.splitAvailable(total, rule, current, offset, out)
}

// splitAvailable divides total units (0 or more) by the weights alone: out[i] is segment i's exact share, rounded down
// or up, and the sum is the total. By RoundingLargestRemainder the largest fractions are rounded up; among equal
// fractions those of segments that hold the unit already, according to current (the units they have now, or nil), so
// that the fewest units move; then in order. By RoundingUnbiased see roundUnbiased; offset stands for offset/2^64. out
// must not overlap current.
func (s *splitScratch) splitAvailable(total int64, rule *splitRule, current []int64, offset uint64, out []int64) {
	left := s.splitWhole(total, rule.weights, rule.weightSum, out)
	switch {
	case left == 0:
	case rule.rounding == RoundingUnbiased:
		s.roundUnbiased(rule.weightSum, offset, out)
	default:
		s.roundLargest(left, current, out)
	}
}

// splitWhole gives every segment its exact share rounded down, leaves the remainders (in units of 1/weightSum) in the
// scratch, and returns how many units are left.
func (s *splitScratch) splitWhole(total int64, weights []uint64, weightSum uint64, out []int64) (left int64) {
	if total < 0 || weightSum == 0 || weightSum > splitWeightSumMax || len(out) != len(weights) {
		panic("BUG: a split of less than nothing, or by no weights")
	}
	s.remainders = resize(s.remainders, len(weights))
	left = total
	for i, weight := range weights {
		// weight <= weightSum, so the quotient fits: it is at most total.
		hi, lo := bits.Mul64(uint64(total), weight)
		whole, remainder := bits.Div64(hi, lo, weightSum)
		out[i] = int64(whole)
		s.remainders[i] = remainder
		left -= int64(whole)
	}
	if left < 0 || left >= int64(max(1, len(weights))) {
		panic("BUG: weights do not add up to their sum")
	}
	return left
}

// roundLargest gives one unit each to the left segments with the best claims.
func (s *splitScratch) roundLargest(left int64, current, out []int64) {
	s.claims = s.claims[:0]
	for i, remainder := range s.remainders {
		if remainder > 0 {
			keeps := current != nil && current[i] > out[i]
			s.claims = append(s.claims, claim{remainder: remainder, segment: int32(i), keeps: keeps})
		}
	}
	slices.SortFunc(s.claims, compareClaims)
	for _, c := range s.claims[:left] {
		out[c.segment]++
	}
}

// compareClaims sorts better claims first. No two claims are equal, so the order is the same whatever the algorithm.
func compareClaims(a, b claim) int {
	switch {
	case a.remainder != b.remainder:
		return cmp.Compare(b.remainder, a.remainder)
	case a.keeps != b.keeps:
		if a.keeps {
			return -1
		}
		return 1
	default:
		return cmp.Compare(a.segment, b.segment)
	}
}

// roundUnbiased rounds by systematic sampling: the fractions lie end to end on a line, and a segment gets one of the
// units that are left when one of the points p, p+1, p+2, ... lies in its fraction. With p evenly distributed in [0, 1)
// each segment is rounded up with a probability of exactly its fraction, and always as many are as units are left.
// Integers stand for fractions: 1 is weightSum. Only the place of a fraction's start modulo 1 matters.
func (s *splitScratch) roundUnbiased(weightSum, offset uint64, out []int64) {
	point, _ := bits.Mul64(offset, weightSum)
	start := uint64(0)
	for i, remainder := range s.remainders {
		end := start + remainder
		if start <= point && point < end || point+weightSum < end {
			out[i]++
		}
		if end >= weightSum {
			end -= weightSum
		}
		start = end
	}
}

// splitRanked divides total units by the weights within mins and maxs. The segments are served by rank: each gets the
// larger of its share (as splitAvailable rounds it, ties in order) and its min, at most its max, and at most what is
// left. The rest goes by rank to segments below their max, as much as fits. If all are at their max, it goes to the
// first segment with a percentage, beyond its max, because units cannot vanish.
func (s *splitScratch) splitRanked(total int64, rule *splitRule, offset uint64, out []int64) {
	if len(rule.mins) != len(out) || len(rule.maxs) != len(out) {
		panic("BUG: a ranked split without a min and a max for each segment")
	}
	s.splitAvailable(total, rule, nil, offset, out)
	left := total
	for i, share := range out {
		out[i] = min(atMost(max(share, rule.mins[i]), rule.maxs[i]), left)
		left -= out[i]
	}
	for i := range out {
		if left == 0 {
			return
		}
		more := atMost(out[i]+left, rule.maxs[i]) - out[i]
		if more > 0 {
			out[i] += more
			left -= more
		}
	}
	out[firstWeighted(rule.weights)] += left
}

// atMost is units, but no more than limit unless that is NoMax.
func atMost(units, limit int64) int64 {
	if limit == NoMax {
		return units
	}
	return min(units, limit)
}

func firstWeighted(weights []uint64) int {
	for i, weight := range weights {
		if weight > 0 {
			return i
		}
	}
	panic("BUG: a split rule without a weight")
}

// fillLayers divides total units on hand that do not cover what the segments of a group have promised and hold back
// (total at most the sum of the three layers): they cover allocated units first, then safety stock, then pending units.
// The layer that is not covered in full is shared in proportion to its size in each segment, by largest remainder, ties
// in order. No segment gets more than its layers. out must not overlap the layers.
func (s *splitScratch) fillLayers(total int64, allocated, safety, pending, out []int64) {
	clear(out)
	left := total
	for _, layer := range [...][]int64{allocated, safety, pending} {
		left = s.fillLayer(left, layer, out)
	}
	if left != 0 {
		panic("BUG: more on hand than layers to fill")
	}
}

// fillLayer adds to out what one layer gets of the units, and returns what is left of them.
func (s *splitScratch) fillLayer(units int64, layer, out []int64) int64 {
	layerUnits := int64(0)
	for _, n := range layer {
		layerUnits += n
	}
	if units >= layerUnits {
		for i, n := range layer {
			out[i] += n
		}
		return units - layerUnits
	}
	s.weights = resize(s.weights, len(layer))
	s.shares = resize(s.shares, len(layer))
	for i, n := range layer {
		s.weights[i] = uint64(n)
	}
	if left := s.splitWhole(units, s.weights, uint64(layerUnits), s.shares); left > 0 {
		s.roundLargest(left, nil, s.shares)
	}
	for i, n := range s.shares {
		out[i] += n
	}
	return 0
}

// tagGroupScratch holds a group's segments of one record, by rank.
type tagGroupScratch struct {
	split splitScratch

	rows      []uint32 // 0: the record has no such segment
	allocated []int64
	safety    []int64
	pending   []int64
	current   []int64 // available now
	onHand    []int64 // the answer
	parts     []int64

	// The walk over a record's groups: the next segment, the groups that were given, and whether one was left out.
	at      uint32
	visited mem.HashMap[uint32, bool]
	left    bool
}

// start makes room for a group of n segments that a record has none of.
func (sc *tagGroupScratch) start(n int) {
	sc.rows = resize(sc.rows, n)
	clear(sc.rows)
	for _, list := range []*[]int64{&sc.allocated, &sc.safety, &sc.pending, &sc.current, &sc.onHand, &sc.parts} {
		*list = resize(*list, n)
		clear(*list)
	}
}

// loadGroup reads a group's segments of a record and gives the group's units on hand.
func (e *Engine) loadGroup(rec *record, g *tagGroup) (onHand int64) {
	sc := &e.scratch.group
	sc.start(len(g.sets))
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
func (e *Engine) planGroup(rec *record, g *tagGroup, total int64) {
	e.scratch.group.plan(g, total, e.roundingOffset(rec))
}

// plan fills onHand with what each segment of a loaded group has when the group has total units.
func (sc *tagGroupScratch) plan(g *tagGroup, total int64, offset uint64) {
	covered := int64(0)
	for i := range g.sets {
		covered += sc.allocated[i] + sc.safety[i] + sc.pending[i]
	}
	if total < covered {
		sc.split.fillLayers(total, sc.allocated, sc.safety, sc.pending, sc.onHand)
		return
	}
	sc.split.split(total-covered, &g.rule, sc.current, offset, sc.parts)
	for i := range g.sets {
		sc.onHand[i] = sc.allocated[i] + sc.safety[i] + sc.pending[i] + sc.parts[i]
	}
}

// roundingOffset spreads the fractional units of many records evenly; it depends on the record's key alone.
func (e *Engine) roundingOffset(rec *record) uint64 {
	return mem.HashText2(e.text(rec.upc), e.text(rec.location))
}

// splitGroup gives an opened record's group that many units on hand, split by percentages, and returns the units moved.
func (e *Engine) splitGroup(rec *record, w *recordEdit, g *tagGroup, total int64) (moved int64) {
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
			e.addUnits(rec, w, sc.rows[i], unitDelta{onHand: d})
		}
		moved += max(d, 0)
	}
	return moved
}

// wants reports whether the segment with that rank takes part in splits.
func (g *tagGroup) wants(i int) bool {
	return g.rule.weights[i] > 0 || g.rule.mins != nil && g.rule.mins[i] > 0
}

// splitSafety splits safety stock like on hand of empty segments.
func (e *Engine) splitSafety(rec *record, w *recordEdit, g *tagGroup, safety int64) {
	e.loadGroup(rec, g)
	sc := &e.scratch.group
	sc.split.split(safety, &g.rule, sc.safety, e.roundingOffset(rec), sc.parts)
	for i := range g.sets {
		if sc.rows[i] == 0 && (sc.parts[i] != 0 || g.wants(i)) {
			sc.rows[i] = e.addSegment(rec, g.sets[i])
		}
		if sc.rows[i] != 0 {
			e.addUnits(rec, w, sc.rows[i], unitDelta{safety: sc.parts[i] - sc.safety[i]})
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
func (e *Engine) nextGroup(rec *record, recordRow uint32) *tagGroup {
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
	rec, w := e.openRecord(row)
	left := false
	if e.Schema().combinations > 0 {
		e.startGroups(rec)
		for g := e.nextGroup(rec, row); g != nil; g = e.nextGroup(rec, row) {
			moved += e.splitGroup(rec, &w, g, e.loadGroup(rec, g))
		}
		left = e.scratch.group.left
	}
	e.setDue(rec, left)
	e.closeRecord(rec, &w)
	return moved
}
