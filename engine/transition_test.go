package engine

import (
	"fmt"
	"strings"
	"testing"
)

func cart(id string, lines ...AllocateLine) *Allocate {
	c := allocate(id, ModeAll, lines...)
	c.Backorder, c.ExpiresAtMS = true, 5_000
	return c
}

// TestTransition: the units of a cart become an order's, allocated and pending. They keep their position before others
// who wait.
func TestTransition(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	h.must(cart("cart", ask("a", "U", 7), ask("b", "U", 1)))
	h.must(allocateLate("later", ask("1", "U", 3)))
	r := h.must(&Transition{FromOrderID: "cart", OrderID: "o", Lines: []TransitionLine{{"a", "1"}}})
	if l := r.Lines[0]; l.ItemID != "1" || l.Units != 5 || l.Pending != 2 || l.Requested != 7 {
		t.Errorf("the line answers %+v", l)
	}
	h.nowMS = 5_000 // the rest of the cart ends, the order stays
	h.must(&Expire{})
	h.want("U", "L", `{} 5/5/5/-5 `)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 3)}})
	var v OrderView
	h.e.ReadOrder("o", &v)
	if l := v.Items[0].Lines[0]; l.Allocated != 7 || v.Items[0].ExpiresAtMS != 0 {
		t.Errorf("the order is %+v", v)
	}
	h.must(change(KindFulfill, "o"))
	h.want("U", "L", `{} 1/1/2/-2 `)
	h.wantCode(&Transition{FromOrderID: "cart", OrderID: "o", Lines: []TransitionLine{{"b", "2"}}}, CodeNotReserved,
		"fromOrderId")
}

func allocateLate(id string, lines ...AllocateLine) *Allocate {
	c := allocate(id, ModeAll, lines...)
	c.Backorder = true
	return c
}

// TestTransitionOfMany moves items of orders that are long enough for an index, there and back below that length.
func TestTransitionOfMany(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 100)}})
	const n = itemsWalked + 4
	var lines []AllocateLine
	for i := range n {
		lines = append(lines, ask(fmt.Sprint("c", i), "U", 1))
	}
	h.must(cart("cart", lines...))
	for i := range n {
		h.must(&Transition{FromOrderID: "cart", OrderID: "o",
			Lines: []TransitionLine{{fmt.Sprint("c", i), fmt.Sprint("i", i)}}})
		if i == 5 {
			h.must(cart("cart", ask("more", "U", 1), ask("and", "U", 1), ask("again", "U", 1)))
		}
	}
	for i := range n {
		h.must(change(KindFulfill, "o", some(fmt.Sprint("i", i), 1)))
	}
	if h.e.Stats().Orders != 2 || h.e.Stats().OrderItems != n+3 {
		t.Errorf("stats %+v", h.e.Stats())
	}
	h.must(&Transition{FromOrderID: "cart", OrderID: "o",
		Lines: []TransitionLine{{"more", "x"}, {"and", "y"}, {"again", "z"}}})
	if h.e.Stats().Orders != 1 {
		t.Error("an empty cart stays")
	}
	e, err := loadRows(rowsOf(h.e))
	if err != nil || e.Hash() != h.e.Hash() {
		t.Errorf("what was stored does not load: %v", err)
	}
}

// TestTransitionEmptiesAnOrder: an order that loses its last open item, and keeps a closed one, leaves memory, on a
// node that has restarted and on one that has not.
func TestTransitionEmptiesAnOrder(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 100)}})
	h.must(cart("cart", ask("a", "U", 1), ask("b", "U", 1)))
	h.must(change(KindDeallocate, "cart", some("b", 1)))
	h.must(&Transition{FromOrderID: "cart", OrderID: "o", Lines: []TransitionLine{{"a", "1"}}})
	e, err := loadRows(rowsOf(h.e))
	if err != nil {
		t.Fatal(err)
	}
	restarted := &host{t: t, e: e, index: h.index, nowMS: h.nowMS}
	for _, x := range []*host{h, restarted} {
		x.index += ClosedOrderEntries
		x.must(&Expire{})
		if s := x.e.Stats(); s.Evicted != 1 || s.Orders != 1 {
			t.Errorf("%d orders have left memory, %d are in it, want one each", s.Evicted, s.Orders)
		}
	}
	if h.e.Hash() != e.Hash() {
		t.Error("the two have parted")
	}
}

func TestTransitionRefuses(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	h.must(cart("cart", ask("a", "U", 1), ask("b", "U", 1)))
	h.must(allocate("o", ModeAll, ask("1", "U", 1)))
	f := func(code Code, from string, lines ...TransitionLine) {
		t.Helper()
		r := h.apply(&Transition{FromOrderID: from, OrderID: "o", Lines: lines})
		if r.Code != code {
			t.Errorf("from %s, %v: %v, want %v", from, lines, r.Code, code)
		}
	}
	f(CodeUnknownItem, "cart", TransitionLine{"a", "2"}, TransitionLine{"c", "3"})
	f(CodeItemConflict, "cart", TransitionLine{"a", "1"}, TransitionLine{"b", "2"})
	f(CodeNotReserved, "nothing", TransitionLine{"a", "2"})
	f(CodeInvalid, "o", TransitionLine{"a", "2"})
	f(CodeInvalid, "", TransitionLine{"a", "2"})
	f(CodeInvalid, "cart")
	f(CodeInvalid, "cart", TransitionLine{"a", ""})
	f(CodeInvalid, "cart", TransitionLine{"", "2"})
	f(CodeInvalid, "cart", TransitionLine{"a", "2"}, TransitionLine{"a", "3"})
	f(CodeInvalid, "cart", TransitionLine{"a", "2"}, TransitionLine{"b", "2"})
	f(CodeInvalid, "cart", TransitionLine{"a", strings.Repeat("x", ItemIDBytesMax+1)})
	h.must(allocate("firm", ModeAll, ask("1", "U", 1)))
	f(CodeNotReserved, "firm", TransitionLine{"1", "2"})
	h.want("U", "L", `{} 10/4/0/6 `)
	long := &Transition{FromOrderID: "a", OrderID: "b", Lines: make([]TransitionLine, OrderLinesMax+1)}
	if f := CheckCommand(long); f == nil || f.Field != "lines" {
		t.Error("too many lines pass")
	}
}
