package kibo

import (
	"bytes"
	"encoding/csv"
	"strconv"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// exportBytesMax bounds an export, which is built in memory before it is sent.
const exportBytesMax = 256 << 20

// exportColumns are the columns of that API's stock files. One column a tag category follows.
var exportColumns = []string{"LOCATIONCODE", "PARTNUMBER", "UPC", "SKU", "QUANTITY", "DELIVERY_DATE"}

// export gives the stock as CSV: the on hand of each segment, and each delivery. locationCode selects one location,
// locationGroupCode the locations of a group.
func export(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	var text bytes.Buffer
	x := exporter{e: r.Host.Reader(), csv: csv.NewWriter(&text)}
	x.header()
	only, group := r.Query.Get("locationCode"), groupFilter{Group: r.Query.Get("locationGroupCode")}
	if err := group.resolve(x.e); err != nil {
		return Reply{}, err
	}
	err := walk(r, func(v *engine.RecordView) bool {
		if (only == "" || only == v.Location) && group.inGroup(v.Location) {
			x.record(v)
		}
		return text.Len() <= exportBytesMax
	})
	if err != nil {
		return Reply{}, err
	}
	if text.Len() > exportBytesMax {
		return Reply{}, badRequest("locationCode", only, "the export is larger than %d bytes; export location by "+
			"location", exportBytesMax)
	}
	x.csv.Flush()
	if err := x.csv.Error(); err != nil {
		return Reply{}, err
	}
	return Reply{Text: text.Bytes(), Media: "text/csv; charset=utf-8"}, nil
}

type exporter struct {
	e          *engine.Reader
	csv        *csv.Writer
	categories []string // that have a column
	line       []string
}

func (x *exporter) header() {
	line := append([]string(nil), exportColumns...)
	for _, c := range x.e.Schema().Categories() {
		x.categories = append(x.categories, c.Name)
	}
	line = append(line, x.categories...)
	_ = x.csv.Write(line) // the writer keeps its error
}

func (x *exporter) record(v *engine.RecordView) {
	schema := x.e.Schema() // read after the record, it knows all of its tag sets
	onHand := map[engine.TagSetID]int64{}
	var order []engine.TagSetID
	for i := range v.Segments {
		id := schema.Canonical(v.Segments[i].TagSet)
		if _, ok := onHand[id]; !ok {
			order = append(order, id)
		}
		onHand[id] += v.Segments[i].OnHand
	}
	for _, id := range order {
		x.write(v, schema.Tags(id), onHand[id], "")
	}
	for i := range v.Future {
		x.write(v, schema.Tags(v.Future[i].TagSet), v.Future[i].Quantity,
			strictjson.FormatTime(v.Future[i].DeliveryDateMS))
	}
}

func (x *exporter) write(v *engine.RecordView, tags []engine.Tag, quantity int64, date string) {
	x.line = append(x.line[:0], v.Location, v.UPC, v.UPC, "", strconv.FormatInt(quantity, 10), date)
	have := tagsOf(tags)
	for _, name := range x.categories {
		x.line = append(x.line, have[name])
	}
	_ = x.csv.Write(x.line)
}
