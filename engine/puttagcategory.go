package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"apportion/engine/mem"
)

// Rounding names the rule by which fractional units of a split become whole ones.
type Rounding uint8

// The rounding rules.
const (
	RoundingLargestRemainder Rounding = iota
	RoundingUnbiased
)

// NoPercent and NoMax stand for a value without a percent and without a max.
const (
	NoPercent = int32(-1)
	NoMax     = int64(-1)
)

// Value is one value of a tag category.
type Value struct {
	Name    string `json:"value"`
	Percent int32  `json:"percent"` // basis points of the available units (80 % = 8000), or NoPercent
	Default bool   `json:"default"`
	Min     int64  `json:"min"` // units a record
	Max     int64  `json:"max"` // units a record, or NoMax
}

// Move names, for a value that leaves the schema, the value that takes its stock and promises.
type Move struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// PutTagCategory creates a category or replaces its definition. Its values' order is their rank.
type PutTagCategory struct {
	Name     string   `json:"name"`
	Values   []Value  `json:"values"`
	Rounding Rounding `json:"rounding"`
	MoveTo   []Move   `json:"moveTo"`
}

func (*PutTagCategory) Kind() Kind { return KindPutTagCategory }

// percentWhole is 100 % in basis points.
const percentWhole = 10_000

func (c *PutTagCategory) check() *Fault {
	if !IsText(c.Name, TagBytesMax) {
		return textFault("name", c.Name, TagBytesMax)
	}
	if c.Rounding > RoundingUnbiased {
		return numberFault("rounding", int64(c.Rounding), 0, int64(RoundingUnbiased))
	}
	if f := checkSize("values", len(c.Values), 1, CategoryValuesMax); f != nil {
		return f
	}
	distributed := c.Values[0].Percent != NoPercent
	for i := range c.Values {
		if f := checkValue(&c.Values[i], distributed); f != nil {
			return f.in("values", i)
		}
	}
	if i := repeatedName(c.Values); i >= 0 {
		return repeatedFault("value", c.Values[i].Name).in("values", i)
	}
	if f := checkDefault(c.Values); f != nil {
		return f
	}
	if f := checkPercentSum(c.Values, distributed); f != nil {
		return f
	}
	return checkMoves(c)
}

// checkValue checks one value of a category whose first value has a percent (distributed) or not.
func checkValue(v *Value, distributed bool) *Fault {
	if !IsText(v.Name, TagBytesMax) {
		return textFault("value", v.Name, TagBytesMax)
	}
	percent := func() string { return percentText(int64(v.Percent)) }
	switch {
	case v.Percent == NoPercent && distributed:
		return &Fault{"percent", percent(), "in a category with percentages every value needs a percent"}
	case v.Percent != NoPercent && !distributed:
		return &Fault{"percent", percent(), "the first value has no percent, so no value of the category may have one"}
	case v.Percent < NoPercent || v.Percent > percentWhole:
		return &Fault{"percent", percent(), "a percentage from 0 to 100 is expected"}
	case v.Min > 0 && !distributed:
		return &Fault{"min", strconv.FormatInt(v.Min, 10), "only a value with a percent may have a min"}
	case v.Min < 0 || v.Min > QuantityMax:
		return numberFault("min", v.Min, 0, QuantityMax)
	case v.Max == NoMax:
		return nil
	case !distributed:
		return &Fault{"max", strconv.FormatInt(v.Max, 10), "only a value with a percent may have a max"}
	case v.Max < v.Min || v.Max > QuantityMax:
		return numberFault("max", v.Max, v.Min, QuantityMax)
	default:
		return nil
	}
}

// checkDefault demands exactly one default value.
func checkDefault(values []Value) *Fault {
	seen := false
	for i := range values {
		if values[i].Default && seen {
			return (&Fault{"default", "true", "an earlier value is the default already; one is allowed"}).
				in("values", i)
		}
		seen = seen || values[i].Default
	}
	if !seen {
		return &Fault{"values.default", "false", "a category needs one default value"}
	}
	return nil
}

// checkPercentSum demands that percents add up to the whole.
func checkPercentSum(values []Value, distributed bool) *Fault {
	if !distributed {
		return nil
	}
	sum := int64(0)
	for i := range values {
		sum += int64(values[i].Percent)
	}
	if sum != percentWhole {
		return &Fault{"values.percent", percentText(sum), "the percentages must add up to exactly 100"}
	}
	return nil
}

// percentText shows basis points as a percentage with two decimals, and a missing percent as nothing.
func percentText(basisPoints int64) string {
	if basisPoints == int64(NoPercent) {
		return ""
	}
	sign := ""
	if basisPoints < 0 {
		sign, basisPoints = "-", -basisPoints
	}
	return fmt.Sprintf("%s%d.%02d", sign, basisPoints/100, basisPoints%100)
}

func checkMoves(c *PutTagCategory) *Fault {
	if f := checkSize("moveTo", len(c.MoveTo), 0, CategoryValuesMax); f != nil {
		return f
	}
	for i := range c.MoveTo {
		if f := checkMove(&c.MoveTo[i], c.Values); f != nil {
			return f.in("moveTo", i)
		}
	}
	if i := repeatedName(c.MoveTo); i >= 0 {
		return repeatedFault("from", c.MoveTo[i].From).in("moveTo", i)
	}
	return nil
}

// checkMove checks that stock moves from a value that leaves to one that stays.
func checkMove(m *Move, values []Value) *Fault {
	if !IsText(m.From, TagBytesMax) {
		return textFault("from", m.From, TagBytesMax)
	}
	if !IsText(m.To, TagBytesMax) {
		return textFault("to", m.To, TagBytesMax)
	}
	if hasValue(values, m.From) {
		return &Fault{"from", shownText(m.From), "the value stays in the category; moveTo is for values that leave it"}
	}
	if !hasValue(values, m.To) {
		return &Fault{"to", shownText(m.To), "it is no value of the new definition, so nothing can move to it"}
	}
	return nil
}

func hasValue(values []Value, name string) bool {
	for i := range values {
		if values[i].Name == name {
			return true
		}
	}
	return false
}

func (v *Value) name() string { return v.Name }

func (m *Move) name() string { return m.From }

const (
	valueDefault = 1 << 0
	valueHasMax  = 1 << 1

	valueBytesMin = 1 + textBytesMin + 1 + 1
	moveBytesMin  = 2 * textBytesMin
)

// appendBody: rounding, name, values, moves; each value has flags, name, percent, min, and with valueHasMax
// max.
func (c *PutTagCategory) appendBody(dst []byte) []byte {
	dst = append(dst, byte(c.Rounding))
	dst = appendText(dst, c.Name)
	dst = binary.AppendUvarint(dst, uint64(len(c.Values)))
	for i := range c.Values {
		v := &c.Values[i]
		dst = append(dst, flagBit(v.Default, valueDefault)|flagBit(v.Max != NoMax, valueHasMax))
		dst = appendText(dst, v.Name)
		dst = binary.AppendVarint(dst, int64(v.Percent))
		dst = binary.AppendVarint(dst, v.Min)
		if v.Max != NoMax {
			dst = binary.AppendVarint(dst, v.Max)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.MoveTo)))
	for i := range c.MoveTo {
		dst = appendText(dst, c.MoveTo[i].From)
		dst = appendText(dst, c.MoveTo[i].To)
	}
	return dst
}

func (c *PutTagCategory) readBody(r *bodyReader) {
	c.Rounding = Rounding(r.byte())
	c.Name = r.text()
	c.Values = resize(c.Values, r.count(valueBytesMin))
	for i := range c.Values {
		readValue(r, &c.Values[i])
	}
	c.MoveTo = resize(c.MoveTo, r.count(moveBytesMin))
	for i := range c.MoveTo {
		c.MoveTo[i] = Move{From: r.text(), To: r.text()}
	}
}

func readValue(r *bodyReader, v *Value) {
	flags := r.flags(valueDefault | valueHasMax)
	v.Default = flags&valueDefault != 0
	v.Name = r.text()
	percent := r.varint()
	if percent < math.MinInt32 || percent > math.MaxInt32 {
		r.fail("percent out of range")
	}
	v.Percent = int32(percent)
	v.Min = r.varint()
	v.Max = NoMax
	if flags&valueHasMax != 0 {
		if v.Max = r.varint(); v.Max == NoMax {
			r.fail("announced max is empty")
		}
	}
}

func (c *PutTagCategory) digest(dst []byte) []byte {
	dst = digestList(digestText(dst, c.Name), c.Values)
	return digestList(digestNumber(dst, uint64(c.Rounding)), c.MoveTo)
}

func (v *Value) hash() uint64 {
	h := mem.HashJoin(mem.HashText(v.Name), uint64(v.Percent))
	h = mem.HashJoin(h, uint64(flagBit(v.Default, 1)))
	h = mem.HashJoin(h, uint64(v.Min))
	return mem.HashJoin(h, uint64(v.Max))
}

func (m *Move) hash() uint64 { return mem.HashText2(m.From, m.To) }

// apply creates or replaces a category.
func (c *PutTagCategory) apply(e *Engine, envelope *Envelope, r *Result) {
	old := e.Schema()
	if envelope.IfSeen && envelope.Seen != old.CategoryHash(c.Name) {
		r.refuse(CodeRetry, "name", c.Name)
		return
	}
	put, ok := c.plan(old, r)
	if !ok {
		return
	}
	if !e.unused(old, put.at, put.moves, r) {
		return
	}
	e.countMoved(old, put.at, put.moves, r)
	put.next.index = e.appliedIndex.Load()
	e.replaceSchema(old, put.next, put.rekey)
	e.emit(&Event{Kind: EventSchemaChanged, Name: c.Name})
}

// categoryPut is what a PutTagCategory makes of a schema.
type categoryPut struct {
	next  *Schema // without tag sets
	at    int     // of the category in it
	isNew bool
	moves map[uint16]valueMove
}

// plan defines the category beside the others of a schema, or refuses it.
func (c *PutTagCategory) plan(old *Schema, r *Result) (put categoryPut, ok bool) {
	at := old.position(c.Name)
	if at < 0 && len(old.categories) == CategoriesMax {
		r.refuse(CodeTooMany, "name", strconv.Itoa(CategoriesMax))
		return put, false
	}
	category := Category{Name: c.Name, Rounding: c.Rounding}
	if at >= 0 {
		category.names = slices.Clone(old.categories[at].names)
	}
	category.define(c.Values, func(name string) (uint16, bool) {
		if at < 0 {
			return 0, false
		}
		return old.categories[at].id(name)
	})
	put = categoryPut{next: &Schema{categories: slices.Clone(old.categories)}, at: at, isNew: at < 0}
	if put.isNew {
		put.at = len(old.categories)
		put.next.categories = append(put.next.categories, Category{})
	}
	put.next.categories[put.at] = category
	if code, field, value := put.next.check(); code != CodeOK {
		r.refuse(code, field, value)
		return put, false
	}
	put.moves = removedValues(old, put.at, &category, c.MoveTo)
	return put, true
}

// rekey gives a tag set's key in the next schema.
func (p *categoryPut) rekey(key tagSetKey) tagSetKey {
	if p.isNew {
		return key.with(p.at, p.next.categories[p.at].dflt)
	}
	if to, moved := p.moves[key.at(p.at)]; moved {
		return key.with(p.at, to.id)
	}
	return key
}

// define sets the values; a value that existed keeps its number.
func (c *Category) define(values []Value, existing func(name string) (uint16, bool)) {
	for _, v := range values {
		v.Name = string([]byte(v.Name))
		id, ok := existing(v.Name)
		if !ok {
			id = uint16(len(c.names))
			c.names = append(c.names, v.Name)
		}
		c.Values = append(c.Values, v)
		c.ids = append(c.ids, id)
	}
	c.Name = string([]byte(c.Name))
	c.index()
}

// check counts the combinations of values, and names a limit that the categories exceed.
func (s *Schema) check() (code Code, field, value string) {
	distributed, limited := 0, false
	s.combinations = 0
	for i := range s.categories {
		c := &s.categories[i]
		if len(c.names) >= 1<<16-1 {
			return CodeTooMany, "values", "more than 65,534 values over the category's life"
		}
		if !c.Distributed() {
			continue
		}
		distributed++
		limited = limited || slices.ContainsFunc(c.Values, Value.limited)
		s.combinations = max(1, s.combinations) * len(c.Values)
	}
	switch {
	case distributed > DistributedCategoriesMax:
		return CodeTooMany, "values.percent", strconv.Itoa(distributed) + " categories with percents"
	case s.combinations > DistributedCombinationsMax:
		return CodeTooMany, "values", strconv.Itoa(s.combinations) + " combinations of values with percents"
	case limited && distributed > 1:
		return CodeInvalid, "values.min", "min and max need the only category with percents"
	}
	return CodeOK, "", ""
}

// removedValues gives, for each value that the new definition lacks, the value that takes over its segments: the
// default value if its segments are empty.
func removedValues(old *Schema, at int, category *Category, named []Move) map[uint16]valueMove {
	if at >= len(old.categories) {
		return nil
	}
	moves := make(map[uint16]valueMove)
	for _, id := range old.categories[at].ids {
		if slices.Contains(category.ids, id) {
			continue
		}
		move := valueMove{id: category.dflt}
		for _, m := range named {
			if m.From == category.names[id] {
				to, ok := category.id(m.To)
				assert(ok, "moveTo names no value")
				move = valueMove{id: to, named: true}
			}
		}
		moves[id] = move
	}
	return moves
}
