package main

import (
	"strings"
	"testing"

	"apportion/httpapi/api"
)

// TestPrintRefusals: the output has a note about missing refusals, if some are missing.
func TestPrintRefusals(t *testing.T) {
	for _, test := range []struct {
		refusals api.BacktestRefusals
		want     string
	}{
		{api.BacktestRefusals{}, "0 recorded"},
		{api.BacktestRefusals{Recorded: 9, From: api.Moment{Index: 3}}, "9 recorded"},
		{api.BacktestRefusals{Recorded: 9, LeftOut: 2, Lost: 5, Gaps: 1, From: api.Moment{Index: 4}},
			"9 recorded, 2 of them left out because there are too many, 5 more not recorded, " +
				"an unknown number missing where the recording broke off (1), unknown before log index 4"},
	} {
		var out strings.Builder
		printRefusals(&out, &test.refusals, api.Moment{Index: 3})
		if got := out.String(); got != "refused before the log: "+test.want+"\n" {
			t.Errorf("%+v: %q, want %q", test.refusals, got, test.want)
		}
	}
}
