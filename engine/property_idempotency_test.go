package engine_test

import (
	"testing"

	"apportion/engine"
)

// TestKeys: a key always gets its first answer. With another body, the answer names the difference.
func TestKeys(t *testing.T) {
	allocate := func(change func(*engine.Allocate)) *engine.Allocate {
		c := &engine.Allocate{OrderID: "o1", Lines: []engine.AllocateLine{
			{ItemID: "1", UPC: "A", Location: "X", Quantity: 3, Tags: []engine.Tag{tag("C", "a")}}}}
		change(c)
		return c
	}
	same := func(*engine.Allocate) {}
	h := newHarness(t)
	h.do(discrete("C", "a", "b"), refreshOf(10, tag("C", "a")))
	first := h.apply("key", allocate(same))
	if first.Code != engine.CodeOK || first.Lines[0].Units != 3 {
		t.Fatalf("the first answer is %+v", first)
	}
	h.index += 5
	again := h.apply("key", allocate(same))
	if !again.Repeated || again.Index != first.Index || again.Lines[0].Units != 3 {
		t.Fatalf("the repeated answer is %+v, the first was %+v", again, first)
	}

	f := func(c engine.Command, field string) {
		t.Helper()
		h.index++
		a := h.apply("key", c)
		if a.Code != engine.CodeKeyReused || h.result.Field != field {
			t.Errorf("%+v answers %v, field %q; want field %q", c, a.Code, h.result.Field, field)
		}
		h.check(t)
	}
	f(allocate(func(c *engine.Allocate) { c.Lines[0].Quantity = 4 }), "lines[0].quantity")
	f(allocate(func(c *engine.Allocate) { c.Lines[0].UPC = "B" }), "lines[0].upc")
	f(allocate(func(c *engine.Allocate) { c.Lines[0].Tags[0].Value = "b" }), "lines[0].tags.C")
	f(allocate(func(c *engine.Allocate) { c.Lines = append(c.Lines, c.Lines[0]); c.Lines[1].ItemID = "2" }), "lines")
	f(allocate(func(c *engine.Allocate) { c.OrderID = "o2" }), "orderId")
	f(allocate(func(c *engine.Allocate) { c.Mode = engine.ModePartial }), "mode")
	f(allocate(func(c *engine.Allocate) { c.Backorder = true }), "backorder")
	f(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "o1"}, "kind")
	f(&engine.OrderChange{Action: engine.KindDeallocate, OrderID: "o1"}, "kind")

	// The first answer is still kept.
	if a := h.apply("key", allocate(same)); !a.Repeated {
		t.Errorf("after conflicts the answer is %+v", a)
	}
}

// TestRefusalsAreKept: a key gets its refusal again, even if the command could succeed now.
func TestRefusalsAreKept(t *testing.T) {
	h := newHarness(t)
	h.do(refreshOf(1))
	c := &engine.Allocate{OrderID: "o1", Lines: []engine.AllocateLine{{ItemID: "1", UPC: "A", Location: "X",
		Quantity: 3}}}
	if a := h.apply("key", c); a.Code != engine.CodeInsufficient || a.Lines[0].Available != 1 {
		t.Fatalf("without stock the answer is %+v", a)
	}
	h.do(refreshOf(10))
	if a := h.apply("key", c); a.Code != engine.CodeInsufficient || !a.Repeated {
		t.Errorf("the key's answer is %+v", a)
	}
	if a := h.apply("another key", c); a.Code != engine.CodeOK || a.Repeated {
		t.Errorf("another key's answer is %+v", a)
	}
}

// TestKeysAge: after 24 hours a key is free again.
func TestKeysAge(t *testing.T) {
	h := newHarness(t)
	h.do(refreshOf(10))
	add := adjustOf(1)
	h.apply("key", add)
	h.nowMS += engine.IdempotencyAgeMS - 1
	h.index++
	if a := h.apply("key", add); !a.Repeated {
		t.Errorf("just before 24 hours the answer is %+v", a)
	}
	h.nowMS += 2
	h.index++
	if a := h.apply("key", add); a.Repeated {
		t.Errorf("after 24 hours the answer is %+v", a)
	}
	h.wantOnHand(map[string]int64{"": 12})
}

// TestLongCommandsWithKeys: commands too long to be kept whole still name the line that differs.
func TestLongCommandsWithKeys(t *testing.T) {
	h := newHarness(t)
	c := &engine.Refresh{Location: "X"}
	for i := range 400 {
		c.Items = append(c.Items, engine.StockItem{UPC: "A" + string(rune('a'+i/20)) + string(rune('a'+i%20)),
			Quantity: int64(i)})
	}
	h.apply("key", c)
	other := &engine.Refresh{Location: c.Location, Items: append([]engine.StockItem(nil), c.Items...)}
	if a := h.apply("key", other); !a.Repeated {
		t.Fatalf("the same body answers %+v", a)
	}
	other.Items[217].Quantity++
	if a := h.apply("key", other); a.Code != engine.CodeKeyReused || h.result.Field != "items[217]" &&
		h.result.Field != "items[217].quantity" {
		t.Errorf("another body answers %v, field %q", a.Code, h.result.Field)
	}
}

// TestItemsAreKeys: an existing order item answers with what it got; with other content it is a conflict.
func TestItemsAreKeys(t *testing.T) {
	line := engine.AllocateLine{ItemID: "1", UPC: "A", Location: "X", Quantity: 3, Tags: []engine.Tag{tag("C", "b")}}
	h := newHarness(t)
	h.do(discrete("C", "a", "b"), refreshOf(2, tag("C", "b")), refreshOf(20, tag("C", "a")))
	first := h.do(&engine.Allocate{OrderID: "o1", Mode: engine.ModePartial, Lines: []engine.AllocateLine{line}})
	h.do(refreshOf(20, tag("C", "b")), &engine.OrderChange{Action: engine.KindFulfill, OrderID: "o1"})
	again := h.do(&engine.Allocate{OrderID: "o1", Mode: engine.ModePartial, Lines: []engine.AllocateLine{line}})
	if got := again.Lines[0]; !got.Repeated || got.Units != 2 || first.Lines[0].Units != 2 {
		t.Fatalf("the first line answers %+v, the repeated one %+v", first.Lines[0], got)
	}

	f := func(field string, change func(*engine.AllocateLine)) {
		t.Helper()
		other := line
		change(&other)
		h.index++
		a := h.apply("", &engine.Allocate{OrderID: "o1", Mode: engine.ModeAll, Lines: []engine.AllocateLine{other}})
		if a.Code != engine.CodeItemConflict || h.result.Field != "lines[0]."+field {
			t.Errorf("%+v answers %+v, field %q; want a conflict of %s", other, a, h.result.Field, field)
		}
	}
	f("upc", func(l *engine.AllocateLine) { l.UPC = "B" })
	f("location", func(l *engine.AllocateLine) { l.Location = "Y" })
	f("quantity", func(l *engine.AllocateLine) { l.Quantity = 2 })
	f("tags", func(l *engine.AllocateLine) { l.Tags = nil })

	// An item whose units were all released may be allocated again, with other content.
	h.do(&engine.Allocate{OrderID: "o2", Lines: []engine.AllocateLine{line}},
		&engine.OrderChange{Action: engine.KindDeallocate, OrderID: "o2"})
	line.Quantity, line.Tags = 5, nil
	if a := h.do(&engine.Allocate{OrderID: "o2", Lines: []engine.AllocateLine{line}}); a.Lines[0].Repeated ||
		a.Lines[0].Units != 5 {
		t.Errorf("allocated again, the line answers %+v", a.Lines[0])
	}
}
