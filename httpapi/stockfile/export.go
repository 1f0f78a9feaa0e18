package stockfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"apportion/engine"
)

// Rows are the rows of a state as of one log index.
type Rows interface {
	// Schema has all tag sets of the rows.
	Schema() *engine.Schema

	// Next calls f for some of the next rows of a table. False: there are none left. Another table begins at its
	// beginning.
	Next(table byte, f func(key, value []byte) error) (bool, error)
}

// The contents of an export.
const (
	Stock  = "stock"  // one row a segment, and one a delivery
	Orders = "orders" // one row an allocation line
	Events = "events" // one row an event
)

var exportColumns = map[string][]string{
	Stock: {"upc", "location", columnTags, "quantity", "allocated", "pending", "safetyStock", "available", "floor",
		"ltd", "deliveryDate", "version"},
	Orders: {"orderId", "itemId", "upc", "location", columnTags, "requested", "allocated", "pending", "fulfilled",
		"returned", "released", "expiresAt", "changed"},
	Events: {"id", "type", "time", "index", "upc", "location", columnTags, "orderId", "itemId", "name", "reason",
		"reference", "units", "limit"},
}

var exportTables = map[string][]byte{
	Stock:  {engine.RecordTable},
	Orders: {engine.OrderTable, engine.ArchivedTable},
	Events: {engine.EventTable},
}

// Filter picks what an export of stock has rows for: the records that Picks reports, and their segments and deliveries
// with the tags.
type Filter struct {
	Picks func(*engine.Schema, *engine.RecordView) bool
	Tags  []engine.Tag
}

// Export is a file that is made while it is read.
type Export struct {
	filter Filter
	rows   Rows
	schema *engine.Schema
	tables []byte
	w      *Writer
	row    func(key, value []byte) error
	out    []byte // not read yet

	record engine.RecordView
	order  engine.OrderView
	tags   []engine.Tag
}

// IsContent reports whether there is an export of a content.
func IsContent(content string) bool { return exportTables[content] != nil }

// NewExport makes an export of a content. The filter is for stock.
func NewExport(content string, format Format, rows Rows, filter Filter) *Export {
	x := &Export{filter: filter, rows: rows, schema: rows.Schema(), tables: exportTables[content]}
	var categories []string
	for _, c := range x.schema.Categories() {
		categories = append(categories, c.Name)
	}
	x.w = NewWriter(format, exportColumns[content], categories)
	x.row = map[string]func(key, value []byte) error{
		Stock: x.stockRow, Orders: x.orderRow, Events: x.eventRow}[content]
	x.out = x.w.Take()
	return x
}

// Read implements io.Reader.
func (x *Export) Read(p []byte) (int, error) {
	for len(x.out) == 0 {
		if len(x.tables) == 0 {
			return 0, io.EOF
		}
		more, err := x.rows.Next(x.tables[0], x.row)
		if err != nil {
			return 0, err
		}
		if !more {
			x.tables = x.tables[1:]
		}
		x.out = x.w.Take()
	}
	n := copy(p, x.out)
	x.out = x.out[n:]
	return n, nil
}

// stockRow writes the rows of a record.
func (x *Export) stockRow(_, value []byte) error {
	v, w := &x.record, x.w
	if err := engine.DecodeRecord(value, v); err != nil {
		return err
	}
	v.MergeSegments(x.schema)
	if !x.filter.Picks(x.schema, v) {
		return nil
	}
	for i := range v.Segments {
		s := &v.Segments[i]
		if !x.schema.Matches(s.TagSet, x.filter.Tags) {
			continue
		}
		w.Text(v.UPC)
		w.Text(v.Location)
		w.Tags(x.schema.Tags(s.TagSet))
		for _, n := range [...]int64{s.OnHand, s.Allocated, s.Pending, s.SafetyStock, s.Available(), s.Floor, s.LTD} {
			w.Number(n)
		}
		w.Time(0)
		w.Number(int64(v.Version))
		w.End()
	}
	for i := range v.Future {
		if x.schema.Matches(v.Future[i].TagSet, x.filter.Tags) {
			x.delivery(v, &v.Future[i])
		}
	}
	return nil
}

// delivery writes the row of a delivery. One that is split on arrival has no distributed tags, and so an import of it
// is split too.
func (x *Export) delivery(v *engine.RecordView, f *engine.FutureView) {
	w := x.w
	w.Text(v.UPC)
	w.Text(v.Location)
	x.tags = append(x.tags[:0], x.schema.Tags(f.TagSet)...)
	if f.Split {
		x.tags = slices.DeleteFunc(x.tags, func(t engine.Tag) bool {
			c, ok := x.schema.Category(t.Category)
			return ok && c.Distributed()
		})
	}
	w.Tags(x.tags)
	w.Number(f.Quantity)
	for range 6 {
		w.Text("")
	}
	w.Time(f.DeliveryDateMS)
	w.Number(int64(v.Version))
	w.End()
}

// orderRow writes the rows of an order: one a line, and one for an item without lines.
func (x *Export) orderRow(_, value []byte) error {
	if len(value) == 0 {
		return nil
	}
	if err := engine.DecodeArchivedOrder(value, &x.order); err != nil {
		return err
	}
	for i := range x.order.Items {
		it := &x.order.Items[i]
		lines := it.Lines
		if len(lines) == 0 {
			lines = []engine.LineView{{TagSet: it.TagSet}}
		}
		for k := range lines {
			x.orderLine(it, &lines[k])
		}
	}
	return nil
}

func (x *Export) orderLine(it *engine.ItemView, l *engine.LineView) {
	w := x.w
	for _, text := range [...]string{x.order.OrderID, it.ItemID, it.UPC, it.Location} {
		w.Text(text)
	}
	w.Tags(x.schema.Tags(l.TagSet))
	for _, n := range [...]int64{it.Requested, l.Allocated, l.Pending, l.Fulfilled, l.Returned, l.Released} {
		w.Number(n)
	}
	w.Time(it.ExpiresAtMS)
	w.Time(x.order.ChangedMS)
	w.End()
}

// eventRow writes the row of an event, whose key is its number.
func (x *Export) eventRow(key, value []byte) error {
	if len(key) != 8 {
		return fmt.Errorf("stockfile: the key of an event has %d bytes", len(key))
	}
	ev, err := engine.DecodeEvent(binary.BigEndian.Uint64(key), value)
	if err != nil {
		return err
	}
	w := x.w
	w.Number(int64(ev.ID))
	w.Text(ev.Kind.String())
	w.Time(ev.TimeMS)
	w.Number(int64(ev.Index))
	w.Text(ev.UPC)
	w.Text(ev.Location)
	var tags []engine.Tag
	if ev.TagSet != 0 {
		tags = x.schema.Tags(ev.TagSet)
	}
	w.Tags(tags)
	for _, text := range [...]string{ev.OrderID, ev.ItemID, ev.Name, ev.Reason, ev.Reference} {
		w.Text(text)
	}
	w.Number(ev.Units)
	w.Number(ev.Limit)
	w.End()
	return nil
}
