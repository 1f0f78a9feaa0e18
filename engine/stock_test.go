package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// value is a value of a discrete category.
func value(name string, isDefault bool) Value {
	return Value{Name: name, Percent: NoPercent, Default: isDefault, Max: NoMax}
}

// orderTypes is a discrete category.
func orderTypes() *PutTagCategory {
	return &PutTagCategory{Name: "OrderType", Values: []Value{value("Ship", true), value("BOPIS", false)}}
}

func units(upc string, n int64, tags ...Tag) StockItem {
	return StockItem{UPC: upc, Quantity: n, Tags: tags}
}

// wantCode checks that a command is refused and changes nothing.
func (h *host) wantCode(c Command, code Code, field string) *Result {
	h.t.Helper()
	before := h.stateHash()
	r := h.apply(c)
	if r.Code != code || r.Field != field {
		h.t.Errorf("%T: %v at %q (%s), want %v at %q", c, r.Code, r.Field, r.Value, code, field)
	}
	if code != CodeOK && h.stateHash() != before {
		h.t.Errorf("%T: the refusal changed the state", c)
	}
	return r
}

// stateHash is the hash of the state without the log index.
func (h *host) stateHash() [32]byte {
	index := h.e.appliedIndex.Load()
	h.e.appliedIndex.Store(0)
	defer h.e.appliedIndex.Store(index)
	return h.e.Hash()
}

func TestStockTargets(t *testing.T) { tell(t, "stock-targets") }

func TestStockRefusals(t *testing.T) { tell(t, "stock-refusals") }

func TestSafetyStockFloorAndEvents(t *testing.T) {
	h := newHost(t)
	h.must(channels(8000, 2000))
	h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 100, SafetyStock: 10, Floor: 50, LTD: 3,
		Has: HasSafetyStock | HasFloor | HasLTD}}})
	h.want("U", "L", `{"Channel":"A"} 80/0/0/72 {"Channel":"B"} 20/0/0/18 `)
	var v RecordView
	h.e.ReadRecord("U", "L", &v)
	if v.Floor != 50 || v.LTD != 3 || v.SafetyStock != 10 || v.Available() != 90 {
		t.Errorf("record %+v", v)
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 20, Tags: []Tag{{"Channel", "B"}}, Floor: 15,
		Has: HasFloor}}})
	h.must(&Allocate{OrderID: "o", Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: 4,
		Tags: []Tag{{"Channel", "B"}}}}})
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", -40, Tag{"Channel", "A"})}})
	var floors []Event
	for _, ev := range h.e.Events(0, 100, nil) {
		if ev.Kind == EventFloorCrossed {
			floors = append(floors, Event{TagSet: ev.TagSet, Units: ev.Units, Limit: ev.Limit, UPC: ev.UPC,
				Location: ev.Location})
		}
	}
	b, _, _ := h.e.Schema().Resolve([]Tag{{"Channel", "B"}})
	want := []Event{{TagSet: b, Units: 14, Limit: 15, UPC: "U", Location: "L"},
		{Units: 46, Limit: 50, UPC: "U", Location: "L"}}
	if diff := cmp.Diff(want, floors); diff != "" {
		t.Errorf("floor events (-want +got):\n%s", diff)
	}
}

func TestFutureStockArrives(t *testing.T) { tell(t, "future-stock") }

func TestTransfer(t *testing.T) { tell(t, "transfer") }

func TestStockNotes(t *testing.T) { tell(t, "stock-notes") }

func TestIfVersion(t *testing.T) { tell(t, "if-version") }

func TestRedistributeDueNowAndDry(t *testing.T) { tell(t, "redistribute") }

func TestDelete(t *testing.T) { tell(t, "delete") }

func TestStockCount(t *testing.T) { tell(t, "stock-count") }

func TestCompleteCount(t *testing.T) { tell(t, "complete-count") }

func TestStateLimits(t *testing.T) {
	h := newHost(t)
	h.must(orderTypes())
	full := &Refresh{Location: "L"}
	for i := range FuturesPerRecordMax {
		full.Items = append(full.Items, StockItem{UPC: "U", Quantity: 1, DeliveryDateMS: int64(10_000 + i)})
	}
	one := StockItem{UPC: "U", Quantity: 1, DeliveryDateMS: 5_000}
	h.wantCode(&Refresh{Location: "L", Items: append(full.Items[:len(full.Items):len(full.Items)], one)}, CodeTooMany,
		"items[1024].deliveryDate")
	h.must(full)
	h.wantCode(&Refresh{Location: "L", Items: []StockItem{one}}, CodeTooMany, "items[0].deliveryDate")
	var v RecordView
	if h.e.ReadRecord("U", "L", &v); len(v.Future) != FuturesPerRecordMax {
		t.Errorf("%d deliveries", len(v.Future))
	}

	// As if so many combinations existed: no new one is created, the known ones still work.
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	fillTagSets(h.e.Schema())
	bopis := Tag{"OrderType", "BOPIS"}
	back := allocate("o", ModeAll, ask("1", "U", 1, bopis))
	back.Backorder = true
	for _, x := range []struct {
		want string
		c    Command
	}{
		{"items[0].tags", &Refresh{Location: "L", Items: []StockItem{units("U", 1, bopis)}}},
		{"items[0].to.tags", &Transfer{Items: []TransferItem{{UPC: "U", FromLocation: "L", ToLocation: "M",
			ToTags: []Tag{bopis}, Quantity: 1}}}},
		{"lines[0]", change(KindReturn, "x", OrderLine{ItemID: "1", UPC: "U", Location: "L", Quantity: 1,
			Tags: []Tag{bopis}})},
		{"lines[0]", back},
	} {
		if r := h.apply(x.c); r.Code != CodeTooMany || r.Field != x.want {
			t.Errorf("%T: %v at %q, want too-many at %q", x.c, r.Code, r.Field, x.want)
		}
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 7)}})
}

func TestCountBaseBelowZeroSurvivesRestart(t *testing.T) {
	h := newHost(t)
	h.must(channels(1000, 9000))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 0, Tag{"Channel", "A"}),
		units("U", 10, Tag{"Channel", "B"})}})
	h.must(&StartCount{Location: "L", Count: "c"})
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 2, Tag{"Channel", "A"})}})
	counted := &Refresh{Location: "L", Count: "c", Items: []StockItem{units("U", 10)}}
	h.must(counted)
	e, err := loadRows(rowsOf(h.e))
	if err != nil {
		t.Fatal(err)
	}
	other := &host{t: t, e: e, index: h.index, nowMS: h.nowMS}
	for _, x := range []*host{h, other} {
		x.must(counted)
		var v RecordView
		if x.e.ReadRecord("U", "L", &v); v.OnHand != 12 {
			t.Errorf("%d on hand, want 12", v.OnHand)
		}
	}
}

func TestDeliveriesInThePast(t *testing.T) {
	h := newHost(t)
	h.must(&Expire{})
	h.wantCode(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 5, DeliveryDateMS: h.nowMS}}},
		CodeExpired, "items[0].deliveryDate")
}

// TestSplitDeliveryWithoutPercents: a delivery for a split can be removed when no category has percents any more.
func TestSplitDeliveryWithoutPercents(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 5, DeliveryDateMS: 9_000}}})
	h.must(&PutTagCategory{Name: "Channel", Values: []Value{value("A", true), value("B", false)}})
	h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 0, DeliveryDateMS: 9_000}}})
	var v RecordView
	if h.e.ReadRecord("U", "L", &v); len(v.Future) != 0 {
		t.Errorf("deliveries %+v", v.Future)
	}
}
