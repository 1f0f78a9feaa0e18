package engine

import (
	"cmp"
	"math/bits"
	"slices"
)

// The arithmetic of splitting units among the segments of a group. It knows no records and no schema: segments are
// positions in slices, in segment order, which is also their rank. Every split conserves the total exactly.

// splitWeightSumMax bounds the sum of a rule's weights: products of the basis points of up to four categories.
const splitWeightSumMax = 10_000 * 10_000 * 10_000 * 10_000

// The steps below add two numbers smaller than the sum of weights in 64 bits.
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

// claim is a segment's claim to one of the units that are left when every segment has got its whole units.
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
// left. What is left at the end goes by rank to whoever is below its max, as much as fits; if everybody is at its max,
// the rest goes to the first segment that has a percentage, whatever its max, because units cannot vanish.
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
