package main

import (
	"strings"
	"testing"
)

// TestPrintRefusals: what is missing from the figures is said, and nothing where nothing is.
func TestPrintRefusals(t *testing.T) {
	for _, test := range []struct {
		refusals backtestRefusals
		want     string
	}{
		{backtestRefusals{}, "0 recorded"},
		{backtestRefusals{Recorded: 9, From: moment{Index: 3}}, "9 recorded"},
		{backtestRefusals{Recorded: 9, LeftOut: 2, Lost: 5, Gaps: 1, From: moment{Index: 4}},
			"9 recorded, 2 of them left out because there are too many, 5 more not recorded, " +
				"an unknown number missing where the recording broke off (1), unknown before log index 4"},
	} {
		var out strings.Builder
		test.refusals.print(&out, moment{Index: 3})
		if got := out.String(); got != "refused before the log: "+test.want+"\n" {
			t.Errorf("%+v: %q, want %q", test.refusals, got, test.want)
		}
	}
}
