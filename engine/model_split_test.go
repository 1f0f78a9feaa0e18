package engine_test

import (
	"maps"
	"math"
	"math/big"
	"slices"
	"sort"

	"apportion/engine"
)

// splitOnHand gives a group of segments a new total on hand. It covers the committed units first and splits the
// available rest by percent.
func (m *model) splitOnHand(p place, tags tagSet, total int64) {
	group := m.group(p, tags)
	var committed int64
	for _, s := range group {
		committed += m.committed(p, s)
	}
	if total < committed {
		m.shareShortage(p, group, total)
	} else {
		before := make([]int64, len(group))
		for i, s := range group {
			before[i] = m.available(p, s)
		}
		for i, units := range m.shares(p, group, total-committed, before) {
			group[i].onHand = m.committed(p, group[i]) + units
		}
	}
	m.keep(p, group)
}

// splitSafetyStock splits a group's safety stock as it splits available units, whatever the segments hold.
func (m *model) splitSafetyStock(p place, tags tagSet, total int64) {
	group := m.group(p, tags)
	before := make([]int64, len(group))
	for i, s := range group {
		before[i] = s.safetyStock
	}
	for i, units := range m.shares(p, group, total, before) {
		group[i].safetyStock = units
	}
	m.keep(p, group)
}

// splitIfDue redistributes a due record and ends that it is due.
func (m *model) splitIfDue(p place) {
	r := m.records[p]
	if !r.due {
		return
	}
	r.due = false
	if waits, stays := m.ruled(p); waits || stays {
		r.planned = waits
		return
	}
	m.split(p)
}

// split splits a record group by group.
func (m *model) split(p place) {
	r := m.records[p]
	var done []tagSet
	for _, s := range slices.Clone(r.segments) {
		discrete := m.discretePart(s.tags)
		if slices.ContainsFunc(done, func(d tagSet) bool { return maps.Equal(d, discrete) }) {
			continue
		}
		done = append(done, discrete)
		m.splitOnHand(p, s.tags, m.onHand(p, target{s.tags, true}))
	}
}

// group has the segment of each combination of the distributed categories, in order. The missing ones belong to the
// record only after keep.
func (m *model) group(p place, tags tagSet) []*segment {
	var group []*segment
	for _, combination := range m.combinations(m.discretePart(tags)) {
		s := m.record(p).find(combination)
		if s == nil {
			s = &segment{tags: combination}
		}
		group = append(group, s)
	}
	return group
}

// keep adds the missing segments that got units, or may get some later by a percentage or a min.
func (m *model) keep(p place, group []*segment) {
	r := m.record(p)
	for _, s := range group {
		used := s.onHand != 0 || s.safetyStock != 0
		percent, least := true, false
		for _, c := range m.distributedCategories() {
			v := valueOf(c, s.tags)
			percent = percent && v.Percent > 0
			least = least || v.Min > 0
		}
		if r.find(s.tags) == nil && (used || percent || least) {
			r.segments = append(r.segments, s)
		}
	}
}

// shareShortage covers allocated first, then safety stock, then pending. It shares the layer that on hand does not
// cover completely in proportion.
func (m *model) shareShortage(p place, group []*segment, total int64) {
	layers := make([][]int64, 3)
	for _, s := range group {
		allocated, pending := m.promised(p, s.tags)
		layers[0] = append(layers[0], allocated)
		layers[1] = append(layers[1], s.safetyStock)
		layers[2] = append(layers[2], pending)
		s.onHand = 0
	}
	for _, layer := range layers {
		weights := make([]*big.Int, len(layer))
		var size int64
		for i, units := range layer {
			weights[i] = big.NewInt(units)
			size += units
		}
		covered := layer
		if total < size {
			covered = largestRemainder(total, weights, make([]int64, len(layer)))
		}
		for i, units := range covered {
			group[i].onHand += units
			total -= units
		}
	}
}

// shares splits available units over a group by percent. before is what each segment had.
func (m *model) shares(p place, group []*segment, total int64, before []int64) []int64 {
	weights := make([]*big.Int, len(group))
	unbiased, limited := false, false
	for i, s := range group {
		weights[i] = big.NewInt(1)
		for _, c := range m.distributedCategories() {
			v := valueOf(c, s.tags)
			weights[i].Mul(weights[i], big.NewInt(int64(v.Percent)))
			unbiased = unbiased || c.rounding == engine.RoundingUnbiased
			limited = limited || v.Min != 0 || v.Max != engine.NoMax
		}
	}
	if limited {
		before = make([]int64, len(group))
	}
	var shares []int64
	if unbiased {
		shares = systematic(total, weights, offset(p))
	} else {
		shares = largestRemainder(total, weights, before)
	}
	if limited {
		shares = m.ranked(total, shares, group)
	}
	return shares
}

// ranked serves the values of a category in their order. Each gets its share, or its min if that is larger, but at most
// its max and the rest. Units that remain go to values below their max, in the same order. Units above every max go to
// the first value with a percentage, since they cannot vanish.
func (m *model) ranked(total int64, shares []int64, group []*segment) []int64 {
	served := make([]int64, len(group))
	left := total
	give := func(i int, units int64) {
		served[i] += units
		left -= units
	}
	limits := make([]engine.Value, len(group))
	first := -1
	for i, s := range group {
		limits[i] = valueOf(m.distributedCategories()[0], s.tags)
		if limits[i].Max == engine.NoMax {
			limits[i].Max = math.MaxInt64
		}
		if first < 0 && limits[i].Percent > 0 {
			first = i
		}
	}
	for i, v := range limits {
		give(i, min(max(shares[i], v.Min), v.Max, left))
	}
	for i, v := range limits {
		give(i, min(v.Max-served[i], left))
	}
	give(first, left)
	return served
}

func valueOf(c category, tags tagSet) engine.Value {
	return c.values[slices.IndexFunc(c.values, func(v engine.Value) bool { return v.Name == tags[c.name] })]
}

// largestRemainder rounds every exact share down and gives the remaining units to the largest fractions. Among equal
// fractions, segments that had more than their rounded share come first, since their unit need not move, then the order
// decides.
func largestRemainder(total int64, weights []*big.Int, before []int64) []int64 {
	shares, fractions := wholeAndFraction(total, weights)
	left := total
	for _, units := range shares {
		left -= units
	}
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool {
		i, j := order[a], order[b]
		if larger := fractions[i].Cmp(fractions[j]); larger != 0 {
			return larger > 0
		}
		return before[i] > shares[i] && before[j] <= shares[j]
	})
	for _, i := range order[:left] {
		shares[i]++
	}
	return shares
}

// wholeAndFraction are the exact shares of total in proportion to weights.
func wholeAndFraction(total int64, weights []*big.Int) ([]int64, []*big.Rat) {
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	whole := make([]int64, len(weights))
	fractions := make([]*big.Rat, len(weights))
	for i, w := range weights {
		units, remainder := new(big.Int).DivMod(new(big.Int).Mul(big.NewInt(total), w), sum, new(big.Int))
		whole[i] = units.Int64()
		fractions[i] = new(big.Rat).SetFrac(remainder, sum)
	}
	return whole, fractions
}

// systematic rounds exact shares such that, over many records, each segment is rounded up as often as its fraction
// says. The fractions lie end to end on a line. A segment gets one unit for each of the points offset, offset+1,
// offset+2, ... in its stretch.
func systematic(total int64, weights []*big.Int, offset *big.Rat) []int64 {
	shares, fractions := wholeAndFraction(total, weights)
	point := new(big.Rat).Set(offset)
	end := new(big.Rat)
	for i := range shares {
		end.Add(end, fractions[i])
		for point.Cmp(end) < 0 {
			shares[i]++
			point.Add(point, big.NewRat(1, 1))
		}
	}
	return shares
}

// offset is in [0, 1), evenly spread over the records.
func offset(p place) *big.Rat {
	hash := new(big.Int).SetUint64(engine.UnbiasedOffset(p.upc, p.location))
	return new(big.Rat).SetFrac(hash, new(big.Int).Lsh(big.NewInt(1), 64))
}
