package plot

import (
	"math"
	"strconv"
)

// ticksWanted is the approximate number of ticks on an axis.
const ticksWanted = 6

// axis maps values to pixels.
type axis struct {
	from, to           float64 // values
	pixelFrom, pixelTo float64
	log                bool
}

// fit extends the axis to all values. A linear axis includes 0; a logarithmic one omits values that are not positive.
func (a *axis) fit(values []float64) {
	lowest, highest, least := math.Inf(1), 0.0, 0.0
	for _, v := range values {
		least = min(least, v)
		if v > 0 {
			lowest, highest = min(lowest, v), max(highest, v)
		}
	}
	if highest == 0 {
		lowest, highest = 1, 1 // no values: draw an empty picture
	}
	if a.log {
		a.from, a.to = math.Pow(10, math.Floor(math.Log10(lowest))), math.Pow(10, math.Ceil(math.Log10(highest)))
		if a.from == a.to {
			a.to *= 10
		}
		return
	}
	step := niceStep(highest)
	a.from, a.to = step*math.Floor(least/step), step*math.Ceil(highest/step)
}

func (a *axis) place(v float64) float64 {
	from, to := a.from, a.to
	if a.log {
		v, from, to = math.Log10(v), math.Log10(from), math.Log10(to)
	}
	return a.pixelFrom + (v-from)/(to-from)*(a.pixelTo-a.pixelFrom)
}

func (a *axis) ticks() (ticks []float64) {
	if a.log {
		for tick := a.from; tick <= a.to*1.001; tick *= 10 {
			ticks = append(ticks, tick)
		}
		return ticks
	}
	step := niceStep(a.to)
	for i := math.Round(a.from / step); i*step <= a.to*1.001; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

// niceStep is 1, 2 or 5 times a power of ten, so that about ticksWanted ticks fit.
func niceStep(highest float64) float64 {
	rough := highest / ticksWanted
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= rough*0.999 {
			return factor * power
		}
	}
	return 10 * power
}

// tickText writes a tick's value in at most four digits.
func tickText(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + "M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
