package kibo

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"apportion/engine"
)

// integer is a whole number of 64 bits, read without loss. A text that holds a whole number passes for one.
type integer struct {
	given bool
	n     int64
}

// UnmarshalJSON reads a whole number; null means none.
func (i *integer) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" || text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		whole, isFloat := wholeFloat(text)
		if !isFloat {
			return fmt.Errorf("%.40s is no whole number of 64 bits", text)
		}
		n = whole
	}
	*i = integer{given: true, n: n}
	return nil
}

// wholeFloat reads a number that is written as a fraction but is whole, as far as a fraction is exact.
func wholeFloat(text string) (int64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// MarshalJSON writes the number, or null.
func (i integer) MarshalJSON() ([]byte, error) {
	if !i.given {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, i.n, 10), nil
}

// date is a time of the API.
type date struct {
	given bool
	ms    int64 // Unix milliseconds
}

// dateLayouts are the forms that are read: with and without a colon in the offset, and without an offset, which is UTC.
var dateLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999",
	"2006-01-02"}

// UnmarshalJSON reads a time; null and an empty text mean none.
func (d *date) UnmarshalJSON(b []byte) error {
	var text *string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if text == nil || *text == "" {
		return nil
	}
	for _, layout := range dateLayouts {
		if at, err := time.Parse(layout, *text); err == nil {
			*d = date{given: true, ms: at.UnixMilli()}
			return nil
		}
	}
	return fmt.Errorf("%.40q is no date", *text)
}

// tagMap has the values of some tag categories, by category.
type tagMap map[string]string

// list gives the tags in the form of commands, in the order of the categories' names.
func (m tagMap) list() []engine.Tag {
	if len(m) == 0 {
		return nil
	}
	tags := make([]engine.Tag, 0, len(m))
	for category, value := range m {
		tags = append(tags, engine.Tag{Category: category, Value: value})
	}
	slices.SortFunc(tags, func(a, b engine.Tag) int { return strings.Compare(a.Category, b.Category) })
	return tags
}

// withDefaults adds the default of each category that the tags leave out.
func (m tagMap) withDefaults(schema *engine.Schema) []engine.Tag {
	tags := m.list()
	categories := schema.Categories()
	for i := range categories {
		c := &categories[i]
		if _, named := m[c.Name]; named {
			continue
		}
		at := slices.IndexFunc(c.Values, func(v engine.Value) bool { return v.Default })
		tags = append(tags, engine.Tag{Category: c.Name, Value: c.Values[max(at, 0)].Name})
	}
	return tags
}

func tagsOf(tags []engine.Tag) tagMap {
	m := make(tagMap, len(tags))
	for _, t := range tags {
		m[t.Category] = t.Value
	}
	return m
}

// product names an item in one of three ways.
type product struct {
	PartNumber string `json:"partNumber"`
	UPC        string `json:"upc"`
	SKU        string `json:"sku"`
}

// name is the UPC under which the engine has the item.
func (p *product) name() string {
	switch {
	case p.UPC != "":
		return p.UPC
	case p.PartNumber != "":
		return p.PartNumber
	}
	return p.SKU
}

// named gives the name, or the fault of an item without one.
func (p *product) named(field string) (string, error) {
	if name := p.name(); name != "" {
		return name, nil
	}
	return "", badRequest(field, "", "%s needs a upc, a partNumber or a sku", field)
}

// atMost refuses a list that is longer than a limit.
func atMost(field string, n, limit int) error {
	if n > limit {
		return badRequest(field, strconv.Itoa(n), "%s has %d elements, more than %d", field, n, limit)
	}
	return nil
}

// base has the fields that every body may have.
type base struct {
	LocationCode string  `json:"locationCode"`
	UserID       integer `json:"userID"`
	PageSize     integer `json:"pageSize"`
	PageNum      integer `json:"pageNum"`
}

// owner names the caller, for the call's job.
func (b *base) owner() string {
	if b.UserID.given {
		return strconv.FormatInt(b.UserID.n, 10)
	}
	return ""
}
