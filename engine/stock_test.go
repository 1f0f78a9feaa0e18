package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// value gives a value of a discrete category.
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

// wantCode checks a refusal, and that it changed nothing.
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

func TestStockTargets(t *testing.T) {
	h := newHost(t)
	h.must(channels(8000, 2000))
	h.must(orderTypes())
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("U", 5, Tag{"OrderType", "BOPIS"})}})
	h.want("U", "L", `{"Channel":"A","OrderType":"Ship"} 8/0/0/8 {"Channel":"B","OrderType":"Ship"} 2/0/0/2 `+
		`{"Channel":"A","OrderType":"BOPIS"} 4/0/0/4 {"Channel":"B","OrderType":"BOPIS"} 1/0/0/1 `)

	// A named distributed value means exactly that segment; the discrete category takes its default.
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 3, Tag{"Channel", "B"})}})
	h.want("U", "L", `{"Channel":"A","OrderType":"Ship"} 8/0/0/8 {"Channel":"B","OrderType":"Ship"} 5/0/0/5 `+
		`{"Channel":"A","OrderType":"BOPIS"} 4/0/0/4 {"Channel":"B","OrderType":"BOPIS"} 1/0/0/1 `)

	// An untagged adjust splits the group's new total.
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 7)}})
	h.want("U", "L", `{"Channel":"A","OrderType":"Ship"} 16/0/0/16 {"Channel":"B","OrderType":"Ship"} 4/0/0/4 `+
		`{"Channel":"A","OrderType":"BOPIS"} 4/0/0/4 {"Channel":"B","OrderType":"BOPIS"} 1/0/0/1 `)
}

func TestStockRefusals(t *testing.T) {
	h := newHost(t)
	h.must(channels(8000, 2000))
	h.must(orderTypes())
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	refresh := func(items ...StockItem) Command { return &Refresh{Location: "L", Items: items} }
	adjust := func(items ...StockItem) Command { return &Adjust{Location: "L", Items: items} }
	inA, inB := Tag{"Channel", "A"}, Tag{"Channel", "B"}

	h.wantCode(refresh(units("U", 1), units("V", 1, Tag{"Color", "red"})), CodeUnknownCategory, "items[1].tags")
	h.wantCode(refresh(units("U", 1, Tag{"Channel", "Z"})), CodeUnknownValue, "items[0].tags.Channel")
	h.wantCode(refresh(units("U", 1, inA, inB)), CodeDuplicate, "items[0].tags")
	h.wantCode(refresh(units("U", 1, inA), units("V", 1), units("U", 2, inA)), CodeDuplicate, "items[2].upc")
	h.wantCode(refresh(units("U", 1), units("U", 2, inA)), CodeDuplicate, "items[1].upc")
	h.wantCode(refresh(units("U", 1, inA), units("U", 2, inB)), CodeOK, "")
	h.wantCode(refresh(units("U", 1), units("U", 2, Tag{"OrderType", "BOPIS"})), CodeOK, "")
	h.wantCode(adjust(units("V", 1), units("U", -2)), CodeOnHandBelowZero, "items[1].quantity")
	h.wantCode(adjust(units("W", -1)), CodeOnHandBelowZero, "items[0].quantity")
	h.wantCode(adjust(units("U", QuantityMax)), CodeInvalid, "items[0].quantity")
	h.wantCode(&Refresh{Location: "L", Count: "c", Items: []StockItem{units("U", 1)}}, CodeUnknownCount, "count")
}

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

func TestFutureStockArrives(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	future := func(n, dueMS int64, tags ...Tag) StockItem {
		return StockItem{UPC: "U", Quantity: n, DeliveryDateMS: dueMS, Tags: tags}
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 0), future(10, 5_000),
		future(3, 4_000, Tag{"Channel", "B"}), future(9, 6_000)}})
	h.must(&Adjust{Location: "L", Items: []StockItem{future(-4, 5_000)}})
	h.must(&Refresh{Location: "L", Items: []StockItem{future(0, 6_000)}})
	h.wantCode(&Adjust{Location: "L", Items: []StockItem{future(-4, 4_000, Tag{"Channel", "B"})}}, CodeOnHandBelowZero,
		"items[0].quantity")
	h.want("U", "L", `{"Channel":"A"} 0/0/0/0 {"Channel":"B"} 0/0/0/0 `)
	var v RecordView
	h.e.ReadRecord("U", "L", &v)
	if len(v.Future) != 2 {
		t.Errorf("deliveries: %+v", v.Future)
	}
	h.must(&Allocate{OrderID: "o", Backorder: true,
		Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: 2}}})
	h.nowMS = 4_999
	h.must(&Expire{})
	h.want("U", "L", `{"Channel":"A"} 0/0/2/-2 {"Channel":"B"} 3/0/0/3 `)
	h.nowMS = 5_000
	h.must(&Expire{})
	// 9 on hand, 2 of them promised: 7 to split 4 and 3; the promise is allocated.
	h.want("U", "L", `{"Channel":"A"} 6/2/0/4 {"Channel":"B"} 3/0/0/3 `)
}

func TestTransfer(t *testing.T) {
	h := newHost(t)
	h.must(orderTypes())
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	h.must(&Allocate{OrderID: "o", Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: 4}}})
	bopis := []Tag{{"OrderType", "BOPIS"}}
	move := func(n int64, toLocation string, toTags []Tag) TransferItem {
		return TransferItem{UPC: "U", FromLocation: "L", ToLocation: toLocation, ToTags: toTags, Quantity: n}
	}
	h.wantCode(&Transfer{Items: []TransferItem{move(4, "L", bopis), move(3, "M", nil)}}, CodeInsufficient,
		"items[1].quantity")
	h.wantCode(&Transfer{Items: []TransferItem{move(1, "L", nil)}}, CodeInvalid, "items[0].to")
	h.wantCode(&Transfer{Items: []TransferItem{{UPC: "V", FromLocation: "L", ToLocation: "M", Quantity: 1}}},
		CodeUnknownRecord, "items[0].from.location")
	h.must(&Transfer{Items: []TransferItem{move(4, "L", bopis), move(2, "M", nil)}})
	h.want("U", "L", `{"OrderType":"Ship"} 4/4/0/0 {"OrderType":"BOPIS"} 4/0/0/4 `)
	h.want("U", "M", `{"OrderType":"Ship"} 2/0/0/2 `)
}

func TestRedistributeDueNowAndDry(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10, Tag{"Channel", "A"}), units("V", 4)}})
	h.must(&Allocate{OrderID: "o", Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: 4}}})
	all := Scope{All: true}

	r := h.must(&Redistribute{Scope: all, DryRun: true})
	a, _, _ := h.e.Schema().Resolve([]Tag{{"Channel", "A"}})
	b, _, _ := h.e.Schema().Resolve([]Tag{{"Channel", "B"}})
	want := []SegmentChange{{UPC: "U", Location: "L", TagSet: a, Before: 6, After: 3},
		{UPC: "U", Location: "L", TagSet: b, After: 3}}
	if diff := cmp.Diff(want, r.Changes); diff != "" || r.Stock.Units != 3 || r.Stock.Records != 2 {
		t.Errorf("dry run: %+v (-want +got):\n%s", r.Stock, diff)
	}
	h.want("U", "L", `{"Channel":"A"} 10/4/0/6 `)

	h.must(&Redistribute{Scope: Scope{UPCs: []string{"U", "U", "X"}, Locations: []string{"L"}}})
	h.want("U", "L", `{"Channel":"A"} 10/4/0/6 `)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 2, Tag{"Channel", "A"})}})
	h.want("U", "L", `{"Channel":"A"} 8/4/0/4 {"Channel":"B"} 4/0/0/4 `)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 2, Tag{"Channel", "A"})}})
	h.want("U", "L", `{"Channel":"A"} 10/4/0/6 {"Channel":"B"} 4/0/0/4 `)
	if r := h.must(&Redistribute{Scope: all, Now: true}); r.Stock.Units != 1 {
		t.Errorf("moved %d units", r.Stock.Units)
	}
	if r := h.must(&Redistribute{Scope: all, Now: true}); r.Stock.Units != 0 {
		t.Errorf("a second redistribution moved %d units", r.Stock.Units)
	}
}

func TestDelete(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 3)}})
	h.must(&Allocate{OrderID: "o", Backorder: true,
		Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: 12}}})
	scope := Scope{Locations: []string{"L"}}
	r := h.wantCode(&Delete{Scope: scope}, CodeInUse, "")
	if diff := cmp.Diff([]BlockedRecord{{UPC: "U", Location: "L", OnHand: 10, Allocated: 10, Pending: 2}},
		r.Blocked); diff != "" {
		t.Error(diff)
	}
	if r := h.must(&Delete{Scope: scope, Force: true, DryRun: true}); r.Stock.Records != 2 || r.Stock.Units != 13 ||
		r.Stock.Promised != 12 {
		t.Errorf("dry run: %+v", r.Stock)
	}
	h.must(&Delete{Scope: scope, Force: true})
	h.want("U", "L", "none")
	if got := h.e.Stats(); got.Records != 0 || got.Segments != 0 {
		t.Errorf("stats %+v", got)
	}
	// The order knows what became of it, and the key is free again.
	var v OrderView
	if !h.e.ReadOrder("o", &v) || v.Items[0].Lines[0].Released != 12 {
		t.Errorf("order %+v", v)
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("V", 1)}})
	h.want("V", "L", `{} 1/0/0/1 `)
}

func TestStockCount(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 100), units("V", 50)}})
	h.must(&StartCount{Location: "L", Count: "night"})
	h.wantCode(&StartCount{Location: "L", Count: "other"}, CodeCountOpen, "location")
	h.must(&Allocate{OrderID: "o", Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: 30}}})
	h.must(&OrderChange{Action: KindFulfill, OrderID: "o", Lines: []OrderLine{{ItemID: "1", Quantity: 20}}})
	h.must(&Refresh{Location: "L", Count: "night", Items: []StockItem{units("U", 97), units("V", 49), units("W", 5)}})
	// 97 were on the shelf at the start, 20 have left since.
	h.want("U", "L", `{} 77/10/0/67 `)
	h.want("V", "L", `{} 49/0/0/49 `)
	h.want("W", "L", `{} 5/0/0/5 `)
	// Loading the same file again changes nothing.
	h.must(&Refresh{Location: "L", Count: "night", Items: []StockItem{units("U", 97), units("V", 49), units("W", 5)}})
	h.want("U", "L", `{} 77/10/0/67 `)
	h.must(&CloseCount{Location: "L", Count: "night"})
	h.wantCode(&CloseCount{Location: "L", Count: "night"}, CodeUnknownCount, "count")
	h.must(&StartCount{Location: "L", Count: "forgotten"})
	h.nowMS += CountAgeMS
	h.must(&StartCount{Location: "L", Count: "next"})
}

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

	// As if so many combinations had been used: no new one is created, the known ones go on.
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	h.e.Schema().sets.Place(TagSetsMax - 1)
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

// TestSplitDeliveryWithoutPercents: a delivery that was to be split can be removed when nothing is split any more.
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
