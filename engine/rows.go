package engine

import (
	"apportion/engine/mem"
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// stateVersion is the first byte of the meta row. Any change of a row's form is a new version.
//
// Version 3 has records that wait for a plan, and their events, version 4 the jobs and what is known of locations, and
// records that are blocked, version 5 groups of locations, and units that were lost, version 6 order items that are
// only known because they came back, and reasons in jobs; what older versions say they say in the same way.
const (
	stateVersion       = 6
	stateVersionOldest = 2
)

// The rows of the durable form. A row's key says which row of its slab it is, so that references between rows and the
// choice of free rows are the same after a restart.

// appendRecord encodes a record with its segments and deliveries; nothing if the row is free.
func (e *Engine) appendRecord(b []byte, row uint32) []byte {
	return e.appendCounted(b, row, e.counts.bases)
}

// appendCounted encodes a record with the bases of its segments; they may be nil if there is no count at its location.
func (e *Engine) appendCounted(b []byte, row uint32, bases map[uint32]int64) []byte {
	r := e.records.At(row)
	if r.flags&recordLive == 0 {
		return b
	}
	b = appendText(b, e.text(r.upc))
	b = appendText(b, e.text(r.location))
	b = append(b, byte(r.flags))
	b = binary.AppendUvarint(b, r.version)
	b = appendUnits(b, r.onHand, r.allocated, r.pending, r.safety, r.floor, r.ltd)
	b = binary.AppendUvarint(b, uint64(r.segmentCount))
	for s := r.segments; s != 0; s = e.segments.At(s).next {
		seg := e.segments.At(s)
		b = binary.AppendUvarint(b, uint64(seg.tagSet))
		b = appendUnits(b, seg.onHand, seg.allocated, seg.pending, seg.safety, seg.floor, seg.ltd)
		base, counted := bases[s]
		b = append(b, flagBit(counted, storedCounted))
		if counted {
			b = binary.AppendVarint(b, base) // a count may correct more than there was: it can be below zero
		}
	}
	futures := uint64(0)
	for f := r.futures; f != 0; f = e.futures.At(f).next {
		futures++
	}
	b = binary.AppendUvarint(b, futures)
	for f := r.futures; f != 0; f = e.futures.At(f).next {
		ft := e.futures.At(f)
		b = binary.AppendUvarint(b, ft.seq)
		b = appendUnits(b, ft.dueMS, ft.quantity, int64(ft.tagSet))
		b = append(b, byte(ft.split))
	}
	return b
}

// appendUnits encodes figures that are never negative.
func appendUnits(b []byte, units ...int64) []byte {
	for _, n := range units {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// loadRecord decodes a record into an empty row. No reader looks at the engine yet.
func (e *Engine) loadRecord(row uint32, b []byte) error {
	in := reader{b: b}
	upc, location := in.name(), in.name()
	if in.fault != "" {
		return in.end(ErrCorrupt)
	}
	r := e.records.Place(row)
	*r = record{flags: uint32(in.flags(byte(recordLive | recordDue | recordPlanned | recordBlocked))),
		version: in.uvarint(), upc: e.intern(&e.upcs, upc)}
	if e.scratch.location == 0 || e.text(e.scratch.location) != location {
		e.scratch.location = e.intern(&e.locations, location) // records often come location by location
	}
	r.location = e.scratch.location
	r.upcText, r.locationText = e.names.At(r.upc).text, e.names.At(r.location).text
	r.onHand, r.allocated, r.pending, r.safety = in.units(), in.units(), in.units(), in.units()
	r.floor, r.ltd = in.units(), in.units()
	r.segmentCount = uint32(in.count(storedSegmentBytesMin))
	at := &r.segments
	var sum segment
	for range r.segmentCount {
		*at = e.segments.Add()
		seg := e.segments.At(*at)
		*seg = segment{tagSet: readTagSet(&in), onHand: in.units(), allocated: in.units(), pending: in.units(),
			safety: in.units(), floor: in.units(), ltd: in.units()}
		if in.flags(storedCounted) != 0 {
			e.counts.bases[*at] = in.varint()
		}
		sum.onHand += seg.onHand
		sum.allocated += seg.allocated
		sum.pending += seg.pending
		sum.safety += seg.safety
		at = &seg.next
	}
	if sum.onHand != r.onHand || sum.allocated != r.allocated || sum.pending != r.pending || sum.safety != r.safety {
		return corrupt("a record is not the sum of its segments", row)
	}
	for range in.count(storedFutureBytesMin) {
		e.linkFuture(r, future{seq: in.uvarint(), dueMS: in.units(), quantity: in.units(),
			tagSet: readTagSet(&in), split: uint32(in.flags(1)), record: row})
	}
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	if r.flags&recordLive == 0 {
		return corrupt("a stored record is not live", row)
	}
	if r.flags&recordPlanned != 0 {
		e.queuePlan(row, true)
	}
	e.stats.segments.Add(int64(r.segmentCount))
	e.linkRecord(row, mem.HashText2(upc, location))
	return nil
}

// units reads a figure that is never negative. No figure, time or index comes near the bound, and sums stay below 2^63.
func (r *reader) units() int64 {
	v := r.uvarint()
	if v >= 1<<56 {
		r.fail("figure too large")
		return 0
	}
	return int64(v)
}

// name reads a text that the engine keeps.
func (r *reader) name() string {
	b := r.bytes()
	if n := len(b); n == 0 || n > 64 || b[n-1] == 0 {
		r.fail("no text of 1 to 64 bytes")
		return ""
	}
	return aliasText(b)
}

// appendOrder encodes an order with its items; nothing if the row is free.
func (e *Engine) appendOrder(b []byte, row uint32) []byte {
	o := e.orders.At(row)
	if o.live == 0 {
		return b
	}
	b = appendText(b, e.ordersText.Get(o.id))
	b = binary.AppendUvarint(b, o.changed)
	b = binary.AppendUvarint(b, uint64(o.count))
	for i := o.items; i != 0; i = e.items.At(i).next {
		b = e.appendItem(b, e.items.At(i))
	}
	return b
}

func (e *Engine) appendItem(b []byte, it *item) []byte {
	b = appendText(b, e.ordersText.Get(it.id))
	b = appendText(b, e.text(it.upc))
	b = appendText(b, e.text(it.location))
	b = binary.AppendUvarint(b, it.seq)
	b = appendUnits(b, int64(it.tagSet), it.requested, it.expiresMS, int64(it.explanation))
	lines := uint64(0)
	for row := it.lines; row != 0; row = e.lines.At(row).next {
		lines++
	}
	b = binary.AppendUvarint(b, lines)
	for row := it.lines; row != 0; row = e.lines.At(row).next {
		l := e.lines.At(row)
		b = appendUnits(b, int64(l.tagSet), l.took, l.waited, l.allocated, l.pending, l.fulfilled, l.returned,
			l.released, l.before)
	}
	b = binary.AppendUvarint(b, uint64(it.moveCount))
	for row := it.moves; row != 0; row = e.moves.At(row).next {
		m := e.moves.At(row)
		b = append(b, byte(m.kind))
		b = appendUnits(b, int64(m.tagSet), m.units, int64(m.index), m.timeMS)
	}
	return b
}

// storedItem is an order item as a row holds it. Its texts alias the row.
type storedItem struct {
	id, upc, location string
	item              item
	lines             []line
	moves             []movement
}

// storedOrder is an order as a row holds it.
type storedOrder struct {
	id      string
	changed uint64
	items   []storedItem
}

// storedCounted reports whether a segment has a base for the open count at its location.
const storedCounted = 1

// bytes that a delivery, a segment, an item, a line and a movement have at least
const (
	storedFutureBytesMin  = 5
	storedSegmentBytesMin = 8
	storedItemBytesMin    = 10
	storedLineBytesMin    = 9
	storedMoveBytesMin    = 5
)

func readOrder(b []byte) (o storedOrder, err error) {
	in := reader{b: b}
	o.id = in.name()
	o.changed = in.uvarint()
	o.items = make([]storedItem, in.count(storedItemBytesMin))
	for i := range o.items {
		readItem(&in, &o.items[i])
	}
	if err := in.end(ErrCorrupt); err != nil {
		return o, err
	}
	return o, o.check()
}

func readItem(in *reader, s *storedItem) {
	s.id, s.upc, s.location = in.name(), in.name(), in.name()
	s.item = item{seq: in.uvarint(), tagSet: readTagSet(in), requested: in.units(), expiresMS: in.units(),
		explanation: uint64(in.units())}
	s.lines = make([]line, in.count(storedLineBytesMin))
	for i := range s.lines {
		s.lines[i] = line{tagSet: readTagSet(in), took: in.units(), waited: in.units(), allocated: in.units(),
			pending: in.units(), fulfilled: in.units(), returned: in.units(), released: in.units(), before: in.units()}
	}
	s.moves = make([]movement, in.count(storedMoveBytesMin))
	for i := range s.moves {
		s.moves[i] = movement{kind: MovementKind(in.byte()), tagSet: readTagSet(in), units: in.units(),
			index: uint64(in.units()), timeMS: in.units()}
	}
}

// check says what is wrong with an order that decoded.
func (o *storedOrder) check() error {
	seen := make(map[string]bool, len(o.items))
	for i := range o.items {
		s := &o.items[i]
		if seen[s.id] || s.item.seq == 0 || len(s.moves) > MovementsPerItemMax {
			return fmt.Errorf("%w: order %s, item %s", ErrCorrupt, o.id, s.id)
		}
		seen[s.id] = true
	}
	return nil
}

// loadOrder fills an order's row from its stored form. Lines with pending units do not wait yet.
func (e *Engine) loadOrder(row uint32, o *storedOrder) {
	e.fillOrder(row, o.id, mem.HashText(o.id))
	e.setChanged(row, o.changed)
	for i := range o.items {
		s := &o.items[i]
		itemRow := e.createItem(row, s.id)
		it := e.items.At(itemRow)
		it.upc, it.location = e.intern(&e.upcs, s.upc), e.intern(&e.locations, s.location)
		it.tagSet, it.requested, it.expiresMS, it.seq = s.item.tagSet, s.item.requested, s.item.expiresMS, s.item.seq
		it.explanation = s.item.explanation
		for _, l := range s.lines {
			_, ln := e.createLine(itemRow)
			l.item = ln.item
			*ln = l
		}
		for _, m := range s.moves {
			*e.addMove(itemRow) = m
		}
		if it.expiresMS > e.nowMS.Load() {
			e.expiries.Push(mem.Due{AtMS: it.expiresMS, Seq: it.seq, Row: itemRow}, e.expires)
		}
		if e.isOpen(it) {
			e.orders.At(row).open++
		}
	}
}

// setChanged sets the index of an order's last change, which MayHaveOrder looks at.
func (e *Engine) setChanged(row uint32, index uint64) {
	atomic.StoreUint64(&e.orders.At(row).changed, index)
}
