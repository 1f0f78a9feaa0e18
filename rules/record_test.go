package rules

import (
	"fmt"
	"testing"

	"apportion/engine"
)

// stock applies commands to an engine and reads a record as a rule sees it.
type stock struct {
	t     *testing.T
	e     *engine.Engine
	index uint64
}

func (s *stock) apply(c engine.Command) {
	s.t.Helper()
	s.index++
	var r engine.Result
	if err := engine.DecodeResult(s.e.Apply(s.index, 1_000, engine.AppendCommand(nil, &engine.Envelope{}, c), nil),
		&r); err != nil || r.Code != engine.CodeOK {
		s.t.Fatalf("%T: %v, %v", c, r.Code, err)
	}
}

func (s *stock) record(upc string) *Record {
	s.t.Helper()
	var v engine.RecordView
	if !s.e.ReadRecord(upc, "DC1", &v) {
		s.t.Fatal("no record")
	}
	r := new(Record)
	for range 2 { // a Record is reused
		r.Fill(&v, s.e.Schema(), SchemaOf(s.e.Schema()))
	}
	return r
}

// TestFill: a rule sees the figures of the engine, also during a schema change that merges segments.
func TestFill(t *testing.T) {
	s := &stock{t: t, e: engine.New()}
	values := []engine.Value{{Name: "Web", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
		{Name: "Amazon", Percent: engine.NoPercent, Max: engine.NoMax}}
	s.apply(&engine.PutTagCategory{Name: "Channel", Values: values})
	s.apply(&engine.Refresh{Location: "DC1", Items: []engine.StockItem{
		{UPC: "1", Quantity: 10}, {UPC: "1", Quantity: 7, Tags: channel("Amazon"), Has: engine.HasSafetyStock,
			SafetyStock: 2}}})
	s.apply(&engine.Allocate{OrderID: "o", Lines: []engine.AllocateLine{{ItemID: "1", UPC: "1", Location: "DC1",
		Quantity: 4, Tags: channel("Web")}}})
	r := s.record("1")
	show := func() string {
		text := fmt.Sprintf("%d/%d/%d", r.OnHand, r.Allocated, r.Available())
		for _, s := range r.Segments {
			text += fmt.Sprintf(" %s %d/%d/%d/%d", s.Tags[0].Value, s.OnHand, s.Allocated, s.SafetyStock, s.Available())
		}
		return text
	}
	if got := show(); got != "17/4/11 Web 10/4/0/6 Amazon 7/0/2/5" {
		t.Fatal(got)
	}
	p := mustCompile(t, `function select(item, record)
		local s = record.segments[2]
		return nil, s.tags.Channel .. " " .. s.available .. " of " .. record.onHand
	end`, Limits{})
	plan, _, err := p.Select(t.Context(), &Input{Item: anItem(), Record: r})
	if err != nil || plan.Reason != "Amazon 5 of 17" {
		t.Fatal(plan, err)
	}
	var before engine.RecordView
	s.e.ReadRecord("1", "DC1", &before)
	s.apply(&engine.PutTagCategory{Name: "Channel", Values: values[:1],
		MoveTo: []engine.Move{{From: "Amazon", To: "Web"}}})
	r.Fill(&before, s.e.Schema(), SchemaOf(s.e.Schema()))
	if got := show(); got != "17/4/11 Web 17/4/2/11" {
		t.Fatal(got)
	}
}
