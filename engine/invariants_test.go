package engine

import (
	"apportion/engine/mem"
	"strings"
	"testing"
)

// TestInvariantsCatch breaks a figure, and applies a valid command that touches the record and the order.
func TestInvariantsCatch(t *testing.T) {
	if !mem.Invariants {
		t.Skip("built without the tag invariants and without -race: commands are not followed by a recount")
	}
	segment := func(e *Engine) *segment { return e.segments.At(e.records.At(e.findRecord("U", "L")).segments) }
	line := func(e *Engine) *line { return e.lines.At(e.items.At(e.orders.At(e.findOrder("o")).items).lines) }
	for want, broken := range map[string]func(e *Engine){
		"":                               func(*Engine) {},
		"is not the sum of its segments": func(e *Engine) { segment(e).onHand++ },
		"cannot be found by its key":     func(e *Engine) { e.byKey.Remove(e.recordHash(1), 1) },
		"2 units are pending, 1 wait in the queue": func(e *Engine) {
			segment(e).pending++
			e.records.At(1).pending++
		},
		"2 open items, counted 1":                  func(e *Engine) { e.orders.At(e.findOrder("o")).open = 2 },
		"the units do not add up":                  func(e *Engine) { line(e).took++ },
		"holds more than its segment has promised": func(e *Engine) { line(e).allocated, line(e).took = 9, 9 },
	} {
		h := newHost(t)
		h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 3)}})
		c := allocate("o", ModeAll, ask("1", "U", 5))
		c.Backorder = true
		h.must(c)
		broken(h.e)
		problem := func() (problem string) {
			defer func() { problem, _ = recover().(string) }()
			h.apply(change(KindDeallocate, "o", OrderLine{ItemID: "1", Quantity: 1}))
			return ""
		}()
		if (want == "") != (problem == "") || !strings.Contains(problem, want) {
			t.Errorf("got %q, want it to contain %q", problem, want)
		}
	}
}
