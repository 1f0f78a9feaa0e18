package engine

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// The tables of the durable form: the first byte of each row's key, in the order in which a checkpoint gives them.
const (
	// ArchivedTable holds closed orders that have left memory, by order id. Loader does not need these rows.
	ArchivedTable byte = 'a'

	eventTable  byte = 'e' // by number
	groupTable  byte = 'g' // one row
	jobTable    byte = 'j' // by number
	metaTable   byte = 'm' // one row
	orderTable  byte = 'o' // by row number
	placeTable  byte = 'p' // one row
	recordTable byte = 'r' // by row number
	schemaTable byte = 's' // one row
	resultTable byte = 't' // by number
	ruleTable   byte = 'u' // one row, then by rule and version

	explanationTable byte = 'x' // by number
)

// changes is what a checkpoint would have to write.
type changes struct {
	records bitset
	orders  bitset
	schema  bool
	places  bool
	groups  bool
	rules   *RuleSet // that the last freeze has seen

	events, results, explanations, jobs ringChanges

	frozen *Checkpoint

	// spare is the memory of sets that are done with. At a million rows a set is 31 pages, which Apply would wait for.
	spare [][]uint64
}

// take gives an empty set for as many rows as the other one.
func (ch *changes) take(like *bitset) bitset {
	for i, words := range ch.spare {
		if cap(words) >= len(like.words) {
			ch.spare = slices.Delete(ch.spare, i, i+1)
			return bitset{words: words[:len(like.words)]}
		}
	}
	return bitset{words: make([]uint64, len(like.words))}
}

// giveBack takes the memory of a set.
func (ch *changes) giveBack(sets ...*bitset) {
	for _, b := range sets {
		if words := b.words[:cap(b.words)]; len(words) > 0 && len(ch.spare) < spareSetsMax {
			clear(words)
			ch.spare = append(ch.spare, words)
		}
		*b = bitset{}
	}
}

// spareSetsMax is the sets that a checkpoint uses.
const spareSetsMax = 4

// ringChanges says what of a ring the last freeze has seen.
type ringChanges struct{ first, next uint64 }

// Checkpoint is the rows that changed since the last one, as they were at its freeze: a record that Apply changes before
// Next has come to it is encoded first. All methods but Prepare need the mutex under which Apply is called.
type Checkpoint struct {
	e     *Engine
	index uint64

	meta, schema    []byte
	places, groups  []byte
	groupsChanged   bool // also when there are none any more
	rules, rulesWas *RuleSet
	records, orders frozenRows
	events, results frozenRing
	explanations    frozenRing
	jobs            frozenRing
	archived        *archivedRows
	prepared        bool
	toArchive       []uint64 // entries of archived, by order id

	stage int
	early int64 // rows that Apply had to encode
	buf   []byte
	key   []byte
}

// frozenRows is the changed rows of one slab.
type frozenRows struct {
	rows bitset
	next uint32 // rows below are done

	// early holds the rows that were encoded ahead of their turn, kept says which: entries of stored, by row.
	kept   bitset
	early  map[uint32]uint64
	stored ring
}

// frozenRing is what a ring has got and forgotten since the last freeze.
type frozenRing struct {
	from, first uint64 // entries to delete: [from, first)
	deleted     bool
	begin, end  uint64 // entries to write
	next        uint64 // entries below are written
	early       [][]byte
}

// touchRecord must come before a change of a record, its segments or its deliveries.
func (e *Engine) touchRecord(row uint32) {
	if c := e.changes.frozen; c != nil && c.records.pending(row) {
		c.buf = e.appendRecord(c.buf[:0], row)
		c.records.keep(row, c.buf)
		c.early++
	}
	e.changes.records.add(row)
}

// touchOrder must come before a change of an order or its items.
func (e *Engine) touchOrder(row uint32) {
	if c := e.changes.frozen; c != nil && c.orders.pending(row) {
		c.buf = e.appendOrder(c.buf[:0], row)
		c.orders.keep(row, c.buf)
		c.early++
	}
	e.changes.orders.add(row)
	e.setChanged(row, e.appliedIndex.Load())
}

// pending says that the checkpoint has still to encode the row.
func (f *frozenRows) pending(row uint32) bool {
	return row >= f.next && f.rows.has(row) && !f.kept.has(row)
}

func (f *frozenRows) keep(row uint32, encoded []byte) {
	if f.early == nil {
		f.early = make(map[uint32]uint64)
	}
	f.early[row] = f.stored.add(encoded)
	f.kept.add(row)
}

// keep copies a ring's oldest entry before it is forgotten, if the checkpoint has still to write it.
func (f *frozenRing) keep(r *ring) {
	if oldest := r.first; oldest >= f.next && oldest < f.end && oldest == f.next+uint64(len(f.early)) {
		f.early = append(f.early, bytes.Clone(r.get(oldest)))
	}
}

// DirtyRows is the number of rows that the next checkpoint would write, about. The caller holds the mutex.
func (e *Engine) DirtyRows() int {
	c := &e.changes
	return c.records.n + c.orders.n + e.archivedNow.Load().len() +
		int(e.events.ring.next-max(c.events.next, e.events.ring.first)) +
		int(e.results.ring.next-max(c.results.next, e.results.ring.first)) +
		int(e.explanations.ring.next-max(c.explanations.next, e.explanations.ring.first)) +
		int(e.jobs.ring.next-max(c.jobs.next, e.jobs.ring.first))
}

// Freeze begins a checkpoint of the state as it is. It takes time for the schema and the open counts, and none for rows.
// Done or Abort must end it before the next one begins.
func (e *Engine) Freeze() *Checkpoint {
	ch := &e.changes
	assert(ch.frozen == nil, "a checkpoint is frozen while another one is open")
	c := &Checkpoint{e: e, index: e.appliedIndex.Load(), meta: e.appendMeta(nil), archived: e.archivedNow.Load()}
	if ch.schema {
		c.schema = e.appendSchema(nil)
	}
	if ch.places {
		c.places = e.appendPlaces(nil)
	}
	if ch.groups {
		c.groups, c.groupsChanged = e.appendGroups(nil), true
	}
	c.records.rows, ch.records = ch.records, ch.take(&ch.records)
	c.orders.rows, ch.orders = ch.orders, ch.take(&ch.orders)
	c.records.kept, c.orders.kept = ch.take(&c.records.rows), ch.take(&c.orders.rows)
	c.events = ch.events.freeze(&e.events.ring)
	c.results = ch.results.freeze(&e.results.ring)
	c.explanations = ch.explanations.freeze(&e.explanations.ring)
	c.jobs = ch.jobs.freeze(&e.jobs.ring)
	e.archivedWas.Store(c.archived) // before archivedNow, so that a reader finds an order in one of them
	e.archivedNow.Store(newArchivedRows())
	c.rules, c.rulesWas = e.Rules(), ch.rules
	ch.schema, ch.places, ch.groups, ch.rules, ch.frozen = false, false, false, c.rules, c
	return c
}

func (rc *ringChanges) freeze(r *ring) frozenRing {
	f := frozenRing{from: rc.first, first: r.first, begin: max(rc.next, r.first), end: r.next}
	f.next = f.begin
	rc.first, rc.next = r.first, r.next
	return f
}

// Index is the log index that the checkpoint shows.
func (c *Checkpoint) Index() uint64 { return c.index }

// EarlyRows is the number of rows that Apply had to encode because it was about to change them.
func (c *Checkpoint) EarlyRows() int64 { return c.early }

// Done ends a checkpoint whose rows are all durable.
func (c *Checkpoint) Done() {
	assert(c.e.changes.frozen == c, "a checkpoint ended twice")
	c.e.changes.frozen = nil
	c.e.changes.giveBack(&c.records.rows, &c.records.kept, &c.orders.rows, &c.orders.kept)
	c.e.archivedWas.Store(nil)
}

// Prepare sorts what can be sorted ahead. It may run without the mutex, and should, before the first Next.
func (c *Checkpoint) Prepare() {
	if !c.prepared {
		c.toArchive, c.prepared = c.archived.sorted(), true
	}
}

// Abort ends a checkpoint that did not become durable: its rows count as changed again.
func (c *Checkpoint) Abort() {
	now := c.e.archivedNow.Load()
	for n := c.archived.entries.first; n < c.archived.entries.next; n++ {
		if id, row := c.archived.get(n); c.archived.find(id) == n && now.find(id) == 0 {
			now.set(id, row)
		}
	}
	ch := &c.e.changes
	c.records.rows.each(0, func(row uint32) bool { ch.records.add(row); return true })
	c.orders.rows.each(0, func(row uint32) bool { ch.orders.add(row); return true })
	c.Done()
	ch.schema = ch.schema || c.schema != nil
	ch.places = ch.places || c.places != nil
	ch.groups = ch.groups || c.groupsChanged
	ch.rules = c.rulesWas
	ch.events = ringChanges{first: c.events.from, next: c.events.begin}
	ch.results = ringChanges{first: c.results.from, next: c.results.begin}
	ch.explanations = ringChanges{first: c.explanations.from, next: c.explanations.begin}
	ch.jobs = ringChanges{first: c.jobs.from, next: c.jobs.begin}
}

// each calls do for the rows of the set from one on, in order, until it says no.
func (b *bitset) each(from uint32, do func(row uint32) bool) {
	for w := int(from / 64); w < len(b.words); w++ {
		word := b.words[w]
		if w == int(from/64) {
			word &= ^uint64(0) << (from % 64)
		}
		for ; word != 0; word &= word - 1 {
			if !do(uint32(w*64 + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}

// Next appends the next rows of the checkpoint, about bytesMax bytes of them; over all calls their keys ascend. False: that
// was the last.
func (c *Checkpoint) Next(rows *Rows, bytesMax int) bool {
	stages := [...]func(*Rows, int) bool{
		c.nextArchived, c.nextEvents, c.nextGroups, c.nextJobs, c.nextMeta, c.nextOrders, c.nextPlaces, c.nextRecords, c.nextSchema,
		c.nextResults, c.nextRules, c.nextExplanations,
	}
	bytesEnd := rows.Bytes() + max(bytesMax, 1)
	for c.stage < len(stages) && rows.Bytes() < bytesEnd {
		if !stages[c.stage](rows, bytesEnd) {
			c.stage++
		}
	}
	return c.stage < len(stages)
}

func (c *Checkpoint) nextArchived(rows *Rows, bytesEnd int) bool {
	c.Prepare()
	for len(c.toArchive) > 0 && rows.Bytes() < bytesEnd {
		id, row := c.archived.get(c.toArchive[0])
		c.buf = ArchivedKey(c.buf[:0], id)
		op := RowSet
		if len(row) == 0 {
			op = RowDelete
		}
		rows.add(op, c.buf, row)
		c.toArchive = c.toArchive[1:]
	}
	return len(c.toArchive) > 0
}

func (c *Checkpoint) nextEvents(rows *Rows, bytesEnd int) bool {
	return c.nextOfRing(&c.events, eventTable, &c.e.events.ring, rows, bytesEnd)
}

func (c *Checkpoint) nextResults(rows *Rows, bytesEnd int) bool {
	return c.nextOfRing(&c.results, resultTable, &c.e.results.ring, rows, bytesEnd)
}

func (c *Checkpoint) nextExplanations(rows *Rows, bytesEnd int) bool {
	return c.nextOfRing(&c.explanations, explanationTable, &c.e.explanations.ring, rows, bytesEnd)
}

func (c *Checkpoint) nextJobs(rows *Rows, bytesEnd int) bool {
	return c.nextOfRing(&c.jobs, jobTable, &c.e.jobs.ring, rows, bytesEnd)
}

func (c *Checkpoint) nextOfRing(f *frozenRing, table byte, r *ring, rows *Rows, bytesEnd int) bool {
	if f.from < f.first && !f.deleted {
		rows.add(RowDeleteRange, numberKey(table, f.from), numberKey(table, f.first))
		f.deleted = true
	}
	for f.next < f.end && rows.Bytes() < bytesEnd {
		c.key = appendNumberKey(c.key[:0], table, f.next)
		if len(f.early) > 0 {
			rows.add(RowSet, c.key, f.early[0])
			f.early = f.early[1:]
		} else {
			rows.add(RowSet, c.key, r.get(f.next))
		}
		f.next++
	}
	return f.next < f.end
}

func (c *Checkpoint) nextMeta(rows *Rows, _ int) bool {
	rows.add(RowSet, []byte{metaTable}, c.meta)
	return false
}

func (c *Checkpoint) nextSchema(rows *Rows, _ int) bool {
	if c.schema != nil {
		rows.add(RowSet, []byte{schemaTable}, c.schema)
	}
	return false
}

func (c *Checkpoint) nextPlaces(rows *Rows, _ int) bool {
	if c.places != nil {
		rows.add(RowSet, []byte{placeTable}, c.places)
	}
	return false
}

func (c *Checkpoint) nextGroups(rows *Rows, _ int) bool {
	switch {
	case len(c.groups) > 0:
		rows.add(RowSet, []byte{groupTable}, c.groups)
	case c.groupsChanged:
		rows.add(RowDelete, []byte{groupTable}, nil)
	}
	return false
}

func (c *Checkpoint) nextRules(rows *Rows, _ int) bool {
	c.rules.ruleRows(c.rulesWas, rows.add)
	return false
}

func (c *Checkpoint) nextOrders(rows *Rows, bytesEnd int) bool {
	return c.nextOfSlab(&c.orders, orderTable, c.e.appendOrder, rows, bytesEnd)
}

func (c *Checkpoint) nextRecords(rows *Rows, bytesEnd int) bool {
	return c.nextOfSlab(&c.records, recordTable, c.e.appendRecord, rows, bytesEnd)
}

func (c *Checkpoint) nextOfSlab(f *frozenRows, table byte, encode func([]byte, uint32) []byte, rows *Rows, bytesEnd int) bool {
	more := false
	f.rows.each(f.next, func(row uint32) bool {
		if rows.Bytes() >= bytesEnd {
			more = true
			return false
		}
		var encoded []byte
		if f.kept.has(row) {
			encoded = f.stored.get(f.early[row])
		} else {
			c.buf = encode(c.buf[:0], row)
			encoded = c.buf
		}
		op := RowSet
		if len(encoded) == 0 {
			op = RowDelete
		}
		c.key = appendRowKey(c.key[:0], table, row)
		rows.add(op, c.key, encoded)
		f.next = row + 1
		return true
	})
	return more
}

func rowKey(table byte, row uint32) []byte { return appendRowKey(nil, table, row) }

func numberKey(table byte, n uint64) []byte { return appendNumberKey(nil, table, n) }

func appendRowKey(b []byte, table byte, row uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, table), row)
}

func appendNumberKey(b []byte, table byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, table), n)
}

// ArchivedKey appends the key of an order that has left memory.
func ArchivedKey(dst []byte, orderID string) []byte {
	return append(append(dst, ArchivedTable), orderID...)
}

// RowOp is what a checkpoint does to a row, or a range of rows, of the durable form.
type RowOp byte

// The operations.
const (
	RowSet         RowOp = 1
	RowDelete      RowOp = 2
	RowDeleteRange RowOp = 3 // the value is the key at which the range ends, itself not deleted
)

// Rows is a buffer of row operations, reused from slice to slice.
type Rows struct {
	data []byte
	at   []rowAt
}

type rowAt struct {
	op         RowOp
	key, value int // ends in data
}

// Reset empties the buffer.
func (r *Rows) Reset() { r.data, r.at = r.data[:0], r.at[:0] }

// Bytes is the size of the keys and values in the buffer.
func (r *Rows) Bytes() int { return len(r.data) }

// Len is the number of operations in the buffer.
func (r *Rows) Len() int { return len(r.at) }

func (r *Rows) add(op RowOp, key, value []byte) {
	r.data = append(r.data, key...)
	at := rowAt{op: op, key: len(r.data)}
	if op != RowDelete {
		r.data = append(r.data, value...)
	}
	at.value = len(r.data)
	r.at = append(r.at, at)
}

// Each calls do for every operation, keys ascending. Key and value are valid during the call.
func (r *Rows) Each(do func(op RowOp, key, value []byte) error) error {
	start := 0
	for _, at := range r.at {
		if err := do(at.op, r.data[start:at.key], r.data[at.key:at.value]); err != nil {
			return err
		}
		start = at.value
	}
	return nil
}
