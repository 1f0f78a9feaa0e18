package replay

import (
	"cmp"
	"fmt"
	"slices"
)

// check compares the server's stock with the independent count and notes every difference in the summary.
func (r *replay) check(rows []Row, opening, final *stock) {
	orderTags := func(country string) string { return canonical(r.tags(country)) }
	counted := Count(rows, opening.segments, orderTags, canonical(r.defaults))

	s := r.summary
	s.SegmentsChecked = len(counted.Segments)
	s.checkRefusals(counted)
	s.checkSegments(counted, final)
	s.checkUPCs(counted, r.plan, opening, final)
}

// checkRefusals: the server refused exactly the lines that the count refuses.
func (s *Summary) checkRefusals(counted *Counted) {
	for line := range counted.Refused {
		if _, refused := s.refusedLines[line]; !refused {
			s.differ("line %d of the file: allocated, but by the count there was not enough", line)
		}
	}
	for line, code := range s.refusedLines {
		if !counted.Refused[line] {
			s.differ("line %d of the file: refused (%s), but by the count there was enough", line, code)
		}
	}
}

// checkSegments: every segment has the figures of the count, and there is no other segment with stock.
func (s *Summary) checkSegments(counted *Counted, final *stock) {
	for key, want := range counted.Segments {
		if got := final.segments[key]; got != want {
			s.differ("%s %s: on hand %d, allocated %d, available %d; by the count %d, %d, %d", key.UPC, key.Tags,
				got.OnHand, got.Allocated, got.Available, want.OnHand, want.Allocated, want.Available)
		}
	}
	for key, got := range final.segments {
		if _, expected := counted.Segments[key]; !expected && got != (Figures{}) {
			s.differ("%s %s: on hand %d, but the count has no such segment", key.UPC, key.Tags, got.OnHand)
		}
	}
}

// checkUPCs: on hand at the end is the opening stock less the shipped units plus the returned units. The sums of the
// replies, of the count and of the records must agree.
func (s *Summary) checkUPCs(counted *Counted, plan *Plan, opening, final *stock) {
	for _, item := range plan.Opening {
		upc := item.UPC
		if opening.onHand[upc] != item.Units {
			s.differ("%s: opening on hand %d, but %d were loaded", upc, opening.onHand[upc], item.Units)
		}
		if s.shipped[upc] != counted.Shipped[upc] {
			s.differ("%s: replies say %d units shipped, the count %d", upc, s.shipped[upc], counted.Shipped[upc])
		}
		if s.returned[upc] != counted.Returned[upc] {
			s.differ("%s: replies say %d units returned, the count %d", upc, s.returned[upc], counted.Returned[upc])
		}
		want := item.Units - counted.Shipped[upc] + counted.Returned[upc]
		if final.onHand[upc] != want {
			s.differ("%s: on hand %d at the end; opening %d - shipped %d + returned %d = %d", upc, final.onHand[upc],
				item.Units, counted.Shipped[upc], counted.Returned[upc], want)
		}
		s.UnitsOpening += item.Units
		s.UnitsFinal += final.onHand[upc]
	}
}

func (s *Summary) differ(format string, args ...any) {
	s.Differences = append(s.Differences, fmt.Sprintf(format, args...))
}

// sorted gives the keys of a count in falling order of their counts.
func sorted(counts map[string]int) []string {
	keys := make([]string, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return keys
}
