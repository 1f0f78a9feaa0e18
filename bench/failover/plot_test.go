package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPlot(t *testing.T) {
	const second = time.Second
	acks := []ack{{0, second / 2}, {second, second + 1}, {second, second + binWidth}, {0, 3 * second}, {4 * second, 4*second + binWidth}}
	if got, want := bins(acks, second, second+3*binWidth), []int{1, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("bins are %v, want %v", got, want)
	}
	if got, want := gapAfter(acks, 2*second), 2*second+binWidth; got != want {
		t.Errorf("the gap is %s, want %s: an answer to what was asked before counts", got, want)
	}
	svg := plot(kill{at: 2 * second, elected: 3 * second, restarted: 4 * second, back: 5 * second}, acks)
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("no XML: %v\n%s", err, svg)
		}
	}
	for n, want := range map[int]int{1: 4, 4: 4, 5: 8, 21: 40, 399: 400} {
		if got := niceAbove(n); got != want {
			t.Errorf("above %d comes %d, want %d", n, got, want)
		}
	}
}
