package stockfile

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/names"
	"apportion/httpapi/strictjson"
)

// Options say how a file is read.
type Options struct {
	Format Format
	Kind   engine.Kind // engine.KindRefresh or engine.KindAdjust: what quantities may be

	// Location is that of rows that name none. Empty: each row has to name one.
	Location string

	// Categories are the tag categories that there are. A CSV file with a column of another name cannot be read.
	Categories []string

	// Clean gives a name in the form in which names are kept, or what is wrong with it. Default: names.Clean.
	Clean func(name string) (clean, fault string)
}

// Row is one sound row.
type Row struct {
	Line     int // in the file, from 1 on
	Location string
	Item     engine.StockItem
}

// Fault is what is wrong with one row. Its code is one of those of package strictjson or CodeDuplicate.
type Fault struct {
	Line   int
	Column string // empty: the whole row
	Value  string
	Code   string
	Reason string
}

// CodeDuplicate is the code of a row that sets the same as an earlier one.
var CodeDuplicate = engine.CodeDuplicate.String()

// Chunk is some rows of a file. They are valid until the chunk is filled again.
type Chunk struct {
	Rows   []Row
	Faults []Fault // in the order of their lines

	tags []engine.Tag
	text []byte
	seen map[rowKey]int32 // index in Rows
}

// rowKey is what two rows have in common that set the same.
type rowKey struct {
	location, upc string
	tags          uint64
	deliveryMS    int64
}

// FileError means that the file cannot be read on, or not at all.
type FileError struct{ Fault }

// Error tells where and why.
func (e *FileError) Error() string {
	if e.Column != "" {
		return fmt.Sprintf("line %d, column %q: %s", e.Line, e.Column, e.Reason)
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Reader reads a file of stock, chunk by chunk. It is for one goroutine.
type Reader struct {
	options Options
	rows    rowReader
	err     error // that ended the file
}

// rowReader reads the rows of a format.
type rowReader interface {
	// next reads the next row into row, and appends its tags and texts to the chunk: or it gives the row's fault, or
	// the error that ends the file (io.EOF, a *FileError, or one of the input's).
	next(c *Chunk, row *Row) (*Fault, error)

	// bytes is the length of the file up to the end of the last row.
	bytes() int64
}

// NewReader makes a reader of a file.
func NewReader(in io.Reader, o Options) *Reader {
	if o.Clean == nil {
		o.Clean = names.Clean
	}
	r := &Reader{options: o}
	if o.Format == NDJSON {
		r.rows = newLineReader(in, &r.options)
	} else {
		r.rows = newCSVReader(in, &r.options)
	}
	return r
}

// Next fills the chunk with the next rows: false at the end of the file. After an error, a *FileError or one of the
// input's, the chunk has what comes before it; it is not a whole chunk, and nothing should be done with its rows.
func (r *Reader) Next(c *Chunk) (bool, error) {
	c.reset()
	begin := r.rows.bytes()
	for r.err == nil && len(c.Rows)+len(c.Faults) < RowsMax && r.rows.bytes()-begin < ChunkBytesMax {
		r.err = r.row(c)
	}
	if r.err != nil && !errors.Is(r.err, io.EOF) {
		return false, r.err
	}
	return len(c.Rows)+len(c.Faults) > 0, nil
}

// row reads one row into the chunk.
func (r *Reader) row(c *Chunk) error {
	var row *Row
	c.Rows, row = strictjson.Extend(c.Rows)
	*row = Row{Location: r.options.Location}
	fault, err := r.rows.next(c, row)
	if err == nil && fault == nil {
		fault = r.check(c, row)
	}
	if err != nil || fault != nil {
		c.Rows = c.Rows[:len(c.Rows)-1]
	}
	if err == nil && fault != nil {
		fault.Value = strictjson.Cut(strings.Clone(fault.Value), strictjson.ValueBytesMax)
		fault.Column = strings.Clone(fault.Column)
		c.Faults = append(c.Faults, *fault)
	}
	return err
}

// check applies the engine's limits to a row, and looks for an earlier row of the chunk that sets the same.
func (r *Reader) check(c *Chunk, row *Row) *Fault {
	if row.Location == "" {
		return &Fault{row.Line, "location", "", strictjson.CodeMissingField, "the row names no location"}
	}
	if !engine.IsText(row.Location, engine.LocationBytesMax) {
		return &Fault{row.Line, "location", row.Location, strictjson.CodeInvalid,
			fmt.Sprintf("a location has 1 to %d bytes", engine.LocationBytesMax)}
	}
	if f := engine.CheckItem(r.options.Kind, &row.Item); f != nil {
		return &Fault{row.Line, f.Field, f.Value, strictjson.CodeInvalid, f.Reason}
	}
	key := rowKey{row.Location, row.Item.UPC, hashTags(row.Item.Tags), row.Item.DeliveryDateMS}
	if i, ok := c.seen[key]; !ok {
		c.seen[key] = int32(len(c.Rows) - 1)
	} else if sameTags(row.Item.Tags, c.Rows[i].Item.Tags) {
		return &Fault{row.Line, "upc", row.Item.UPC, CodeDuplicate, fmt.Sprintf("line %d sets the same: a chunk "+
			"of the file sets each once", c.Rows[i].Line)}
	}
	return nil
}

var tagSeed = maphash.MakeSeed()

// hashTags and sameTags do not depend on the order of the tags.
func hashTags(tags []engine.Tag) (sum uint64) {
	for i := range tags {
		sum += maphash.Comparable(tagSeed, tags[i])
	}
	return sum
}

func sameTags(a, b []engine.Tag) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(t engine.Tag) bool { return !slices.Contains(b, t) })
}

// reset empties the chunk.
func (c *Chunk) reset() {
	c.Rows, c.Faults, c.tags, c.text = c.Rows[:0], c.Faults[:0], c.tags[:0], c.text[:0]
	if c.seen == nil {
		c.seen = make(map[rowKey]int32, RowsMax)
	}
	clear(c.seen)
}

// copied gives the bytes as a text of the chunk.
func (c *Chunk) copied(b []byte) string {
	begin := len(c.text)
	c.text = append(c.text, b...)
	return strictjson.Alias(c.text[begin:])
}

// boundedInput ends with an error if more is read for one row than a row may have.
type boundedInput struct {
	in   io.Reader
	left int
}

var errRowTooLong = fmt.Errorf("the row is longer than %d bytes: is a quote never closed?", RowBytesMax)

// Read implements io.Reader.
func (b *boundedInput) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// integer reads a cell that is a whole number.
func integer(cell string) (n int64, fault string) {
	n, err := strconv.ParseInt(cell, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, "a whole number of at most 64 bits is expected"
	case err != nil:
		return 0, "a whole number is expected, without blanks and separators"
	}
	return n, ""
}

// instant reads a cell that is a time.
func instant(cell string) (ms int64, fault string) {
	t, err := time.Parse(time.RFC3339, cell)
	if err != nil || t.UnixMilli() <= 0 {
		return 0, "an RFC 3339 time is expected, such as 2026-11-30T12:00:00Z"
	}
	return t.UnixMilli(), ""
}
