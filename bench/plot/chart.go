package plot

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Chart is one picture with two axes. The axes fit all its parts; a linear y axis begins at 0.
type Chart struct {
	Title, XLabel, YLabel string
	LogY                  bool

	Lines []Line
	Bars  []Bar
	Marks []Mark
}

// Line connects points in their order. A logarithmic axis omits points that are not positive.
type Line struct {
	Name   string
	Points []Point
}

// Point is a place in the units of the axes.
type Point struct{ X, Y float64 }

// Bar stands on the x axis between From and To.
type Bar struct{ From, To, Y float64 }

// Mark is a vertical line with a text, for an event at X.
type Mark struct {
	X    float64
	Text string
}

// The picture's measures, in pixels.
const (
	chartWidth   = 720
	chartHeight  = 280
	plotLeft     = 70
	plotRight    = 20
	plotTop      = 34
	plotBottom   = 46
	legendOffset = 110

	// marksRows is the number of rows for the texts of marks, so that neighbours do not cover each other.
	marksRows = 2
	rowHeight = 14

	// marksRoom is the factor that makes the y axis longer if there are marks: their texts stand above lines and bars.
	marksRoom = 1.25
)

// colours that can be told apart by everybody (Okabe and Ito).
var colours = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}

// WriteSVG writes the charts below one another.
func WriteSVG(w io.Writer, charts ...Chart) error {
	var out strings.Builder
	height := chartHeight * len(charts)
	fmt.Fprintf(&out,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
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

func (c *Chart) write(out *strings.Builder) {
	x, y := c.axes()
	text := func(at Point, anchor, text string) {
		fmt.Fprintf(out, `<text x="%s" y="%s" text-anchor="%s">%s</text>`+"\n", pixel(at.X), pixel(at.Y), anchor,
			escape(text))
	}
	fmt.Fprintf(out, `<text x="%d" y="18" font-weight="bold">%s</text>`+"\n", plotLeft, escape(c.Title))
	for _, tick := range x.ticks() {
		at := x.place(tick)
		fmt.Fprintf(out, `<path d="M%s %d V%d" stroke="#dddddd"/>`+"\n", pixel(at), plotTop, chartHeight-plotBottom)
		text(Point{at, chartHeight - plotBottom + 16}, "middle", tickText(tick))
	}
	for _, tick := range y.ticks() {
		at := y.place(tick)
		fmt.Fprintf(out, `<path d="M%d %s H%d" stroke="#dddddd"/>`+"\n", plotLeft, pixel(at), chartWidth-plotRight)
		text(Point{plotLeft - 6, at + 4}, "end", tickText(tick))
	}
	text(Point{(plotLeft + chartWidth - plotRight) / 2, chartHeight - 10}, "middle", c.XLabel)
	fmt.Fprintf(out, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n",
		(plotTop+chartHeight-plotBottom)/2, escape(c.YLabel))
	c.writeBars(out, x, y)
	for i, l := range c.Lines {
		c.writeLine(out, x, y, i, l)
	}
	for i, mark := range c.Marks {
		at := x.place(mark.X)
		fmt.Fprintf(out, `<path d="M%s %d V%d" stroke="%s" stroke-dasharray="4 3"/>`+"\n", pixel(at), plotTop,
			chartHeight-plotBottom, colours[1])
		text(Point{at + 4, float64(plotTop + rowHeight*(1+i%marksRows))}, "start", mark.Text)
	}
}

func (c *Chart) writeBars(out *strings.Builder, x, y axis) {
	for _, bar := range c.Bars {
		left, top := x.place(bar.From), y.place(bar.Y)
		fmt.Fprintf(out, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n",
			pixel(left), pixel(top), pixel(max(x.place(bar.To)-left-1, 1)), pixel(y.pixelFrom-top), colours[0])
	}
}

// axes makes axes that fit all parts of the chart.
func (c *Chart) axes() (x, y axis) {
	x = axis{pixelFrom: plotLeft, pixelTo: chartWidth - plotRight}
	y = axis{pixelFrom: chartHeight - plotBottom, pixelTo: plotTop, log: c.LogY}
	var xs, ys []float64
	for _, l := range c.Lines {
		for _, p := range l.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	for _, bar := range c.Bars {
		xs, ys = append(xs, bar.From, bar.To), append(ys, bar.Y)
	}
	for _, mark := range c.Marks {
		xs = append(xs, mark.X)
	}
	if len(c.Marks) > 0 && len(ys) > 0 {
		ys = append(ys, slices.Max(ys)*marksRoom)
	}
	x.fit(xs)
	y.fit(ys)
	return x, y
}

func (c *Chart) writeLine(out *strings.Builder, x, y axis, number int, l Line) {
	colour := colours[number%len(colours)]
	var path strings.Builder
	for _, p := range l.Points {
		if c.LogY && p.Y <= 0 {
			continue // not positive: a logarithmic axis cannot show it
		}
		fmt.Fprintf(&path, " %s,%s", pixel(x.place(p.X)), pixel(y.place(p.Y)))
	}
	fmt.Fprintf(out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n",
		strings.TrimSpace(path.String()), colour)
	left := chartWidth - plotRight - legendOffset*(len(c.Lines)-number)
	fmt.Fprintf(out, `<path d="M%d 14 h16" stroke="%s" stroke-width="3"/><text x="%d" y="18">%s</text>`+"\n", left,
		colour, left+22, escape(l.Name))
}

// pixel writes a coordinate with one decimal at most: more is invisible.
func pixel(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder takes everything
	return out.String()
}
