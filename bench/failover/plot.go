package main

import (
	"fmt"
	"io"
	"time"

	"apportion/bench/plot"
)

// The picture: a bar for each 100 ms, and a line for each event.
const (
	binWidth   = 100 * time.Millisecond
	plotBefore = 2 * time.Second
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

// writePlot draws the writes and events around a kill, as SVG. Time counts from the kill.
func writePlot(w io.Writer, k kill, acks []ack) error {
	chart := plot.Chart{
		Title:  "Writes acknowledged, three nodes, kill -9 of the leader at 0",
		XLabel: "seconds", YLabel: "writes in 100 ms",
	}
	from := max(k.at-plotBefore, 0)
	for i, count := range bins(acks, from, k.back+after) {
		begin := from + time.Duration(i)*binWidth - k.at
		chart.Bars = append(chart.Bars, plot.Bar{From: begin.Seconds(), To: (begin + binWidth).Seconds(),
			Y: float64(count)})
	}
	mark := func(at time.Duration, text string) {
		chart.Marks = append(chart.Marks, plot.Mark{X: (at - k.at).Seconds(), Text: text})
	}
	mark(k.at, "killed")
	mark(k.elected, fmt.Sprintf("another leads, %d ms", (k.elected-k.at).Milliseconds()))
	mark(k.restarted, "restarted")
	mark(k.back, fmt.Sprintf("ready, %d ms", (k.back-k.restarted).Milliseconds()))
	return plot.WriteSVG(w, chart)
}
