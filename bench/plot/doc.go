// Package plot draws the charts of the benchmarks as SVG: lines over time or load, bars over time, and marks for events
// at a moment. It can do no more than these charts need.
//
// # Reading order
//
// chart.go has the chart and draws it, axis.go maps values to pixels.
package plot
