package engine

import (
	"apportion/engine/mem"
	"strconv"
	"sync/atomic"
)

// linePlan is what an order command will do for one line.
type linePlan struct {
	code    Code
	item    uint32 // 0: to be created
	record  uint32
	segment uint32 // 0: to be created
	key     tagSetKey
	tagSet  TagSetID // of key; 0: to be created
	units   int64
	pending int64
	before  int64 // available to the line
	lost    bool  // what a Deallocate releases

	// plan is what a rule decided, nil on the native path; its candidates are scratch.takes[from:to], and version is
	// the record's before the command.
	plan     *PlannedLine
	from, to uint32
	version  uint64
}

// addLine adds an empty plan, in its place: a copy of so large a struct costs more than filling it.
func (s *scratch) addLine() *linePlan {
	s.lines = resize(s.lines, len(s.lines)+1)
	p := &s.lines[len(s.lines)-1]
	*p = linePlan{}
	return p
}

// apply promises units: it plans all lines against the state as it is, then does them all, or none.
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

// refusedAll gives a result the first refused line with the smallest code, if there is one: the line by its number and
// its item id. The others are not attempted.
func refusedAll(r *Result) bool {
	for i := range r.Lines {
		if code := r.Lines[i].Code; code != CodeOK && (r.Code == CodeOK || code < r.Code) {
			r.Code, r.Field, r.Value = code, lineName(i), r.Lines[i].ItemID
		}
	}
	if r.Code == CodeOK {
		return false
	}
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Code == CodeOK && !l.Repeated {
			l.Code = CodeUnavailable
		}
	}
	return true
}

// planAllocate fills scratch.lines and the result's lines. false: the command is refused as a whole.
func (e *Engine) planAllocate(c *Allocate, plans []PlannedLine, orderRow uint32, r *Result) bool {
	e.scratch.lines, e.scratch.takes = e.scratch.lines[:0], e.scratch.takes[:0]
	e.scratch.summed = len(c.Lines) > 1 || len(plans) > 0
	if e.scratch.summed {
		e.scratch.sums.Start(len(c.Lines))
	}
	if c.Backorder || len(plans) > 0 {
		e.scratch.room.start(len(c.Lines))
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
				// A firm order must not take a reservation that will end for its own.
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

// resolve finds the tag set that a line names, 0 if it is to be created.
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

// repeatLine answers what the item was allocated at first.
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
		case short > 0 && c.Backorder && !e.takePending(&stockTarget{record: p.record, key: p.key}, l.UPC, l.Location,
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

// planSource finds the line's record and segment and what of it is left to promise after the command's earlier lines.
func (e *Engine) planSource(c *Allocate, l *AllocateLine, p *linePlan) (available int64) {
	if p.record = e.findWarm(l.UPC, l.Location); p.record == 0 {
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

// unclaimed is what a segment has available for a line of the command, after the lines before it.
func (e *Engine) unclaimed(segment uint32) int64 {
	available := e.segments.At(segment).available()
	if e.scratch.summed {
		available -= *e.scratch.sums.At(segment)
	}
	return max(0, available)
}

// commitAllocate does a planned line. The order was touched.
func (e *Engine) commitAllocate(orderRow uint32, c *Allocate, i int) {
	l, p := &c.Lines[i], &e.scratch.lines[i]
	rec, w := e.begin(p.record)
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
	e.change(rec, &w, p.segment, delta{allocated: p.units, pending: p.pending})
	if p.pending > 0 {
		e.wait(e.segments.At(p.segment), lineRow)
	}
	e.moved(itemRow, MovementAllocated, id, p.units)
	e.moved(itemRow, MovementPending, id, p.pending)
	e.orders.At(orderRow).open++
	e.end(rec, &w)
}

// newItem creates the item of a planned line, or starts a spent one anew.
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

// MayHaveOrder reports whether an order is in memory, and sure to stay there while a command is on its way through the
// log. False: look the order up with AppendArchived under the mutex, and among the stored
// rows.
func (rd *Reader) MayHaveOrder(orderID string) bool {
	applied := rd.appliedIndex.Load()
	hash := mem.HashText(orderID)
	for row, p := rd.byOrderID.Probe(hash).Next(); row != 0; row, p = p.Next() {
		o := rd.orders.At(row)
		if atomic.LoadUint64(&o.hash) == hash && atomic.LoadUint64(&o.changed)+ClosedOrderEntries*9/10 > applied {
			return true
		}
	}
	return false
}
