package kibo

import (
	"testing"

	"apportion/engine"
)

// TestListingReadsMax: a location with more records than the limit of a read gets an error, not an empty list.
func TestListingReadsMax(t *testing.T) {
	e := engine.New()
	c := &engine.Refresh{Location: "L"}
	for _, upc := range []string{"A", "B", "C"} {
		c.Items = append(c.Items, engine.StockItem{UPC: upc, Quantity: 1})
	}
	e.Apply(1, 1, engine.AppendCommand(nil, new(engine.Envelope), c), nil)
	f := func(readsMax, wantRows int, tooMany bool) {
		t.Helper()
		q := new(queryBody)
		q.RequestLocation.LocationCode = "L"
		run := newQueryRun(&e.Reader, 0, q)
		run.ReadsMax = readsMax
		if run.find(resultsMax); len(run.rows) != wantRows || run.Exhausted() != tooMany {
			t.Errorf("with %d reads: %d rows after %d", readsMax, len(run.rows), run.Reads)
		}
	}
	f(3, 3, false)
	f(2, 0, true)
}
