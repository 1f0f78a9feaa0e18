package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestBarsAndMarks: a chart of bars around a moment has room for what was before it, and texts are escaped.
func TestBarsAndMarks(t *testing.T) {
	var out strings.Builder
	err := WriteSVG(&out, Chart{
		Title: "a<b", Bars: []Bar{{-2, -1, 4}, {-1, 0, 2}, {0, 4, 8}},
		Marks: []Mark{{0, "killed"}, {4, "ready & well"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a&lt;b", "ready &amp; well", // escaped
		// half as high as the highest, at the left edge
		`<rect x="70" y="154" width="104" height="80" fill="#0072b2"/>`,
		// the highest, with room for the marks above it
		`<rect x="280" y="74" width="419" height="160" fill="#0072b2"/>`,
		`<path d="M280 34 V234" stroke="#d55e00" stroke-dasharray="4 3"/>`, // at 0
		`<text x="704" y="62" text-anchor="start">ready`,                   // in the second row
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %s in\n%s", want, out.String())
		}
	}
	for in := xml.NewDecoder(strings.NewReader(out.String())); ; {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTicks(t *testing.T) {
	f := func(values []float64, log bool, want string) {
		t.Helper()
		a := axis{log: log}
		a.fit(values)
		var texts []string
		for _, tick := range a.ticks() {
			texts = append(texts, tickText(tick))
		}
		if got := strings.Join(texts, " "); got != want {
			t.Errorf("%v: %s, want %s", values, got, want)
		}
	}
	f([]float64{10}, false, "0 2 4 6 8 10")
	f([]float64{3, 7}, false, "0 2 4 6 8")
	f([]float64{48_000}, false, "0 10k 20k 30k 40k 50k")
	f([]float64{2_300_000}, false, "0 500k 1M 1.5M 2M 2.5M")
	f([]float64{0.02, 31}, true, "0.01 0.1 1 10 100")
	f([]float64{1}, true, "1 10")
	f([]float64{-2, 7}, false, "-2 0 2 4 6 8")
	f(nil, false, "0 0.2 0.4 0.6 0.8 1")
}
