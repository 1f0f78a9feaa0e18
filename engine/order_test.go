package engine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ask(item, upc string, n int64, tags ...Tag) AllocateLine {
	return AllocateLine{ItemID: item, UPC: upc, Location: "L", Quantity: n, Tags: tags}
}

func allocate(order string, mode Mode, lines ...AllocateLine) *Allocate {
	return &Allocate{OrderID: order, Mode: mode, Lines: lines}
}

func change(action Kind, order string, lines ...OrderLine) *OrderChange {
	return &OrderChange{Action: action, OrderID: order, Lines: lines}
}

func some(item string, n int64) OrderLine { return OrderLine{ItemID: item, Quantity: n} }

// outcome renders a result's lines as "item code units+pending".
func outcome(r *Result) string {
	text := r.Code.String()
	for _, l := range r.Lines {
		text += fmt.Sprintf(" | %s %v %d+%d", l.ItemID, l.Code, l.Units, l.Pending)
		if l.Code != CodeOK {
			text += fmt.Sprintf(" of %d", l.Available)
		}
		if l.Repeated {
			text += " repeated"
		}
	}
	return text
}

func TestAllocateModes(t *testing.T) {
	f := func(mode Mode, backorder bool, want, wantRecord string, lines ...AllocateLine) {
		t.Helper()
		h := newHost(t)
		h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 3)}})
		c := allocate("o", mode, lines...)
		c.Backorder = backorder
		if got := outcome(h.apply(c)); got != want {
			t.Errorf("mode %d: got  %s\nwant %s", mode, got, want)
		}
		h.want("U", "L", wantRecord)
	}
	full, short := ask("1", "U", 6), ask("2", "U", 6)
	f(ModeAll, false, "insufficient | 1 not-attempted 0+0 of 0 | 2 insufficient 0+0 of 4", `{} 10/0/0/10 `, full, short)
	f(ModeLine, false, "ok | 1 ok 6+0 | 2 insufficient 0+0 of 4", `{} 10/6/0/4 `, full, short)
	f(ModePartial, false, "ok | 1 ok 6+0 | 2 ok 4+0", `{} 10/10/0/0 `, full, short)
	f(ModePartial, false, "ok | 1 ok 10+0 | 2 insufficient 0+0 of 0", `{} 10/10/0/0 `, ask("1", "U", 10), short)
	f(ModeAll, true, "ok | 1 ok 6+0 | 2 ok 4+2", `{} 10/10/2/-2 `, full, short)
	f(ModeAll, false,
		"unknown-record | 1 not-attempted 0+0 of 0 | 2 insufficient 0+0 of 10 | 3 unknown-record 0+0 of 0",
		`{} 10/0/0/10 `, ask("1", "V", 1), ask("2", "U", 99), ask("3", "X", 1))
	f(ModeLine, false, "ok | 1 ok 1+0 | 3 unknown-record 0+0 of 0", `{} 10/1/0/9 `, ask("1", "U", 1), ask("3", "X", 1))
}

func TestAllocateIsItsOwnKey(t *testing.T) {
	h := newHost(t)
	h.must(orderTypes())
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 3)}})
	c := allocate("o", ModePartial, ask("1", "U", 8), ask("2", "V", 5))
	if got, want := outcome(h.apply(c)), "ok | 1 ok 8+0 | 2 ok 3+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := outcome(h.apply(c)), "ok | 1 ok 8+0 repeated | 2 ok 3+0 repeated"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c = allocate("o", ModeAll, ask("1", "U", 8), ask("3", "U", 2))
	if got, want := outcome(h.apply(c)), "ok | 1 ok 8+0 repeated | 3 ok 2+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	conflict := func(l AllocateLine, field string) {
		t.Helper()
		h.wantCode(allocate("o", ModeLine, ask("9", "U", 1), l), CodeItemConflict, "lines[1]."+field)
	}
	conflict(ask("1", "V", 8), "upc")
	conflict(ask("1", "U", 7), "quantity")
	conflict(ask("1", "U", 8, Tag{"OrderType", "BOPIS"}), "tags")
	conflict(AllocateLine{ItemID: "1", UPC: "U", Location: "M", Quantity: 8}, "location")

	// Once everything is released, the item may be allocated anew, even elsewhere.
	h.must(change(KindDeallocate, "o", some("1", 0)))
	if got, want := outcome(h.apply(allocate("o", ModeAll, ask("1", "U", 5)))), "ok | 1 ok 5+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPendingIsServedOldestFirst(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 1)}})
	for i := range 4 {
		c := allocate(fmt.Sprint("o", i), ModeAll, ask("1", "U", 2))
		c.Backorder = true
		h.must(c)
	}
	h.want("U", "L", `{} 1/1/7/-7 `)
	h.must(change(KindDeallocate, "o1"))
	h.want("U", "L", `{} 1/1/5/-5 `)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 2)}})
	pending := func(order string) (allocated, pending int64) {
		var v OrderView
		h.e.ReadOrder(order, &v)
		return v.Items[0].Lines[0].Allocated, v.Items[0].Lines[0].Pending
	}
	for order, want := range map[string][2]int64{"o0": {2, 0}, "o1": {0, 0}, "o2": {1, 1}, "o3": {0, 2}} {
		if a, p := pending(order); a != want[0] || p != want[1] {
			t.Errorf("%s has %d allocated and %d pending, want %v", order, a, p, want)
		}
	}
	// Units that one order gives back go to the next one at once.
	h.must(change(KindDeallocate, "o0"))
	if a, p := pending("o3"); a != 1 || p != 1 {
		t.Errorf("o3 has %d allocated and %d pending", a, p)
	}
}

func TestOrderChanges(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 10)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 6), ask("2", "V", 4)))

	h.wantCode(change(KindFulfill, "x"), CodeUnknownOrder, "orderId")
	h.wantCode(change(KindFulfill, "o", some("1", 1), some("9", 1)), CodeUnknownItem, "lines[1]")
	h.wantCode(change(KindFulfill, "o", some("1", 7)), CodeExceedsLeft, "lines[0]")
	h.wantCode(change(KindConfirm, "o"), CodeNotReserved, "orderId")
	h.wantCode(change(KindReturn, "o", some("1", 1)), CodeExceedsLeft, "lines[0]")

	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 3)}})
	h.wantCode(change(KindFulfill, "o", some("1", 4)), CodeOnHandBelowZero, "lines[0]")
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})

	if got, want := outcome(h.must(change(KindFulfill, "o"))), "ok | 1 ok 6+0 | 2 ok 4+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.want("U", "L", `{} 4/0/0/4 `)
	if got, want := outcome(h.must(change(KindFulfill, "o"))),
		"ok | 1 ok 6+0 repeated | 2 ok 4+0 repeated"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.must(change(KindReturn, "o", some("1", 2)))
	h.must(change(KindReturn, "o", OrderLine{ItemID: "1", Quantity: 3, Location: "M"}))
	h.want("U", "L", `{} 6/0/0/6 `)
	h.want("U", "M", `{} 3/0/0/3 `)
	h.wantCode(change(KindReturn, "o", OrderLine{ItemID: "1", Quantity: 2}), CodeExceedsLeft, "lines[0]")
	h.wantCode(change(KindReturn, "o", OrderLine{ItemID: "1", Quantity: 1, UPC: "V"}), CodeItemConflict, "lines[0].upc")

	// Goods of an unknown order need to say what and where they are.
	h.wantCode(change(KindReturn, "x", some("1", 1)), CodeUnknownOrder, "orderId")
	h.must(change(KindReturn, "x", OrderLine{ItemID: "1", Quantity: 1, UPC: "W", Location: "L"}))
	h.want("W", "L", `{} 1/0/0/1 `)
}

func TestReturnGoesWhereEachUnitCameFrom(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	inA, inB := Tag{"Channel", "A"}, Tag{"Channel", "B"}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5, inA), units("U", 5, inB)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 3, inA), ask("2", "U", 4, inB)))
	h.must(change(KindFulfill, "o"))
	h.must(change(KindReturn, "o"))
	h.want("U", "L", `{"Channel":"A"} 5/0/0/5 {"Channel":"B"} 5/0/0/5 `)
}

func TestConfirm(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 10), units("W", 10)}})
	reserve := allocate("o", ModeAll, ask("1", "U", 6), ask("2", "V", 4))
	reserve.ExpiresAtMS = h.nowMS + 500
	h.must(reserve)
	h.must(allocate("o", ModeAll, ask("3", "W", 1)))
	h.wantCode(change(KindConfirm, "o", some("3", 1)), CodeNotReserved, "lines[0]")
	if got, want := outcome(h.must(change(KindConfirm, "o", some("1", 5)))), "ok | 1 ok 5+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.nowMS += 1000
	h.must(&Expire{})
	h.want("U", "L", `{} 10/5/0/5 `)
	h.want("V", "L", `{} 10/0/0/10 `)
	h.want("W", "L", `{} 10/1/0/9 `)
	late := allocate("p", ModeAll, ask("1", "U", 1))
	late.ExpiresAtMS = h.nowMS
	h.wantCode(late, CodeExpired, "expiresAt")
}

func TestLargeOrders(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10_000)}})
	for part := range 3 {
		var lines []AllocateLine
		for i := range 7 {
			lines = append(lines, ask(fmt.Sprintf("%d-%d", part, i), "U", 1))
		}
		h.must(allocate("o", ModeAll, lines...))
	}
	for part := range 3 {
		for i := range 7 {
			h.must(change(KindFulfill, "o", some(fmt.Sprintf("%d-%d", part, i), 1)))
		}
	}
	h.want("U", "L", `{} 9979/0/0/9979 `)
	h.wantCode(change(KindFulfill, "o", some("3-0", 1)), CodeUnknownItem, "lines[0]")
}

func TestIdempotencyKeys(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	add := &Adjust{Location: "L", Items: []StockItem{units("U", 5)}}
	first := h.applyKeyed("k", add)
	again := h.applyKeyed("k", add)
	if first.Repeated || !again.Repeated || again.Index != first.Index {
		t.Errorf("first %+v, again %+v", first, again)
	}
	h.want("U", "L", `{} 15/0/0/15 `)
	other := h.applyKeyed("k", &Adjust{Location: "L", Items: []StockItem{units("U", 6)}})
	if other.Code != CodeKeyReused || other.Field != "items[0].quantity" {
		t.Errorf("reuse: %v at %q", other.Code, other.Field)
	}
	if r := h.applyKeyed("k", change(KindFulfill, "o")); r.Code != CodeKeyReused || r.Field != "kind" {
		t.Errorf("reuse with another command: %v at %q", r.Code, r.Field)
	}

	// A long command is kept as a digest; the differing item is still named.
	long := &Adjust{Location: "L"}
	for i := range 300 {
		long.Items = append(long.Items, units(fmt.Sprint("long", i), 1))
	}
	h.applyKeyed("long", long)
	if r := h.applyKeyed("long", long); !r.Repeated {
		t.Errorf("a long command is not recognised: %v at %q", r.Code, r.Field)
	}
	long.Items[217].Quantity = 2
	if r := h.applyKeyed("long", long); r.Code != CodeKeyReused || r.Field != "items[217]" {
		t.Errorf("reuse with another long body: %v at %q", r.Code, r.Field)
	}

	// A refusal is an answer too.
	short := allocate("o", ModeAll, ask("1", "U", 99))
	h.applyKeyed("r", short)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 100)}})
	if r := h.applyKeyed("r", short); r.Code != CodeInsufficient || !r.Repeated {
		t.Errorf("the refusal was not kept: %+v", r)
	}
	h.nowMS += IdempotencyAgeMS
	if r := h.applyKeyed("r", short); r.Code != CodeOK || r.Repeated {
		t.Errorf("the key is still known after its time: %+v", r)
	}
}

func TestClosedOrdersLeaveMemoryAndComeBack(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 10)}})
	h.must(allocate("done", ModeAll, ask("1", "U", 4)))
	h.must(change(KindFulfill, "done"))
	h.must(allocate("open", ModeAll, ask("1", "V", 4)))
	var before OrderView
	h.e.ReadOrder("done", &before)

	if !h.e.MayHaveOrder("done") {
		t.Error("a fresh order is not known")
	}
	h.index += ClosedOrderEntries * 95 / 100
	h.must(&Expire{})
	if h.e.MayHaveOrder("done") {
		t.Error("an order about to leave counts as sure to stay")
	}
	if _, ok := h.e.AppendArchived(nil, "done"); !ok {
		t.Error("an order about to leave has no row to carry")
	}
	h.index += ClosedOrderEntries
	h.must(&Expire{})
	var v OrderView
	if h.e.ReadOrder("done", &v) || !h.e.ReadOrder("open", &v) {
		t.Error("the closed order is in memory, or the open one is not")
	}
	row, ok := h.e.AppendArchived(nil, "done")
	if !ok {
		t.Fatal("the order has no stored row")
	}
	if err := DecodeArchivedOrder(row, &v); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, v); diff != "" {
		t.Errorf("the stored order differs (-before +stored):\n%s", diff)
	}

	carry := func(at uint64, c Command) *Result {
		h.index++
		b := AppendCommand(nil, &Envelope{Archived: row, ArchivedAt: at}, c)
		r := new(Result)
		if err := DecodeResult(h.e.Apply(h.index, h.nowMS, b, nil), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := carry(h.index+1-ClosedOrderEntries, change(KindReturn, "done", some("1", 1))); r.Code != CodeRetry {
		t.Errorf("a row read too long ago: %v", r.Code)
	}
	if r := h.apply(change(KindReturn, "done", some("1", 1))); r.Code != CodeUnknownOrder {
		t.Errorf("without the row: %v", r.Code)
	}
	if r := carry(h.index, allocate("done", ModeAll, ask("1", "U", 4))); !r.Lines[0].Repeated {
		t.Errorf("the item is not recognised: %s", outcome(r))
	}
	if r := carry(h.index, change(KindReturn, "done", some("1", 1))); r.Code != CodeOK {
		t.Errorf("with the row: %v", r.Code)
	}
	h.want("U", "L", `{} 7/0/0/7 `)
	if r := h.apply(change(KindReturn, "done", some("1", 4))); r.Code != CodeExceedsLeft {
		t.Errorf("the order came back without its history: %v", r.Code)
	}
}

// TestFirmOrderOverReservation: an allocate that repeats a reservation with another end is not answered as done.
func TestFirmOrderOverReservation(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	reserve := allocate("o", ModeAll, ask("1", "U", 6))
	reserve.ExpiresAtMS = h.nowMS + 500
	h.must(reserve)
	if r := h.must(reserve); !r.Lines[0].Repeated {
		t.Errorf("the same reservation: %s", outcome(r))
	}
	h.wantCode(allocate("o", ModeAll, ask("1", "U", 6)), CodeItemConflict, "expiresAt")
	h.must(change(KindConfirm, "o"))
	if r := h.must(reserve); !r.Lines[0].Repeated {
		t.Errorf("the reservation again, after it was confirmed: %s", outcome(r))
	}
}

// TestOpenOrders reads the orders that hold units, page by page.
func TestOpenOrders(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	for _, id := range []string{"a", "b", "c", "d"} {
		h.must(allocate(id, ModeAll, ask("1", "U", 1)))
	}
	h.must(change(KindFulfill, "b"))
	got := ""
	var list []OrderView
	for after, more := uint32(0), true; more; more = after != 0 {
		list, after = h.e.OpenOrders(after, 1, list[:0])
		for _, o := range list {
			got += o.OrderID + o.Items[0].ItemID + " "
		}
	}
	if got != "a1 c1 d1 " {
		t.Errorf("got %s", got)
	}
}

// TestDeallocateLost: what is not there is not promised to whoever waits, and the rest of the order is untouched.
func TestDeallocateLost(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	h.must(allocate("a", ModeAll, ask("1", "U", 6)))
	waiting := allocate("b", ModeAll, ask("1", "U", 7)) // 4 allocated, 3 pending
	waiting.Backorder = true
	h.must(waiting)
	h.must(&OrderChange{Action: KindDeallocate, OrderID: "a",
		Lines: []OrderLine{{ItemID: "1", Quantity: 5, Lost: true, Block: BlockSet}}})
	want := func(onHand, allocated, pending int64, blocked bool) {
		t.Helper()
		var v RecordView
		if h.e.ReadRecord("U", "L", &v); v.OnHand != onHand || v.Allocated != allocated || v.Pending != pending ||
			v.Blocked != blocked {
			t.Errorf("on hand %d, allocated %d, pending %d, blocked %t", v.OnHand, v.Allocated, v.Pending, v.Blocked)
		}
	}
	want(5, 5, 3, true)
	h.must(&OrderChange{Action: KindDeallocate, OrderID: "b",
		Lines: []OrderLine{{ItemID: "1", Quantity: 4, Lost: true}}})
	want(4, 4, 0, true) // 3 pending units and one that was there
	var v OrderView
	h.e.ReadOrder("b", &v)
	if m := v.Items[0].Movements; len(m) != 4 || m[2].Kind != MovementReleased || m[2].Units != 3 ||
		m[3].Kind != MovementLost || m[3].Units != 1 {
		t.Errorf("the history is %+v", m)
	}
	h.must(&Adjust{Location: "L", Items: []StockItem{{UPC: "U", Quantity: -3}}}) // more is promised than there is
	h.must(&OrderChange{Action: KindDeallocate, OrderID: "b",
		Lines: []OrderLine{{ItemID: "1", Lost: true, Block: BlockClear}}})
	want(0, 1, 0, false)
	h.wantCode(&OrderChange{Action: KindDeallocate, OrderID: "a",
		Lines: []OrderLine{{ItemID: "1", Quantity: 2, Block: BlockSet}}}, CodeExceedsLeft, "lines[0]")
	want(0, 1, 0, false)
	h.wantCode(&OrderChange{Action: KindFulfill, OrderID: "a", Lines: []OrderLine{{ItemID: "1", Lost: true}}},
		CodeInvalid, "lines[0].lost")
	h.wantCode(&OrderChange{Action: KindReturn, OrderID: "a", Lines: []OrderLine{{ItemID: "1", Block: BlockSet}}},
		CodeInvalid, "lines[0].block")
	h.wantCode(&OrderChange{Action: KindDeallocate, OrderID: "a", Lines: []OrderLine{{ItemID: "1", Block: blockMarks}}},
		CodeInvalid, "lines[0].block")
	if e, err := loadRows(rowsOf(h.e)); err != nil || e.Hash() != h.e.Hash() {
		t.Errorf("what was stored does not load: %v", err)
	}
}
