package engine

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCountShort: if more units of an item shipped than were counted, its on hand becomes 0 and the answer reports the
// shortfall. The other items are counted.
func TestCountShort(t *testing.T) {
	counted := &Refresh{Location: "L", Count: "c", Items: []StockItem{units("X", 9), units("Y", 1), units("Z", 3)}}
	shipped := func(more ...Command) *host {
		h := newHost(t)
		for _, c := range more {
			h.must(c)
		}
		h.must(&Refresh{Location: "L", Items: []StockItem{units("X", 10), units("Y", 2), units("Z", 3)}})
		h.must(&StartCount{Location: "L", Count: "c"})
		h.must(&Adjust{Location: "L", Items: []StockItem{units("Y", -2)}})
		return h
	}
	h := shipped()
	for range 2 { // a repeated count changes nothing
		r := h.must(counted)
		if diff := cmp.Diff([]Shortfall{{Item: 1, Units: 1}}, r.Shortfalls); diff != "" {
			t.Errorf("short of: %s", diff)
		}
		h.want("X", "L", `{} 9/0/0/9 `)
		h.want("Y", "L", `{} 0/0/0/0 `)
		h.want("Z", "L", `{} 3/0/0/3 `)
	}
	events := h.e.Events(0, 100, nil)
	if ev := events[len(events)-1]; len(events) != 3 || ev.Kind != EventCountShort || ev.UPC != "Y" ||
		ev.Location != "L" || ev.Name != "c" ||
		ev.Units != 1 || ev.Limit != 1 || ev.TagSet == 0 {
		t.Errorf("the events are %+v", events)
	}

	// A tag group has one shortfall, for its sum.
	h = shipped(channels(5000, 5000))
	if r := h.must(counted); len(r.Shortfalls) != 1 || r.Shortfalls[0] != (Shortfall{Item: 1, Units: 1}) {
		t.Errorf("a group is short of %+v", r.Shortfalls)
	}
	h.want("Y", "L", `{"Channel":"A"} 0/0/0/0 {"Channel":"B"} 0/0/0/0 `)
	events = h.e.Events(0, 100, nil)
	if ev := events[len(events)-1]; ev.Kind != EventCountShort || ev.TagSet != 0 {
		t.Errorf("the last event is %+v", ev)
	}

	// A command that another item refuses reports no shortfall.
	h = shipped()
	r := h.wantCode(&Refresh{Location: "L", Count: "c", Items: append(counted.Items[:2:2], units("X", 1))},
		CodeDuplicate, "items[2].upc")
	if len(r.Shortfalls) > 0 {
		t.Errorf("a refusal reports %+v", r.Shortfalls)
	}

	// A command of an older version keeps its meaning.
	if r := h.do(&Envelope{Version: 5}, counted); r.Code != CodeOnHandBelowZero || r.Field != "items[1].quantity" {
		t.Errorf("of version 5: %v at %s", r.Code, r.Field)
	}
	h.want("X", "L", `{} 10/0/0/10 `)
}

// TestCountShortfallsAreBounded: the answer lists some shortfalls, the events list all.
func TestCountShortfallsAreBounded(t *testing.T) {
	h := newHost(t)
	full := &Refresh{Location: "L"}
	for i := range ReportedItemsMax + 5 {
		full.Items = append(full.Items, units(fmt.Sprint("U", i), 2))
	}
	h.must(full)
	h.must(&StartCount{Location: "L", Count: "c"})
	sold, counted := &Adjust{Location: "L"}, &Refresh{Location: "L", Count: "c"}
	for i := range full.Items {
		sold.Items = append(sold.Items, units(full.Items[i].UPC, -2))
		counted.Items = append(counted.Items, units(full.Items[i].UPC, 1))
	}
	h.must(sold)
	if r := h.must(counted); len(r.Shortfalls) != ReportedItemsMax || r.Stock.Items != int64(len(full.Items)) {
		t.Errorf("%d of %d items are reported", len(r.Shortfalls), r.Stock.Items)
	}
	if n := h.e.Stats().Events; n != int64(len(full.Items))+1 {
		t.Errorf("there are %d events", n)
	}
}

// TestCompleteCountGoesOn: one command looks at CloseRecordsMax records. The count stays open until the last of them,
// also over a restart, and what is named between two of them is not set.
func TestCompleteCountGoesOn(t *testing.T) {
	const records = 2*CloseRecordsMax + 1
	h := newHost(t)
	upc := func(i int) string { return fmt.Sprintf("U%05d", i) }
	for i := 0; i < records; i += 10_000 {
		c := &Refresh{Location: "L"}
		for k := i; k < min(i+10_000, records); k++ {
			c.Items = append(c.Items, units(upc(k), 2))
		}
		h.must(c)
	}
	h.must(&StartCount{Location: "L", Count: "c"})
	h.must(&Refresh{Location: "L", Count: "c", Items: []StockItem{units(upc(0), 2)}})
	h.must(&Adjust{Location: "L", Items: []StockItem{units(upc(1), -1)}})
	wantStock := func(c *CloseCount, want StockResult, last string) {
		t.Helper()
		r := h.must(c)
		if r.Stock != want || len(r.Records) > 1 || len(r.Records) == 1 && r.Records[0].UPC != last ||
			(len(r.Records) == 0) != (last == "") {
			t.Errorf("%+v: %+v, %+v; want %+v, %q", c, r.Stock, r.Records, want, last)
		}
	}
	slice := &CloseCount{Location: "L", Count: "c", Complete: true, DryRun: true}
	first := StockResult{Items: CloseRecordsMax, Records: CloseRecordsMax - 1, Units: 2*CloseRecordsMax - 3}
	before := h.stateHash()
	wantStock(slice, first, upc(CloseRecordsMax-1))
	if h.stateHash() != before || len(h.e.counts.open) != 1 {
		t.Error("a dry run changes something")
	}
	if n := h.must(slice).Changes; len(n) != ReportedItemsMax {
		t.Errorf("a dry run lists %d", len(n))
	}
	slice.DryRun = false
	wantStock(slice, first, upc(CloseRecordsMax-1))
	wantStock(slice, StockResult{Items: CloseRecordsMax}, upc(CloseRecordsMax-1)) // again: nothing is left to do
	shorts := 0
	for _, ev := range h.e.Events(0, 100_000, nil) {
		if ev.Kind == EventCountShort {
			shorts++
		}
	}
	if shorts != 1 {
		t.Errorf("%d shortfalls are told, want that of %s once", shorts, upc(1))
	}

	e, err := loadRows(rowsOf(h.e))
	if err != nil {
		t.Fatal(err)
	}
	other := &host{t: t, e: e, index: h.index, nowMS: h.nowMS}
	running := h
	for _, h = range []*host{running, other} {
		h.must(&Refresh{Location: "L", Count: "c", Items: []StockItem{units(upc(2), 7), units(upc(records-1), 9)}})
		slice.After = upc(CloseRecordsMax - 1)
		wantStock(slice, StockResult{Items: CloseRecordsMax, Records: CloseRecordsMax, Units: 2 * CloseRecordsMax},
			upc(2*CloseRecordsMax-1))
		slice.After = upc(2*CloseRecordsMax - 1)
		wantStock(slice, StockResult{Items: 1}, "")
		h.wantCode(slice, CodeUnknownCount, "count")
		if v, _ := h.e.ReadLocation("L"); v.OnHand != 2+7+9 {
			t.Errorf("%d on hand, want what was named", v.OnHand)
		}
	}
	if running.e.Hash() != other.e.Hash() {
		t.Error("the two have parted")
	}
}

// TestRowsOutliveTheirCount: a record's row may be older than the end of a count. It says nothing about a later one.
func TestRowsOutliveTheirCount(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5), units("V", 5)}})
	h.must(&StartCount{Location: "L", Count: "c"})
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", -3)}})
	h.must(&Refresh{Location: "L", Count: "c", Items: []StockItem{units("V", 5)}})
	first := rowsOf(h.e)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("V", 1)}})
	want := h.e.Hash()
	c, second := h.e.Freeze(), new(Rows)
	h.must(&CloseCount{Location: "L", Count: "c"})
	h.must(&StartCount{Location: "L", Count: "d"})
	h.must(&Adjust{Location: "L", Items: []StockItem{units("V", 1)}})
	for c.Next(second, 1, new(sync.Mutex)) {
	}
	c.Done()
	if merged(t, first, second).Hash() != want {
		t.Error("a checkpoint does not have the count that was open at its freeze")
	}
	e := merged(t, first, second, rowsOf(h.e))
	if e.Hash() != h.e.Hash() {
		t.Error("a restart finds another state")
	}
	other := &host{t: t, e: e, index: h.index, nowMS: h.nowMS}
	for _, h := range []*host{h, other} {
		if r := h.must(&CloseCount{Location: "L", Count: "d", Complete: true}); r.Stock.Records != 2 {
			t.Errorf("the later count sets %+v", r.Changes)
		}
		h.want("U", "L", `{} 0/0/0/0 `)
		h.want("V", "L", `{} 1/0/0/1 `)
	}
}

// TestCountOfBefore: a count that an older version began is not complete, for nobody noted what it named. Its rows stay
// readable, and are written in today's form.
func TestCountOfBefore(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	h.do(&Envelope{Version: 4}, &StartCount{Location: "L", Count: "c"})
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", -3)}})
	old := new(Rows)
	rowsOf(h.e).Each(func(op RowOp, key, value []byte) error {
		switch key[0] {
		case metaTable: // without what the count does
			value = append([]byte{7}, value[1:len(value)-1]...)
		case recordTable: // at its end: flags, index, base, no deliveries
			value = append(bytes.Clone(value[:len(value)-4]), storedCounted, value[len(value)-2], 0)
		}
		old.add(op, key, value)
		return nil
	})
	e, err := loadRows(old)
	if err != nil {
		t.Fatal(err)
	}
	if e.Hash() != h.e.Hash() {
		t.Error("a restart finds another state")
	}
	other := &host{t: t, e: e, index: h.index, nowMS: h.nowMS}
	other.wantCode(&CloseCount{Location: "L", Count: "c", Complete: true}, CodeInvalid, "complete")
	other.must(&Refresh{Location: "L", Count: "c", Items: []StockItem{units("U", 9)}})
	other.want("U", "L", `{} 6/0/0/6 `)

	e, err = loadRows(old)
	if err != nil {
		t.Fatal(err)
	}
	other = &host{t: t, e: e, index: h.index, nowMS: h.nowMS}
	other.must(&CloseCount{Location: "L", Count: "c"})
	other.must(&StartCount{Location: "L", Count: "d"})
	if merged(t, old, rowsOf(other.e)).Hash() != other.e.Hash() {
		t.Error("what an older version wrote of a count is taken for a later one's")
	}
}
