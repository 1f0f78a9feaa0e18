package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"apportion/engine"
)

// Reading the item, the record and the schema of a self-test, and the same shapes of a dry run.

func (f fields) text(name, otherwise string) (string, error) {
	switch v := f.get(name).(type) {
	case lua.LString:
		if !engine.IsText(string(v), engine.RuleReasonBytesMax) {
			return "", f.fault(name, "must be a text of 1 to %d bytes", engine.RuleReasonBytesMax)
		}
		return string(v), nil
	case *lua.LNilType:
		return otherwise, nil
	default:
		return "", f.fault(name, "must be a text, is a %s", v.Type().String())
	}
}

type namedText struct {
	name string
	to   *string
}

func readItem(f fields, r *Record) (*Item, error) {
	item := &Item{OrderID: "test", ItemID: "1", UPC: r.UPC, Location: r.Location, Quantity: 1}
	if !f.has("item") {
		return item, nil
	}
	g, err := readFields(f.path+".item", f.get("item"), "orderId", "itemId", "upc", "location", "quantity", "tags",
		"attributes", "now")
	if err != nil {
		return nil, err
	}
	for _, part := range []namedText{{"orderId", &item.OrderID}, {"itemId", &item.ItemID}, {"upc", &item.UPC},
		{"location", &item.Location}} {
		if *part.to, err = g.text(part.name, *part.to); err != nil {
			return nil, err
		}
	}
	if g.has("quantity") {
		if item.Quantity, err = g.units("quantity", 1); err != nil {
			return nil, err
		}
	}
	if item.NowMS, err = g.units("now", 0); err != nil {
		return nil, err
	}
	if g.has("tags") {
		if item.Tags, err = g.tags("tags"); err != nil {
			return nil, err
		}
		if _, err = r.Schema.Full(item.Tags); err != nil {
			return nil, below(g.path, err)
		}
	}
	item.Attributes, err = readAttributes(g)
	return item, err
}

func readAttributes(g fields) (map[string]string, error) {
	if !g.has("attributes") {
		return nil, nil
	}
	t, ok := g.get("attributes").(*lua.LTable)
	if !ok {
		return nil, g.fault("attributes", "must be a table")
	}
	attributes := map[string]string{}
	for _, k := range viewOf(t).keys {
		v := t.RawGet(k)
		name, okName := k.(lua.LString)
		value, okValue := v.(lua.LString)
		if !okName || !okValue {
			return nil, g.fault("attributes."+shorten(display(k)), "must be a text under a name, is a %s",
				v.Type().String())
		}
		attributes[string(name)] = string(value)
	}
	return attributes, nil
}

// readRecord reads the record of a test; its figures are the sums over its segments. Without a schema the segments'
// tags are the schema: each category's first value is its default, and no category has percents.
func readRecord(f fields) (*Record, error) {
	r := &Record{UPC: "test", Location: "test", Version: 1, Schema: &Schema{}}
	g, err := readFields(f.path+".record", f.get("record"), "upc", "location", "version", "floor", "ltd", "due",
		"segments")
	if err != nil {
		return nil, err
	}
	for _, part := range []namedText{{"upc", &r.UPC}, {"location", &r.Location}} {
		if *part.to, err = g.text(part.name, *part.to); err != nil {
			return nil, err
		}
	}
	version, err := g.units("version", 0)
	if err != nil {
		return nil, err
	}
	r.Version, r.Due = uint64(version), lua.LVAsBool(g.get("due"))
	if r.Floor, err = g.units("floor", 0); err != nil {
		return nil, err
	}
	if r.LTD, err = g.units("ltd", 0); err != nil {
		return nil, err
	}
	list, err := readList(g.path+".segments", g.get("segments"), engine.SegmentsPerRecordMax)
	if err != nil {
		return nil, err
	}
	for i, v := range list {
		s, err := readSegment(fmt.Sprintf("%s.segments[%d]", g.path, i+1), v)
		if err != nil {
			return nil, err
		}
		r.Segments = append(r.Segments, s)
		r.OnHand, r.Allocated = r.OnHand+s.OnHand, r.Allocated+s.Allocated
		r.Pending, r.SafetyStock = r.Pending+s.Pending, r.SafetyStock+s.SafetyStock
	}
	if f.has("schema") {
		r.Schema, err = readSchema(f)
	} else {
		r.Schema = schemaOfSegments(r.Segments)
	}
	if err != nil {
		return nil, err
	}
	return r, r.fullTags(g.path)
}

// fullTags gives each segment all its tags, and refuses two for the same.
func (r *Record) fullTags(path string) error {
	seen := map[string]bool{}
	for i := range r.Segments {
		at := fmt.Sprintf("%s.segments[%d]", path, i+1)
		full, err := r.Schema.Full(r.Segments[i].Tags)
		if err != nil {
			return below(at, err)
		}
		if seen[text(full)] {
			return &ResultError{Path: at, Message: "the same tags as an earlier segment: " + text(full)}
		}
		seen[text(full)] = true
		r.Segments[i].Tags = full
	}
	return nil
}

// readSegment reads a segment; available may be given in place of onHand.
func readSegment(path string, v lua.LValue) (s Segment, err error) {
	f, err := readFields(path, v, "tags", "onHand", "allocated", "pending", "safetyStock", "available", "floor", "ltd")
	if err != nil {
		return s, err
	}
	if s.Tags, err = f.tags("tags"); err != nil {
		return s, err
	}
	var available int64
	for _, part := range []struct {
		name string
		to   *int64
	}{{"onHand", &s.OnHand}, {"allocated", &s.Allocated}, {"pending", &s.Pending}, {"safetyStock", &s.SafetyStock},
		{"floor", &s.Floor}, {"ltd", &s.LTD}, {"available", &available}} {
		if *part.to, err = f.units(part.name, 0); err != nil {
			return s, err
		}
	}
	if f.has("available") {
		if f.has("onHand") {
			return s, f.fault("available", "is given by onHand; give one of them")
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

// readSchema reads categories in the shape in which redistribute sees them; the first value of each is the default if
// none says so.
func readSchema(f fields) (*Schema, error) {
	list, err := readList(f.path+".schema", f.get("schema"), engine.CategoriesMax)
	if err != nil {
		return nil, err
	}
	s := &Schema{}
	for i, v := range list {
		path := fmt.Sprintf("%s.schema[%d]", f.path, i+1)
		g, err := readFields(path, v, "name", "values")
		if err != nil {
			return nil, err
		}
		c := engine.Category{}
		if c.Name, err = g.text("name", ""); err != nil {
			return nil, err
		}
		values, err := readList(path+".values", g.get("values"), engine.CategoryValuesMax)
		if err != nil {
			return nil, err
		}
		if len(values) == 0 || c.Name == "" {
			return nil, &ResultError{Path: path, Message: "a category has a name and values"}
		}
		hasDefault := false
		for j, v := range values {
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

func readValue(path string, v lua.LValue) (engine.Value, error) {
	value := engine.Value{Percent: engine.NoPercent, Max: engine.NoMax}
	f, err := readFields(path, v, "value", "percent", "default", "min", "max")
	if err != nil {
		return value, err
	}
	if value.Name, err = f.text("value", ""); err != nil {
		return value, err
	}
	if value.Name == "" {
		return value, f.fault("value", "is missing")
	}
	if f.has("percent") {
		n, ok := f.get("percent").(lua.LNumber)
		if !ok || n < 0 || n > 100 {
			return value, f.fault("percent", "must be between 0 and 100")
		}
		value.Percent = int32(float64(n)*100 + 0.5)
	}
	value.Default = lua.LVAsBool(f.get("default"))
	if value.Min, err = f.units("min", 0); err != nil {
		return value, err
	}
	if f.has("max") {
		value.Max, err = f.units("max", 0)
	}
	return value, err
}

// amounts are units by segment.
type amounts map[string]int64

func (a amounts) add(segment string, units int64) { a[segment] += units }

func (a amounts) set(segment string, units int64) { a[segment] = units }

// only leaves out what the test does not name, except what has units.
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
func readAmounts(f fields, name string, r *Record) (amounts, error) {
	list, err := readList(f.path+"."+name, f.get(name), engine.SegmentsPerRecordMax)
	if err != nil {
		return nil, err
	}
	a := amounts{}
	for i, v := range list {
		g, err := readFields(fmt.Sprintf("%s.%s[%d]", f.path, name, i+1), v, "tags", "units")
		if err != nil {
			return nil, err
		}
		tags, err := g.tags("tags")
		if err != nil {
			return nil, err
		}
		full, err := r.Schema.Full(tags)
		if err != nil {
			return nil, below(g.path, err)
		}
		units, err := g.units("units", 0)
		if err != nil {
			return nil, err
		}
		a.add(text(full), units)
	}
	return a, nil
}
