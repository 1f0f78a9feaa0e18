package stockfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// lineReader reads NDJSON: one object a line.
type lineReader struct {
	options *Options
	in      *bufio.Reader
	line    int
	read    int64
	scan    strictjson.Scanner
}

func newLineReader(in io.Reader, o *Options) *lineReader {
	return &lineReader{options: o, in: bufio.NewReaderSize(in, RowBytesMax)}
}

func (r *lineReader) bytes() int64 { return r.read }

func (r *lineReader) next(c *Chunk, row *Row) (*Fault, error) {
	for {
		line, err := r.in.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return nil, err
		}
		r.line++
		r.read += int64(len(line))
		row.Line = r.line
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return &Fault{r.line, "", "", strictjson.CodeInvalid, errRowTooLong.Error()}, r.skipLine()
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}
		if r.line == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) > 0 {
			return r.row(c, row, line), nil
		}
	}
}

// skipLine goes to the end of a line. The end of the file is told by the next read.
func (r *lineReader) skipLine() error {
	for {
		rest, err := r.in.ReadSlice('\n')
		r.read += int64(len(rest))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

const (
	hasUPC strictjson.Fields = 1 << iota
	hasLocation
	hasQuantity
	hasSafetyStock
	hasFloor
	hasLTD
	hasDelivery
	hasTags
	hasAllocated
	hasPending
	hasAvailable
	hasVersion
)

// row reads the object of a row.
func (r *lineReader) row(c *Chunk, row *Row, line []byte) *Fault {
	s := &r.scan
	begin := len(c.text)
	c.copied(line)
	s.Reset(c.text[begin:])
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		r.field(c, row, &has, key)
	}
	s.Require(has, hasUPC, "upc")
	s.Require(has, hasQuantity, "quantity")
	s.End()
	if s.OK() {
		return nil
	}
	return &Fault{row.Line, s.Fault.Field, s.Fault.Value, s.Fault.Code, s.Fault.Detail}
}

// field reads one field of a row.
func (r *lineReader) field(c *Chunk, row *Row, has *strictjson.Fields, key string) {
	s, it := &r.scan, &row.Item
	number := func(field strictjson.Fields, given engine.StockFields, into *int64) {
		if s.Present(has, field) {
			it.Has |= given
			*into = s.Integer()
		}
	}
	ignored := int64(0)
	switch key {
	case "upc":
		s.Seen(has, hasUPC)
		it.UPC = r.name()
	case "location":
		if s.Present(has, hasLocation) {
			row.Location = r.name()
		}
	case "quantity":
		s.Seen(has, hasQuantity)
		it.Quantity = s.Integer()
	case "safetyStock":
		number(hasSafetyStock, engine.HasSafetyStock, &it.SafetyStock)
	case "floor":
		number(hasFloor, engine.HasFloor, &it.Floor)
	case "ltd":
		number(hasLTD, engine.HasLTD, &it.LTD)
	case "deliveryDate":
		if s.Present(has, hasDelivery) {
			it.DeliveryDateMS = s.TimeMS()
		}
	case "tags":
		if s.Present(has, hasTags) {
			r.tags(c, row)
		}
	case "allocated":
		number(hasAllocated, 0, &ignored)
	case "pending":
		number(hasPending, 0, &ignored)
	case "available":
		number(hasAvailable, 0, &ignored)
	case "version":
		number(hasVersion, 0, &ignored)
	default:
		s.Unknown()
	}
}

// tags reads an object of category to value.
func (r *lineReader) tags(c *Chunk, row *Row) {
	s, begin := &r.scan, len(c.tags)
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		category := r.clean(s.Here(), r.kept(key))
		s.AtMost(len(c.tags)-begin, engine.CategoriesMax)
		for _, t := range c.tags[begin:] {
			if t.Category == category {
				s.Fail(strictjson.CodeDuplicateField, "the category is given twice: send it once", "")
			}
		}
		if s.EmptyText() {
			s.Fail(strictjson.CodeInvalid, "a tag needs a value: leave the category out for its default", "")
		}
		c.tags = append(c.tags, engine.Tag{Category: category, Value: r.name()})
	}
	row.Item.Tags = c.tags[begin:len(c.tags):len(c.tags)]
}

// name reads a string as a name.
func (r *lineReader) name() string {
	begin := r.scan.Next()
	return r.clean(begin, r.kept(r.scan.Text()))
}

// kept gives a text of the scanner as one that stays valid: it may be in the scanner's own memory, not in the chunk's.
func (r *lineReader) kept(text string) string {
	if r.scan.Plain() {
		return text
	}
	return strings.Clone(text)
}

func (r *lineReader) clean(begin int, text string) string {
	clean, fault := r.options.Clean(text)
	if fault != "" {
		r.scan.FailAt(begin, strictjson.CodeInvalid, fault, "", text)
	}
	return clean
}
