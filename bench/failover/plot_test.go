package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPlot(t *testing.T) {
	const second = time.Second
	acks := []ack{{0, second / 2}, {second, second + 1}, {second, second + binWidth}, {0, 3 * second},
		{4 * second, 4*second + binWidth}}
	if got, want := bins(acks, second, second+3*binWidth), []int{1, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("bins are %v, want %v", got, want)
	}
	if got, want := gapAfter(acks, 2*second), 2*second+binWidth; got != want {
		t.Errorf("the gap is %s, want %s: an answer to what was asked before counts", got, want)
	}
	var svg strings.Builder
	if err := writePlot(&svg, kill{at: 2 * second, elected: 3 * second, restarted: 4 * second, back: 5 * second},
		acks); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"killed", "another leads, 1000 ms", "restarted", "ready, 1000 ms"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the picture does not show %q", want)
		}
	}
}
