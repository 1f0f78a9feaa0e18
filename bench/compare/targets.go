package main

import (
	"fmt"
	"slices"
	"time"
)

// target is one of Apportion's own targets, with the measured ratio.
type target struct {
	what    string
	wanted  string
	ratio   float64
	aim     float64
	atMost  bool // the aim is the ratio's upper bound
	display string
}

// verdict tells how far a target was reached or missed.
func (t *target) verdict() string {
	reached := t.ratio >= t.aim
	if t.atMost {
		reached = t.ratio <= t.aim
	}
	switch {
	case reached:
		return "reached"
	case t.atMost:
		return fmt.Sprintf("**missed**: %.2f times what it should be at most", t.ratio/t.aim)
	case t.ratio == 0:
		return "**not measured**"
	}
	return fmt.Sprintf("**missed**: %.2f times as much is needed", t.aim/t.ratio)
}

// targets compares the measured ratios with their aims.
func (c *comparison) targets() []target {
	rate := func(key string) float64 { return c.entry(key).of.figures().perSecond }
	atLeast := func(what, of, to string, aim float64) target {
		return target{what: what, wanted: fmt.Sprintf(">= %gx", aim), ratio: ratio(rate(of), rate(to)), aim: aim}
	}
	list := []target{
		atLeast("1 line, uniform, to Redis (always, no pipeline)", "one", "redis-always-1", 1.2),
		c.cpuTarget(),
		atLeast("500 lines, uniform, to Redis (always, pipelines of 50)", "many", "redis-always-50", 13),
		{what: "500 lines, uniform, to 1.2 million lines a second", wanted: ">= 1x",
			ratio: rate("many") / 1.2e6, aim: 1},
		atLeast("flash-sale refusals to a handler that answers a constant", "refused", "parse-refused", 0.8),
		atLeast("reads to a handler that answers a constant", "read", "parse-read", 0.9),
		atLeast("1 line, one hot record, to our own uniform", "one-hot", "one", 0.9),
		atLeast("1 line, uniform, to PostgreSQL (two statements)", "one", "pg-two", 5),
	}
	if c.before != "" {
		list = append(list,
			atLeast("1 line, uniform, to the commit before (no target)", "one", "before-one", 1),
			atLeast("500 lines, uniform, to the commit before (no target)", "many", "before-many", 1),
			atLeast("three nodes, 1 line, to the commit before", "cluster", "before-cluster", 1.2))
	}
	list = append(list, c.tailTarget())
	list = append(list, c.steadyTargets()...)
	return append(list, c.growthTargets()...)
}

// cpuTarget bounds the server's processor time for a durable order of one line.
func (c *comparison) cpuTarget() target {
	const aim = 21
	used := c.entry("one").of.figures().cpuEachMicros
	return target{what: "1 line, uniform: server CPU", wanted: fmt.Sprintf("<= %d us", aim), ratio: used / aim, aim: 1,
		atMost: true, display: fmt.Sprintf("%.1f us", used)}
}

// tailTarget bounds our tail by the machine's: that of the handler that answers a constant.
func (c *comparison) tailTarget() target {
	return target{
		what: fmt.Sprintf("p99 at %d %% of the most (%.0f/s), to a handler that answers a constant (%.0f/s)",
			tailPercent, c.p70.rate, c.floor.rate), wanted: "<= 1.2x",
		ratio: ratio(c.p70.of.p99.Seconds(), c.floor.of.p99.Seconds()), aim: 1.2, atMost: true,
		display: fmt.Sprintf("%.2f ms to %.2f ms", milliseconds(c.p70.of.p99), milliseconds(c.floor.of.p99)),
	}
}

func (c *comparison) steadyTargets() []target {
	if len(c.steady) == 0 {
		return nil
	}
	const aim = 10 * time.Millisecond
	worst := slices.Max(c.steady)
	return []target{{
		what:   fmt.Sprintf("%v at %.0f/s, %d times: worst p99", steadyTime, c.steadyRate, len(c.steady)),
		wanted: "<= 10 ms", ratio: worst.Seconds() / aim.Seconds(), aim: 1, atMost: true,
		display: fmt.Sprintf("%.2f ms; median %.2f ms", milliseconds(worst),
			milliseconds(percentile(slices.Sorted(slices.Values(c.steady)), 50))),
	}}
}

func (c *comparison) growthTargets() []target {
	if len(c.growth) != 2 {
		return nil
	}
	small, large := c.growth[0], c.growth[1]
	return []target{
		{
			what:   fmt.Sprintf("1 line at %d segments, to %d segments", large.segments, small.segments),
			wanted: ">= 0.8x",
			ratio:  ratio(large.of.perSecond, small.of.perSecond), aim: 0.8,
		},
		{
			what: fmt.Sprintf("resident memory a segment at %d segments, to %d segments", large.segments,
				small.segments), wanted: "<= 1x (constant)",
			ratio: ratio(large.bytesPerSegment, small.bytesPerSegment), aim: 1, atMost: true,
			display: fmt.Sprintf("%.0f B to %.0f B", large.bytesPerSegment, small.bytesPerSegment),
		},
	}
}

func ratio(of, to float64) float64 {
	if to == 0 {
		return 0
	}
	return of / to
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
