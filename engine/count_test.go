package engine

import (
	"fmt"
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
