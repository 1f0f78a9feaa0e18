package main

import (
	"fmt"
	"strings"
	"time"
)

// The picture: a bar for each 100 ms, and a line for each thing that happened.
const (
	binWidth    = 100 * time.Millisecond
	plotBefore  = 2 * time.Second
	plotWidth   = 900
	plotHeight  = 300
	marginLeft  = 70
	marginRight = 20
	marginTop   = 50
	marginFoot  = 50
)

// bins counts the writes acknowledged in each 100 ms of a period.
func bins(acks []ack, from, to time.Duration) []int {
	counts := make([]int, (to-from)/binWidth)
	for _, a := range acks {
		if i := int((a.at - from) / binWidth); a.at >= from && i < len(counts) {
			counts[i]++
		}
	}
	return counts
}

// plot draws what happened around a kill, as SVG.
func plot(k kill, acks []ack) string {
	from := max(k.at-plotBefore, 0)
	to := k.back + after
	counts := bins(acks, from, to)
	most := 1
	for _, count := range counts {
		most = max(most, count)
	}
	scale := niceAbove(most)
	x := func(at time.Duration) float64 {
		return marginLeft + float64(at-from)/float64(to-from)*(plotWidth-marginLeft-marginRight)
	}
	y := func(count int) float64 {
		return plotHeight - marginFoot - float64(count)/float64(scale)*(plotHeight-marginTop-marginFoot)
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&svg, `<rect width="%d" height="%d" fill="white"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&svg, `<text x="%d" y="18" font-size="14">Writes acknowledged per 100 ms, three nodes, kill -9 of the leader at 0 s</text>`+"\n", marginLeft)
	for i := range 5 {
		count := scale * i / 4
		fmt.Fprintf(&svg, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, marginLeft, plotWidth-marginRight, y(count), y(count))
		fmt.Fprintf(&svg, `<text x="%d" y="%.1f" text-anchor="end">%d</text>`+"\n", marginLeft-8, y(count)+4, count)
	}
	for i, count := range counts {
		begin := from + time.Duration(i)*binWidth
		fmt.Fprintf(&svg, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#4878a8"/>`+"\n", x(begin), y(count), x(begin+binWidth)-x(begin)-1, y(0)-y(count))
	}
	for second := (from - k.at).Truncate(time.Second); k.at+second <= to; second += time.Second {
		fmt.Fprintf(&svg, `<text x="%.1f" y="%d" text-anchor="middle">%d s</text>`+"\n", x(k.at+second), plotHeight-marginFoot+18, second/time.Second)
	}
	for i, mark := range []struct {
		at   time.Duration
		text string
	}{{k.at, "killed"}, {k.elected, fmt.Sprintf("another leads, %d ms", (k.elected - k.at).Milliseconds())}, {k.restarted, "restarted"},
		{k.back, fmt.Sprintf("ready, %d ms", (k.back - k.restarted).Milliseconds())}} {
		height := marginTop - 18 + i%2*14
		fmt.Fprintf(&svg, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%.1f" stroke="#c03030" stroke-dasharray="4 3"/>`, x(mark.at), x(mark.at), height, y(0))
		fmt.Fprintf(&svg, `<text x="%.1f" y="%d" fill="#c03030">%s</text>`+"\n", x(mark.at)+4, height+4, mark.text)
	}
	svg.WriteString("</svg>\n")
	return svg.String()
}

// niceAbove is a round number that is no less, and divisible by four.
func niceAbove(n int) int {
	for unit := 4; ; unit *= 10 {
		for _, factor := range []int{1, 2, 5} {
			if unit*factor >= n {
				return unit * factor
			}
		}
	}
}
