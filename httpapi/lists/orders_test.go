package lists

import (
	"strconv"
	"testing"

	"apportion/engine"
	"apportion/httpapi/cursor"
)

// stock is a state with one record that everything is allocated from.
type stock struct {
	*engine.Engine
	t     *testing.T
	index uint64
	nowMS int64
}

func newStock(t *testing.T) *stock {
	s := &stock{Engine: engine.New(), t: t, nowMS: 1_000_000}
	s.do(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 100}, {UPC: "V", Quantity: 1}}})
	return s
}

func (s *stock) do(c engine.Command) {
	s.t.Helper()
	s.index++
	var r engine.Result
	result := s.Apply(s.index, s.nowMS, engine.AppendCommand(nil, new(engine.Envelope), c), nil)
	if err := engine.DecodeResult(result, &r); err != nil || r.Code != engine.CodeOK {
		s.t.Fatalf("%+v: %v, %s", c, err, r.Code)
	}
}

func line(item, upc string, quantity int64) engine.AllocateLine {
	return engine.AllocateLine{ItemID: item, UPC: upc, Location: "L", Quantity: quantity}
}

// pages reads a list to its end, "order:item,item order:item" in all pages, and counts the pages.
func (s *stock) pages(q OrderQuery) (text string, count int) {
	s.t.Helper()
	for {
		page, fault := q.Read(s, s.nowMS)
		if fault.Code != "" {
			s.t.Fatalf("%+v is refused: %+v", q, fault)
		}
		count++
		for i := range page.Orders {
			text += page.Orders[i].OrderID + ":"
			for _, it := range page.Orders[i].Items {
				text += it.ItemID + ","
			}
			text += " "
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return text, count
		}
	}
}

// TestOrderQuery: each order comes with those of its items that the query is after, those changed longest ago first.
func TestOrderQuery(t *testing.T) {
	s := newStock(t)
	s.do(&engine.Allocate{OrderID: "b", Lines: []engine.AllocateLine{line("1", "U", 1), line("2", "V", 1)}})
	s.nowMS += 10_000
	s.do(&engine.Allocate{OrderID: "a", Backorder: true,
		Lines: []engine.AllocateLine{line("1", "U", 1), line("2", "V", 1)}})
	s.do(&engine.Allocate{OrderID: "cart", ExpiresAtMS: s.nowMS + 99_000,
		Lines: []engine.AllocateLine{line("1", "U", 1)}})
	s.do(&engine.Allocate{OrderID: "gone", Lines: []engine.AllocateLine{line("1", "U", 1), line("2", "U", 1)}})
	s.do(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "gone"})
	s.do(&engine.Allocate{OrderID: "half", Lines: []engine.AllocateLine{line("1", "U", 1), line("2", "U", 1)}})
	s.do(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "half", Lines: []engine.OrderLine{{ItemID: "1"}}})
	f := func(want string, q OrderQuery) {
		t.Helper()
		for q.Limit = 1; q.Limit <= 5; q.Limit += 4 {
			for q.looksMax = 0; q.looksMax <= 2; q.looksMax++ {
				if got, _ := s.pages(q); got != want {
					t.Errorf("%+v: got %q, want %q", q, got, want)
				}
			}
		}
	}
	f("b:1,2, a:1,2, cart:1, gone:1,2, half:1,2, ", OrderQuery{})
	f("b:1,2, a:1,2, cart:1, gone:1,2, half:1,2, ", OrderQuery{State: "all"})
	f("b:1,2, a:1,2, cart:1, half:2, ", OrderQuery{State: "open"})
	f("cart:1, ", OrderQuery{State: "reserved"})
	f("a:2, ", OrderQuery{State: "pending"})
	f("gone:1,2, ", OrderQuery{State: "closed"})
	f("b:2, a:2, ", OrderQuery{State: "open", UPC: "V", Location: "L"})
	f("", OrderQuery{Location: "M"})
	f("b:1,2, ", OrderQuery{OlderThanSeconds: 9})
	f("", OrderQuery{OlderThanSeconds: 10})
	if _, count := s.pages(OrderQuery{Limit: 5, looksMax: 1}); count < 5 {
		t.Errorf("%d pages of one look each", count)
	}
}

// TestOrderQueryRefused: what a query may not be, with the field.
func TestOrderQueryRefused(t *testing.T) {
	s := newStock(t)
	f := func(field, code string, q OrderQuery) {
		t.Helper()
		q.Limit = 1
		if _, fault := q.Read(s, s.nowMS); fault.Field != field || fault.Code != code || fault.Detail == "" {
			t.Errorf("%+v: the fault is %+v, want %s of %s", q, fault, code, field)
		}
	}
	f("state", "invalid", OrderQuery{State: "Open"})
	f("olderThanSeconds", "invalid", OrderQuery{OlderThanSeconds: -1})
	f("olderThanSeconds", "invalid", OrderQuery{OlderThanSeconds: OlderThanSecondsMax + 1})
	f("cursor", "invalid-cursor", OrderQuery{Cursor: "next"})
	f("cursor", "invalid-cursor", OrderQuery{Cursor: cursorOf("L", "")})
	f("cursor", "invalid-cursor", OrderQuery{Cursor: cursorOf(strconv.Itoa(1<<32), "")})
	f("cursor", "invalid-cursor", OrderQuery{Cursor: cursorOf("1", "1")})
	f("cursor", "invalid-cursor", OrderQuery{Cursor: cursorOf("01", "")})
	if _, fault := (&OrderQuery{Limit: 1, Cursor: cursorOf("1", "")}).Read(s, s.nowMS); fault.Code != "" {
		t.Errorf("a cursor is refused: %+v", fault)
	}
}

func cursorOf(first, second string) string {
	return string(cursor.Append(nil, cursor.Orders, cursor.Key{Number: 1, First: first, Second: second}))
}
