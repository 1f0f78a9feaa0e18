package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestItemsAreFound looks up items of two long orders, with and without the index. Meanwhile items come, leave, and
// move between the orders, and orders leave memory whose rows others reuse.
func TestItemsAreFound(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 100_000)}})
	rng := rand.New(rand.NewPCG(1, 2))
	has := map[string]map[string]bool{"a": {}, "b": {}}
	firm := map[string]bool{}
	next, byIndex := 0, 0
	check := func(order string) {
		t.Helper()
		row := h.e.findOrder(order)
		if (row == 0) != (len(has[order]) == 0) {
			t.Fatalf("order %s is in row %d and has %d items", order, row, len(has[order]))
		}
		for item := range next {
			if row == 0 {
				return
			}
			id := fmt.Sprint("i", item)
			if h.e.itemIndex.order == row {
				byIndex++
			}
			found := h.e.findItem(row, id)
			if (found != 0) != has[order][id] || found != 0 && h.e.ordersText.Get(h.e.items.At(found).id) != id {
				t.Fatalf("item %s of %s is in row %d, has %v", id, order, found, has[order][id])
			}
		}
	}
	for range 300 {
		from, to := "a", "b"
		if rng.IntN(2) == 0 {
			from, to = to, from
		}
		switch rng.IntN(4) {
		case 0, 1: // more items
			var lines []AllocateLine
			for range 1 + rng.IntN(40) {
				id := fmt.Sprint("i", next)
				next++
				lines, has[from][id] = append(lines, ask(id, "U", 1)), true
			}
			h.must(cart(from, lines...))
		case 2: // some items move to the other order
			var lines []TransitionLine
			for item := range next {
				if id := fmt.Sprint("i", item); has[from][id] && !firm[id] && len(lines) < 15 {
					lines = append(lines, TransitionLine{id, id})
					firm[id] = true // a transition makes it firm, so it cannot move again
				}
			}
			if len(lines) == 0 {
				continue
			}
			h.must(&Transition{FromOrderID: from, OrderID: to, Lines: lines})
			for _, l := range lines {
				delete(has[from], l.ItemID)
				has[to][l.ToItemID] = true
			}
		}
		check(from)
		check(from)
		check(to)
	}
	if byIndex == 0 {
		t.Error("the index was never used")
	}
}

// TestIndexGoesWithItsOrder: an order that reuses the row of an evicted order has its own items.
func TestIndexGoesWithItsOrder(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 100)}})
	lines := func(prefix string) (lines []AllocateLine) {
		for i := range itemsWalked + 1 {
			lines = append(lines, ask(fmt.Sprint(prefix, i), "U", 1))
		}
		return lines
	}
	h.must(allocate("p", ModeAll, lines("p")...))
	h.must(allocate("q", ModeAll, lines("a")...))
	row := h.e.findOrder("q")
	h.e.findItem(row, "a0")
	item := h.e.findItem(row, "a0")
	h.must(change(KindDeallocate, "p"))
	h.must(change(KindDeallocate, "q"))
	h.index += ClosedOrderEntries
	h.must(&Expire{})
	h.must(allocate("r", ModeAll, append(lines("z"), ask("a0", "U", 1))...))
	h.must(allocate("s", ModeAll, lines("b")...))
	if r := h.e.findOrder("r"); h.e.findItem(r, "a0") != item || h.e.findOrder("s") != row {
		t.Fatal("the rows were not used again as this test needs it")
	}
	for range 3 {
		if h.e.findItem(row, "a0") != 0 {
			t.Error("an item of another order is found")
		}
		if h.e.findItem(row, "b3") == 0 {
			t.Error("an item is not found")
		}
	}
}
