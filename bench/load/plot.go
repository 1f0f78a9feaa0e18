package load

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"apportion/bench/plot"
)

// Plot writes the result as an SVG picture: rate and latency over time, and for several rates the latency over the
// offered rate.
func (r *Result) Plot(w io.Writer) error {
	var charts []plot.Chart
	if len(r.Runs) > 1 {
		charts = append(charts, r.loadChart())
	}
	for i := range r.Runs {
		charts = append(charts, r.Runs[i].charts(r.Workload)...)
	}
	return plot.WriteSVG(w, charts...)
}

func (m *Measured) charts(workload string) []plot.Chart {
	offered := "closed loop"
	if m.OfferedPerSecond > 0 {
		offered = fmt.Sprintf("%s loop, %.0f/s offered", m.Loop, m.OfferedPerSecond)
	}
	rate := plot.Chart{Title: workload + ", " + offered, XLabel: "seconds", YLabel: "requests a second",
		Lines: []plot.Line{{Name: "answered"}, {Name: "failed"}}}
	latency := plot.Chart{Title: "latency", XLabel: "seconds", YLabel: "milliseconds", LogY: true,
		Lines: []plot.Line{{Name: "p50"}, {Name: "p99"}, {Name: "max"}}}
	for _, p := range m.Series {
		for i, y := range []float64{float64(p.Answered), float64(p.Failed)} {
			rate.Lines[i].Points = append(rate.Lines[i].Points, plot.Point{X: p.Second + 1, Y: y})
		}
		for i, y := range []float64{p.P50MS, p.P99MS, p.MaxMS} {
			latency.Lines[i].Points = append(latency.Lines[i].Points, plot.Point{X: p.Second + 1, Y: y})
		}
	}
	return []plot.Chart{rate, latency}
}

// loadChart has a point for each rate. The point of a closed loop is at the rate that it reached.
func (r *Result) loadChart() plot.Chart {
	c := plot.Chart{Title: r.Workload + ": latency against load", XLabel: "requests a second offered",
		YLabel: "milliseconds", LogY: true,
		Lines: []plot.Line{{Name: "p50"}, {Name: "p99"}, {Name: "p99.9"}}}
	runs := slices.Clone(r.Runs)
	at := func(m *Measured) float64 { return cmp.Or(m.OfferedPerSecond, m.RequestsPerSecond) }
	slices.SortFunc(runs, func(a, b Measured) int { return cmp.Compare(at(&a), at(&b)) })
	for i := range runs {
		l := runs[i].LatencyMS
		for j, y := range []float64{l.P50, l.P99, l.P999} {
			c.Lines[j].Points = append(c.Lines[j].Points, plot.Point{X: at(&runs[i]), Y: y})
		}
	}
	return c
}
