package engine

import "testing"

// TestNothingLeft: an action that finds nothing is a success only if its caller may take it for one.
func TestNothingLeft(t *testing.T) {
	// ways makes orders of item 1, 4 units of U, and brings them into a state.
	ways := map[string]func(h *host){
		"pending": func(h *host) {
			h.must(&Adjust{Location: "L", Items: []StockItem{units("U", -10)}})
			c := allocate("o", ModeAll, ask("1", "U", 4))
			c.Backorder = true
			h.must(c)
		},
		"allocated": func(h *host) { h.must(allocate("o", ModeAll, ask("1", "U", 4))) },
		"expired": func(h *host) {
			c := allocate("o", ModeAll, ask("1", "U", 4))
			c.ExpiresAtMS = h.nowMS + 1
			h.must(c)
			h.nowMS++
		},
		"released": func(h *host) {
			h.must(allocate("o", ModeAll, ask("1", "U", 4)))
			h.must(change(KindDeallocate, "o"))
		},
		"lost": func(h *host) {
			h.must(allocate("o", ModeAll, ask("1", "U", 4)))
			h.must(change(KindDeallocate, "o", OrderLine{ItemID: "1", Lost: true}))
		},
		"record-deleted": func(h *host) {
			h.must(allocate("o", ModeAll, ask("1", "U", 4)))
			h.must(&Delete{Scope: Scope{All: true}, Force: true})
		},
		"reserved, record-deleted": func(h *host) {
			c := allocate("o", ModeAll, ask("1", "U", 4))
			c.ExpiresAtMS = h.nowMS + 1000
			h.must(c)
			h.must(&Delete{Scope: Scope{All: true}, Force: true})
		},
		"fulfilled": func(h *host) {
			h.must(allocate("o", ModeAll, ask("1", "U", 4)))
			h.must(change(KindFulfill, "o"))
		},
		"returned": func(h *host) {
			h.must(allocate("o", ModeAll, ask("1", "U", 4)))
			h.must(change(KindFulfill, "o"))
			h.must(change(KindReturn, "o"))
		},
		"returned, unknown": func(h *host) { h.must(change(KindReturn, "o", back("1", 4, "U"))) },
	}
	const refused = "nothing-left | 1 nothing-left 0+0 of 0"
	f := func(action Kind, way, want, reason string) {
		t.Helper()
		for _, lines := range [][]OrderLine{nil, {{ItemID: "1"}}} {
			h := newHost(t)
			h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
			ways[way](h)
			h.must(&Expire{})
			before := h.figures("U", "L")
			r := h.apply(change(action, "o", lines...))
			got := outcome(r)
			if lines != nil && want == "ok" {
				got = r.Code.String() // it names a line that did nothing
			}
			if got != want || r.Code != CodeOK && r.Lines[0].Reason != reason {
				t.Errorf("%d of an order that is %s, lines %v: got %s, %+v\nwant %s %s", action, way, lines, outcome(r),
					r.Lines, want, reason)
			}
			h.want("U", "L", before)

			// A command of an older version keeps its meaning.
			if r := h.do(&Envelope{Version: 5}, change(action, "o", lines...)); r.Code != CodeOK {
				t.Errorf("%d of an order that is %s, version 5: %s", action, way, outcome(r))
			}
		}
	}
	for _, way := range []string{"pending", "expired", "released", "lost", "record-deleted"} {
		f(KindFulfill, way, refused, way)
		f(KindReturn, way, refused, way)
	}
	f(KindFulfill, "fulfilled", "ok | 1 ok 4+0 repeated", "")
	f(KindFulfill, "returned", "ok | 1 ok 4+0 repeated", "")
	f(KindFulfill, "returned, unknown", refused, "returned")
	f(KindReturn, "allocated", refused, "allocated")
	f(KindReturn, "returned", "ok | 1 ok 4+0 repeated", "")
	f(KindReturn, "returned, unknown", "ok | 1 ok 4+0 repeated", "")
	for _, way := range []string{"expired", "released", "lost", "record-deleted", "returned, unknown"} {
		f(KindDeallocate, way, "ok", "") // nothing is held, as the caller wanted
	}
	f(KindDeallocate, "fulfilled", refused, "fulfilled")
	f(KindDeallocate, "returned", refused, "returned")

	confirms := func(way string, code Code, field, reason string, lines ...OrderLine) {
		t.Helper()
		h := newHost(t)
		h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
		ways[way](h)
		h.must(&Expire{})
		if r := h.wantCode(change(KindConfirm, "o", lines...), code, field); len(r.Lines) > 0 &&
			r.Lines[0].Reason != reason {
			t.Errorf("confirm of an order that is %s: %+v, want %q", way, r.Lines, reason)
		}
	}
	confirms("allocated", CodeNotReserved, "orderId", "")
	confirms("expired", CodeExpired, "orderId", "")
	confirms("reserved, record-deleted", CodeNothingLeft, "orderId", "record-deleted")
	confirms("reserved, record-deleted", CodeExceedsLeft, "lines[0]", "record-deleted", some("1", 0))
}

// TestShippable: what a fulfillment beyond on hand reports as shippable can ship, and not one unit more.
func TestShippable(t *testing.T) {
	inA, inB := Tag{"Channel", "A"}, Tag{"Channel", "B"}
	f := func(want int64, item string, allocates *Allocate, stock ...StockItem) {
		t.Helper()
		recounted := func() *host {
			h := newHost(t)
			h.must(channels(5000, 5000))
			h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10, inA), units("U", 10, inB)}})
			h.must(allocates)
			h.must(&Refresh{Location: "L", Items: stock})
			return h
		}
		h := recounted()
		r := h.wantCode(change(KindFulfill, "o"), CodeOnHandBelowZero, lineName(int(item[0]-'1')))
		for _, l := range r.Lines {
			if l.ItemID == item && l.Available != want {
				t.Errorf("%d can ship of %s, want %d", l.Available, item, want)
			}
		}
		h.wantCode(change(KindFulfill, "o", some(item, want+1)), CodeOnHandBelowZero, "lines[0]")
		if want > 0 {
			h.must(change(KindFulfill, "o", some(item, want)))
		}
		// A command of an older version gets the answer of that version.
		if r := recounted().do(&Envelope{Version: 5},
			change(KindFulfill, "o", some(item, want+1))); r.Lines[0].Available != 0 {
			t.Errorf("of version 5: %+v", r.Lines)
		}
	}
	f(5, "1", allocate("o", ModeAll, ask("1", "U", 6, inA)), units("U", 5, inA))
	f(0, "1", allocate("o", ModeAll, ask("1", "U", 6, inA)), units("U", 0, inA))
	// Two channels hold ten units each of a record that is counted down to ten.
	f(5, "1", allocate("o", ModeAll, ask("1", "U", 10, inA), ask("2", "U", 10, inB)), units("U", 10))
	f(5, "2", allocate("o", ModeAll, ask("1", "U", 5, inA), ask("2", "U", 10, inB)), units("U", 5, inA),
		units("U", 5, inB))

	// Two items of one segment: the second gets what the first leaves.
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 4), ask("2", "U", 6)))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 7)}})
	if r := h.wantCode(change(KindFulfill, "o"), CodeOnHandBelowZero, "lines[1]"); r.Lines[1].Available != 3 {
		t.Errorf("after 4 of 7, %d can ship", r.Lines[1].Available)
	}
	h.must(change(KindFulfill, "o", some("1", 4), some("2", 3)))
}

// TestNothingLeftOfSomeLines: the command needs all lines, but a line that was done before is no obstacle.
func TestNothingLeftOfSomeLines(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 2), ask("2", "U", 3), ask("3", "U", 5)))
	h.must(change(KindFulfill, "o", some("1", 0)))
	h.must(change(KindDeallocate, "o", some("3", 0)))
	h.wantCode(change(KindFulfill, "o", some("2", 0), some("3", 0)), CodeNothingLeft, "lines[1]")
	h.wantCode(change(KindFulfill, "o", some("1", 1)), CodeExceedsLeft, "lines[0]")
	if got, want := outcome(h.must(change(KindFulfill, "o", some("1", 0), some("2", 0)))),
		"ok | 1 ok 2+0 repeated | 2 ok 3+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := outcome(h.must(change(KindFulfill, "o"))),
		"ok | 1 ok 2+0 repeated | 2 ok 3+0 repeated"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.want("U", "L", `{} 5/0/0/5 `)
}
