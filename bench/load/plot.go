package load

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// Plot writes the result as an SVG picture: rate and latency over time, and with several rates the latency against the
// offered load.
func (r *Result) Plot(w io.Writer) error {
	var charts []chart
	if len(r.Runs) > 1 {
		charts = append(charts, r.loadChart())
	}
	for i := range r.Runs {
		charts = append(charts, r.Runs[i].charts(r.Workload)...)
	}
	return writeSVG(w, charts)
}

func (m *Measured) charts(workload string) []chart {
	offered := "closed loop"
	if m.OfferedPerSecond > 0 {
		offered = fmt.Sprintf("%s loop, %.0f/s offered", m.Loop, m.OfferedPerSecond)
	}
	rate := chart{title: workload + ", " + offered, xLabel: "seconds", yLabel: "requests a second", lines: []line{{name: "answered"}, {name: "failed"}}}
	latency := chart{title: "latency", xLabel: "seconds", yLabel: "milliseconds", logY: true, lines: []line{{name: "p50"}, {name: "p99"}, {name: "max"}}}
	for _, p := range m.Series {
		for i, y := range []float64{float64(p.Answered), float64(p.Failed)} {
			rate.lines[i].points = append(rate.lines[i].points, xy{p.Second + 1, y})
		}
		for i, y := range []float64{p.P50MS, p.P99MS, p.MaxMS} {
			latency.lines[i].points = append(latency.lines[i].points, xy{p.Second + 1, y})
		}
	}
	return []chart{rate, latency}
}

// loadChart has a point for each rate; a closed loop's is where it got to by itself.
func (r *Result) loadChart() chart {
	c := chart{title: r.Workload + ": latency against load", xLabel: "requests a second offered", yLabel: "milliseconds", logY: true,
		lines: []line{{name: "p50"}, {name: "p99"}, {name: "p99.9"}}}
	runs := slices.Clone(r.Runs)
	at := func(m *Measured) float64 { return cmp.Or(m.OfferedPerSecond, m.RequestsPerSecond) }
	slices.SortFunc(runs, func(a, b Measured) int { return cmp.Compare(at(&a), at(&b)) })
	for i := range runs {
		l := runs[i].LatencyMS
		for j, y := range []float64{l.P50, l.P99, l.P999} {
			c.lines[j].points = append(c.lines[j].points, xy{at(&runs[i]), y})
		}
	}
	return c
}
