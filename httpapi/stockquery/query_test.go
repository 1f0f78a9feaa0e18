package stockquery

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"apportion/engine"
)

// TestWants: the locations that a query of each type looks at.
func TestWants(t *testing.T) {
	f := func(queryType Type, met int, some, want bool) {
		t.Helper()
		q := Query{Type: queryType, Items: make([]Item, 2)}
		if q.wants(met, some) != want {
			t.Errorf("type %d, %d items in full, some %v: not %v", queryType, met, some, want)
		}
	}
	f(Any, 0, true, false)
	f(Any, 1, true, true)
	f(All, 1, true, false)
	f(All, 2, true, true)
	f(Partial, 0, false, false)
	f(Partial, 0, true, true)
	f(AllLocations, 0, false, true)
}

// TestPrepare: items with the same UPC are marked. In a query for all items, their units are added by tags.
func TestPrepare(t *testing.T) {
	web, new := engine.Tag{Category: "Channel", Value: "Web"}, engine.Tag{Category: "Condition", Value: "New"}
	items := func() []Item {
		return []Item{{UPC: "A", Quantity: 1, Tags: []engine.Tag{web, new}}, {UPC: "B", Quantity: 2},
			{UPC: "A", Quantity: 4}, {UPC: "A", Quantity: math.MaxInt64, Tags: []engine.Tag{new, web}}}
	}
	f := func(queryType Type, want ...int64) {
		t.Helper()
		q := Query{Type: queryType, Items: items()}
		q.Prepare()
		var quantities []int64
		for i, item := range q.Items {
			quantities = append(quantities, item.Quantity)
			if item.Repeat != (i > 1) {
				t.Errorf("item %d: repeat %v", i, item.Repeat)
			}
		}
		if !slices.Equal(quantities, want) {
			t.Errorf("type %d: quantities %d, want %d", queryType, quantities, want)
		}
	}
	f(Any, 1, 2, 4, math.MaxInt64)
	f(All, math.MaxInt64, 2, 4, math.MaxInt64)
}

// TestVisit: records that do not match are not found, but their reads count.
func TestVisit(t *testing.T) {
	e := engine.New()
	c := &engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "A", Quantity: 5}, {UPC: "B", Quantity: 1}}}
	e.Apply(1, 1, engine.AppendCommand(nil, new(engine.Envelope), c), nil)
	f := func(queryType Type, counts, wanted bool, want ...string) {
		t.Helper()
		q := &Query{Type: queryType, Items: []Item{{UPC: "A", Quantity: 5}, {UPC: "none", Quantity: 1},
			{UPC: "B", Quantity: 2}}}
		q.Prepare()
		s := Search{Reader: &e.Reader, Query: q, ReadsMax: 3, Record: new(engine.RecordView)}
		var found []string
		got := s.Visit("L", func(int) (int64, bool) { return s.Record.OnHand, counts }, func(item int, met bool) {
			text := q.Items[item].UPC
			if met {
				text += " in full"
			}
			found = append(found, text)
		})
		if got != wanted || !slices.Equal(found, want) || s.Reads != 3 || s.Exhausted() {
			t.Errorf("type %d: wanted %v, found %q after %d reads", queryType, got, found, s.Reads)
		}
	}
	f(Any, true, true, "A in full", "B")
	f(All, true, false, "A in full", "B")
	f(Partial, false, false)
	f(AllLocations, false, true)
}

// TestAppendUPCs: the records of one location, up to a limit, however many there are at others.
func TestAppendUPCs(t *testing.T) {
	e := engine.New()
	const records = 2*keysPerLook + 1
	for i, location := range []string{"K", "L", "M"} {
		c := &engine.Refresh{Location: location}
		for upc := range records {
			c.Items = append(c.Items, engine.StockItem{UPC: fmt.Sprintf("%05d", upc), Quantity: 1})
		}
		e.Apply(uint64(i+1), 1, engine.AppendCommand(nil, new(engine.Envelope), c), nil)
	}
	s := Search{Reader: &e.Reader}
	f := func(location string, limit, want int, wantMore bool) {
		t.Helper()
		upcs, more := s.AppendUPCs(nil, location, limit)
		if len(upcs) != want || more != wantMore || !slices.IsSorted(upcs) || want > 0 && upcs[0] != "00000" {
			t.Errorf("of %s at most %d: got %d, more: %t", location, limit, len(upcs), more)
		}
	}
	for _, location := range []string{"L", "M"} {
		f(location, records+1, records, false)
		f(location, records, records, false)
		f(location, records-1, records-1, true)
		f(location, keysPerLook, keysPerLook, true)
		f(location, 1, 1, true)
	}
	f("A", 5, 0, false)
	f("N", 5, 0, false)
}
