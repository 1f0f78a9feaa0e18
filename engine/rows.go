package engine

import (
	"apportion/engine/mem"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
)

// stateVersion is the first byte of the meta row. A change of any row's form needs a new version.
//
// Version 3 has records that wait for a plan, and their events. Version 4 has jobs, details of locations, and blocked
// records. Version 5 has location groups and lost units. Version 6 has order items that are only known from a return,
// and reasons in jobs. Version 7 has webhooks, events with references, releases with a reason, the changes of records
// in their order, and deletions. Version 8 has what counts have named. A new version only adds: the older forms stay as
// they are.
const (
	stateVersion       = 8
	stateVersionOldest = 2
)

// The rows of the state. The key of a row has its number in the slab, so that references between rows, and the choice
// of free rows, are the same after a restart.

// appendRecord encodes a record with its segments and deliveries, or nothing if the row is free.
func (e *Engine) appendRecord(b []byte, row uint32) []byte {
	return e.appendCounted(b, row, e.counts.of(e.records.At(row).location))
}

// appendCounted encodes a record with what the open count at its location, nil for none, knows of its segments.
func (e *Engine) appendCounted(b []byte, row uint32, count *stockCount) []byte {
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
		b = count.appendSegment(b, s)
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

// appendUnits encodes figures that are not negative.
func appendUnits(b []byte, units ...int64) []byte {
	for _, n := range units {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// loadRecord decodes a record into an empty row. No reader uses the engine yet.
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
		e.scratch.location = e.intern(&e.locations, location) // consecutive records often share a location
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
		if count := in.segmentCount(); count.known() {
			count.location, count.segmentRow = r.location, *at
			e.counts.stored = append(e.counts.stored, count)
			if count.index == 0 {
				e.changes.records.Add(row) // the row must not say it of a later count
			}
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

// units reads a figure that is not negative. The bound is far above all real figures, and sums stay below 2^63.
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

// appendOrder encodes an order with its items, or nothing if the row is free.
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
		b = append(b, byte(m.kind)|flagBit(m.reason != 0, storedReason))
		b = appendUnits(b, int64(m.tagSet), m.units, int64(m.index), m.timeMS)
		if m.reason != 0 {
			b = appendText(b, e.ordersText.Get(m.reason))
		}
	}
	return b
}

// storedItem is an order item as a row holds it. Its texts alias the row.
type storedItem struct {
	id, upc, location string
	item              item
	lines             []line
	moves             []storedMove
}

// storedMove is a movement as a row holds it.
type storedMove struct {
	movement
	text string // the reason
}

// storedReason is set in the kind of a movement that has a reason.
const storedReason = 1 << 7

const _ = uint8(storedReason - 1 - MovementLost)

// storedOrder is an order as a row holds it.
type storedOrder struct {
	id      string
	changed uint64
	items   []storedItem
}

// appendSegment encodes what a count, nil for none, knows of a segment: flags, index, base.
func (c *stockCount) appendSegment(b []byte, segmentRow uint32) []byte {
	if c == nil {
		return append(b, 0)
	}
	base, hasBase := c.bases[segmentRow]
	flags := flagBit(hasBase, storedBase) | flagBit(c.isNamed(segmentRow), storedNamed)
	if b = append(b, flags); flags != 0 {
		b = binary.AppendUvarint(b, c.index)
	}
	if hasBase {
		b = binary.AppendVarint(b, base) // negative if a count corrects by more than there was
	}
	return b
}

// The smallest encodings of a delivery, a segment, an item, a line and a movement, in bytes.
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
	s.moves = make([]storedMove, in.count(storedMoveBytesMin))
	for i := range s.moves {
		kind := in.byte()
		s.moves[i].movement = movement{kind: MovementKind(kind &^ storedReason), tagSet: readTagSet(in),
			units: in.units(), index: uint64(in.units()), timeMS: in.units()}
		if kind&storedReason != 0 {
			s.moves[i].text = in.name()
		}
	}
}

// check finds what is wrong with a decoded order.
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

// loadOrder fills an order's row from its stored form. Finish queues its lines with pending units.
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
			m.reason = e.ordersText.Add(m.text)
			*e.addMove(itemRow) = m.movement
		}
		if it.expiresMS > e.nowMS.Load() {
			e.expiries.Push(mem.Due{AtMS: it.expiresMS, Seq: it.seq, Row: itemRow}, e.expires)
		}
		if e.isOpen(it) {
			e.orders.At(row).open++
		}
	}
}

// setChanged sets the index of an order's last change, which MayHaveOrder reads.
func (e *Engine) setChanged(row uint32, index uint64) {
	atomic.StoreUint64(&e.orders.At(row).changed, index)
}

// The rows of the rules. The first one, whose key is the table alone, has the activations and the last numbers given.
// Then each version of each rule has a row, with the rule's name and the version as its key. A version never changes,
// so a checkpoint writes only the versions that the last one did not have.

func versionKey(rule string, version uint32) []byte {
	key := append([]byte{ruleTable}, rule...)
	return binary.BigEndian.AppendUint32(append(key, 0), version) // no name contains a zero byte
}

func (v *RuleVersion) appendRow(b []byte) []byte {
	b = appendText(b, v.Source)
	b = appendText(b, v.Hash)
	b = appendText(b, v.Author)
	b = binary.AppendUvarint(b, uint64(len(v.Hooks)))
	for _, h := range v.Hooks {
		b = append(b, byte(h))
	}
	return appendUnits(b, int64(v.Index), v.TimeMS)
}

func (s *RuleSet) appendRow(b []byte) []byte {
	b = appendUnits(b, int64(s.index), int64(s.sequence), int64(s.lastID))
	b = binary.AppendUvarint(b, uint64(len(s.rules)))
	for i := range s.rules {
		b = appendText(b, s.rules[i].Name)
		b = binary.AppendUvarint(b, uint64(s.rules[i].last))
	}
	b = binary.AppendUvarint(b, uint64(len(s.active)))
	for _, a := range s.active {
		b = appendUnits(b, int64(a.ID), int64(a.Version), int64(a.Hook), int64(a.OnError), int64(a.FailuresMax),
			int64(a.Index), a.TimeMS)
		b = appendText(b, a.Rule)
		b = appendText(b, a.Author)
		b = append(b, flagBit(a.Suspended, 1))
		b = appendText(b, a.Reason)
		b = appendRuleScope(b, &a.Scope)
	}
	return b
}

// ruleRows gives the changes that turn the rows of was into those of s, keys ascending.
func (s *RuleSet) ruleRows(was *RuleSet, row func(op RowOp, key, value []byte)) {
	if s == was {
		return
	}
	row(RowSet, []byte{ruleTable}, s.appendRow(nil))
	type change struct {
		key     []byte
		version *RuleVersion // nil: deleted
	}
	var all []change
	for i := range s.rules {
		for _, v := range s.rules[i].Versions {
			if old, ok := was.version(s.rules[i].Name, v.Version); !ok || old != v {
				all = append(all, change{versionKey(s.rules[i].Name, v.Version), v})
			}
		}
	}
	for i := range was.rules {
		for _, v := range was.rules[i].Versions {
			if _, ok := s.version(was.rules[i].Name, v.Version); !ok {
				all = append(all, change{versionKey(was.rules[i].Name, v.Version), nil})
			}
		}
	}
	slices.SortFunc(all, func(a, b change) int { return slices.Compare(a.key, b.key) })
	for _, c := range all {
		if c.version == nil {
			row(RowDelete, c.key, nil)
		} else {
			row(RowSet, c.key, c.version.appendRow(nil))
		}
	}
}

// version finds this version of a rule.
func (s *RuleSet) version(rule string, version uint32) (*RuleVersion, bool) {
	r, ok := s.Rule(rule)
	if !ok || version == 0 {
		return nil, false
	}
	return r.Version(version)
}

// loadRules reads the row of the activations, which comes before those of the versions.
func (e *Engine) loadRules(b []byte) error {
	in := reader{b: append([]byte(nil), b...)} // the rules keep the texts
	s := &RuleSet{index: uint64(in.units()), sequence: uint64(in.units()), lastID: uint64(in.units())}
	s.rules = make([]Rule, in.count(2))
	for i := range s.rules {
		s.rules[i] = Rule{Name: in.text(), last: in.uint32()}
	}
	s.active = make([]*Activation, in.count(storedActivationBytesMin))
	for i := range s.active {
		a := &Activation{ID: uint64(in.units()), Version: in.uint32(), Hook: RuleHook(in.uint32()),
			OnError:     RuleFallback(in.uint32()),
			FailuresMax: in.uint32(), Index: uint64(in.units()), TimeMS: in.units(), Rule: in.text(), Author: in.text(),
			Suspended: in.flags(1) == 1, Reason: in.text()}
		a.Scope = in.ruleScope()
		s.active[i] = a
	}
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	for _, a := range s.active {
		if a.Hook < HookSelect || a.Hook > HookRedistribute {
			return corrupt("an activation for an unknown hook", 0)
		}
	}
	s.order()
	e.setRules(s)
	return nil
}

const storedActivationBytesMin = 13

func (r *reader) ruleScope() (s RuleScope) {
	for range r.count(textBytesMin) {
		s.Locations = append(s.Locations, r.text())
	}
	s.UPCPrefix = r.text()
	for range r.count(tagBytesMin) {
		s.Tags = append(s.Tags, Tag{Category: r.text(), Value: r.text()})
	}
	return s
}

// loadRuleVersion reads the row of a version.
func (e *Engine) loadRuleVersion(key, b []byte) error {
	name, number := key[:max(0, len(key)-5)], uint32(0)
	if len(name) > 0 {
		number = binary.BigEndian.Uint32(key[len(key)-4:])
	}
	in := reader{b: append([]byte(nil), b...)}
	v := &RuleVersion{Version: number, Source: in.text(), Hash: in.text(), Author: in.text()}
	for range in.count(1) {
		v.Hooks = append(v.Hooks, RuleHook(in.byte()))
	}
	v.Index, v.TimeMS = uint64(in.units()), in.units()
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	rule, ok := e.Rules().Rule(string(name))
	if !ok || number == 0 || number > rule.last {
		return fmt.Errorf("%w: a version of an unknown rule, key %x", ErrCorrupt, key)
	}
	rule.Versions = append(rule.Versions, v) // in place: nobody else reads the rules during the load
	return nil
}

// verifyRules checks that the activations name existing versions, and that no line has two rules of equal precedence.
func (e *Engine) verifyRules(report func(string)) {
	s := e.Rules()
	for i := range s.rules {
		last := uint32(0)
		for _, v := range s.rules[i].Versions {
			if v.Version <= last || v.Version > s.rules[i].last {
				report(fmt.Sprintf("rule %s has version %d after %d", s.rules[i].Name, v.Version, last))
			}
			last = v.Version
		}
	}
	for i, a := range s.active {
		if v, ok := s.version(a.Rule, a.Version); !ok || !slices.Contains(v.Hooks, a.Hook) {
			report(fmt.Sprintf("rule %s, version %d is active for %s and does not have it", a.Rule, a.Version, a.Hook))
		}
		for _, other := range s.active[:i] {
			if other.Hook == a.Hook && other.Scope.ties(&a.Scope) {
				report(fmt.Sprintf("rules %s and %s are both active for one scope", other.Rule, a.Rule))
			}
		}
	}
}
