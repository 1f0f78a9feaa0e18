package main

import (
	"fmt"
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
		atLeast("1 line, uniform, to Redis (always, no pipeline)", "one", "redis-always-1", 1.5),
		atLeast("1 line, uniform, to PostgreSQL (two statements)", "one", "pg-two", 5),
		atLeast("1 line, uniform, to PostgreSQL (one statement; no target)", "one", "pg-one", 1),
		atLeast("1 line, one hot record, to our own uniform", "one-hot", "one", 0.9),
		atLeast("1 line, one hot record, to PostgreSQL (two statements)", "one-hot", "pg-two-hot", 50),
		atLeast("500 lines, uniform, to Redis (always, pipelines of 50)", "many", "redis-always-50", 5),
		{what: "500 lines, uniform, to 1 million lines a second (to reach for)", wanted: ">= 1x",
			ratio: rate("many") / 1e6, aim: 1},
		atLeast("flash-sale refusals to a handler that parses", "refused", "parse-refused", 0.8),
		atLeast("reads to a handler that answers a constant", "read", "parse-read", 0.8),
		atLeast("1 line, uniform, to a handler that parses", "one", "parse", 0.6),
	}
	list = append(list, c.tailTarget())
	return append(list, c.growthTargets()...)
}

// tailTarget: the tail at 70 % of the greatest rate is at most three times that of the disk, and 1 ms.
func (c *comparison) tailTarget() target {
	allowed := 3*c.disk.p99 + time.Millisecond
	return target{
		what: fmt.Sprintf("p99 at %.0f requests/s (%d %% of the most), to 3x the disk's p99 plus 1 ms", c.p70at,
			tailPercent), wanted: "<= 1x",
		ratio: ratio(c.p70.p99.Seconds(), allowed.Seconds()), aim: 1, atMost: true,
		display: fmt.Sprintf("%.2f ms to %.2f ms", milliseconds(c.p70.p99), milliseconds(allowed)),
	}
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
