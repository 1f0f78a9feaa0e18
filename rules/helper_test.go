package rules

import (
	"context"
	"testing"

	"apportion/engine"
)

func tag(category, value string) engine.Tag { return engine.Tag{Category: category, Value: value} }

func channel(value string) []engine.Tag { return []engine.Tag{tag("Channel", value)} }

// channels is a schema with one category. With engine.NoPercent it is discrete.
func channels(percent ...int32) *Schema {
	names := []string{"Web", "Amazon", "Kibo", "Store", "Outlet"}
	c := engine.Category{Name: "Channel"}
	for i, p := range percent {
		c.Values = append(c.Values, engine.Value{Name: names[i], Percent: p, Default: i == 0, Max: engine.NoMax})
	}
	return &Schema{Categories: []engine.Category{c}}
}

// fiveSegments is a typical record.
func fiveSegments() *Record {
	r := &Record{UPC: "0401", Location: "DC1", Version: 7, Floor: 3, LTD: 12,
		Schema: channels(2000, 2000, 2000, 2000, 2000)}
	for i, v := range r.Schema.Categories[0].Values {
		s := Segment{Tags: channel(v.Name), OnHand: int64(1000 * (i + 1)), Allocated: int64(10 * i), Pending: int64(i),
			SafetyStock: 5}
		r.Segments = append(r.Segments, s)
		r.OnHand, r.Allocated, r.Pending, r.SafetyStock = r.OnHand+s.OnHand, r.Allocated+s.Allocated,
			r.Pending+s.Pending, r.SafetyStock+s.SafetyStock
	}
	return r
}

func anItem() *Item {
	return &Item{OrderID: "W-1001", ItemID: "1", UPC: "0401", Location: "DC1", Quantity: 4, Tags: channel("Amazon"),
		Attributes: map[string]string{"vip": "yes", "country": "DE", "age": "7"}, NowMS: 1_795_500_000_000}
}

func mustCompile(t testing.TB, source string, limits Limits) *Program {
	t.Helper()
	p, _, err := Compile("test", source, limits)
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, source)
	}
	return p
}

// selectBody compiles the body of a select and runs it over five segments.
func selectBody(t testing.TB, body string, limits Limits) (Plan, Usage, error) {
	t.Helper()
	p := mustCompile(t, "function select(item, record)\n"+body+"\nend", limits)
	return p.Select(context.Background(), &Input{Item: anItem(), Record: fiveSegments(), Seed: 1})
}
