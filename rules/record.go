package rules

import (
	"fmt"
	"slices"
	"strings"

	"apportion/engine"
)

// Item is the order item that select sees.
type Item struct {
	OrderID    string
	ItemID     string
	UPC        string
	Location   string
	Quantity   int64
	Tags       []engine.Tag
	Attributes map[string]string // texts that came with the order
	NowMS      int64             // Unix milliseconds
}

// Segment is one segment of a Record.
type Segment struct {
	Tags        []engine.Tag // one for each category, in the schema's order
	OnHand      int64
	Allocated   int64
	Pending     int64
	SafetyStock int64
	Floor       int64
	LTD         int64
}

// Available is what can be promised. It may be negative.
func (s *Segment) Available() int64 { return s.OnHand - s.promised() }

// promised is what a redistribution must leave in the segment.
func (s *Segment) promised() int64 { return s.Allocated + s.Pending + s.SafetyStock }

// Record is the stock that a hook sees. A hook does not change it. The caller must not change it while a hook runs.
type Record struct {
	UPC         string
	Location    string
	Version     uint64
	OnHand      int64
	Allocated   int64
	Pending     int64
	SafetyStock int64
	Floor       int64
	LTD         int64
	Due         bool
	Segments    []Segment

	// Schema gives tags that are not named their default values.
	Schema *Schema
}

// Available is what can be promised. It may be negative.
func (r *Record) Available() int64 { return r.OnHand - r.Allocated - r.Pending - r.SafetyStock }

// Fill copies v, and merges v's segments with the same tags. schema is SchemaOf(s), which the caller keeps while s is
// current.
func (r *Record) Fill(v *engine.RecordView, s *engine.Schema, schema *Schema) {
	r.UPC, r.Location, r.Version = v.UPC, v.Location, v.Version
	r.OnHand, r.Allocated, r.Pending, r.SafetyStock = v.OnHand, v.Allocated, v.Pending, v.SafetyStock
	r.Floor, r.LTD, r.Due = v.Floor, v.LTD, v.Due
	r.Schema = schema
	r.Segments = r.Segments[:0]
	v.MergeSegments(s)
	for i := range v.Segments {
		from := &v.Segments[i]
		r.Segments = append(r.Segments, Segment{Tags: s.Tags(from.TagSet), OnHand: from.OnHand,
			Allocated: from.Allocated, Pending: from.Pending, SafetyStock: from.SafetyStock, Floor: from.Floor,
			LTD: from.LTD})
	}
}

// find gives the position of the segment with the full tags, or -1.
func (r *Record) find(full []engine.Tag) int {
	for i := range r.Segments {
		if slices.Equal(r.Segments[i].Tags, full) {
			return i
		}
	}
	return -1
}

// Schema is the categories that a rule sees. It does not change: a Program keeps the table that it made of it.
type Schema struct{ Categories []engine.Category }

// SchemaOf is what a rule sees of the engine's schema.
func SchemaOf(s *engine.Schema) *Schema { return &Schema{Categories: s.Categories()} }

// category finds a category by name, nil if there is none.
func (s *Schema) category(name string) *engine.Category {
	if s != nil {
		for i := range s.Categories {
			if s.Categories[i].Name == name {
				return &s.Categories[i]
			}
		}
	}
	return nil
}

// names lists the categories in a message.
func (s *Schema) names() string {
	if s == nil || len(s.Categories) == 0 {
		return "none"
	}
	names := make([]string, len(s.Categories))
	for i := range s.Categories {
		names[i] = s.Categories[i].Name
	}
	return strings.Join(names, ", ")
}

// distributed names the categories with percents.
func (s *Schema) distributed() (names []string) {
	if s == nil {
		return nil
	}
	for i := range s.Categories {
		if c := &s.Categories[i]; c.Distributed() {
			names = append(names, c.Name)
		}
	}
	return names
}

// defaultValue is the value of a category that tags do not name.
func defaultValue(c *engine.Category) string {
	for i := range c.Values {
		if c.Values[i].Default {
			return c.Values[i].Name
		}
	}
	return ""
}

// Full gives the tags with every category of the schema, in its order. The error is a *ResultError about what the
// schema does not have.
func (s *Schema) Full(tags []engine.Tag) ([]engine.Tag, error) {
	if s == nil {
		return tags, nil
	}
	full := make([]engine.Tag, len(s.Categories))
	for i := range s.Categories {
		full[i] = engine.Tag{Category: s.Categories[i].Name, Value: defaultValue(&s.Categories[i])}
	}
	for _, t := range tags {
		i := slices.IndexFunc(full, func(f engine.Tag) bool { return f.Category == t.Category })
		if i < 0 {
			return nil, &ResultError{Path: "tags." + t.Category, Message: "the schema has no such category; it has " +
				s.names()}
		}
		if !slices.ContainsFunc(s.Categories[i].Values, func(v engine.Value) bool { return v.Name == t.Value }) {
			return nil, &ResultError{Path: "tags." + t.Category,
				Message: fmt.Sprintf("the category has no value %q", t.Value)}
		}
		full[i].Value = t.Value
	}
	return full, nil
}

// TagsText shows tags as Category=Value,Category=Value.
func TagsText(tags []engine.Tag) string {
	var b strings.Builder
	for i, t := range tags {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(t.Category + "=" + t.Value)
	}
	return b.String()
}
