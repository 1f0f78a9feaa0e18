package rules

import (
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"apportion/engine"
)

// What a hook is given are userdata whose fields are computed when they are read: a rule pays for what it looks at, and
// nothing of an earlier call is left in them. They belong to a state and point to the call's input while it lasts.

type itemRef struct {
	item       *Item
	record     *Record
	tags       *lua.LUserData
	attributes *lua.LUserData
}

type recordRef struct {
	record   *Record
	schema   *lua.LTable // what the last schema looks like to a rule
	of       *Schema
	segments *lua.LTable // nil until the call has asked for it
	refs     []*segmentRef
}

type segmentRef struct {
	segment *Segment
	self    *lua.LUserData
	tags    *lua.LUserData
}

type tagsRef struct {
	tags   []engine.Tag
	schema *Schema // gives the defaults of categories that tags do not name
}

type attributesRef struct{ attributes map[string]string }

// kinds are the metatables of the userdata. They are the same for all states, and frozen.
var kinds struct{ item, record, segment, tags, attributes *lua.LTable }

// It is an init function because indexRecord makes segments, which have a kind.
func init() {
	kinds.item, kinds.record, kinds.segment = kindTable(indexItem), kindTable(indexRecord), kindTable(indexSegment)
	kinds.tags, kinds.attributes = kindTable(indexTags), kindTable(indexAttributes)
}

func kindTable(index lua.LGFunction) *lua.LTable {
	t := &lua.LTable{Metatable: frozenMark}
	t.RawSetString("__index", goFunction(index))
	return t
}

// goFunction makes a function that needs no state of its own, so that all states share it.
func goFunction(f lua.LGFunction) *lua.LFunction { return &lua.LFunction{IsG: true, GFunction: f} }

func userdata(value any, kind *lua.LTable) *lua.LUserData {
	return &lua.LUserData{Value: value, Metatable: kind}
}

// kindName is how type and tostring name a userdata.
func kindName(u *lua.LUserData) string {
	switch u.Value.(type) {
	case *itemRef:
		return "item"
	case *recordRef:
		return "record"
	case *segmentRef:
		return "segment"
	case *tagsRef:
		return "tags"
	case *attributesRef:
		return "attributes"
	}
	return "userdata"
}

func meterOf(l *lua.LState) *meter { return l.Context().(*meter) }

// fieldSteps is what reading a field costs besides the instruction: the VM calls a function for it.
const fieldSteps = 3

// indexed gives the userdata and the key of a read, charged.
func indexed(l *lua.LState) (value any, key string) {
	meterOf(l).charge(fieldSteps, 2*stringHeader+numberBytes)
	u := l.CheckUserData(1)
	name, ok := l.Get(2).(lua.LString)
	if !ok {
		l.RaiseError("%s has no field of type %s", kindName(u), l.Get(2).Type().String())
	}
	return u.Value, string(name)
}

func pushNumber(l *lua.LState, n int64) int {
	l.Push(lua.LNumber(n))
	return 1
}

func pushText(l *lua.LState, s string) int {
	l.Push(lua.LString(s))
	return 1
}

func noField(l *lua.LState, kind, key string) int {
	l.RaiseError("%s has no field %q", kind, key)
	return 0
}

func indexItem(l *lua.LState) int {
	value, key := indexed(l)
	ref := value.(*itemRef)
	switch key {
	case "orderId":
		return pushText(l, ref.item.OrderID)
	case "itemId":
		return pushText(l, ref.item.ItemID)
	case "upc":
		return pushText(l, ref.item.UPC)
	case "location":
		return pushText(l, ref.item.Location)
	case "quantity":
		return pushNumber(l, ref.item.Quantity)
	case "now":
		return pushNumber(l, ref.item.NowMS)
	case "tags":
		l.Push(ref.tags)
		return 1
	case "attributes":
		l.Push(ref.attributes)
		return 1
	}
	return noField(l, "item", key)
}

func indexRecord(l *lua.LState) int {
	value, key := indexed(l)
	ref := value.(*recordRef)
	r := ref.record
	switch key {
	case "upc":
		return pushText(l, r.UPC)
	case "location":
		return pushText(l, r.Location)
	case "version":
		return pushNumber(l, int64(r.Version))
	case "onHand":
		return pushNumber(l, r.OnHand)
	case "allocated":
		return pushNumber(l, r.Allocated)
	case "pending":
		return pushNumber(l, r.Pending)
	case "safetyStock":
		return pushNumber(l, r.SafetyStock)
	case "available":
		return pushNumber(l, r.Available())
	case "floor":
		return pushNumber(l, r.Floor)
	case "ltd":
		return pushNumber(l, r.LTD)
	case "due":
		l.Push(lua.LBool(r.Due))
		return 1
	case "segments":
		l.Push(ref.list(l))
		return 1
	}
	return noField(l, "record", key)
}

// list is a table of the record's segments. It is made once a call and belongs to the rule, which may sort it.
func (ref *recordRef) list(l *lua.LState) *lua.LTable {
	if ref.segments != nil {
		return ref.segments
	}
	n := len(ref.record.Segments)
	meterOf(l).charge(n>>1, tableBytes+n*valueBytes)
	ref.segments = l.CreateTable(n, 0)
	for i := range n {
		ref.segments.RawSetInt(i+1, ref.segment(i))
	}
	return ref.segments
}

// segment gives the userdata of a segment; it is kept for later calls.
func (ref *recordRef) segment(i int) *lua.LUserData {
	for i >= len(ref.refs) {
		s := &segmentRef{tags: userdata(&tagsRef{}, kinds.tags)}
		s.self = userdata(s, kinds.segment)
		ref.refs = append(ref.refs, s)
	}
	s := ref.refs[i]
	s.segment = &ref.record.Segments[i]
	s.tags.Value.(*tagsRef).tags = s.segment.Tags
	return s.self
}

// clear lets go of a call's input.
func (ref *recordRef) clear() {
	if ref.segments != nil {
		for i := range ref.record.Segments {
			ref.refs[i].segment = nil
			ref.refs[i].tags.Value.(*tagsRef).tags = nil
		}
	}
	ref.record, ref.segments = nil, nil
}

func indexSegment(l *lua.LState) int {
	value, key := indexed(l)
	ref := value.(*segmentRef)
	s := ref.segment
	switch key {
	case "tags":
		l.Push(ref.tags)
		return 1
	case "onHand":
		return pushNumber(l, s.OnHand)
	case "allocated":
		return pushNumber(l, s.Allocated)
	case "pending":
		return pushNumber(l, s.Pending)
	case "safetyStock":
		return pushNumber(l, s.SafetyStock)
	case "available":
		return pushNumber(l, s.Available())
	case "floor":
		return pushNumber(l, s.Floor)
	case "ltd":
		return pushNumber(l, s.LTD)
	}
	return noField(l, "segment", key)
}

// value is a category's value: the default if the tags do not name it.
func (ref *tagsRef) value(category string) (string, bool) {
	for _, t := range ref.tags {
		if t.Category == category {
			return t.Value, true
		}
	}
	if c := ref.schema.category(category); c != nil {
		return dflt(c), true
	}
	return "", false
}

// indexTags gives nil for an unknown category, so that a rule may ask for one that not every schema has.
func indexTags(l *lua.LState) int {
	value, key := indexed(l)
	if v, ok := value.(*tagsRef).value(key); ok {
		return pushText(l, v)
	}
	l.Push(lua.LNil)
	return 1
}

func indexAttributes(l *lua.LState) int {
	value, key := indexed(l)
	if v, ok := value.(*attributesRef).attributes[key]; ok {
		return pushText(l, v)
	}
	l.Push(lua.LNil)
	return 1
}

// pairsOf gives the keys and values that pairs walks over, in order.
func pairsOf(l *lua.LState, u *lua.LUserData) []engine.Tag {
	switch ref := u.Value.(type) {
	case *tagsRef:
		return ref.tags
	case *attributesRef:
		n := len(ref.attributes)
		meterOf(l).charge(n, 6*n*stringHeader)
		list := make([]engine.Tag, 0, n)
		for _, k := range slices.Sorted(maps.Keys(ref.attributes)) {
			list = append(list, engine.Tag{Category: k, Value: ref.attributes[k]})
		}
		return list
	}
	l.RaiseError("%s cannot be walked with pairs: name its fields", kindName(u))
	return nil
}
