package stockfile

import (
	"slices"
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// Writer writes rows of named columns in a format, into memory that the caller takes away with Take. It is for one
// goroutine. The values of a row come in the order of the columns.
type Writer struct {
	format     Format
	columns    []string
	members    []string // the columns as NDJSON writes them
	categories []string
	out        []byte
	at         int // the column of the next value
	written    int // members of the present object
}

// columnTags stands for the tags: in CSV one column a category, in NDJSON one object.
const columnTags = "tags"

// NewWriter makes a writer for rows with the columns. One of them may be "tags".
func NewWriter(format Format, columns, categories []string) *Writer {
	w := &Writer{format: format, columns: columns, categories: categories}
	for _, name := range columns {
		w.members = append(w.members, string(append(strictjson.AppendString(nil, name), ':')))
	}
	if format == CSV {
		w.header()
	}
	return w
}

// header writes the names of the columns. A category with the name of a column is marked as one.
func (w *Writer) header() {
	for _, name := range w.columns {
		if name != columnTags {
			w.cell(name)
			continue
		}
		for _, category := range w.categories {
			_, taken := fields[category]
			if taken || slices.Contains(w.columns, category) || strings.HasPrefix(category, tagColumn) {
				category = tagColumn + category
			}
			w.cell(category)
		}
	}
	w.End()
}

// Len is the number of bytes that wait to be taken.
func (w *Writer) Len() int { return len(w.out) }

// Take gives what was written. It is valid until the next row.
func (w *Writer) Take() []byte {
	out := w.out
	w.out = w.out[:0]
	return out
}

// End ends a row.
func (w *Writer) End() {
	if w.format == CSV {
		w.out[len(w.out)-1] = '\n' // in place of the last separator
	} else {
		w.member("")
		w.out = append(w.out, "}\n"...)
	}
	w.at, w.written = 0, 0
}

// Text writes a text. An empty one is not given.
func (w *Writer) Text(text string) {
	if w.format == CSV {
		w.cell(text)
	} else if text != "" {
		w.member(w.members[w.at])
		w.out = strictjson.AppendString(w.out, text)
	}
	w.at++
}

// Number writes a number.
func (w *Writer) Number(n int64) {
	if w.format == CSV {
		w.out = append(strictjson.AppendInt(w.out, n), ',')
	} else {
		w.member(w.members[w.at])
		w.out = strictjson.AppendInt(w.out, n)
	}
	w.at++
}

// Time writes a time in Unix milliseconds. 0 is not given.
func (w *Writer) Time(unixMS int64) {
	if unixMS == 0 {
		w.Text("")
		return
	}
	w.Text(strictjson.FormatTime(unixMS))
}

// Tags writes tags, in the order of the categories.
func (w *Writer) Tags(tags []engine.Tag) {
	if w.format == CSV {
		for _, category := range w.categories {
			value := ""
			for i := range tags {
				if tags[i].Category == category {
					value = tags[i].Value
				}
			}
			w.cell(value)
		}
	} else if len(tags) > 0 {
		w.member(w.members[w.at])
		for i := range tags {
			w.out = append(w.out, "{,"[min(i, 1)])
			w.out = strictjson.AppendText(strictjson.AppendString(w.out, tags[i].Category), ":", tags[i].Value)
		}
		w.out = append(w.out, '}')
	}
	w.at++
}

// member begins a member of an object. The first one, or the end, begins the object.
func (w *Writer) member(name string) {
	if w.written == 0 {
		w.out = append(w.out, '{')
	} else if name != "" {
		w.out = append(w.out, ',')
	}
	w.written++
	w.out = append(w.out, name...)
}

// cell writes a cell of CSV and a separator.
func (w *Writer) cell(text string) {
	guard := isFormula(text)
	if !guard && !strings.ContainsAny(text, "\",;\t\r\n") && strings.TrimSpace(text) == text {
		w.out = append(append(w.out, text...), ',')
		return
	}
	w.out = append(w.out, '"')
	if guard {
		w.out = append(w.out, '\'')
	}
	for rest := text; ; {
		before, after, more := strings.Cut(rest, `"`)
		w.out = append(w.out, before...)
		if !more {
			break
		}
		w.out = append(w.out, `""`...)
		rest = after
	}
	w.out = append(w.out, `",`...)
}

// RowColumns are the columns of a file that is imported.
var RowColumns = []string{"upc", "location", columnTags, "quantity", "safetyStock", "floor", "ltd", "deliveryDate"}

// Row writes a row with RowColumns.
func (w *Writer) Row(row *Row) {
	it := &row.Item
	w.Text(it.UPC)
	w.Text(row.Location)
	w.Tags(it.Tags)
	w.Number(it.Quantity)
	w.given(it.Has&engine.HasSafetyStock != 0, it.SafetyStock)
	w.given(it.Has&engine.HasFloor != 0, it.Floor)
	w.given(it.Has&engine.HasLTD != 0, it.LTD)
	w.Time(it.DeliveryDateMS)
	w.End()
}

// given writes a number that may be missing.
func (w *Writer) given(given bool, n int64) {
	if given {
		w.Number(n)
	} else {
		w.Text("")
	}
}

// FaultColumns are the columns of a file of bad rows.
var FaultColumns = []string{"line", "column", "value", "code", "reason"}

// Fault writes a bad row with FaultColumns.
func (w *Writer) Fault(f *Fault) {
	w.Number(int64(f.Line))
	w.Text(f.Column)
	w.Text(f.Value)
	w.Text(f.Code)
	w.Text(f.Reason)
	w.End()
}
