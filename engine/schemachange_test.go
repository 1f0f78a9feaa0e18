package engine

import (
	"fmt"
	"strconv"
	"testing"
)

func percents(names string, of ...int32) *PutTagCategory {
	c := &PutTagCategory{Name: "Channel"}
	for i, p := range of {
		c.Values = append(c.Values, Value{Name: string(names[i]), Percent: p, Default: i == 0, Max: NoMax})
	}
	return c
}

func TestPublishedExampleOfRankedPercentages(t *testing.T) {
	// IBM's worked example: 1000 units, served by rank.
	h := newHost(t)
	h.must(&PutTagCategory{Name: "Segment", Values: []Value{
		{Name: "S1", Percent: 4000, Min: 100, Max: NoMax},
		{Name: "unsegmented", Percent: 1000, Default: true, Max: NoMax},
		{Name: "S2", Percent: 2000, Min: 300, Max: NoMax},
		{Name: "S3", Percent: 3000, Max: NoMax},
	}})
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 1000)}})
	h.want("U", "L", `{"Segment":"S1"} 400/0/0/400 {"Segment":"unsegmented"} 100/0/0/100 `+
		`{"Segment":"S2"} 300/0/0/300 {"Segment":"S3"} 200/0/0/200 `)
}

func TestSchemaTakesEffectAtOnce(t *testing.T) {
	h := newHost(t)
	h.must(percents("AB", 8000, 2000))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	r := h.must(percents("AB", 5000, 5000))
	if h.e.Schema().Index() != r.Index {
		t.Errorf("schema of index %d, put at %d", h.e.Schema().Index(), r.Index)
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("V", 10)}})
	h.want("U", "L", `{"Channel":"A"} 8/0/0/8 {"Channel":"B"} 2/0/0/2 `)
	h.want("V", "L", `{"Channel":"A"} 5/0/0/5 {"Channel":"B"} 5/0/0/5 `)

	// From percents to units and back: no stock moves.
	h.must(&PutTagCategory{Name: "Channel", Values: []Value{value("A", true), value("B", false)}})
	h.want("U", "L", `{"Channel":"A"} 8/0/0/8 {"Channel":"B"} 2/0/0/2 `)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 9)}})
	h.want("U", "L", `{"Channel":"A"} 9/0/0/9 {"Channel":"B"} 2/0/0/2 `)
	h.must(percents("AB", 5000, 5000))
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
	h.want("U", "L", `{"Channel":"A"} 6/0/0/6 {"Channel":"B"} 6/0/0/6 `)
}

func TestAddAndDeleteCategory(t *testing.T) {
	h := newHost(t)
	h.must(percents("AB", 8000, 2000))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 3)))
	h.must(orderTypes())
	h.want("U", "L", `{"Channel":"A","OrderType":"Ship"} 8/3/0/5 {"Channel":"B","OrderType":"Ship"} 2/0/0/2 `)
	bopis := Tag{"OrderType", "BOPIS"}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5, Tag{"Channel", "A"}, bopis)}})
	h.must(allocate("p", ModeAll, ask("1", "U", 2, Tag{"Channel", "A"}, bopis)))

	r := h.wantCode(&DeleteTagCategory{Name: "OrderType"}, CodeInUse, "values")
	if r.Stock.Records != 1 || r.Stock.Units != 5 || r.Stock.Promised != 2 {
		t.Errorf("in the way: %+v", r.Stock)
	}
	h.wantCode(&DeleteTagCategory{Name: "OrderType", MoveTo: "x"}, CodeUnknownValue, "moveTo")
	h.wantCode(&DeleteTagCategory{Name: "Nope"}, CodeUnknownCategory, "name")
	h.must(&DeleteTagCategory{Name: "OrderType", MoveTo: "Ship"})
	h.want("U", "L", `{"Channel":"A"} 13/5/0/8 {"Channel":"B"} 2/0/0/2 `)
	h.must(change(KindFulfill, "o"))
	h.must(change(KindFulfill, "p"))
	h.must(change(KindReturn, "p"))
	h.want("U", "L", `{"Channel":"A"} 10/0/0/10 {"Channel":"B"} 2/0/0/2 `)
	h.must(&DeleteTagCategory{Name: "Channel", MoveTo: "A"})
	h.want("U", "L", `{} 12/0/0/12 `)
}

func TestRemoveValue(t *testing.T) {
	h := newHost(t)
	h.must(percents("ABC", 5000, 3000, 2000))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	in := func(v string) Tag { return Tag{"Channel", v} }
	for i, v := range []string{"C", "B", "C"} { // pending units wait in both segments in turn
		c := allocate(fmt.Sprint("o", i), ModeAll, ask("1", "U", 4, in(v)))
		c.Backorder = true
		h.must(c)
	}
	h.want("U", "L", `{"Channel":"A"} 5/0/0/5 {"Channel":"B"} 3/3/1/-1 {"Channel":"C"} 2/2/6/-6 `)
	without := percents("AB", 6000, 4000)
	r := h.wantCode(without, CodeInUse, "values")
	if r.Stock.Records != 1 || r.Stock.Promised != 8 {
		t.Errorf("in the way: %+v", r.Stock)
	}
	without.MoveTo = []Move{{From: "C", To: "B"}}
	h.must(without)
	h.want("U", "L", `{"Channel":"A"} 5/0/0/5 {"Channel":"B"} 5/5/7/-7 `)
	h.wantCode(&Refresh{Location: "L", Items: []StockItem{units("U", 1, in("C"))}}, CodeUnknownValue,
		"items[0].tags.Channel")
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 3, in("B"))}})
	var v OrderView
	for order, want := range map[string][2]int64{"o0": {4, 0}, "o1": {4, 0}, "o2": {0, 4}} {
		h.e.ReadOrder(order, &v)
		if l := v.Items[0].Lines[0]; l.Allocated != want[0] || l.Pending != want[1] {
			t.Errorf("%s: %d allocated, %d pending, want %v", order, l.Allocated, l.Pending, want)
		}
	}
	// The name may be used again, for another value.
	h.must(percents("ABC", 5000, 3000, 2000))
	h.must(change(KindDeallocate, "o0"))
	h.want("U", "L", `{"Channel":"A"} 5/0/0/5 {"Channel":"B"} 8/8/0/0 `)
}

func TestUnusedValueNeedsNoMove(t *testing.T) {
	h := newHost(t)
	h.must(percents("ABC", 10000, 0, 0))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("U", 0, Tag{"Channel", "C"}).in("V")}})
	h.must(percents("AB", 5000, 5000))
	h.want("U", "L", `{"Channel":"A"} 10/0/0/10 `)
	h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 1, Tags: []Tag{{"Channel", "B"}},
		DeliveryDateMS: 9_999}}})
	h.wantCode(percents("A", 10000), CodeInUse, "values")
}

// in gives the item another UPC.
func (it StockItem) in(upc string) StockItem { it.UPC = upc; return it }

func TestSchemaLimits(t *testing.T) {
	h := newHost(t)
	half := func(name string, n int) *PutTagCategory {
		c := &PutTagCategory{Name: name}
		for i := range n {
			c.Values = append(c.Values, Value{Name: fmt.Sprint("v", i), Percent: int32(10000 / n), Default: i == 0,
				Max: NoMax})
		}
		return c
	}
	for i := range DistributedCategoriesMax {
		h.must(half(fmt.Sprint("d", i), 5))
	}
	h.wantCode(half("e", 2), CodeTooMany, "values.percent")
	h.wantCode(half("d0", 10), CodeTooMany, "values")
	limited := half("d1", 5)
	limited.Values[0].Min = 1
	h.wantCode(limited, CodeInvalid, "values.min")
	for i := range CategoriesMax - DistributedCategoriesMax {
		h.must(&PutTagCategory{Name: fmt.Sprint("x", i), Values: []Value{value("v", true)}})
	}
	h.wantCode(orderTypes(), CodeTooMany, "name")
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 1000)}})
	var v RecordView
	h.e.ReadRecord("U", "L", &v)
	if len(v.Segments) != 625 {
		t.Errorf("%d segments", len(v.Segments))
	}
}

// TestPutTagCategoryIfSeen: a definition made from an outdated category is refused and must be made again.
func TestPutTagCategoryIfSeen(t *testing.T) {
	h := newHost(t)
	channel := func(web int32) *PutTagCategory {
		return &PutTagCategory{Name: "Channel", Values: []Value{{Name: "Web", Percent: web, Default: true, Max: NoMax},
			{Name: "Shop", Percent: 10_000 - web, Max: NoMax}}}
	}
	put := func(seen uint64, web int32, want Code) {
		t.Helper()
		if r := h.do(&Envelope{IfSeen: true, Seen: seen, Key: "k" + strconv.Itoa(int(web)), Job: &JobInfo{Type: "x"}},
			channel(web)); r.Code != want {
			t.Errorf("%d %%: %v, want %v", web, r.Code, want)
		}
	}
	put(1, 6000, CodeRetry)
	put(0, 6000, CodeOK)
	first := h.e.Schema().CategoryHash("Channel")
	put(0, 7000, CodeRetry)
	put(first, 7000, CodeOK)
	put(first, 7000, CodeOK) // repeated
	second := h.e.Schema().CategoryHash("Channel")
	if first == second || second == h.e.Schema().CategoryHash("Other") {
		t.Error("the hashes do not tell categories apart")
	}
	put(first, 8000, CodeRetry)
	put(second, 8000, CodeOK) // the refusal was not kept
	h.must(channel(6000))
	if h.e.Schema().CategoryHash("Channel") != first {
		t.Error("the same category has another hash")
	}
	var j Job
	if h.e.Job(4, &j) || !h.e.Job(3, &j) {
		t.Error("a command to send again is a job")
	}
}
