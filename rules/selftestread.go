package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// Reading the item, the record and the schema of a self-test, and the same shapes of a dry run.

func readText(f sandbox.Fields, name, otherwise string) (string, error) {
	v := f.Get(name)
	text, ok := v.Text()
	switch {
	case v.IsNil():
		return otherwise, nil
	case !ok:
		return "", f.Fault(name, "must be a text, is a %s", v.Type())
	case !engine.IsText(text, engine.RuleReasonBytesMax):
		return "", f.Fault(name, "must be a text of 1 to %d bytes", engine.RuleReasonBytesMax)
	}
	return text, nil
}

type namedText struct {
	name string
	to   *string
}

func readItem(f sandbox.Fields, r *Record) (*Item, error) {
	item := &Item{OrderID: "test", ItemID: "1", UPC: r.UPC, Location: r.Location, Quantity: 1}
	if !f.Has("item") {
		return item, nil
	}
	g, err := sandbox.ReadFields(f.Path+".item", f.Get("item"), "orderId", "itemId", "upc", "location", "quantity",
		"tags",
		"attributes", "now")
	if err != nil {
		return nil, err
	}
	for _, part := range []namedText{{"orderId", &item.OrderID}, {"itemId", &item.ItemID}, {"upc", &item.UPC},
		{"location", &item.Location}} {
		if *part.to, err = readText(g, part.name, *part.to); err != nil {
			return nil, err
		}
	}
	if g.Has("quantity") {
		if item.Quantity, err = readUnits(g, "quantity", 1); err != nil {
			return nil, err
		}
	}
	if item.NowMS, err = readUnits(g, "now", 0); err != nil {
		return nil, err
	}
	if g.Has("tags") {
		if item.Tags, err = readTags(g, "tags"); err != nil {
			return nil, err
		}
		if _, err = r.Schema.Full(item.Tags); err != nil {
			return nil, sandbox.Below(g.Path, err)
		}
	}
	item.Attributes, err = readAttributes(g)
	return item, err
}

func readAttributes(g sandbox.Fields) (map[string]string, error) {
	if !g.Has("attributes") {
		return nil, nil
	}
	if !g.Get("attributes").IsTable() {
		return nil, g.Fault("attributes", "must be a table of texts, as in {tier=\"gold\"}")
	}
	attributes := map[string]string{}
	for k, v := range g.Get("attributes").Keyed() {
		name, okName := k.Text()
		value, okValue := v.Text()
		if !okName || !okValue {
			return nil, g.Fault("attributes."+k.String(), "must be a text under a name, is a %s", v.Type())
		}
		attributes[name] = value
	}
	return attributes, nil
}

// readRecord reads the record of a test. Its figures are the sums over its segments. Without a schema the segments'
// tags make one: each category's first value is its default, and no category has percents.
func readRecord(f sandbox.Fields) (*Record, error) {
	r := &Record{UPC: "test", Location: "test", Version: 1, Schema: &Schema{}}
	g, err := sandbox.ReadFields(f.Path+".record", f.Get("record"), "upc", "location", "version", "floor", "ltd", "due",
		"segments")
	if err != nil {
		return nil, err
	}
	for _, part := range []namedText{{"upc", &r.UPC}, {"location", &r.Location}} {
		if *part.to, err = readText(g, part.name, *part.to); err != nil {
			return nil, err
		}
	}
	version, err := readUnits(g, "version", 0)
	if err != nil {
		return nil, err
	}
	r.Version, r.Due = uint64(version), g.Get("due").Truth()
	if r.Floor, err = readUnits(g, "floor", 0); err != nil {
		return nil, err
	}
	if r.LTD, err = readUnits(g, "ltd", 0); err != nil {
		return nil, err
	}
	list, err := sandbox.ReadList(g.Path+".segments", g.Get("segments"), engine.SegmentsPerRecordMax)
	if err != nil {
		return nil, err
	}
	for i := range list {
		v := list.At(i)
		s, err := readSegment(fmt.Sprintf("%s.segments[%d]", g.Path, i+1), v)
		if err != nil {
			return nil, err
		}
		r.Segments = append(r.Segments, s)
		r.OnHand, r.Allocated = r.OnHand+s.OnHand, r.Allocated+s.Allocated
		r.Pending, r.SafetyStock = r.Pending+s.Pending, r.SafetyStock+s.SafetyStock
	}
	if f.Has("schema") {
		r.Schema, err = readSchema(f)
	} else {
		r.Schema = schemaOfSegments(r.Segments)
	}
	if err != nil {
		return nil, err
	}
	return r, r.fullTags(g.Path)
}

// fullTags gives each segment all its tags. Two segments must not have the same.
func (r *Record) fullTags(path string) error {
	seen := map[string]bool{}
	for i := range r.Segments {
		at := fmt.Sprintf("%s.segments[%d]", path, i+1)
		full, err := r.Schema.Full(r.Segments[i].Tags)
		if err != nil {
			return sandbox.Below(at, err)
		}
		if seen[TagsText(full)] {
			return &ResultError{Path: at, Message: "has the same tags as an earlier segment: " + TagsText(full)}
		}
		seen[TagsText(full)] = true
		r.Segments[i].Tags = full
	}
	return nil
}

// readSegment reads a segment; available may be given in place of onHand.
func readSegment(path string, v sandbox.Value) (s Segment, err error) {
	f, err := sandbox.ReadFields(path, v, "tags", "onHand", "allocated", "pending", "safetyStock", "available", "floor",
		"ltd")
	if err != nil {
		return s, err
	}
	if s.Tags, err = readTags(f, "tags"); err != nil {
		return s, err
	}
	var available int64
	for _, part := range []struct {
		name string
		to   *int64
	}{{"onHand", &s.OnHand}, {"allocated", &s.Allocated}, {"pending", &s.Pending}, {"safetyStock", &s.SafetyStock},
		{"floor", &s.Floor}, {"ltd", &s.LTD}, {"available", &available}} {
		if *part.to, err = readUnits(f, part.name, 0); err != nil {
			return s, err
		}
	}
	if f.Has("available") {
		if f.Has("onHand") {
			return s, f.Fault("available", "must not be given with onHand: give one of them")
		}
		s.OnHand = available + s.promised()
	}
	return s, nil
}

func schemaOfSegments(segments []Segment) *Schema {
	s := &Schema{}
	for i := range segments {
		for _, t := range segments[i].Tags {
			at := slices.IndexFunc(s.Categories, func(c engine.Category) bool { return c.Name == t.Category })
			if at < 0 {
				at = len(s.Categories)
				s.Categories = append(s.Categories, engine.Category{Name: t.Category})
			}
			c := &s.Categories[at]
			if !slices.ContainsFunc(c.Values, func(v engine.Value) bool { return v.Name == t.Value }) {
				c.Values = append(c.Values, engine.Value{Name: t.Value, Percent: engine.NoPercent,
					Default: len(c.Values) == 0, Max: engine.NoMax})
			}
		}
	}
	slices.SortFunc(s.Categories, func(a, b engine.Category) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// readSchema reads categories in the shape that redistribute sees. Without a default the first value of a category is
// it.
func readSchema(f sandbox.Fields) (*Schema, error) {
	list, err := sandbox.ReadList(f.Path+".schema", f.Get("schema"), engine.CategoriesMax)
	if err != nil {
		return nil, err
	}
	s := &Schema{}
	for i := range list {
		v := list.At(i)
		path := fmt.Sprintf("%s.schema[%d]", f.Path, i+1)
		g, err := sandbox.ReadFields(path, v, "name", "values")
		if err != nil {
			return nil, err
		}
		c := engine.Category{}
		if c.Name, err = readText(g, "name", ""); err != nil {
			return nil, err
		}
		values, err := sandbox.ReadList(path+".values", g.Get("values"), engine.CategoryValuesMax)
		if err != nil {
			return nil, err
		}
		if len(values) == 0 || c.Name == "" {
			return nil, &ResultError{Path: path, Message: "must have a name and at least one value"}
		}
		hasDefault := false
		for j := range values {
			v := values.At(j)
			value, err := readValue(fmt.Sprintf("%s.values[%d]", path, j+1), v)
			if err != nil {
				return nil, err
			}
			hasDefault = hasDefault || value.Default
			c.Values = append(c.Values, value)
		}
		c.Values[0].Default = c.Values[0].Default || !hasDefault
		s.Categories = append(s.Categories, c)
	}
	return s, nil
}

func readValue(path string, v sandbox.Value) (engine.Value, error) {
	value := engine.Value{Percent: engine.NoPercent, Max: engine.NoMax}
	f, err := sandbox.ReadFields(path, v, "value", "percent", "default", "min", "max")
	if err != nil {
		return value, err
	}
	if value.Name, err = readText(f, "value", ""); err != nil {
		return value, err
	}
	if value.Name == "" {
		return value, f.Fault("value", "must be given")
	}
	if f.Has("percent") {
		n, ok := f.Get("percent").Number()
		if !ok || n < 0 || n > 100 {
			return value, f.Fault("percent", "must be a number between 0 and 100, is %s", f.Get("percent"))
		}
		value.Percent = int32(n*100 + 0.5)
	}
	value.Default = f.Get("default").Truth()
	if value.Min, err = readUnits(f, "min", 0); err != nil {
		return value, err
	}
	if f.Has("max") {
		value.Max, err = readUnits(f, "max", 0)
	}
	return value, err
}

// amounts are units by segment.
type amounts map[string]int64

func (a amounts) add(segment string, units int64) { a[segment] += units }

func (a amounts) set(segment string, units int64) { a[segment] = units }

// only leaves out segments that the test does not name, unless they have units.
func (a amounts) only(expected amounts) amounts {
	for segment, units := range a {
		if _, named := expected[segment]; !named && units == 0 {
			delete(a, segment)
		}
	}
	return a
}

func (a amounts) lines(what string) []string {
	var lines []string
	for _, segment := range slices.Sorted(maps.Keys(a)) {
		lines = append(lines, fmt.Sprintf("%s %s: %d", what, segment, a[segment]))
	}
	return lines
}

// readAmounts reads a list of {tags, units}.
func readAmounts(f sandbox.Fields, name string, r *Record) (amounts, error) {
	list, err := sandbox.ReadList(f.Path+"."+name, f.Get(name), engine.SegmentsPerRecordMax)
	if err != nil {
		return nil, err
	}
	a := amounts{}
	for i := range list {
		v := list.At(i)
		g, err := sandbox.ReadFields(fmt.Sprintf("%s.%s[%d]", f.Path, name, i+1), v, "tags", "units")
		if err != nil {
			return nil, err
		}
		tags, err := readTags(g, "tags")
		if err != nil {
			return nil, err
		}
		full, err := r.Schema.Full(tags)
		if err != nil {
			return nil, sandbox.Below(g.Path, err)
		}
		units, err := readUnits(g, "units", 0)
		if err != nil {
			return nil, err
		}
		a.add(TagsText(full), units)
	}
	return a, nil
}
