package engine

import (
	"apportion/engine/mem"
	"fmt"
	"testing"
)

// discrete is a category of n values without percents.
func discrete(name string, n int) *PutTagCategory {
	c := &PutTagCategory{Name: name}
	for i := range n {
		c.Values = append(c.Values, value(fmt.Sprint("v", i), i == 0))
	}
	return c
}

// backorders asks for the most that one command can promise, of one segment.
func backorders(order string, tags ...Tag) *Allocate {
	c := &Allocate{OrderID: order, Backorder: true}
	for i := range OrderLinesMax {
		c.Lines = append(c.Lines, ask(fmt.Sprint(i), "U", QuantityMax, tags...))
	}
	return c
}

// TestAcceptedStateCanBeLoaded: any state that commands within the limits reach can be loaded again.
func TestAcceptedStateCanBeLoaded(t *testing.T) {
	h := newHost(t)
	h.must(discrete("A", 20))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 0)}})
	refused := 0
	for i := range 20 {
		if r := h.apply(backorders(fmt.Sprint("o", i), Tag{"A", fmt.Sprint("v", i)})); r.Code == CodeTooMany {
			refused++
		}
	}
	var v RecordView
	if h.e.ReadRecord("U", "L", &v); refused == 0 || v.Pending > RecordUnitsMax {
		t.Errorf("%d refused, %d pending", refused, v.Pending)
	}
	if _, err := loadRows(rowsOf(h.e)); err != nil {
		t.Error(err)
	}
}

// TestShortOfHugePromises: a record with the largest possible promises can still be split.
func TestShortOfHugePromises(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 0)}})
	for i, v := range []string{"A", "B", "A", "B"} {
		h.apply(backorders(fmt.Sprint("o", i), Tag{"Channel", v}))
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	var v RecordView
	if h.e.ReadRecord("U", "L", &v); v.OnHand != 5 || v.Allocated != 5 {
		t.Errorf("record %+v", v)
	}
}

func TestSegmentsOfARecordAreBounded(t *testing.T) {
	h := newHost(t)
	h.must(discrete("A", 256))
	h.must(discrete("B", 64))
	every := func(upc string, n int) []StockItem {
		var items []StockItem
		for i := range n {
			items = append(items, units(upc, 1, Tag{"A", fmt.Sprint("v", i%256)}, Tag{"B", fmt.Sprint("v", i/256)}))
		}
		return items
	}
	h.wantCode(&Refresh{Location: "L", Items: every("U", SegmentsPerRecordMax+1)}, CodeTooMany, "items[4096].tags")
	h.must(&Refresh{Location: "L", Items: every("U", SegmentsPerRecordMax)})
	var v RecordView
	if h.e.ReadRecord("U", "L", &v); len(v.Segments) != SegmentsPerRecordMax || v.OnHand != SegmentsPerRecordMax {
		t.Errorf("%d segments, %d on hand", len(v.Segments), v.OnHand)
	}
	h.wantCode(&Transfer{Items: []TransferItem{{UPC: "U", FromLocation: "L", ToLocation: "L", Quantity: 1,
		ToTags: []Tag{{"A", "v0"}, {"B", "v16"}}}}}, CodeTooMany, "items[0].to.tags")

	// A split that exceeds the record's capacity is not done, and the record stays due.
	h.must(channels(5000, 5000))
	h.must(&Redistribute{Scope: Scope{All: true}, Now: true})
	if h.e.ReadRecord("U", "L", &v); len(v.Segments) != SegmentsPerRecordMax || !v.Due {
		t.Errorf("%d segments, due %v", len(v.Segments), v.Due)
	}
}

// TestFullSchemaGoesOn: if no further combination of values can be created, stock of the known ones can still be set.
func TestFullSchemaGoesOn(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	h.must(orderTypes())
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	fillTagSets(h.e.Schema()) // as if so many had been created
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 20), units("V", 4)}})
	if r := h.apply(&Refresh{Location: "L", Items: []StockItem{units(
		"U", 1, Tag{"OrderType", "BOPIS"})}}); r.Code != CodeTooMany {
		t.Errorf("a new group: %v", r.Code)
	}
}

// TestWhatIsTakenBackLeavesNoTrace: reservations, deliveries and closed orders that are made and ended repeatedly do
// not pile up until their time.
func TestWhatIsTakenBackLeavesNoTrace(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	for range 3 * mem.StaleMin {
		reserve := allocate("o", ModeAll, ask("1", "U", 5))
		reserve.ExpiresAtMS = 1 << 50
		h.must(reserve)
		h.must(change(KindDeallocate, "o"))
		h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 1, DeliveryDateMS: 1 << 50}}})
		h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", DeliveryDateMS: 1 << 50}}})
	}
	if a, b, c := h.e.expiries.Len(), h.e.arrivals.Len(), h.e.closed.Len(); max(a, b, c) > mem.StaleMin+1 {
		t.Errorf("%d reservations, %d deliveries and %d closed orders are remembered", a, b, c)
	}
}

func TestRefusedReturnNamesNothing(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 5)))
	names := h.e.names.Count()
	h.apply(change(KindReturn, "o", OrderLine{ItemID: "1", Quantity: 1, Location: "elsewhere"}))
	if got := h.e.names.Count(); got != names {
		t.Errorf("%d names after a refusal, %d before", got, names)
	}
}

// TestFullStateRefuses: without free rows, commands that need new rows are refused, and commands that free rows are
// not.
func TestFullStateRefuses(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 5)))
	h.e.futures.Place(mem.SlabRowsMax - 1) // as if so many deliveries were expected
	if r := h.apply(allocate("p", ModeAll, ask("1", "U", 1))); r.Code != CodeTooMany || r.Field != "state" {
		t.Errorf("an allocate: %v at %q", r.Code, r.Field)
	}
	if r := h.apply(change(KindDeallocate, "o")); r.Code != CodeOK {
		t.Errorf("a deallocate: %v", r.Code)
	}
}

// fillTagSets makes as many tag sets as there may be.
func fillTagSets(s *Schema) {
	for s.sets.Used() < TagSetsMax {
		s.sets.Add()
	}
}
