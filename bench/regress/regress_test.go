package main

import (
	"slices"
	"testing"
)

// csvTable is benchstat's output, with a unit for which less is better and one for which more is better.
const csvTable = `goos: linux
pkg: apportion/engine
,stored,,now,,,
,sec/op,CI,sec/op,CI,vs base,P
ReadRecord-2,8.5e-08,1%,9.9e-08,2%,+16.47%,p=0.002 n=6
Refuses-2,1.3e-07,1%,1.4e-07,2%,+7.69%,p=0.002 n=6
Allocate-2,7e-07,9%,9e-07,50%,~,p=0.310 n=6
Split-2,7e-07,9%,5e-07,1%,-28.57%,p=0.002 n=6
geomean,3e-07,,4e-07,,+33.00%,

,stored,,now,,,
,commands/s,CI,commands/s,CI,vs base,P
Do-2,75000,1%,60000,2%,-20.00%,p=0.002 n=6
Do/many-2,75000,1%,90000,2%,+20.00%,p=0.002 n=6
New-2,,,1,2%,,
`

func TestRegressions(t *testing.T) {
	got, err := regressions(csvTable, 10)
	want := []string{"ReadRecord-2, sec/op: +16.47% (p=0.002 n=6)", "Do-2, commands/s: -20.00% (p=0.002 n=6)"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if got, err := regressions(csvTable, 25); err != nil || len(got) != 0 {
		t.Errorf("at 25 %%: %q, %v", got, err)
	}
	for _, text := range []string{"", "goos: linux\n,stored,\n,sec/op,CI\nX,1,2%\n"} {
		if got, err := regressions(text, 10); err == nil {
			t.Errorf("%q: %q, no error", text, got)
		}
	}
	if _, err := regressions(",a,,b,,,\n,sec/op,CI,sec/op,CI,vs base,P\nX,1,1%,2,1%,much%,p=0\n", 10); err == nil {
		t.Error("a change that is no number was taken")
	}
}
