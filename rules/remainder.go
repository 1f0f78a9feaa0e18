package rules

import (
	"cmp"
	"math"
	"math/big"
	"slices"
)

// LargestRemainder divides total units in proportion to weights: each gets its exact share, rounded down or up, and the
// sum is the total. The largest fractions are rounded up; among equal ones those whose current has the unit already, so
// that the fewest units move; then in order. The arithmetic is exact, so that no rounding of floats shows.
//
// The weights are finite and 0 or more, at least one of them more; total is 0 or more; current may be nil.
func LargestRemainder(total int64, weights []float64, current []int64) []int64 {
	exact := wholeWeights(weights)
	sum := new(big.Int)
	for _, w := range exact {
		sum.Add(sum, w)
	}
	if total < 0 || sum.Sign() <= 0 {
		panic("BUG: a split of less than nothing, or by no weights")
	}
	units := make([]int64, len(weights))
	remainders := make([]*big.Int, len(weights))
	left := total
	for i, w := range exact {
		whole, remainder := new(big.Int), new(big.Int)
		whole.QuoRem(w.Mul(w, big.NewInt(total)), sum, remainder)
		units[i], remainders[i] = whole.Int64(), remainder
		left -= units[i]
	}
	order := make([]int, 0, len(weights))
	for i := range weights {
		if remainders[i].Sign() > 0 {
			order = append(order, i)
		}
	}
	keeps := func(i int) int {
		if current != nil && current[i] > units[i] {
			return 0
		}
		return 1
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(remainders[b].Cmp(remainders[a]), cmp.Compare(keeps(a), keeps(b)), cmp.Compare(a, b))
	})
	for _, i := range order[:left] {
		units[i]++
	}
	return units
}

// wholeWeights gives integers in the same proportion: a float is an integer times a power of two.
func wholeWeights(weights []float64) []*big.Int {
	const mantissaBits = 53
	least := math.MaxInt
	for _, w := range weights {
		if w > 0 {
			_, exponent := math.Frexp(w)
			least = min(least, exponent)
		}
	}
	whole := make([]*big.Int, len(weights))
	for i, w := range weights {
		whole[i] = new(big.Int)
		if w > 0 {
			fraction, exponent := math.Frexp(w)
			whole[i].SetInt64(int64(math.Ldexp(fraction, mantissaBits)))
			whole[i].Lsh(whole[i], uint(exponent-least))
		}
	}
	return whole
}
