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

// outcome shows a result's lines as "item code units+pending".
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

func TestReleaseReason(t *testing.T) { tell(t, "release-reason") }

func TestIfUnchanged(t *testing.T) { tell(t, "if-unchanged") }

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

func TestAllocateIsItsOwnKey(t *testing.T) { tell(t, "own-key") }

func TestPendingIsServedOldestFirst(t *testing.T) { tell(t, "pending") }

func TestOrderChanges(t *testing.T) { tell(t, "order-changes") }

func TestReturnGoesWhereEachUnitCameFrom(t *testing.T) { tell(t, "returns") }

func TestConfirm(t *testing.T) { tell(t, "confirm") }

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

	// A refusal is an answer, too.
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

	seen := v.Changed
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
	// Its last change is the stored one, though it comes back now.
	rows := rowsOf(h.e)
	for _, x := range []struct {
		seen uint64
		want Code
	}{{seen + 1, CodeVersionMismatch}, {seen, CodeOK}} {
		command := AppendCommand(nil, &Envelope{Archived: row, ArchivedAt: h.index, IfSeen: true, Seen: x.seen},
			change(KindReturn, "done", some("1", 1)))
		back, err := loadRows(rows)
		if err != nil {
			t.Fatal(err)
		}
		r := new(Result)
		if err := DecodeResult(back.Apply(h.index+1, h.nowMS, command, nil), r); err != nil || r.Code != x.want {
			t.Errorf("depending on change %d of the stored order: %v, %v", x.seen, r.Code, err)
		}
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

// TestFirmOrderOverReservation: an allocate that repeats a reservation with another end does not get its answer.
func TestFirmOrderOverReservation(t *testing.T) { tell(t, "firm-over-reservation") }

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

// TestDeallocateLost: lost units do not go to waiting orders, and the rest of the order stays.
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
	want(4, 4, 0, true) // 3 pending units and one allocated
	var v OrderView
	h.e.ReadOrder("b", &v)
	if m := v.Items[0].Movements; len(m) != 4 || m[2].Kind != MovementReleased || m[2].Units != 3 ||
		m[3].Kind != MovementLost || m[3].Units != 1 {
		t.Errorf("the history is %+v", m)
	}
	h.must(&Adjust{Location: "L", Items: []StockItem{{UPC: "U", Quantity: -3}}}) // more promised than on hand
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

// listed gives the ids of the orders that a filter picks, read in pages of two.
func (h *host) listed(f OrderFilter) string {
	h.t.Helper()
	text := ""
	var after OrderCursor
	for more := true; more; {
		var page []OrderView
		page, after, more = h.e.OrdersAfter(f, after, 2, 3, nil)
		if len(page) > 2 {
			h.t.Fatalf("a page of %d orders", len(page))
		}
		for i := range page {
			text += page[i].OrderID + " "
		}
	}
	return text
}

func TestOrdersAfter(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 1)}})
	for _, id := range []string{"c", "b", "a"} {
		h.nowMS += 1_000
		h.must(allocate(id, ModeAll, ask("1", "U", 1)))
	}
	h.nowMS += 1_000
	h.must(&Allocate{OrderID: "cart", ExpiresAtMS: 90_000, Lines: []AllocateLine{ask("1", "V", 1)}})
	h.must(&Allocate{OrderID: "waits", Backorder: true, Lines: []AllocateLine{ask("1", "U", 1), ask("2", "V", 1)}})
	h.nowMS += 1_000
	h.must(change(KindFulfill, "b"))
	f := func(want string, f OrderFilter) {
		t.Helper()
		if got := h.listed(f); got != want {
			t.Errorf("%+v: got %q, want %q", f, got, want)
		}
	}
	f("c a cart waits b ", OrderFilter{})
	f("c a cart waits ", OrderFilter{State: OrdersOpen})
	f("cart ", OrderFilter{State: OrdersReserved})
	f("waits ", OrderFilter{State: OrdersPending})
	f("b ", OrderFilter{State: OrdersClosed})
	f("c a waits b ", OrderFilter{UPC: "U"})
	f("c a waits ", OrderFilter{UPC: "U", Location: "L", State: OrdersOpen})
	f("", OrderFilter{UPC: "U", State: OrdersPending}) // it waits for another UPC
	f("waits ", OrderFilter{UPC: "V", State: OrdersPending})
	f("b ", OrderFilter{UPC: "U", State: OrdersClosed})
	f("", OrderFilter{UPC: "L"})
	f("", OrderFilter{Location: "M"})
	f("c ", OrderFilter{BeforeMS: 3_000})
	f("c a ", OrderFilter{BeforeMS: 5_000, State: OrdersOpen})

	page, after, more := h.e.OrdersAfter(OrderFilter{}, OrderCursor{}, 2, 100, nil)
	if len(page) != 2 || !more || page[1].OrderID != "a" || page[1].ChangedMS != 4_000 || page[1].Changed != 4 {
		t.Fatalf("the first page is %+v, %t", page, more)
	}
	h.must(change(KindFulfill, "a")) // the order at the place where the page ended
	if page, _, _ = h.e.OrdersAfter(OrderFilter{}, after, 9, 100, nil); len(page) != 4 || page[0].OrderID != "cart" {
		t.Errorf("behind an order that has changed come %+v", page)
	}
}
