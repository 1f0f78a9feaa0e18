package stockfile

import (
	"fmt"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// field is what a column of a stock file is.
type field uint8

const (
	fieldUPC field = iota
	fieldLocation
	fieldQuantity
	fieldSafetyStock
	fieldFloor
	fieldLTD
	fieldDelivery
	fieldIgnored // what an export adds
	fieldTag
)

// fields are the columns that are no tag categories.
var fields = map[string]field{
	"upc":          fieldUPC,
	"location":     fieldLocation,
	"quantity":     fieldQuantity,
	"safetyStock":  fieldSafetyStock,
	"floor":        fieldFloor,
	"ltd":          fieldLTD,
	"deliveryDate": fieldDelivery,
	"allocated":    fieldIgnored,
	"pending":      fieldIgnored,
	"available":    fieldIgnored,
	"version":      fieldIgnored,
}

// tagColumn marks a column as that of a tag category, if the category has the name of another column.
const tagColumn = "tags."

// column is one column of a CSV file.
type column struct {
	name     string // in the header
	field    field
	category string
	values   map[string]string // tag values seen
}

// newColumns makes the columns of a header.
func newColumns(header []string, o *Options) ([]column, error) {
	fail := func(name, code, format string, args ...any) ([]column, error) {
		return nil, &FileError{Fault{1, name, "", code, fmt.Sprintf(format, args...)}}
	}
	if len(header) > ColumnsMax {
		return fail("", strictjson.CodeInvalid, "the header has %d columns; at most %d are allowed", len(header),
			ColumnsMax)
	}
	var columns []column
	for i, cell := range header {
		name := strings.Clone(unguarded(strings.TrimSpace(cell)))
		c := column{name: name}
		known := false
		if c.field, known = fields[name]; !known {
			c.field, c.values = fieldTag, map[string]string{}
			c.category, _ = o.Clean(strings.TrimPrefix(name, tagColumn))
		}
		switch {
		case name == "":
			return fail("", strictjson.CodeMissingField, "column %d has no name", i+1)
		case c.field == fieldTag && !slices.Contains(o.Categories, c.category):
			return fail(name, strictjson.CodeUnknownField, "there is no such column, and no tag category of this "+
				"name; names are case-sensitive, and the first line names the columns")
		case slices.ContainsFunc(columns, func(other column) bool { return other.same(&c) }):
			return fail(name, strictjson.CodeDuplicateField, "the column is there twice")
		}
		columns = append(columns, c)
	}
	for _, needed := range []string{"upc", "location", "quantity"} {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.name == needed }) &&
			!(needed == "location" && o.Location != "") {
			return fail(needed, strictjson.CodeMissingField, "a required column is missing; the first line names the "+
				"columns")
		}
	}
	return columns, nil
}

func (c *column) same(other *column) bool {
	return c.name == other.name || c.field == fieldTag && c.category == other.category
}

// read reads a cell that is not empty into the row. fault is what is wrong with it.
func (c *column) read(cell string, chunk *Chunk, row *Row, o *Options) (code, fault string) {
	it := &row.Item
	code = strictjson.CodeWrongType
	switch c.field {
	case fieldUPC:
		it.UPC, fault = cleaned(cell, o)
		return strictjson.CodeInvalid, fault
	case fieldLocation:
		row.Location, fault = cleaned(cell, o)
		return strictjson.CodeInvalid, fault
	case fieldTag:
		value, fault := c.value(cell, o)
		chunk.tags = append(chunk.tags, engine.Tag{Category: c.category, Value: value})
		return strictjson.CodeInvalid, fault
	case fieldQuantity:
		it.Quantity, fault = integer(cell)
	case fieldSafetyStock:
		it.Has |= engine.HasSafetyStock
		it.SafetyStock, fault = integer(cell)
	case fieldFloor:
		it.Has |= engine.HasFloor
		it.Floor, fault = integer(cell)
	case fieldLTD:
		it.Has |= engine.HasLTD
		it.LTD, fault = integer(cell)
	case fieldDelivery:
		it.DeliveryDateMS, fault = instant(cell)
	}
	return code, fault
}

func cleaned(cell string, o *Options) (name, fault string) { return o.Clean(unguarded(cell)) }

// value gives a tag's value, the same text for each row that has it.
func (c *column) value(cell string, o *Options) (value, fault string) {
	if value, ok := c.values[cell]; ok {
		return value, ""
	}
	value, fault = cleaned(cell, o)
	if fault == "" && len(c.values) < valuesMax {
		value = strings.Clone(value)
		c.values[strings.Clone(cell)] = value
	}
	return value, fault
}
