package engine

import (
	"encoding/binary"
	"math"
	"strconv"

	"apportion/engine/mem"
)

// Mode says what an Allocate does with a line that cannot be met in full.
type Mode uint8

// The modes.
const (
	ModeAll     Mode = iota // all lines in full, or nothing at all
	ModeLine                // each line in full, or not
	ModePartial             // what there is
)

// AllocateLine asks for units of one UPC at one location from one segment.
type AllocateLine struct {
	ItemID   string `json:"itemId"`
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Quantity int64  `json:"quantity"`
	Tags     []Tag  `json:"tags"`

	// Attributes are what the order router knows of the item. Rules may read them.
	Attributes []Attribute `json:"attributes"`
}

// Attribute is one fact about an order item. Names are unique within a line.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Allocate promises units to the items of one order.
type Allocate struct {
	OrderID   string `json:"orderId"`
	Mode      Mode   `json:"mode"`
	Backorder bool   `json:"backorder"` // the units that are not there become pending

	// ExpiresAtMS makes the allocation a reservation that ends at that time (Unix milliseconds); 0: it does not end.
	ExpiresAtMS int64          `json:"expiresAt"`
	Lines       []AllocateLine `json:"lines"`
}

func (*Allocate) Kind() Kind { return KindAllocate }

func (c *Allocate) check() *Fault { return c.checkLines(nil) }

// checkLines is check. known, unless nil, has the remembered list of each line whose tags were checked before.
func (c *Allocate) checkLines(known []*tagList) *Fault {
	if !IsText(c.OrderID, OrderIDBytesMax) {
		return textFault("orderId", c.OrderID, OrderIDBytesMax)
	}
	if c.Mode > ModePartial {
		return numberFault("mode", int64(c.Mode), 0, int64(ModePartial))
	}
	if c.ExpiresAtMS < 0 {
		return numberFault("expiresAt", c.ExpiresAtMS, 0, math.MaxInt64)
	}
	if f := checkSize("lines", len(c.Lines), 1, OrderLinesMax); f != nil {
		return f
	}
	for i := range c.Lines {
		f := checkAllocateLine(&c.Lines[i])
		if f == nil && (known == nil || known[i] == nil) {
			f = checkTags("tags", c.Lines[i].Tags)
		}
		if f != nil {
			return f.in("lines", i)
		}
	}
	if i := repeatedName(c.Lines); i >= 0 {
		return repeatedFault("itemId", c.Lines[i].ItemID).in("lines", i)
	}
	return nil
}

// checkAllocateLine checks everything but the tags.
func checkAllocateLine(l *AllocateLine) *Fault {
	if !IsText(l.ItemID, ItemIDBytesMax) {
		return textFault("itemId", l.ItemID, ItemIDBytesMax)
	}
	if !IsText(l.UPC, UPCBytesMax) {
		return textFault("upc", l.UPC, UPCBytesMax)
	}
	if !IsText(l.Location, LocationBytesMax) {
		return textFault("location", l.Location, LocationBytesMax)
	}
	if f := checkQuantity("quantity", l.Quantity, 1); f != nil {
		return f
	}
	if l.Attributes != nil {
		return checkAttributes(l.Attributes)
	}
	return nil
}

// checkAttributes checks the attributes of an order line: names are unique, values may be empty.
func checkAttributes(attributes []Attribute) *Fault {
	if f := checkSize("attributes", len(attributes), 0, AttributesMax); f != nil {
		return f
	}
	for i := range attributes {
		a := &attributes[i]
		if !IsText(a.Name, AttributeBytesMax) {
			return textFault("attributes", a.Name, AttributeBytesMax)
		}
		if !isOptionalText(a.Value, AttributeBytesMax) {
			return textFault("attributes."+a.Name, a.Value, AttributeBytesMax)
		}
		for k := range i {
			if attributes[k].Name == a.Name {
				return &Fault{"attributes." + a.Name, shownText(a.Value),
					"an earlier attribute of the line has the same name"}
			}
		}
	}
	return nil
}

func (l *AllocateLine) name() string { return l.ItemID }

const (
	allocBack    = 1 << 0
	allocExpires = 1 << 1
	allocFacts   = 1 << 2 // a line has attributes

	allocBytesMin = 3*textBytesMin + 1 + 1
	factBytesMin  = 2 * textBytesMin
)

// appendBody: flags, mode, order, the reservation's end with allocExpires, lines; each line ends with its
// attributes with allocFacts.
func (c *Allocate) appendBody(dst []byte) []byte {
	hasFacts := false
	for i := range c.Lines {
		hasFacts = hasFacts || len(c.Lines[i].Attributes) > 0
	}
	dst = append(dst, flagBit(c.Backorder, allocBack)|flagBit(c.ExpiresAtMS != 0, allocExpires)|flagBit(hasFacts,
		allocFacts),
		byte(c.Mode))
	dst = appendText(dst, c.OrderID)
	if c.ExpiresAtMS != 0 {
		dst = binary.AppendVarint(dst, c.ExpiresAtMS)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Lines)))
	for i := range c.Lines {
		l := &c.Lines[i]
		dst = appendText(dst, l.ItemID)
		dst = appendText(dst, l.UPC)
		dst = appendText(dst, l.Location)
		dst = binary.AppendVarint(dst, l.Quantity)
		dst = appendTags(dst, l.Tags)
		if hasFacts {
			dst = appendAttributes(dst, l.Attributes)
		}
	}
	return dst
}

func appendAttributes(dst []byte, attributes []Attribute) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(attributes)))
	for i := range attributes {
		dst = appendText(dst, attributes[i].Name)
		dst = appendText(dst, attributes[i].Value)
	}
	return dst
}

func (c *Allocate) readBody(r *bodyReader) {
	flags := r.flags(allocBack | allocExpires | allocFacts)
	c.Backorder = flags&allocBack != 0
	c.Mode = Mode(r.byte())
	c.OrderID = r.text()
	c.ExpiresAtMS = 0
	if flags&allocExpires != 0 {
		if c.ExpiresAtMS = r.varint(); c.ExpiresAtMS == 0 {
			r.fail("announced date is empty")
		}
	}
	c.Lines = resize(c.Lines, r.count(allocBytesMin))
	r.known = resize(r.known, len(c.Lines))
	hasFacts := false
	for i := range c.Lines {
		l := &c.Lines[i]
		l.Attributes = nil
		l.ItemID = r.text()
		l.UPC = r.text()
		l.Location = r.text()
		l.Quantity = r.varint()
		l.Tags, r.known[i] = r.readKnownTags()
		if flags&allocFacts != 0 {
			l.Attributes = r.readAttributes()
			hasFacts = hasFacts || len(l.Attributes) > 0
		}
	}
	if flags&allocFacts != 0 && !hasFacts {
		r.fail("announced attributes are empty")
	}
}

// readAttributes reads one line's attributes into the pool; an empty list is nil.
func (r *bodyReader) readAttributes() []Attribute {
	n := r.count(factBytesMin)
	if n == 0 {
		return nil
	}
	start := len(r.attributes)
	for range n {
		r.attributes = append(r.attributes, Attribute{Name: r.text(), Value: r.text()})
	}
	return r.attributes[start:len(r.attributes):len(r.attributes)]
}

func (c *Allocate) digest(dst []byte) []byte {
	dst = digestNumber(digestText(dst, c.OrderID), uint64(c.Mode))
	dst = digestNumber(digestBool(dst, c.Backorder), uint64(c.ExpiresAtMS))
	return digestList(dst, c.Lines)
}

func (l *AllocateLine) hash() uint64 {
	h := mem.HashJoin(mem.HashText(l.ItemID), mem.HashText2(l.UPC, l.Location))
	h = mem.HashJoin(h, uint64(l.Quantity))
	h = mem.HashJoin(h, hashTags(l.Tags))
	for i := range l.Attributes {
		h = mem.HashJoin(h, mem.HashText2(l.Attributes[i].Name, l.Attributes[i].Value))
	}
	return h
}

// apply promises units: it plans all lines against the state, then carries out all of them, or none.
func (c *Allocate) apply(e *Engine, envelope *Envelope, r *Result) {
	if envelope.RulesIndex != e.Rules().sequence {
		r.refuse(CodeRetry, "rules", strconv.FormatUint(envelope.RulesIndex, 10))
		return
	}
	if f := checkPlans(c, envelope.Plans); f != nil {
		r.refuse(CodeInvalid, f.Field, f.Value)
		return
	}
	if c.ExpiresAtMS != 0 && c.ExpiresAtMS <= e.nowMS.Load() {
		r.refuse(CodeExpired, "expiresAt", strconv.FormatInt(c.ExpiresAtMS, 10))
		return
	}
	hash := mem.HashText(c.OrderID)
	orderRow, ok := e.orderFor(c.OrderID, hash, envelope, r)
	if !ok {
		return
	}
	if !e.planAllocate(c, envelope.Plans, orderRow, r) {
		r.Lines = r.Lines[:0]
		return
	}
	if c.Mode == ModeAll && refusedAll(r) {
		return
	}
	touched := false
	for i := range c.Lines {
		p := &e.scratch.lines[i]
		if p.code != CodeOK || r.Lines[i].Repeated {
			continue
		}
		switch {
		case orderRow == 0:
			orderRow = e.createOrder(c.OrderID, hash)
		case !touched:
			e.touchOrder(orderRow)
		}
		touched = true
		l := &r.Lines[i]
		l.Units, l.Pending = p.units, p.pending
		if p.plan != nil {
			e.commitPlanned(orderRow, c, i, l)
			continue
		}
		e.commitAllocate(orderRow, c, i)
		l.Parts = append(l.Parts, Part{TagSet: p.tagSet, Units: p.units, Pending: p.pending})
	}
}

// planAllocate fills scratch.lines and the result's lines. It reports false if the command is refused as a whole.
func (e *Engine) planAllocate(c *Allocate, plans []PlannedLine, orderRow uint32, r *Result) bool {
	e.scratch.lines, e.scratch.takes = e.scratch.lines[:0], e.scratch.takes[:0]
	e.scratch.summed = len(c.Lines) > 1 || len(plans) > 0
	if e.scratch.summed {
		e.scratch.sums.Start(len(c.Lines))
	}
	if c.Backorder || len(plans) > 0 {
		e.scratch.capacity.start(len(c.Lines))
	}
	items := 0
	for i := range c.Lines {
		l := &c.Lines[i]
		key, set, code, tag := e.resolve(l, i)
		if code != CodeOK {
			refuseTag(r, code, linePath(i, "tags"), l.Tags[tag])
			return false
		}
		p := e.scratch.addLine()
		p.key, p.tagSet = key, set
		if len(plans) > 0 && plans[0].Line == i {
			p.plan, plans = &plans[0], plans[1:]
		}
		out := r.addLine(l.ItemID, l.Quantity)
		if orderRow != 0 {
			p.item = e.findItem(orderRow, l.ItemID)
		}
		if p.item != 0 && !e.isSpent(e.items.At(p.item)) {
			if it := e.items.At(p.item); it.expiresMS != 0 && it.expiresMS != c.ExpiresAtMS {
				// A firm order must not count a reservation, which will end, as its own units.
				r.refuse(CodeItemConflict, "expiresAt", l.ItemID)
				return false
			}
			if field := e.itemDifference(p.item, l, key); field != "" {
				r.refuse(CodeItemConflict, linePath(i, field), l.ItemID)
				return false
			}
			e.repeatLine(p.item, out)
		} else if p.plan != nil {
			e.planRuled(c, l, p, out)
		} else {
			e.planLine(c, l, p, out)
		}
		if p.item == 0 {
			items++
		}
	}
	if orderRow != 0 && int(e.orders.At(orderRow).count)+items > OrderItemsMax {
		r.refuse(CodeTooMany, "lines", strconv.Itoa(OrderItemsMax))
		return false
	}
	return true
}

// resolve finds the tag set that a line names, 0 if there is none yet.
func (e *Engine) resolve(l *AllocateLine, i int) (key tagSetKey, set TagSetID, code Code, tag int) {
	s, known := e.Schema(), e.scratch.command.in.known[i]
	if known == nil {
		if key, _, code, tag = s.key(l.Tags); code == CodeOK && len(l.Tags) > 0 {
			e.scratch.command.in.lists.remember(l.Tags, key)
		}
		return key, s.find(key), code, tag
	}
	if known.set == 0 {
		known.set = s.find(known.key)
	}
	return known.key, known.set, CodeOK, 0
}

// itemDifference names the field in which a line differs from the one that allocated the item, "" if it is the same.
func (e *Engine) itemDifference(itemRow uint32, l *AllocateLine, key tagSetKey) string {
	it := e.items.At(itemRow)
	s := e.Schema()
	switch {
	case e.text(it.upc) != l.UPC:
		return "upc"
	case e.text(it.location) != l.Location:
		return "location"
	case it.requested != l.Quantity:
		return "quantity"
	case s.sets.At(uint32(s.canonical(it.tagSet))).key != key:
		return "tags"
	}
	return ""
}

// repeatLine answers with what the item was allocated at first.
func (e *Engine) repeatLine(itemRow uint32, out *LineResult) {
	out.Repeated = true
	for row := e.items.At(itemRow).lines; row != 0; {
		l := e.lines.At(row)
		out.Units += l.took
		out.Pending += l.waited
		out.Parts = append(out.Parts, Part{TagSet: l.tagSet, Units: l.took, Pending: l.waited})
		row = l.next
	}
}

// planLine decides what a new line gets.
func (e *Engine) planLine(c *Allocate, l *AllocateLine, p *linePlan, out *LineResult) {
	available := e.planSource(c, l, p)
	if p.code == CodeOK {
		p.units = min(l.Quantity, available)
		short := l.Quantity - p.units
		switch {
		case short > 0 && c.Backorder && !e.reservePending(&stockTarget{record: p.record, key: p.key}, l.UPC,
			l.Location,
			short):
			p.code = CodeTooMany
		case short > 0 && c.Backorder:
			p.pending = short
		case short > 0 && (c.Mode != ModePartial || p.units == 0):
			p.code = CodeInsufficient
		}
	}
	out.Code = p.code
	if p.code != CodeOK {
		out.Available = available
		return
	}
	if e.scratch.summed && p.segment != 0 {
		*e.scratch.sums.At(p.segment) += p.units
	}
}

// planSource finds the line's record and segment, and gives what the command's earlier lines leave available.
func (e *Engine) planSource(c *Allocate, l *AllocateLine, p *linePlan) (available int64) {
	if p.record = e.findPrefetched(l.UPC, l.Location); p.record == 0 {
		p.code = CodeUnknownRecord
		return 0
	}
	rec := e.records.At(p.record)
	if p.tagSet != 0 {
		p.segment = e.findSegment(rec, p.tagSet)
	}
	if p.segment == 0 {
		if !c.Backorder {
			p.code = CodeUnknownSegment
		}
		return 0
	}
	p.before = e.unclaimed(p.segment)
	return p.before
}

// unclaimed is what the command's earlier lines leave available in a segment.
func (e *Engine) unclaimed(segment uint32) int64 {
	available := e.segments.At(segment).available()
	if e.scratch.summed {
		available -= *e.scratch.sums.At(segment)
	}
	return max(0, available)
}

// commitAllocate carries out a planned line. The order was touched.
func (e *Engine) commitAllocate(orderRow uint32, c *Allocate, i int) {
	l, p := &c.Lines[i], &e.scratch.lines[i]
	rec, w := e.openRecord(p.record)
	if p.tagSet == 0 {
		p.tagSet = e.tagSetOf(p.key)
	}
	id := p.tagSet
	if p.segment == 0 {
		p.segment = e.findSegment(rec, id) // an earlier line may have created it
	}
	if p.segment == 0 {
		p.segment = e.addSegment(rec, id)
	}
	itemRow := e.newItem(orderRow, p, rec, id, c, l)
	lineRow, ln := e.createLine(itemRow)
	ln.tagSet, ln.took, ln.waited, ln.allocated, ln.pending, ln.before = id, p.units, p.pending, p.units, p.pending,
		p.before
	e.addUnits(rec, &w, p.segment, unitDelta{allocated: p.units, pending: p.pending})
	if p.pending > 0 {
		e.queuePending(e.segments.At(p.segment), lineRow)
	}
	e.addMovement(itemRow, MovementAllocated, id, p.units)
	e.addMovement(itemRow, MovementPending, id, p.pending)
	e.orders.At(orderRow).open++
	e.closeRecord(rec, &w)
}

// newItem creates the item of a planned line, or restarts a spent one.
func (e *Engine) newItem(orderRow uint32, p *linePlan, rec *record, id TagSetID, c *Allocate, l *AllocateLine) uint32 {
	row := p.item
	if row == 0 {
		row = e.createItem(orderRow, l.ItemID)
	}
	it := e.items.At(row)
	e.dropLines(it)
	e.itemSeq++
	it.upc, it.location, it.record, it.tagSet = rec.upc, rec.location, p.record, id
	it.requested, it.expiresMS, it.seq, it.explanation = l.Quantity, c.ExpiresAtMS, e.itemSeq, 0
	if it.expiresMS != 0 {
		e.expiries.Push(mem.Due{AtMS: it.expiresMS, Seq: it.seq, Row: row}, e.expires)
	}
	return row
}
