package load

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// chart is one picture with two axes. It knows as much as two kinds of plots need, and no more.
type chart struct {
	title, xLabel, yLabel string
	logX, logY            bool
	lines                 []line
}

type line struct {
	name   string
	points []xy
}

type xy struct{ x, y float64 }

// The picture's measures, in pixels.
const (
	chartWidth   = 720
	chartHeight  = 280
	plotLeft     = 70
	plotRight    = 20
	plotTop      = 34
	plotBottom   = 46
	ticksWanted  = 6
	legendOffset = 110
)

// colours that can be told apart by everybody (Okabe and Ito).
var colours = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}

// writeSVG writes the charts below one another.
func writeSVG(w io.Writer, charts []chart) error {
	var out strings.Builder
	height := chartHeight * len(charts)
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		chartWidth, height, chartWidth, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, height)
	for i := range charts {
		fmt.Fprintf(&out, `<g transform="translate(0 %d)">`+"\n", i*chartHeight)
		charts[i].write(&out)
		out.WriteString("</g>\n")
	}
	out.WriteString("</svg>\n")
	_, err := io.WriteString(w, out.String())
	return err
}

func (c *chart) write(out *strings.Builder) {
	x, y := c.axes()
	text := func(at xy, anchor, text string) {
		fmt.Fprintf(out, `<text x="%s" y="%s" text-anchor="%s">%s</text>`+"\n", pixel(at.x), pixel(at.y), anchor, escape(text))
	}
	fmt.Fprintf(out, `<text x="%d" y="18" font-weight="bold">%s</text>`+"\n", plotLeft, escape(c.title))
	for _, tick := range x.ticks() {
		at := x.place(tick)
		fmt.Fprintf(out, `<path d="M%s %d V%d" stroke="#dddddd"/>`+"\n", pixel(at), plotTop, chartHeight-plotBottom)
		text(xy{at, chartHeight - plotBottom + 16}, "middle", tickText(tick))
	}
	for _, tick := range y.ticks() {
		at := y.place(tick)
		fmt.Fprintf(out, `<path d="M%d %s H%d" stroke="#dddddd"/>`+"\n", plotLeft, pixel(at), chartWidth-plotRight)
		text(xy{plotLeft - 6, at + 4}, "end", tickText(tick))
	}
	text(xy{(plotLeft + chartWidth - plotRight) / 2, chartHeight - 10}, "middle", c.xLabel)
	fmt.Fprintf(out, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n",
		(plotTop+chartHeight-plotBottom)/2, escape(c.yLabel))
	for i, l := range c.lines {
		c.writeLine(out, x, y, i, l)
	}
}

func (c *chart) writeLine(out *strings.Builder, x, y axis, number int, l line) {
	colour := colours[number%len(colours)]
	var path strings.Builder
	for _, p := range l.points {
		if c.logY && p.y <= 0 || c.logX && p.x <= 0 {
			continue // nothing that a logarithm could show
		}
		fmt.Fprintf(&path, " %s,%s", pixel(x.place(p.x)), pixel(y.place(p.y)))
	}
	fmt.Fprintf(out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.TrimSpace(path.String()), colour)
	left := chartWidth - plotRight - legendOffset*(len(c.lines)-number)
	fmt.Fprintf(out, `<path d="M%d 14 h16" stroke="%s" stroke-width="3"/><text x="%d" y="18">%s</text>`+"\n", left, colour, left+22, escape(l.name))
}

// axis maps values to pixels.
type axis struct {
	from, to           float64 // values
	pixelFrom, pixelTo float64
	log                bool
}

// axes are made to fit all points. A linear axis begins at 0.
func (c *chart) axes() (x, y axis) {
	x = axis{pixelFrom: plotLeft, pixelTo: chartWidth - plotRight, log: c.logX}
	y = axis{pixelFrom: chartHeight - plotBottom, pixelTo: plotTop, log: c.logY}
	var xs, ys []float64
	for _, l := range c.lines {
		for _, p := range l.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	x.fit(xs)
	y.fit(ys)
	return x, y
}

func (a *axis) fit(values []float64) {
	lowest, highest := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			lowest, highest = min(lowest, v), max(highest, v)
		}
	}
	if highest == 0 {
		lowest, highest = 1, 1 // nothing to show, but a picture all the same
	}
	if a.log {
		a.from, a.to = math.Pow(10, math.Floor(math.Log10(lowest))), math.Pow(10, math.Ceil(math.Log10(highest)))
		if a.from == a.to {
			a.to *= 10
		}
		return
	}
	step := niceStep(highest)
	a.to = step * math.Ceil(highest/step)
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
	for i := 0; float64(i)*step <= a.to*1.001; i++ {
		ticks = append(ticks, float64(i)*step)
	}
	return ticks
}

// niceStep is 1, 2 or 5 times a power of ten, such that about as many ticks fit as are wanted.
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

// pixel writes a place with one decimal at most: more cannot be seen.
func pixel(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func tickText(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + "M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder takes everything
	return out.String()
}
