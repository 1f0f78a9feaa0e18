package lists

import (
	"fmt"
	"slices"
	"strconv"

	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/strictjson"
)

// OrderSource has the orders in the order of their last change; see raftstore.Store.
type OrderSource interface {
	OrdersAfter(f engine.OrderFilter, after engine.OrderCursor, limit, looks int,
		dst []engine.OrderView) (orders []engine.OrderView, next engine.OrderCursor, more bool)
}

// OrderQuery asks for a page of orders. Empty fields do not restrict it.
type OrderQuery struct {
	State            string // one of engine.OrderStates
	UPC              string
	Location         string
	OlderThanSeconds int64 // since the last change; 0: of any age
	Cursor           string
	Limit            int

	looksMax int // OrderLooksMax, less in tests
}

// OrderPage is a page of orders. Each has those of its items that the query is after.
type OrderPage struct {
	Orders []engine.OrderView
	Next   string // the cursor of the next page, empty for none
}

// Read reads the page, at a time that ages are counted from.
func (q *OrderQuery) Read(from OrderSource, nowMS int64) (page OrderPage, fault strictjson.Fault) {
	filter, fault := q.filter(nowMS)
	if fault.Code != "" {
		return OrderPage{}, fault
	}
	after, fault := q.place()
	if fault.Code != "" {
		return OrderPage{}, fault
	}
	looks := q.looksMax
	if looks == 0 {
		looks = OrderLooksMax
	}
	orders, next, more := from.OrdersAfter(filter, after, q.Limit, looks, nil)
	for i := range orders {
		orders[i].Items = slices.DeleteFunc(orders[i].Items, func(it engine.ItemView) bool {
			return !picks(&filter, &it)
		})
	}
	page.Orders = orders
	if more {
		page.Next = string(cursor.Append(nil, cursor.Orders, cursor.Key{Number: next.Changed,
			First: strconv.FormatUint(uint64(next.Row), 10)}))
	}
	return page, strictjson.Fault{}
}

func (q *OrderQuery) filter(nowMS int64) (f engine.OrderFilter, fault strictjson.Fault) {
	f = engine.OrderFilter{UPC: q.UPC, Location: q.Location}
	if q.State != "" {
		state := slices.Index(engine.OrderStates, q.State)
		if state < 0 {
			return f, oneOf("state", q.State, engine.OrderStates)
		}
		f.State = engine.OrderState(state)
	}
	if q.OlderThanSeconds < 0 || q.OlderThanSeconds > OlderThanSecondsMax {
		return f, strictjson.Fault{Code: engine.CodeInvalid.String(),
			Detail: fmt.Sprintf("a number of seconds from 0 to %d is expected", OlderThanSecondsMax),
			Field:  "olderThanSeconds", Value: strconv.FormatInt(q.OlderThanSeconds, 10), Offset: -1}
	}
	if q.OlderThanSeconds > 0 {
		f.BeforeMS = max(1, nowMS-q.OlderThanSeconds*1_000)
	}
	return f, strictjson.Fault{}
}

// place is where the page begins.
func (q *OrderQuery) place() (after engine.OrderCursor, fault strictjson.Fault) {
	if q.Cursor == "" {
		return after, strictjson.Fault{}
	}
	key, err := cursor.Parse(cursor.Orders, q.Cursor)
	row, rowErr := strconv.ParseUint(key.First, 10, 32)
	if err != nil || rowErr != nil || key.Second != "" || key.First != strconv.FormatUint(row, 10) {
		return after, BadCursor(q.Cursor)
	}
	return engine.OrderCursor{Changed: key.Number, Row: uint32(row)}, strictjson.Fault{}
}

// picks reports whether a filter that picked an order is after this item of it.
func picks(f *engine.OrderFilter, it *engine.ItemView) bool {
	if f.UPC != "" && it.UPC != f.UPC || f.Location != "" && it.Location != f.Location {
		return false
	}
	allocated, pending := Held(it)
	switch f.State {
	case engine.OrdersOpen:
		return allocated+pending > 0
	case engine.OrdersReserved:
		return allocated+pending > 0 && it.ExpiresAtMS != 0
	case engine.OrdersPending:
		return pending > 0
	}
	return true
}

// Held gives the units that an item holds.
func Held(it *engine.ItemView) (allocated, pending int64) {
	for i := range it.Lines {
		allocated += it.Lines[i].Allocated
		pending += it.Lines[i].Pending
	}
	return allocated, pending
}

// Append appends the page with the cursor of the next one.
func (p *OrderPage) Append(dst []byte, schema *engine.Schema) []byte {
	dst = append(dst, `"orders":[`...)
	for i := range p.Orders {
		dst = appendOrder(strictjson.Comma(dst, i), schema, &p.Orders[i])
	}
	dst = append(dst, ']')
	return AppendNext(dst, p.Next)
}

func appendOrder(dst []byte, schema *engine.Schema, v *engine.OrderView) []byte {
	dst = strictjson.AppendText(dst, `{"orderId":`, v.OrderID)
	dst = strictjson.AppendNumber(dst, `,"changed":{"index":`, int64(v.Changed))
	if v.ChangedMS != 0 {
		dst = strictjson.AppendTime(dst, `,"time":`, v.ChangedMS)
	}
	dst = append(dst, `},"items":[`...)
	for i := range v.Items {
		dst = appendItem(strictjson.Comma(dst, i), schema, &v.Items[i])
	}
	return append(dst, "]}"...)
}

func appendItem(dst []byte, schema *engine.Schema, v *engine.ItemView) []byte {
	allocated, pending := Held(v)
	dst = strictjson.AppendText(dst, `{"itemId":`, v.ItemID)
	dst = strictjson.AppendText(dst, `,"upc":`, v.UPC)
	dst = strictjson.AppendText(dst, `,"location":`, v.Location)
	dst = strictjson.AppendNumber(dst, `,"requested":`, v.Requested)
	dst = strictjson.AppendTime(dst, `,"expiresAt":`, v.ExpiresAtMS)
	dst = strictjson.AppendNumber(dst, `,"allocated":`, allocated)
	dst = strictjson.AppendNumber(dst, `,"pending":`, pending)
	dst = append(dst, `,"lines":[`...)
	shown := 0
	for i := range v.Lines {
		l := &v.Lines[i]
		if l.Allocated+l.Pending == 0 {
			continue
		}
		dst = append(strictjson.Comma(dst, shown), `{"tags":`...)
		dst = append(dst, schema.TagsJSON(l.TagSet)...)
		dst = strictjson.AppendNumber(dst, `,"allocated":`, l.Allocated)
		dst = strictjson.AppendNumber(dst, `,"pending":`, l.Pending)
		dst = append(dst, '}')
		shown++
	}
	return append(dst, "]}"...)
}
