package engine

import (
	"fmt"
	"testing"
)

func graded() *PutTagCategory {
	return &PutTagCategory{Name: "Defective", Values: []Value{value("No", true), value("Yes", false)}}
}

// TestReturnTagsGoOverTheItems: tags of a return override those of the item; the others stay.
func TestReturnTagsGoOverTheItems(t *testing.T) {
	inA, inB, broken := Tag{"Channel", "A"}, Tag{"Channel", "B"}, Tag{"Defective", "Yes"}
	shipped := func() *host {
		h := newHost(t)
		h.must(channels(5000, 5000))
		h.must(graded())
		h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 2, inB)}})
		h.must(allocate("o", ModeAll, ask("1", "U", 2, inB)))
		waits := allocate("waits", ModeAll, ask("1", "U", 1, inB))
		waits.Backorder = true
		h.must(waits)
		h.must(change(KindFulfill, "o"))
		return h
	}
	f := func(want string, env Envelope, l OrderLine) {
		t.Helper()
		h := shipped()
		if r := h.do(&env, change(KindReturn, "o", l)); r.Code != CodeOK {
			t.Errorf("%+v: %v at %s", l, r.Code, r.Field)
		}
		location := "L"
		if l.Location != "" {
			location = l.Location
		}
		h.want("U", location, want)
	}
	good, bad := `{"Channel":"B","Defective":"No"} `, `{"Channel":"B","Defective":"Yes"} `
	f(good+`0/0/1/-1 `+bad+`1/0/0/1 `, Envelope{}, OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{broken}})
	f(good+`1/1/0/0 `, Envelope{}, OrderLine{ItemID: "1", Quantity: 1})
	f(bad+`2/0/0/2 `, Envelope{}, OrderLine{ItemID: "1", Location: "M", Tags: []Tag{broken}})
	f(good+`0/0/1/-1 {"Channel":"A","Defective":"Yes"} 1/0/0/1 `, Envelope{},
		OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{broken, inA}})

	h := shipped()
	refused := func(code Code, field string, tags ...Tag) {
		t.Helper()
		h.wantCode(change(KindReturn, "o", OrderLine{ItemID: "1", Quantity: 1, Tags: tags}), code, field)
	}
	refused(CodeUnknownCategory, "lines[0].tags", Tag{"Nope", "x"})
	refused(CodeUnknownValue, "lines[0].tags.Defective", Tag{"Defective", "x"})
	refused(CodeDuplicate, "lines[0].tags", inA, inB)

	// A command of an older version keeps its meaning.
	f(good+`1/1/0/0 `, Envelope{Version: 5}, OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{broken}})
	f(good+`1/1/0/0 `, Envelope{Version: 4}, OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{{"Nope", "x"}}})
}

// back is a line that names the goods that come back, and their location.
func back(item string, n int64, upc string, tags ...Tag) OrderLine {
	return OrderLine{ItemID: item, Quantity: n, UPC: upc, Location: "L", Tags: tags}
}

// TestReturnOfAnItemThatTheOrderDoesNotHave: a known order decides what was shipped, in memory or not.
func TestReturnOfAnItemThatTheOrderDoesNotHave(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	h.must(allocate("shipped", ModeAll, ask("1", "U", 2)))
	h.must(change(KindFulfill, "shipped"))
	h.must(allocate("open", ModeAll, ask("1", "U", 2)))
	h.must(allocate("released", ModeAll, ask("1", "U", 2)))
	h.must(change(KindDeallocate, "released"))
	for _, order := range []string{"shipped", "open", "released"} {
		h.wantCode(change(KindReturn, order, back("01", 2, "U")), CodeUnknownItem, "lines[0]")
	}
	h.index += ClosedOrderEntries
	h.must(&Expire{})
	row, ok := h.e.AppendArchived(nil, "shipped")
	if !ok {
		t.Fatal("the order has not left memory")
	}
	if r := h.do(&Envelope{Archived: row, ArchivedAt: h.index},
		change(KindReturn, "shipped", back("01", 2, "U"))); r.Code != CodeUnknownItem {
		t.Errorf("an order that has left memory: %v", r.Code)
	}
	h.want("U", "L", `{} 8/2/0/6 `)

	// A command of an older version keeps its meaning.
	if r := h.do(&Envelope{Version: 5}, change(KindReturn, "open", back("01", 2, "U"))); r.Code != CodeOK {
		t.Errorf("of version 5: %v", r.Code)
	}
	h.want("U", "L", `{} 10/2/0/8 `)
}

// TestReturnOfAnUnknownOrder: the goods are put on hand once, however often the return is sent, and the return is kept.
func TestReturnOfAnUnknownOrder(t *testing.T) {
	h := newHost(t)
	h.must(graded())
	broken := Tag{"Defective", "Yes"}
	good := `{"Defective":"No"} `
	first := change(KindReturn, "x", back("01", 2, "U"), back("02", 1, "U", broken))
	if got, want := outcome(h.must(first)), "ok | 01 ok 2+0 | 02 ok 1+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for range 2 {
		if got, want := outcome(h.must(first)), "ok | 01 ok 2+0 repeated | 02 ok 1+0 repeated"; got != want {
			t.Errorf("again: got %s, want %s", got, want)
		}
		h.want("U", "L", good+`2/0/0/2 {"Defective":"Yes"} 1/0/0/1 `)
	}
	h.must(change(KindReturn, "x", back("02", 1, "U", broken), back("03", 1, "U"))) // and a later return
	h.want("U", "L", good+`3/0/0/3 {"Defective":"Yes"} 1/0/0/1 `)

	conflict := func(l OrderLine, field string) {
		t.Helper()
		h.wantCode(change(KindReturn, "x", l), CodeItemConflict, "lines[0]."+field)
	}
	conflict(back("01", 3, "U"), "quantity")
	conflict(back("01", 2, "V"), "upc")
	conflict(back("01", 2, "U", broken), "tags")
	conflict(OrderLine{ItemID: "01", Quantity: 2, UPC: "U", Location: "M"}, "location")
	h.wantCode(change(KindReturn, "x", some("01", 1)), CodeExceedsLeft, "lines[0]")
	h.wantCode(change(KindReturn, "x", some("9", 1)), CodeUnknownItem, "lines[0]")
	h.wantCode(change(KindReturn, "x", back("01", 2, "U", Tag{"Nope", "x"})), CodeUnknownCategory, "lines[0].tags")
	h.wantCode(change(KindReturn, "y", some("1", 1)), CodeUnknownOrder, "orderId")
	h.wantCode(allocate("x", ModeAll, ask("01", "U", 2)), CodeItemConflict, "lines[0].quantity")

	var v OrderView
	if !h.e.ReadOrder("x", &v) || len(v.Items) != 3 {
		t.Fatalf("the order that came back is %+v", v)
	}
	if it := v.Items[0]; it.UPC != "U" || it.Location != "L" || it.Requested != 0 || it.Lines[0].Returned != 2 ||
		it.Lines[0].Fulfilled != 0 ||
		it.Movements[0].Kind != MovementReturned {
		t.Errorf("the item that came back is %+v", it)
	}
	events := h.e.Events(0, 100, nil)
	ev := events[len(events)-1]
	if len(events) != 4 || ev.Kind != EventUnknownReturned || ev.OrderID != "x" || ev.ItemID != "03" || ev.UPC != "U" ||
		ev.Units != 1 {
		t.Errorf("the events are %+v", events)
	}

	// The order is known after the first allocation for it.
	h.must(allocate("x", ModeAll, ask("1", "U", 1)))
	h.wantCode(change(KindReturn, "x", back("04", 1, "U")), CodeUnknownItem, "lines[0]")
	h.must(change(KindReturn, "x", back("01", 2, "U")))

	// A command of an older version keeps its meaning.
	old := newHost(t)
	for range 2 {
		old.do(&Envelope{Version: 5}, change(KindReturn, "x", back("01", 2, "U")))
	}
	old.want("U", "L", `{} 4/0/0/4 `)
	if old.e.ReadOrder("x", &v) {
		t.Errorf("version 5 has kept %+v", v)
	}
}

// TestReturnOfAnUnknownOrderThatHasLeftMemory: a repeated return is recognised there, too, and the limit of items
// holds.
func TestReturnOfAnUnknownOrderThatHasLeftMemory(t *testing.T) {
	h := newHost(t)
	h.must(change(KindReturn, "x", back("01", 2, "U")))
	h.index += ClosedOrderEntries
	h.must(&Expire{})
	row, ok := h.e.AppendArchived(nil, "x")
	if !ok {
		t.Fatal("the order has not left memory")
	}
	r := h.do(&Envelope{Archived: row, ArchivedAt: h.index},
		change(KindReturn, "x", back("01", 2, "U"), back("02", 1, "U")))
	if got, want := outcome(r), "ok | 01 ok 2+0 repeated | 02 ok 1+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.want("U", "L", `{} 3/0/0/3 `)

	for n := 2; n < OrderItemsMax; n += 2 {
		h.apply(change(KindReturn, "x", back(fmt.Sprint("n", n), 1, "V"), back(fmt.Sprint("n", n+1), 1, "V")))
	}
	h.wantCode(change(KindReturn, "x", back("one more", 1, "V")), CodeTooMany, "lines")
}
