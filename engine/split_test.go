package engine

import (
	"apportion/engine/mem"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// ruleOf is a split by percentages in basis points.
func ruleOf(percents ...uint64) *splitRule {
	return &splitRule{weights: percents, weightSum: sumOf(percents)}
}

func sumOf[N int64 | uint64](numbers []N) N {
	var sum N
	for _, n := range numbers {
		sum += n
	}
	return sum
}

func noMaxs(n int) []int64 { return manyItems(n, NoMax) }

func TestSplitAvailable(t *testing.T) {
	tests := []struct {
		name    string
		total   int64
		rule    *splitRule
		current []int64
		want    []int64
	}{
		{"exact", 200, ruleOf(8000, 1000, 1000), nil, []int64{160, 20, 20}},
		{"nothing", 0, ruleOf(8000, 1000, 1000), []int64{5, 5, 5}, []int64{0, 0, 0}},
		{"one unit", 1, ruleOf(8000, 1000, 1000), nil, []int64{1, 0, 0}},
		{"one segment", 7, ruleOf(10000), nil, []int64{7}},
		{"largest remainder", 11, ruleOf(5000, 3000, 2000), nil, []int64{6, 3, 2}},
		{"tie in order", 2, ruleOf(2500, 2500, 2500, 2500), nil, []int64{1, 1, 0, 0}},
		{"tie stays", 2, ruleOf(2500, 2500, 2500, 2500), []int64{0, 1, 0, 1}, []int64{0, 1, 0, 1}},
		{"tie stays in part", 2, ruleOf(2500, 2500, 2500, 2500), []int64{0, 0, 0, 2}, []int64{1, 0, 0, 1}},
		{"remainder before staying", 1, ruleOf(4999, 5001), []int64{1, 0}, []int64{0, 1}},
		{"weight 0", 10, ruleOf(0, 10000, 0), []int64{10, 0, 0}, []int64{0, 10, 0}},
		{"weight 0 gets no leftover", 5, ruleOf(0, 5000, 5000), []int64{5, 0, 0}, []int64{0, 3, 2}},
		{"largest", 4_000_000_000_000_001, &splitRule{
			weights: []uint64{5_000_000_000_000_000, 5_000_000_000_000_000}, weightSum: splitWeightSumMax,
		}, []int64{0, 4_000_000_000_000_001}, []int64{2_000_000_000_000_000, 2_000_000_000_000_001}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s splitScratch
			out := make([]int64, len(tt.want))
			if s.split(tt.total, tt.rule, tt.current, 0, out); !slices.Equal(out, tt.want) {
				t.Fatalf("got %v, want %v", out, tt.want)
			}
		})
	}
}

// genRule draws the percentages of one to four categories, with zeros and equal ones among them.
func genRule(t *rapid.T, segmentsMax int) *splitRule {
	if rapid.Bool().Draw(t, "equal") {
		n := rapid.IntRange(1, segmentsMax).Draw(t, "segments")
		return ruleOf(manyItems(n, uint64(1+rapid.IntRange(0, 1).Draw(t, "weight")*9999))...)
	}
	scale := rapid.SampledFrom([]uint64{1, 10_000, 100_000_000, 1_000_000_000_000}).Draw(t, "scale")
	weights := rapid.SliceOfN(rapid.Uint64Range(0, 10_000/uint64(segmentsMax)), 1, segmentsMax).Draw(t, "percents")
	for i := range weights {
		weights[i] *= scale
	}
	weights[0] = max(weights[0], 1)
	return ruleOf(weights...)
}

func genTotal(t *rapid.T) int64 {
	return rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(0, QuantityMax*SegmentsPerRecordMax)).Draw(t, "total")
}

func TestSplitAvailableProperties(t *testing.T) {
	var s splitScratch
	rapid.Check(t, func(t *rapid.T) {
		rule := genRule(t, 30)
		rule.rounding = Rounding(rapid.IntRange(0, 1).Draw(t, "rounding"))
		total, offset, n := genTotal(t), rapid.Uint64().Draw(t, "offset"), len(rule.weights)
		current := rapid.SliceOfN(rapid.Int64Range(0, 60), n, n).Draw(t, "current")
		out := make([]int64, n)
		s.splitAvailable(total, rule, current, offset, out)
		if sumOf(out) != total {
			t.Fatalf("%v is not %d in all", out, total)
		}
		for i, units := range out {
			checkExactShare(t, total, rule, i, units)
		}
		again := make([]int64, n)
		if s.splitAvailable(total, rule, out, offset, again); !slices.Equal(again, out) {
			t.Fatalf("split again: %v after %v", again, out)
		}
	})
}

// checkExactShare: units differs by less than one from total * weight / weightSum.
func checkExactShare(t *rapid.T, total int64, rule *splitRule, i int, units int64) {
	weightSum := new(big.Int).SetUint64(rule.weightSum)
	exact := new(big.Int).Mul(big.NewInt(total), new(big.Int).SetUint64(rule.weights[i]))
	distance := exact.Sub(exact, new(big.Int).Mul(big.NewInt(units), weightSum))
	if units < 0 || distance.CmpAbs(weightSum) >= 0 {
		t.Fatalf("segment %d gets %d of %d by %v", i, units, total, rule.weights)
	}
}

// TestSplitMovesFewest compares with all ways to round. None with the same sum of rounded-up fractions moves fewer
// units.
func TestSplitMovesFewest(t *testing.T) {
	var s splitScratch
	rapid.Check(t, func(t *rapid.T) {
		rule := genRule(t, 8)
		n := len(rule.weights)
		total := rapid.Int64Range(0, 40).Draw(t, "total")
		current := rapid.SliceOfN(rapid.Int64Range(0, 12), n, n).Draw(t, "current")
		out := make([]int64, n)
		left := s.splitWhole(total, rule.weights, rule.weightSum, out)
		whole, remainders := slices.Clone(out), slices.Clone(s.remainders)
		if left > 0 {
			s.roundLargest(left, current, out)
		}
		gotFractions, gotMoves := roundingCost(whole, remainders, current, out)
		for choice := range 1 << n {
			other := slices.Clone(whole)
			for i := range other {
				other[i] += int64(choice >> i & 1)
			}
			if sumOf(other) != total {
				continue
			}
			fractions, moves := roundingCost(whole, remainders, current, other)
			if fractions > gotFractions || fractions == gotFractions && moves < gotMoves {
				t.Fatalf("%v is better than %v for %d by %v from %v", other, out, total, rule.weights, current)
			}
		}
	})
}

// roundingCost is the sum of the rounded-up fractions, and the units that differ from current.
func roundingCost(whole []int64, remainders []uint64, current, out []int64) (fractions uint64, moves int64) {
	for i := range out {
		if out[i] > whole[i] {
			fractions += remainders[i]
		}
		moves += max(out[i]-current[i], current[i]-out[i])
	}
	return fractions, moves
}

// TestUnbiasedSplitOfManyRecords is the case where largest remainder is wrong: 10,000 records of one unit.
func TestUnbiasedSplitOfManyRecords(t *testing.T) {
	const records = 10_000
	rule := ruleOf(8000, 1000, 1000)
	rule.rounding = RoundingUnbiased
	var s splitScratch
	units, out := make([]int64, 3), make([]int64, 3)
	for n := range records {
		s.splitAvailable(1, rule, nil, mem.HashText2(fmt.Sprintf("%012d", n/10), fmt.Sprintf("store-%d", n%10)), out)
		for i := range out {
			units[i] += out[i]
		}
	}
	for i, got := range units {
		share := float64(rule.weights[i]) / 10_000
		if deviation := math.Abs(float64(got) - records*share); deviation > 3*math.Sqrt(records*share*(1-share)) {
			t.Errorf("channel %d: %d of %d units", i, got, records)
		}
	}
}

// TestUnbiasedIsExact tries all points of a line of 100 steps: each segment is rounded up as often as its fraction
// says.
func TestUnbiasedIsExact(t *testing.T) {
	const steps = 100
	var s splitScratch
	rapid.Check(t, func(t *rapid.T) {
		cuts := rapid.SliceOfN(rapid.Uint64Range(0, steps), 0, 6).Draw(t, "cuts")
		slices.Sort(cuts)
		rule := &splitRule{weightSum: steps, rounding: RoundingUnbiased}
		last := uint64(0)
		for _, cut := range append(cuts, steps) {
			rule.weights = append(rule.weights, cut-last)
			last = cut
		}
		total := rapid.Int64Range(0, 300).Draw(t, "total")
		units, out := make([]int64, len(rule.weights)), make([]int64, len(rule.weights))
		for step := range uint64(steps) {
			s.splitAvailable(total, rule, nil, step*(math.MaxUint64/steps)+steps, out)
			for i := range out {
				units[i] += out[i]
			}
		}
		for i := range units {
			if units[i] != total*int64(rule.weights[i]) {
				t.Fatalf("segment %d: %d of %d units at %v", i, units[i], total*steps, rule.weights)
			}
		}
	})
}

// TestSplitRankedGolden is IBM's published example for minimum and maximum by rank.
func TestSplitRankedGolden(t *testing.T) {
	rule := ruleOf(4000, 1000, 2000, 3000) // S1, unsegmented, S2, S3
	rule.mins, rule.maxs = []int64{100, 0, 300, 0}, noMaxs(4)
	var s splitScratch
	out := make([]int64, 4)
	if s.split(1000, rule, nil, 0, out); !slices.Equal(out, []int64{400, 100, 300, 200}) {
		t.Fatalf("got %v, want [400 100 300 200]", out)
	}
}

func TestSplitRanked(t *testing.T) {
	tests := []struct {
		name       string
		total      int64
		weights    []uint64
		mins, maxs []int64
		want       []int64
	}{
		{"min by rank", 10, []uint64{5000, 5000}, []int64{0, 8}, []int64{-1, -1}, []int64{5, 5}},
		{"min first", 10, []uint64{2000, 8000}, []int64{8, 8}, []int64{-1, -1}, []int64{8, 2}},
		{"mins beyond the total", 5, []uint64{5000, 5000}, []int64{10, 10}, []int64{-1, -1}, []int64{5, 0}},
		{"max leaves to the next", 100, []uint64{6000, 3000, 1000}, []int64{0, 0, 0}, []int64{10, -1, -1},
			[]int64{10, 80, 10}},
		{"max leaves by rank", 100, []uint64{6000, 3000, 1000}, []int64{0, 0, 0}, []int64{10, 50, 60},
			[]int64{10, 50, 40}},
		{"everybody at max", 100, []uint64{5000, 5000}, []int64{0, 0}, []int64{10, 20}, []int64{80, 20}},
		{"everybody at max, first has no share", 100, []uint64{0, 5000, 5000}, []int64{0, 0, 0}, []int64{0, 10, 20},
			[]int64{0, 80, 20}},
		{"min without a share", 10, []uint64{10000, 0}, []int64{0, 3}, []int64{8, -1}, []int64{8, 2}},
		{"nothing", 0, []uint64{5000, 5000}, []int64{1, 1}, []int64{-1, -1}, []int64{0, 0}},
		{"ties in order", 1, []uint64{5000, 5000}, []int64{0, 0}, []int64{-1, -1}, []int64{1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rule := ruleOf(tt.weights...)
			rule.mins, rule.maxs = tt.mins, tt.maxs
			current := make([]int64, len(tt.weights))
			current[len(current)-1] = tt.total // the present figure does not matter
			var s splitScratch
			out := make([]int64, len(tt.weights))
			if s.split(tt.total, rule, current, 0, out); !slices.Equal(out, tt.want) {
				t.Fatalf("got %v, want %v", out, tt.want)
			}
		})
	}
}

func TestSplitRankedProperties(t *testing.T) {
	var s splitScratch
	rapid.Check(t, func(t *rapid.T) {
		rule := genRule(t, 20)
		n, total := len(rule.weights), genTotal(t)
		rule.mins = rapid.SliceOfN(rapid.Int64Range(0, 30), n, n).Draw(t, "mins")
		rule.maxs = noMaxs(n)
		limited := int64(0)
		for i := range rule.maxs {
			if rapid.Bool().Draw(t, "limited") {
				rule.maxs[i] = rule.mins[i] + rapid.Int64Range(0, 30).Draw(t, "more")
				limited++
			}
		}
		out := make([]int64, n)
		s.splitRanked(total, rule, 0, out)
		if sumOf(out) != total {
			t.Fatalf("%v is not %d in all", out, total)
		}
		canHold := limited < int64(n) || total <= sumOf(rule.maxs)
		for i, units := range out {
			if units < 0 || canHold && rule.maxs[i] != NoMax && units > rule.maxs[i] {
				t.Fatalf("segment %d gets %d of %v, max %d", i, units, out, rule.maxs[i])
			}
			below := units < rule.mins[i]
			if behind := sumOf(out[i+1:]); below && behind > 0 {
				t.Fatalf("segment %d is below its min, and those behind it have %d: %v", i, behind, out)
			}
		}
	})
}

func TestFillLayers(t *testing.T) {
	tests := []struct {
		name                       string
		total                      int64
		allocated, safety, pending []int64
		want                       []int64
	}{
		{"all", 12, []int64{1, 2}, []int64{3, 1}, []int64{0, 5}, []int64{4, 8}},
		{"nothing", 0, []int64{1, 2}, []int64{3, 1}, []int64{0, 5}, []int64{0, 0}},
		{"allocated in part", 2, []int64{1, 3}, []int64{3, 1}, []int64{0, 5}, []int64{1, 1}},
		{"allocated in full", 4, []int64{1, 3}, []int64{3, 1}, []int64{0, 5}, []int64{1, 3}},
		{"safety in part", 7, []int64{1, 3}, []int64{3, 1}, []int64{0, 5}, []int64{3, 4}},
		{"pending in part", 9, []int64{1, 3}, []int64{3, 1}, []int64{1, 5}, []int64{4, 5}},
		{"tie in order", 1, []int64{4, 4, 4}, []int64{0, 0, 0}, []int64{0, 0, 0}, []int64{1, 0, 0}},
		{"empty layers", 0, []int64{0, 0}, []int64{0, 0}, []int64{0, 0}, []int64{0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s splitScratch
			out := []int64{99, 99, 99}[:len(tt.want)]
			if s.fillLayers(tt.total, tt.allocated, tt.safety, tt.pending, out); !slices.Equal(out, tt.want) {
				t.Fatalf("got %v, want %v", out, tt.want)
			}
		})
	}
}

func TestFillLayersProperties(t *testing.T) {
	var s splitScratch
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "segments")
		units := rapid.OneOf(rapid.Int64Range(0, 9), rapid.Int64Range(0, QuantityMax))
		layer := func(label string) []int64 { return rapid.SliceOfN(units, n, n).Draw(t, label) }
		allocated, safety, pending := layer("allocated"), layer("safety"), layer("pending")
		promised, held := sumOf(allocated), sumOf(safety)
		total := rapid.Int64Range(0, promised+held+sumOf(pending)).Draw(t, "total")
		out := make([]int64, n)
		s.fillLayers(total, allocated, safety, pending, out)
		if sumOf(out) != total {
			t.Fatalf("%v is not %d in all", out, total)
		}
		for i, got := range out {
			least, most := int64(0), allocated[i]
			if total >= promised {
				least, most = allocated[i], allocated[i]+safety[i]
			}
			if total >= promised+held {
				least, most = allocated[i]+safety[i], allocated[i]+safety[i]+pending[i]
			}
			if got < least || got > most {
				t.Fatalf("segment %d gets %d, not within %d and %d", i, got, least, most)
			}
		}
	})
}

func TestSplitRefusesMisuse(t *testing.T) {
	var s splitScratch
	two := make([]int64, 2)
	for name, misuse := range map[string]func(){
		"negative":   func() { s.split(-1, ruleOf(1, 1), nil, 0, two) },
		"no weights": func() { s.split(1, ruleOf(0, 0), nil, 0, two) },
		"length":     func() { s.split(1, ruleOf(1, 1, 1), nil, 0, two) },
		"wrong sum":  func() { s.split(9, &splitRule{weights: []uint64{1, 1}, weightSum: 9}, nil, 0, two) },
		"no max": func() {
			s.split(1, &splitRule{weights: []uint64{1, 1}, weightSum: 2, mins: two}, nil, 0, two)
		},
		"beyond layers": func() { s.fillLayers(9, two, two, two, make([]int64, 2)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); len(text) < 5 || text[:5] != "BUG: " {
					t.Fatalf("recovered %q", text)
				}
			}()
			misuse()
		})
	}
}
