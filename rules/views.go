package rules

import (
	"maps"
	"slices"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// views are the objects that the hooks of one state are given. They are made once for a state and show the input of
// each call.
type views struct {
	item                   itemView
	record                 recordView
	itemValue, recordValue sandbox.Value
}

func viewsOf(state *sandbox.State) *views {
	if v, ok := state.Data.(*views); ok {
		return v
	}
	v := new(views)
	v.item.tagsValue = sandbox.NewObject(&v.item.tags)
	v.item.attributesValue = sandbox.NewObject(&v.item.attributes)
	v.itemValue, v.recordValue = sandbox.NewObject(&v.item), sandbox.NewObject(&v.record)
	state.Data = v
	return v
}

// show makes a call's input visible.
func (v *views) show(in *Input) {
	v.record.record, v.item.item = in.Record, in.Item
	if in.Item == nil {
		return
	}
	v.item.tags.tags, v.item.attributes.attributes = in.Item.Tags, in.Item.Attributes
	if in.Record != nil {
		v.item.tags.schema = in.Record.Schema
	}
}

// clear lets go of a call's input.
func (v *views) clear() {
	v.record.clear()
	v.item.item, v.item.tags, v.item.attributes = nil, tagsView{}, attributesView{}
}

// itemView is the order item that select sees.
type itemView struct {
	item                       *Item
	tags                       tagsView
	attributes                 attributesView
	tagsValue, attributesValue sandbox.Value
}

func (*itemView) Kind() string { return "item" }

func (v *itemView) Field(_ sandbox.Caller, name string) (sandbox.Value, bool) {
	switch name {
	case "orderId":
		return sandbox.Text(v.item.OrderID), true
	case "itemId":
		return sandbox.Text(v.item.ItemID), true
	case "upc":
		return sandbox.Text(v.item.UPC), true
	case "location":
		return sandbox.Text(v.item.Location), true
	case "quantity":
		return sandbox.Whole(v.item.Quantity), true
	case "now":
		return sandbox.Whole(v.item.NowMS), true
	case "tags":
		return v.tagsValue, true
	case "attributes":
		return v.attributesValue, true
	}
	return sandbox.Value{}, false
}

// recordView is the record that both hooks see.
type recordView struct {
	record   *Record
	segments sandbox.Value // a list; the zero Value until the call has asked for it
	views    []*segmentView

	schema   sandbox.Value // what schemaOf looks like to a rule
	schemaOf *Schema
}

func (*recordView) Kind() string { return "record" }

func (v *recordView) Field(c sandbox.Caller, name string) (sandbox.Value, bool) {
	r := v.record
	switch name {
	case "upc":
		return sandbox.Text(r.UPC), true
	case "location":
		return sandbox.Text(r.Location), true
	case "version":
		return sandbox.Whole(int64(r.Version)), true
	case "onHand":
		return sandbox.Whole(r.OnHand), true
	case "allocated":
		return sandbox.Whole(r.Allocated), true
	case "pending":
		return sandbox.Whole(r.Pending), true
	case "safetyStock":
		return sandbox.Whole(r.SafetyStock), true
	case "available":
		return sandbox.Whole(r.Available()), true
	case "floor":
		return sandbox.Whole(r.Floor), true
	case "ltd":
		return sandbox.Whole(r.LTD), true
	case "due":
		return sandbox.Bool(r.Due), true
	case "segments":
		return v.list(c), true
	}
	return sandbox.Value{}, false
}

// list is the record's segments. It is made once for a call and belongs to the rule, which may sort it.
func (v *recordView) list(c sandbox.Caller) sandbox.Value {
	if v.segments != (sandbox.Value{}) {
		return v.segments
	}
	n := len(v.record.Segments)
	list := c.NewList(n)
	for i := range n {
		list.Append(v.segment(i))
	}
	v.segments = list.Value()
	return v.segments
}

// segment gives the view of a segment. Views are kept for later calls.
func (v *recordView) segment(i int) sandbox.Value {
	for i >= len(v.views) {
		s := new(segmentView)
		s.self, s.tagsValue = sandbox.NewObject(s), sandbox.NewObject(&s.tags)
		v.views = append(v.views, s)
	}
	s := v.views[i]
	s.segment = &v.record.Segments[i]
	s.tags.tags = s.segment.Tags
	return s.self
}

// clear lets go of a call's input.
func (v *recordView) clear() {
	if v.segments != (sandbox.Value{}) {
		for i := range v.record.Segments {
			v.views[i].segment, v.views[i].tags.tags = nil, nil
		}
	}
	v.record, v.segments = nil, sandbox.Value{}
}

// segmentView is a segment of the record.
type segmentView struct {
	segment         *Segment
	tags            tagsView
	self, tagsValue sandbox.Value
}

func (*segmentView) Kind() string { return "segment" }

func (v *segmentView) Field(_ sandbox.Caller, name string) (sandbox.Value, bool) {
	s := v.segment
	switch name {
	case "tags":
		return v.tagsValue, true
	case "onHand":
		return sandbox.Whole(s.OnHand), true
	case "allocated":
		return sandbox.Whole(s.Allocated), true
	case "pending":
		return sandbox.Whole(s.Pending), true
	case "safetyStock":
		return sandbox.Whole(s.SafetyStock), true
	case "available":
		return sandbox.Whole(s.Available()), true
	case "floor":
		return sandbox.Whole(s.Floor), true
	case "ltd":
		return sandbox.Whole(s.LTD), true
	}
	return sandbox.Value{}, false
}

// tagsView is the tags of an item or a segment. pairs goes over them in their order.
type tagsView struct {
	tags   []engine.Tag
	schema *Schema // gives the defaults of categories that tags do not name
}

func (*tagsView) Kind() string { return "tags" }

// Field gives nil for an unknown category: a rule may ask for one that not every schema has.
func (v *tagsView) Field(_ sandbox.Caller, category string) (sandbox.Value, bool) {
	for _, t := range v.tags {
		if t.Category == category {
			return sandbox.Text(t.Value), true
		}
	}
	if c := v.schema.category(category); c != nil {
		return sandbox.Text(defaultValue(c)), true
	}
	return sandbox.Nil, true
}

func (v *tagsView) Walk(sandbox.Caller) int { return len(v.tags) }

func (v *tagsView) Entry(i int) (name, value string) { return v.tags[i].Category, v.tags[i].Value }

// attributesView is the attributes of an item. pairs goes over them by name.
type attributesView struct {
	attributes map[string]string
	names      []string // sorted; nil before the first walk
}

func (*attributesView) Kind() string { return "attributes" }

func (v *attributesView) Field(_ sandbox.Caller, name string) (sandbox.Value, bool) {
	if value, ok := v.attributes[name]; ok {
		return sandbox.Text(value), true
	}
	return sandbox.Nil, true
}

func (v *attributesView) Walk(c sandbox.Caller) int {
	c.ChargeEntries(len(v.attributes))
	if v.names == nil {
		v.names = slices.Sorted(maps.Keys(v.attributes))
	}
	return len(v.names)
}

func (v *attributesView) Entry(i int) (name, value string) {
	return v.names[i], v.attributes[v.names[i]]
}

// schemaValue is redistribute's second argument. It is kept until another schema comes.
func (v *recordView) schemaValue(s *Schema) sandbox.Value {
	if v.schemaOf != s || v.schema == (sandbox.Value{}) {
		v.schemaOf, v.schema = s, schemaTable(s)
	}
	return v.schema
}

func schemaTable(s *Schema) sandbox.Value {
	var categories []sandbox.Value
	if s != nil {
		for i := range s.Categories {
			categories = append(categories, categoryTable(&s.Categories[i]))
		}
	}
	return sandbox.FrozenTable(sandbox.Field{Name: "categories", Value: sandbox.FrozenList(categories...)})
}

func categoryTable(c *engine.Category) sandbox.Value {
	values := make([]sandbox.Value, 0, len(c.Values))
	for i := range c.Values {
		v := &c.Values[i]
		fields := []sandbox.Field{{Name: "value", Value: sandbox.Text(v.Name)},
			{Name: "default", Value: sandbox.Bool(v.Default)}}
		if c.Distributed() {
			fields = append(fields, sandbox.Field{Name: "percent", Value: sandbox.Number(float64(v.Percent) / 100)},
				sandbox.Field{Name: "min", Value: sandbox.Whole(v.Min)})
			if v.Max != engine.NoMax {
				fields = append(fields, sandbox.Field{Name: "max", Value: sandbox.Whole(v.Max)})
			}
		}
		values = append(values, sandbox.FrozenTable(fields...))
	}
	return sandbox.FrozenTable(sandbox.Field{Name: "name", Value: sandbox.Text(c.Name)},
		sandbox.Field{Name: "distributed", Value: sandbox.Bool(c.Distributed())},
		sandbox.Field{Name: "values", Value: sandbox.FrozenList(values...)})
}
