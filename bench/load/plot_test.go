package load

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files; look at the difference before you commit it")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was; run the test with -rewrite and look at the difference\n%s", path, got)
	}
}

// sampleResult has a second of failures, a second without an answer, and a sweep.
func sampleResult() *Result {
	latency := Latency{1.2, 2, 4.5, 20, 31.25}
	series := []Point{{0, 990, 0, 1.1, 4, 9}, {1, 1000, 5, 1.2, 4.5, 31.25}, {Second: 2}, {3, 1010, 0, 1.3, 4.6, 12}}
	m := Measured{
		Loop: "open", OfferedPerSecond: 1000, Seconds: 4, Requests: 3000, RequestsPerSecond: 750, Work: 6000,
		WorkPerSecond: 1500,
		LatencyMS:     latency, ClientLateMS: Latency{0.01, 0.02, 0.1, 0.2, 0.3},
		Ops:    []OpResult{{"allocate", 2000, latency}, {"allocate, refused", 1000, latency}},
		Codes:  []CodeCount{{"ok", 2000}, {"insufficient", 1000}, {"busy", 5}, {"not-sent", 2}},
		Failed: 7, NotSent: 2, Series: series,
		Server: ServerUse{Commands: 2000, Syncs: 100, CommandsPerSync: 20, BytesPerCommand: 50, CPUSeconds: 2,
			CPUCores:            0.5,
			CPUMicrosPerRequest: 25, ResidentBytes: 67e6, ResidentPeakBytes: 70e6},
	}
	max := m
	max.Loop, max.OfferedPerSecond, max.RequestsPerSecond, max.LatencyMS.P99, max.NotSent = "closed", 0, 12_345, 45, 0
	return &Result{
		Workload: "allocate", Unit: "lines", Target: "http://127.0.0.1:8080", Run: "abc", Location: "bench-abc",
		Started: time.Date(2026, 11, 25, 22, 0, 0, 0, time.UTC), Connections: 64, Records: 1000, Segments: 2, Lines: 2,
		Seed: 1, Zipf: 0.99,
		Runs: []Measured{max, m}, Check: Check{Records: 1000, Segments: 2000, Orders: 512, UnknownUnits: 4},
	}
}

func TestPlot(t *testing.T) {
	var out strings.Builder
	if err := sampleResult().Plot(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "sweep.svg", out.String())
	for in := xml.NewDecoder(strings.NewReader(out.String())); ; {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	if err := sampleResult().Print(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "sweep.txt", out.String())
}

// TestPlotOfNothing: a run without an answer still makes a picture.
func TestPlotOfNothing(t *testing.T) {
	var out strings.Builder
	r := &Result{Workload: "<x>", Runs: []Measured{{}}}
	if err := r.Plot(&out); err != nil || strings.Contains(out.String(), "NaN") ||
		strings.Contains(out.String(), "Inf") || !strings.Contains(out.String(), "&lt;x&gt;") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
