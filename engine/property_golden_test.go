package engine_test

import (
	"fmt"
	"math"
	"testing"

	"apportion/engine"

	gocmp "github.com/google/go-cmp/cmp"
)

// Published and hand-computed examples, through the engine and the model at once.

func tag(category, value string) engine.Tag { return engine.Tag{Category: category, Value: value} }

// percent is a value with a percentage and no limits; the first value of a category made by distributed is its default.
func percent(name string, basisPoints int32) engine.Value {
	return engine.Value{Name: name, Percent: basisPoints, Max: engine.NoMax}
}

func atLeast(v engine.Value, units int64) engine.Value { v.Min = units; return v }
func atMost(v engine.Value, units int64) engine.Value  { v.Max = units; return v }

func putCategory(name string, fallback int, values ...engine.Value) *engine.PutTagCategory {
	values[fallback].Default = true
	return &engine.PutTagCategory{Name: name, Values: values}
}

func discrete(name string, values ...string) *engine.PutTagCategory {
	c := &engine.PutTagCategory{Name: name}
	for i, v := range values {
		c.Values = append(c.Values, engine.Value{Name: v, Percent: engine.NoPercent, Default: i == 0,
			Max: engine.NoMax})
	}
	return c
}

func refreshOf(units int64, tags ...engine.Tag) *engine.Refresh {
	return &engine.Refresh{Location: "X", Items: []engine.StockItem{{UPC: "A", Tags: tags, Quantity: units}}}
}

func adjustOf(units int64, tags ...engine.Tag) *engine.Adjust {
	return &engine.Adjust{Location: "X", Items: []engine.StockItem{{UPC: "A", Tags: tags, Quantity: units}}}
}

// do applies commands that must succeed, in the engine and in the model.
func (h *harness) do(commands ...engine.Command) answer {
	h.t.Helper()
	var a answer
	for _, c := range commands {
		h.index++
		a = h.apply("", c)
		if a.Code != engine.CodeOK {
			h.t.Fatalf("%T %+v is refused: %v", c, c, a.Code)
		}
		h.check(h.t)
	}
	return a
}

// onHand reads on hand by segment of the record A at X.
func (h *harness) onHand() map[string]int64 {
	h.t.Helper()
	var v engine.RecordView
	if !h.e.ReadRecord("A", "X", &v) {
		h.t.Fatalf("there is no record")
	}
	units := map[string]int64{}
	for _, s := range v.Segments {
		units[spell(h.e.Schema(), s.TagSet)] = s.OnHand
	}
	return units
}

func (h *harness) wantOnHand(want map[string]int64) {
	h.t.Helper()
	if diff := gocmp.Diff(want, h.onHand()); diff != "" {
		h.t.Fatalf("on hand by segment: want -, got +\n%s", diff)
	}
}

// TestRankedPercentages is IBM's published worked example.
func TestRankedPercentages(t *testing.T) {
	h := newHarness(t)
	h.do(putCategory("Segment", 1,
		atLeast(percent("S1", 4000), 100), percent("unsegmented", 1000), atLeast(percent("S2", 2000), 300),
		percent("S3", 3000)))
	h.do(refreshOf(1000))
	h.wantOnHand(map[string]int64{"Segment=S1": 400, "Segment=unsegmented": 100, "Segment=S2": 300, "Segment=S3": 200})
}

func TestRankedLimits(t *testing.T) {
	f := func(total int64, want [3]int64, values ...engine.Value) {
		t.Helper()
		h := newHarness(t)
		h.do(putCategory("C", 0, values...), refreshOf(total))
		units := h.onHand()
		got := [3]int64{units["C="+values[0].Name], units["C="+values[1].Name], units["C="+values[2].Name]}
		if got != want {
			t.Fatalf("%d units over %+v: got %v, want %v", total, values, got, want)
		}
	}
	a, b, c := percent("a", 5000), percent("b", 3000), percent("c", 2000)
	// Units above a max go to the others by rank.
	f(100, [3]int64{10, 70, 20}, atMost(a, 10), b, c)
	// Mins are served by rank, too, until no unit remains.
	f(10, [3]int64{5, 5, 0}, a, atLeast(b, 8), atLeast(c, 8))
	// Units above every max stay with the first value that has a percentage.
	f(100, [3]int64{80, 10, 10}, atMost(a, 10), atMost(b, 10), atMost(c, 10))
	f(100, [3]int64{5, 85, 10}, atMost(percent("z", 0), 5), atMost(percent("b", 8000), 10), atMost(c, 10))
}

func TestSeveralCategories(t *testing.T) {
	h := newHarness(t)
	h.do(putCategory("Channel", 0, percent("Kibo", 8000), percent("Amazon", 2000)),
		putCategory("Type", 0, percent("Ship", 5000), percent("Pickup", 5000)), refreshOf(100))
	want := map[string]int64{
		"Channel=Kibo,Type=Ship": 40, "Channel=Kibo,Type=Pickup": 40,
		"Channel=Amazon,Type=Ship": 10, "Channel=Amazon,Type=Pickup": 10,
	}
	h.wantOnHand(want)

	// Another discrete category makes groups of its own.
	h.do(discrete("Grade", "New", "Used"), refreshOf(10, tag("Grade", "Used")))
	units := h.onHand()
	for tags, wanted := range map[string]int64{
		"Channel=Kibo,Grade=New,Type=Ship": 40, "Channel=Kibo,Grade=Used,Type=Ship": 4,
		"Channel=Amazon,Grade=Used,Type=Pickup": 1,
	} {
		if units[tags] != wanted {
			t.Errorf("%s has %d units, want %d", tags, units[tags], wanted)
		}
	}
}

// TestProductTable loads the table of the product's documentation: BC76845 at Retailer2.
func TestProductTable(t *testing.T) {
	h := newHarness(t)
	h.do(discrete("Channel", "Kibo", "Amazon"), discrete("OrderType", "STH", "BOPIS"),
		discrete("Defective", "No", "Yes"))
	rows := []struct {
		channel, orderType, defective string
		units                         int64
	}{
		{"Kibo", "STH", "No", 20}, {"Kibo", "BOPIS", "No", 20}, {"Amazon", "STH", "No", 15},
		{"Amazon", "BOPIS", "No", 15}, {"Kibo", "STH", "Yes", 5},
	}
	c := &engine.Refresh{Location: "Retailer2"}
	for _, r := range rows {
		c.Items = append(c.Items, engine.StockItem{
			UPC: "BC76845", Quantity: r.units,
			Tags: []engine.Tag{tag("Channel", r.channel), tag("OrderType", r.orderType), tag("Defective", r.defective)},
		})
	}
	h.do(c)
	var v engine.RecordView
	if !h.e.ReadRecord("BC76845", "Retailer2", &v) || v.OnHand != 75 || v.Available() != 75 ||
		len(v.Segments) != len(rows) {
		t.Fatalf("the record reads %+v", v)
	}
	for i, r := range rows {
		want := fmt.Sprintf("Channel=%s,Defective=%s,OrderType=%s", r.channel, r.defective, r.orderType)
		found := false
		for _, s := range v.Segments {
			found = found || spell(h.e.Schema(), s.TagSet) == want && s.OnHand == r.units && s.Available() == r.units
		}
		if !found {
			t.Errorf("row %d: no segment %s with %d units in %+v", i, want, r.units, v.Segments)
		}
	}
}

// TestRedistribute: the sum is exact, promises stay, as few units as possible move, and a second time none.
func TestRedistribute(t *testing.T) {
	h := newHarness(t)
	third := putCategory("C", 0, percent("a", 3333), percent("b", 3333), percent("c", 3334))
	h.do(discrete("C", "a", "b", "c"), refreshOf(10, tag("C", "a")))
	h.do(&engine.Allocate{OrderID: "o1", Lines: []engine.AllocateLine{
		{ItemID: "1", UPC: "A", Location: "X", Quantity: 7, Tags: []engine.Tag{tag("C", "a")}}}})
	h.do(refreshOf(7, tag("C", "b")), third)

	now := &engine.Redistribute{Scope: engine.Scope{All: true}, Now: true}
	first := h.do(now)
	// 10 available units, 3 with a and 7 with b: a third each is 3, 3 and 4.
	h.wantOnHand(map[string]int64{"C=a": 10, "C=b": 3, "C=c": 4})
	if first.Stock.Units != 4 {
		t.Errorf("%d units moved, want 4", first.Stock.Units)
	}
	if again := h.do(now); again.Stock.Units != 0 || len(again.Changes) != 0 {
		t.Errorf("the second redistribution moved %d units: %v", again.Stock.Units, again.Changes)
	}

	// Equal fractions: the odd unit stays, though another segment comes first.
	h = newHarness(t)
	h.do(putCategory("C", 0, percent("a", 5000), percent("b", 5000)), refreshOf(3, tag("C", "b")))
	moved := h.do(now)
	h.wantOnHand(map[string]int64{"C=a": 1, "C=b": 2})
	if moved.Stock.Units != 1 {
		t.Errorf("%d units moved, want 1", moved.Stock.Units)
	}
}

// TestRedistributeWhenDue: a due record is split at its next Refresh or Adjust, and only once.
func TestRedistributeWhenDue(t *testing.T) {
	h := newHarness(t)
	h.do(putCategory("C", 0, percent("a", 5000), percent("b", 5000)), refreshOf(10, tag("C", "a")))
	h.do(&engine.Redistribute{Scope: engine.Scope{UPCs: []string{"A"}}})
	h.wantOnHand(map[string]int64{"C=a": 10})
	h.do(adjustOf(2, tag("C", "a")))
	h.wantOnHand(map[string]int64{"C=a": 6, "C=b": 6})
	h.do(adjustOf(2, tag("C", "a")))
	h.wantOnHand(map[string]int64{"C=a": 8, "C=b": 6})
}

// TestDeliveriesThatBecomeOne: after a schema change, the deliveries of two segments can belong to one. A command about
// that delivery then means their sum.
func TestDeliveriesThatBecomeOne(t *testing.T) {
	h := newHarness(t)
	arrival := h.nowMS + 1000
	delivery := func(units int64, tags ...engine.Tag) *engine.Refresh {
		return &engine.Refresh{Location: "X", Items: []engine.StockItem{{UPC: "A", Tags: tags, Quantity: units,
			DeliveryDateMS: arrival}}}
	}
	becomeOne := func() {
		h.do(discrete("C", "a", "b"), delivery(3, tag("C", "a")), delivery(4, tag("C", "b")))
		without := discrete("C", "a")
		without.MoveTo = []engine.Move{{From: "b", To: "a"}}
		h.do(without)
	}
	becomeOne()
	h.do(&engine.Adjust{Location: "X", Items: []engine.StockItem{{UPC: "A", Quantity: -5, DeliveryDateMS: arrival}}})
	becomeOne()
	h.do(delivery(10))
	becomeOne()
	h.do(delivery(0), refreshOf(1))
	h.nowMS = arrival
	h.do(&engine.Expire{})
	h.wantOnHand(map[string]int64{"C=a": 1})
}

// TestUnbiased: over many small records every channel gets its true share, although no record has units to divide.
func TestUnbiased(t *testing.T) {
	const records = 10_000
	shares := map[string]float64{"C=a": 0.8, "C=b": 0.1, "C=c": 0.1}
	c := putCategory("C", 0, percent("a", 8000), percent("b", 1000), percent("c", 1000))
	c.Rounding = engine.RoundingUnbiased
	e := engine.New()
	mustApply(t, e, 1, c)
	got := map[string]float64{}
	var v engine.RecordView
	for i := range records {
		upc := fmt.Sprintf("%05d", i)
		mustApply(t, e, 2, &engine.Refresh{Location: "X", Items: []engine.StockItem{{UPC: upc, Quantity: 1}}})
		if !e.ReadRecord(upc, "X", &v) || v.OnHand != 1 {
			t.Fatalf("record %s reads %+v", upc, v)
		}
		for _, s := range v.Segments {
			got[spell(e.Schema(), s.TagSet)] += float64(s.OnHand)
		}
	}
	for tags, share := range shares {
		deviation := math.Sqrt(records * share * (1 - share))
		if off := math.Abs(got[tags] - records*share); off > 3*deviation {
			t.Errorf("%s has %.0f of %d units, want %.0f +- %.0f", tags, got[tags], records, records*share, 3*deviation)
		}
	}
}

// mustApply applies a command that must succeed to an engine without a model.
func mustApply(t testing.TB, e *engine.Engine, index uint64, c engine.Command) engine.Result {
	t.Helper()
	var r engine.Result
	bytes := e.Apply(index, 1_700_000_000_000, engine.AppendCommand(nil, &engine.Envelope{}, c), nil)
	if err := engine.DecodeResult(bytes, &r); err != nil || r.Code != engine.CodeOK {
		t.Fatalf("%T %+v answers %v, %s %s, %v", c, c, r.Code, r.Field, r.Value, err)
	}
	return r
}

// TestWholeOrderOfManySegments: a command without lines touches as many segments as the order has items.
func TestWholeOrderOfManySegments(t *testing.T) {
	const items = 200
	h := newHarness(t)
	for i := range items {
		upc := fmt.Sprintf("many%03d", i)
		h.index++
		h.apply("", &engine.Refresh{Location: "X", Items: []engine.StockItem{{UPC: upc, Quantity: 2}}})
		h.apply("", &engine.Allocate{OrderID: "o1", Lines: []engine.AllocateLine{
			{ItemID: upc, UPC: upc, Location: "X", Quantity: 2}}})
	}
	if a := h.do(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "o1"}); len(a.Lines) != items {
		t.Errorf("%d lines are fulfilled, want %d", len(a.Lines), items)
	}
}
