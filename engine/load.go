package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrCorrupt means that a stored row is not as a checkpoint wrote it. The engine must not answer from such a state.
var ErrCorrupt = errors.New("engine: stored state is corrupt")

func corrupt(what string, row uint32) error {
	return fmt.Errorf("%w: %s (row %d)", ErrCorrupt, what, row)
}

// meta is the row with the figures that have no row of their own.
type meta struct {
	index, nowMS, itemSeq, futureSeq, evicted uint64
	logs                                      [keptLogs]entrySpan
	changes                                   changeOrder
}

// metaLogs is the order of the logs in the row. One came with version 4, and the last one with version 7.
var metaLogs = [keptLogs]keptLogID{eventLog, resultLog, explanationLog, jobLog, deletionLog}

// fields gives the figures in the order of the row of a version.
func (m *meta) fields(version byte) []*uint64 {
	fields := []*uint64{&m.index, &m.nowMS, &m.itemSeq, &m.futureSeq, &m.evicted}
	logs := len(metaLogs)
	switch {
	case version <= 3:
		logs -= 2
	case version <= 6:
		logs--
	}
	for _, id := range metaLogs[:logs] {
		fields = append(fields, &m.logs[id].first, &m.logs[id].next)
	}
	if version >= 7 {
		fields = append(fields, &m.changes.seq, &m.changes.base, &m.changes.known)
	}
	return fields
}

func (e *Engine) appendMeta(b []byte) []byte {
	m := meta{
		index: e.appliedIndex.Load(), nowMS: uint64(e.nowMS.Load()), itemSeq: e.itemSeq, futureSeq: e.futureSeq,
		evicted: uint64(e.stats.evicted.Load()), changes: e.changed.changeOrder,
	}
	for id := range e.logs {
		m.logs[id] = e.logs[id].span()
	}
	b = append(b, stateVersion)
	for _, field := range m.fields(stateVersion) {
		b = binary.AppendUvarint(b, *field)
	}
	b = binary.AppendUvarint(b, uint64(len(e.counts.open)))
	for _, c := range e.counts.open {
		b = appendText(b, e.text(c.location))
		b = appendText(b, c.name)
		b = appendUnits(b, c.startedMS, int64(c.index))
		b = append(b, flagBit(c.notes, 1))
	}
	return b
}

func (e *Engine) loadMeta(b []byte) (m meta, err error) {
	in := reader{b: b}
	version := in.byte()
	if version < stateVersionOldest || version > stateVersion {
		return m, checkVersion(version, stateVersion, ErrCorrupt)
	}
	m.logs[jobLog], m.logs[deletionLog] = entrySpan{1, 1}, entrySpan{1, 1} // as New has them
	for _, field := range m.fields(version) {
		*field = uint64(in.units())
	}
	for range in.count(4) {
		location, name := in.name(), in.name()
		if in.fault != "" {
			break
		}
		count := &stockCount{location: e.intern(&e.locations, location), name: string([]byte(name)),
			startedMS: in.units(), index: uint64(in.units())}
		if version >= 8 {
			count.notes = in.flags(1) == 1
		}
		e.counts.open = append(e.counts.open, count)
	}
	if err := in.end(ErrCorrupt); err != nil {
		return m, err
	}
	e.appliedIndex.Store(m.index)
	e.nowMS.Store(int64(m.nowMS))
	e.itemSeq, e.futureSeq = m.itemSeq, m.futureSeq
	e.stats.evicted.Store(int64(m.evicted))
	e.changed.changeOrder = m.changes
	return m, nil
}

func (e *Engine) appendSchema(b []byte) []byte {
	s := e.Schema()
	b = binary.AppendUvarint(b, s.index)
	b = binary.AppendUvarint(b, uint64(len(s.categories)))
	for i := range s.categories {
		c := &s.categories[i]
		b = appendText(b, c.Name)
		b = append(b, byte(c.Rounding))
		b = appendTexts(b, c.names)
		b = binary.AppendUvarint(b, uint64(len(c.Values)))
		for j, v := range c.Values {
			b = binary.AppendUvarint(b, uint64(c.ids[j]))
			b = append(b, flagBit(v.Default, 1))
			b = appendUnits(b, int64(v.Percent)+1, v.Min, v.Max+1)
		}
	}
	sets := max(s.sets.Used(), 1)
	b = binary.AppendUvarint(b, uint64(sets-1))
	for row := uint32(1); row < sets; row++ {
		set := s.sets.At(row)
		b = binary.AppendUvarint(b, uint64(set.alias))
		for i := range s.categories {
			b = binary.AppendUvarint(b, uint64(set.key.at(i)))
		}
	}
	return b
}

func (e *Engine) loadSchema(b []byte) error {
	s, err := DecodeSchema(b)
	if err == nil {
		e.schema.Store(s)
	}
	return err
}

// DecodeSchema reads the stored form of a schema, as rows of the same log index name its tag sets.
func DecodeSchema(b []byte) (*Schema, error) {
	in := reader{b: append([]byte(nil), b...)} // the schema keeps the texts
	s := &Schema{index: in.uvarint()}
	s.categories = make([]Category, in.count(1))
	if len(s.categories) > CategoriesMax {
		return nil, corrupt("too many categories", 0)
	}
	for i := range s.categories {
		if err := loadCategory(&in, &s.categories[i]); err != nil {
			return nil, err
		}
	}
	for n, of := 1, in.count(1); n <= of; n++ {
		set := tagSet{alias: readTagSet(&in)}
		if int(set.alias) == n || int(set.alias) > of {
			return nil, corrupt("a tag set stands for itself or for none", uint32(n))
		}
		for i := range s.categories {
			id := in.uvarint()
			if id >= uint64(len(s.categories[i].names)) {
				return nil, corrupt("a tag set has an unknown value", uint32(n))
			}
			set.key = set.key.with(i, uint16(id))
		}
		s.put(s.sets.Add(), set)
	}
	if err := in.end(ErrCorrupt); err != nil {
		return nil, err
	}
	if code, field, value := s.check(); code != CodeOK {
		return nil, corrupt("the schema is past its limits: "+field+" "+value, 0)
	}
	return s, nil
}

func loadCategory(in *reader, c *Category) error {
	c.Name = in.text()
	c.Rounding = Rounding(in.flags(1))
	c.names = make([]string, in.count(1))
	for i := range c.names {
		c.names[i] = in.text()
	}
	c.Values = make([]Value, in.count(5))
	c.ids = make([]uint16, len(c.Values))
	for i := range c.Values {
		id := in.uvarint()
		if id >= uint64(len(c.names)) {
			return corrupt("a category has a value without a name", 0)
		}
		c.ids[i] = uint16(id)
		isDefault, percent := in.flags(1) == 1, in.units()
		if percent > percentWhole+1 {
			return corrupt("a percent above 100", 0)
		}
		c.Values[i] = Value{Name: c.names[id], Default: isDefault, Percent: int32(percent - 1), Min: in.units(),
			Max: in.units() - 1}
	}
	if len(c.Values) == 0 {
		return corrupt("a category has no values", 0)
	}
	c.index()
	return nil
}

// Loader fills an empty engine from the rows of checkpoints. Only one goroutine may use it, and nobody may use the
// engine before Finish.
type Loader struct {
	e    *Engine
	meta *meta
}

// BeginLoad prepares an empty engine for its rows.
func (e *Engine) BeginLoad() *Loader {
	assert(e.AppliedIndex() == 0 && e.records.Used() == 0, "rows are loaded into an engine that is not empty")
	e.loading = true
	return &Loader{e: e}
}

// Row takes a stored row. The keys of a table must ascend. Errors wrap ErrCorrupt or ErrNewerVersion.
func (l *Loader) Row(key, value []byte) error {
	if len(key) == 0 {
		return corrupt("a row without a key", 0)
	}
	switch table, rest := key[0], key[1:]; {
	case table == ArchivedTable:
		return nil
	case table == metaTable && len(rest) == 0:
		m, err := l.e.loadMeta(value)
		l.meta = &m
		return err
	case table == schemaTable && len(rest) == 0:
		return l.e.loadSchema(value)
	case table == placeTable && len(rest) == 0:
		return l.e.readDetailsRow(value)
	case table == groupTable && len(rest) == 0:
		return l.e.readLocationGroupsRow(value)
	case table == hookTable && len(rest) == 0:
		return l.e.readWebhooksRow(value)
	case table == recordTable && len(rest) == 4:
		return l.e.loadRecord(binary.BigEndian.Uint32(rest), value)
	case table == orderTable && len(rest) == 4:
		return l.order(binary.BigEndian.Uint32(rest), value)
	case table == ruleTable && len(rest) == 0:
		return l.e.loadRules(value)
	case table == ruleTable:
		return l.e.loadRuleVersion(rest, value)
	case len(rest) == 8:
		if id, ok := keptLogOf(table); ok {
			return l.e.loadEntry(id, binary.BigEndian.Uint64(rest), value)
		}
	}
	return fmt.Errorf("%w: a row of an unknown table, key %x", ErrCorrupt, key)
}

func (l *Loader) order(row uint32, value []byte) error {
	o, err := readOrder(value)
	if err != nil {
		return err
	}
	l.e.orders.Place(row)
	l.e.loadOrder(row, &o)
	return nil
}

// Finish derives what the rows do not hold and checks that the rows agree. The engine is then at the stored index.
func (l *Loader) Finish() error {
	e := l.e
	if l.meta == nil {
		if e.records.Used()|e.orders.Used() != 0 {
			return corrupt("rows without the meta row", 0)
		}
		e.listLoaded()
		return nil
	}
	if err := l.finishLogs(); err != nil {
		return err
	}
	e.records.FreeGaps(func(r *record) bool { return r.flags&recordLive != 0 })
	e.orders.FreeGaps(func(o *order) bool { return o.live == 1 })
	e.changes.rules = e.Rules()
	e.counts.finishLoad()
	e.listLoaded()
	if err := e.orderLoaded(); err != nil {
		return err
	}
	l.finishOrders()
	if err := l.checkTagSets(); err != nil {
		return err
	}
	return l.finishWaiting()
}

// finishLogs checks that no entry is missing at the ends of the kept logs.
func (l *Loader) finishLogs() error {
	for id := range l.e.logs {
		kept, want := &l.e.logs[id], l.meta.logs[id]
		if kept.Len() == 0 {
			kept.Start(want.next)
		}
		if kept.span() != want {
			return fmt.Errorf("%w: entries %d to %d where %d to %d belong", ErrCorrupt, kept.First(), kept.Next(),
				want.first, want.next)
		}
		kept.saved = want
		l.e.stats.kept[id].Store(int64(kept.Len()))
	}
	l.e.lastEvent.Store(l.e.logs[eventLog].Next() - 1)
	return nil
}

// checkTagSets checks that the schema knows every tag set that rows refer to.
func (l *Loader) checkTagSets() error {
	e := l.e
	last := max(e.Schema().sets.Used(), 1) - 1
	for row := uint32(1); row < e.segments.Used(); row++ {
		if id := uint32(e.segments.At(row).tagSet); id == 0 || id > last {
			return corrupt("a segment of an unknown tag set", row)
		}
	}
	for row := uint32(1); row < e.lines.Used(); row++ {
		if id := uint32(e.lines.At(row).tagSet); id == 0 || id > last {
			return corrupt("an allocation line of an unknown tag set", row)
		}
	}
	for row := uint32(1); row < e.futures.Used(); row++ {
		if id := uint32(e.futures.At(row).tagSet); id == 0 || id > last {
			return corrupt("a delivery of an unknown tag set", row)
		}
	}
	return nil
}

// finishOrders puts the orders in the order of their last change, and queues the closed ones to leave memory.
func (l *Loader) finishOrders() {
	e := l.e
	var orders []closedOrder
	for row := uint32(1); row < e.orders.Used(); row++ {
		if o := e.orders.At(row); o.live == 1 {
			orders = append(orders, closedOrder{row: row, changed: o.changed})
		}
	}
	slices.SortFunc(orders, func(a, b closedOrder) int {
		return cmp.Or(cmp.Compare(a.changed, b.changed), cmp.Compare(a.row, b.row))
	})
	for _, c := range orders {
		e.recent.Touch(c.row, c.changed)
		if e.orders.At(c.row).open == 0 {
			e.closed.Push(c, e.isClosed)
		}
	}
}

// finishWaiting queues the lines with pending units at their segments, the oldest order item first. It checks that the
// order items hold what the segments have promised.
func (l *Loader) finishWaiting() error {
	e := l.e
	var waiting []uint32
	for row := uint32(1); row < e.lines.Used(); row++ {
		if e.lines.At(row).pending > 0 {
			waiting = append(waiting, row)
		}
	}
	slices.SortFunc(waiting, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(e.lineSeq(a), e.lineSeq(b)), cmp.Compare(a, b))
	})
	for _, row := range waiting {
		ln := e.lines.At(row)
		rec := e.recordOf(e.items.At(ln.item))
		if rec == 0 {
			return corrupt("pending units without a record", row)
		}
		seg := e.findSegment(e.records.At(rec), e.Schema().canonical(ln.tagSet))
		if seg == 0 {
			return corrupt("pending units without a segment", row)
		}
		e.queuePending(e.segments.At(seg), row)
	}
	return l.checkPromises()
}

// checkPromises checks that the order items hold what the segments have promised. Row has checked that each record is
// the sum of its segments.
func (l *Loader) checkPromises() (problem error) {
	e := l.e
	report := func(what string) {
		if problem == nil {
			problem = fmt.Errorf("%w: %s", ErrCorrupt, what)
		}
	}
	promised := make([]promise, e.segments.Used())
	e.verifyOrders(promised, report)
	for row := uint32(1); row < e.segments.Used(); row++ {
		seg := e.segments.At(row)
		if p := promised[row]; p.allocated != seg.allocated || p.pending != seg.pending {
			report(fmt.Sprintf("a segment has %d allocated and %d pending units, order items hold %d and %d of it",
				seg.allocated, seg.pending, p.allocated, p.pending))
		}
	}
	return problem
}

// The tables of a copy of the state in rows that others read.
const (
	EventTable  = eventTable
	OrderTable  = orderTable
	RecordTable = recordTable
	SchemaTable = schemaTable
)

// DecodeRecord reads the stored form of a record. The view's texts are copies; its tag sets are those of the schema of
// the same log index.
func DecodeRecord(b []byte, v *RecordView) error {
	in := reader{b: b}
	*v = RecordView{UPC: strings.Clone(in.name()), Location: v.Location, Segments: v.Segments[:0], Future: v.Future[:0]}
	if location := in.name(); location != v.Location { // records often come location by location
		v.Location = strings.Clone(location)
	}
	flags := uint32(in.flags(byte(recordLive | recordDue | recordPlanned | recordBlocked)))
	v.Due, v.Planned, v.Blocked = flags&recordDue != 0, flags&recordPlanned != 0, flags&recordBlocked != 0
	v.Version = in.uvarint()
	v.OnHand, v.Allocated, v.Pending, v.SafetyStock = in.units(), in.units(), in.units(), in.units()
	v.Floor, v.LTD = in.units(), in.units()
	for range in.count(storedSegmentBytesMin) {
		v.Segments = append(v.Segments, SegmentView{TagSet: readTagSet(&in), OnHand: in.units(),
			Allocated: in.units(), Pending: in.units(), SafetyStock: in.units(), Floor: in.units(), LTD: in.units()})
		in.segmentCount()
	}
	for range in.count(storedFutureBytesMin) {
		v.Future = append(v.Future, FutureView{ID: in.uvarint(), DeliveryDateMS: in.units(), Quantity: in.units(),
			TagSet: readTagSet(&in), Split: in.flags(1) == 1})
	}
	return in.end(ErrCorrupt)
}

// DecodeEvent reads the stored form of an event. Its texts alias the row.
func DecodeEvent(number uint64, b []byte) (Event, error) {
	ev, err := readEvent(b)
	ev.ID = EventID(number)
	return ev, err
}
