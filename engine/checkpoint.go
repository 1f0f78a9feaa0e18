package engine

import (
	"apportion/engine/mem"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// The tables of the state: the first byte of each row's key. A checkpoint writes them in this order.
const (
	// ArchivedTable holds closed orders that left memory, by order id. Loader does not need these rows.
	ArchivedTable byte = 'a'

	deletionTable byte = 'd' // by number

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
	hookTable   byte = 'w' // one row

	explanationTable byte = 'x' // by number
)

// changes is what the next checkpoint must write.
type changes struct {
	records        mem.Bitset
	orders         mem.Bitset
	schema         bool
	details        bool
	locationGroups bool
	webhooks       bool
	rules          *RuleSet // as of the last freeze

	checkpoint *Checkpoint

	sets mem.BitsetPool
}

// Checkpoint is the rows that changed since the last one, as of its freeze. Apply encodes a row before it changes it,
// if Next has not reached it. All methods but Next need the mutex of Apply.
type Checkpoint struct {
	e     *Engine
	index uint64

	meta, schema            []byte
	details, locationGroups []byte
	locationGroupsChanged   bool // true also when the last one was deleted
	webhooks                []byte
	webhooksChanged         bool // in the same way
	rules, rulesWas         *RuleSet
	records, orders         checkpointRows
	logs                    [keptLogs]checkpointLog
	archived                *archivedRows
	toArchive               []uint64      // entries of archived, by order id; nil before the first Next
	counts                  []*stockCount // that were open at the freeze

	stage int
	buf   []byte
	key   []byte
	later []rowLater
}

// DirtyRows is about the number of rows that the next checkpoint would write. The caller holds the mutex.
func (e *Engine) DirtyRows() int {
	dirty := e.changes.records.Len() + e.changes.orders.Len() + e.archivedNow.Load().len()
	for id := range e.logs {
		dirty += int(e.logs[id].Next() - e.logs[id].unsaved())
	}
	return dirty
}

// Freeze begins a checkpoint of the present state. It takes time for the schema and the open counts, and none for rows.
// Done or Abort must end it before the next Freeze.
func (e *Engine) Freeze() *Checkpoint {
	ch := &e.changes
	assert(ch.checkpoint == nil, "a checkpoint is frozen while another one is open")
	c := &Checkpoint{e: e, index: e.appliedIndex.Load(), meta: e.appendMeta(nil), archived: e.archivedNow.Load()}
	if ch.schema {
		c.schema = e.appendSchema(nil)
	}
	if ch.details {
		c.details = e.appendDetails(nil)
	}
	if ch.locationGroups {
		c.locationGroups, c.locationGroupsChanged = e.appendLocationGroups(nil), true
	}
	if ch.webhooks {
		c.webhooks, c.webhooksChanged = e.appendWebhooks(nil), true
	}
	c.records.rows, ch.records = ch.records, ch.sets.Take(&ch.records)
	c.orders.rows, ch.orders = ch.orders, ch.sets.Take(&ch.orders)
	c.records.kept, c.orders.kept = ch.sets.Take(&c.records.rows), ch.sets.Take(&c.orders.rows)
	c.counts = slices.Clone(e.counts.open)
	for id := range e.logs {
		c.logs[id] = e.logs[id].freeze()
	}
	e.archivedWas.Store(c.archived) // before archivedNow, so that a reader finds an order in one of the two
	e.archivedNow.Store(newArchivedRows())
	c.rules, c.rulesWas = e.Rules(), ch.rules
	ch.schema, ch.details, ch.locationGroups, ch.webhooks = false, false, false, false
	ch.rules, ch.checkpoint = c.rules, c
	return c
}

// Index is the log index that the checkpoint shows.
func (c *Checkpoint) Index() uint64 { return c.index }

// EarlyRows is the number of rows that Apply encoded before it changed them.
func (c *Checkpoint) EarlyRows() int64 { return c.records.early + c.orders.early }

// Done ends a checkpoint whose rows are all durable.
func (c *Checkpoint) Done() {
	assert(c.e.changes.checkpoint == c, "a checkpoint ended twice")
	c.e.changes.checkpoint = nil
	c.e.changes.sets.GiveBack(&c.records.rows, &c.records.kept, &c.orders.rows, &c.orders.kept)
	c.e.archivedWas.Store(nil)
}

// Abort ends a checkpoint that did not become durable. Its rows count as changed again.
func (c *Checkpoint) Abort() {
	now := c.e.archivedNow.Load()
	for n := c.archived.entries.First(); n < c.archived.entries.Next(); n++ {
		if id, row := c.archived.get(n); c.archived.find(id) == n && now.find(id) == 0 {
			now.set(id, row)
		}
	}
	ch := &c.e.changes
	c.records.rows.Each(0, func(row uint32) bool { ch.records.Add(row); return true })
	c.orders.rows.Each(0, func(row uint32) bool { ch.orders.Add(row); return true })
	c.Done()
	ch.schema = ch.schema || c.schema != nil
	ch.details = ch.details || c.details != nil
	ch.locationGroups = ch.locationGroups || c.locationGroupsChanged
	ch.webhooks = ch.webhooks || c.webhooksChanged
	ch.rules = c.rulesWas
	for id := range c.logs {
		c.e.logs[id].saved = c.logs[id].saved
	}
}

// Next appends the next rows of the checkpoint, about bytesMax bytes. Over all calls the keys ascend. It reports
// whether there are more. It runs beside Apply, one call at a time. It takes the mutex of Apply only to copy rows that
// Apply has encoded, and to encode records with an open stock count.
func (c *Checkpoint) Next(rows *Rows, bytesMax int, apply sync.Locker) bool {
	bytesEnd := rows.Bytes() + max(bytesMax, 1)
	for c.stage < len(tables) && rows.Bytes() < bytesEnd {
		if !c.nextOfTable(tables[c.stage], rows, bytesEnd, apply) {
			c.stage++
		}
	}
	return c.stage < len(tables)
}

// tables is all tables, ascending.
var tables = [...]byte{
	ArchivedTable, deletionTable, eventTable, groupTable, jobTable, metaTable, orderTable, placeTable, recordTable,
	schemaTable, resultTable, ruleTable, hookTable, explanationTable,
}

// nextOfTable continues with a table.
func (c *Checkpoint) nextOfTable(table byte, rows *Rows, bytesEnd int, apply sync.Locker) (more bool) {
	switch table {
	case ArchivedTable:
		return c.nextArchived(rows, bytesEnd)
	case orderTable:
		return c.nextOfSlab(&c.orders, table, rows, bytesEnd, apply)
	case recordTable:
		return c.nextOfSlab(&c.records, table, rows, bytesEnd, apply)
	case metaTable:
		rows.add(RowSet, []byte{table}, c.meta)
	case placeTable:
		rows.addSole(table, c.details, c.details != nil)
	case groupTable:
		rows.addSole(table, c.locationGroups, c.locationGroupsChanged)
	case hookTable:
		rows.addSole(table, c.webhooks, c.webhooksChanged)
	case schemaTable:
		rows.addSole(table, c.schema, c.schema != nil)
	case ruleTable:
		c.rules.ruleRows(c.rulesWas, rows.add)
	default:
		id, ok := keptLogOf(table)
		assert(ok, "a table without a way to write it")
		return c.nextOfLog(&c.logs[id], table, rows, bytesEnd)
	}
	return false
}

func (c *Checkpoint) nextArchived(rows *Rows, bytesEnd int) bool {
	if c.toArchive == nil {
		c.toArchive = c.archived.sorted()
	}
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

// rowLater is a row that Apply has encoded, and its reserved position among the rows.
type rowLater struct {
	at  int
	row uint32
}

func (c *Checkpoint) nextOfSlab(f *checkpointRows, table byte, rows *Rows, bytesEnd int, apply sync.Locker) bool {
	more := false
	c.later = c.later[:0]
	f.rows.Each(f.next.Load(), func(row uint32) bool {
		if rows.Bytes()+len(c.later)*laterRowBytes >= bytesEnd {
			more = true
			return false
		}
		if table == recordTable && c.countOf(row) != nil {
			c.encodeAlone(f, table, row, rows, apply)
		} else if !f.enter(row) {
			c.later = append(c.later, rowLater{at: rows.reserve(), row: row})
		} else {
			c.buf = c.e.appendRow(c.buf[:0], table, row, nil)
			c.addRow(rows, rows.reserve(), table, row, c.buf)
		}
		f.next.Store(row + 1)
		return true
	})
	f.leave()
	if len(c.later) > 0 {
		c.copyLater(f, table, rows, apply)
	}
	return more
}

// copyLater copies the rows that Apply has encoded. It holds the mutex for laterHoldBytes at a time.
func (c *Checkpoint) copyLater(f *checkpointRows, table byte, rows *Rows, apply sync.Locker) {
	apply.Lock()
	defer apply.Unlock()
	end := rows.Bytes() + laterHoldBytes
	for _, l := range c.later {
		if rows.Bytes() >= end {
			apply.Unlock()
			apply.Lock()
			end = rows.Bytes() + laterHoldBytes
		}
		c.addRow(rows, l.at, table, l.row, f.stored.Get(f.storedAt[l.row]))
	}
}

const (
	laterRowBytes  = 64 // about the size of a row
	laterHoldBytes = 16 << 10
)

// countOf gives the count that was open at the record's location at the freeze, nil if there was none. If Apply is
// changing the record, Apply has encoded it, and any answer is right.
func (c *Checkpoint) countOf(row uint32) *stockCount {
	if len(c.counts) == 0 {
		return nil
	}
	return countAt(c.counts, atomic.LoadUint32(&c.e.records.At(row).location))
}

// encodeAlone encodes a row with the mutex of Apply.
func (c *Checkpoint) encodeAlone(f *checkpointRows, table byte, row uint32, rows *Rows, apply sync.Locker) {
	f.leave() // Apply may hold the mutex and wait for us
	apply.Lock()
	defer apply.Unlock()
	if f.kept.Has(row) {
		c.addRow(rows, rows.reserve(), table, row, f.stored.Get(f.storedAt[row]))
		return
	}
	c.buf = c.e.appendRow(c.buf[:0], table, row, c.countOf(row))
	c.addRow(rows, rows.reserve(), table, row, c.buf)
	f.next.Store(row + 1)
}

func (c *Checkpoint) addRow(rows *Rows, at int, table byte, row uint32, encoded []byte) {
	op := RowSet
	if len(encoded) == 0 {
		op = RowDelete
	}
	c.key = appendRowKey(c.key[:0], table, row)
	rows.set(at, op, c.key, encoded)
}

func rowKey(table byte, row uint32) []byte { return appendRowKey(nil, table, row) }

func numberKey(table byte, n uint64) []byte { return appendNumberKey(nil, table, n) }

func appendRowKey(b []byte, table byte, row uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, table), row)
}

func appendNumberKey(b []byte, table byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, table), n)
}

// ArchivedKey appends the key of an order that left memory.
func ArchivedKey(dst []byte, orderID string) []byte {
	return append(append(dst, ArchivedTable), orderID...)
}

// RowOp is what a checkpoint does to a row or a range of rows.
type RowOp byte

// The operations.
const (
	RowSet         RowOp = 1
	RowDelete      RowOp = 2
	RowDeleteRange RowOp = 3 // the value is the key where the range ends, not included
)

// Rows is a buffer of row operations. Callers reuse it.
type Rows struct {
	data []byte
	at   []rowAt
}

// rowAt is where the key of an operation begins and ends in the data, and where the value behind it ends.
type rowAt struct {
	op                    RowOp
	key, keyEnd, valueEnd int
}

// Reset empties the buffer.
func (r *Rows) Reset() { r.data, r.at = r.data[:0], r.at[:0] }

// Bytes is the size of the keys and values in the buffer.
func (r *Rows) Bytes() int { return len(r.data) }

// Len is the number of operations in the buffer.
func (r *Rows) Len() int { return len(r.at) }

func (r *Rows) add(op RowOp, key, value []byte) { r.set(r.reserve(), op, key, value) }

// addSole adds the only row of a table, if it changed; an empty value deletes it.
func (r *Rows) addSole(table byte, value []byte, changed bool) {
	switch {
	case !changed:
	case len(value) == 0:
		r.add(RowDelete, []byte{table}, nil)
	default:
		r.add(RowSet, []byte{table}, value)
	}
}

// reserve adds an operation for a later set.
func (r *Rows) reserve() int {
	r.at = append(r.at, rowAt{})
	return len(r.at) - 1
}

func (r *Rows) set(i int, op RowOp, key, value []byte) {
	at := rowAt{op: op, key: len(r.data)}
	r.data = append(r.data, key...)
	at.keyEnd = len(r.data)
	if op != RowDelete {
		r.data = append(r.data, value...)
	}
	at.valueEnd = len(r.data)
	r.at[i] = at
}

// Each calls do for every operation, keys ascending. Key and value are valid during the call.
func (r *Rows) Each(do func(op RowOp, key, value []byte) error) error {
	for _, at := range r.at {
		if err := do(at.op, r.data[at.key:at.keyEnd], r.data[at.keyEnd:at.valueEnd]); err != nil {
			return err
		}
	}
	return nil
}

// checkpointRows is the changed rows of one slab. The writer and the checkpoint may want the same row at the same time.
// Before the writer changes a row, it encodes it, unless the checkpoint has it. The checkpoint announces the row that
// it reads, and the writer waits before it changes that row. Each announces first and then looks at the other, so at
// least one of them notices. A row that changes all the time does not delay the writer: the writer encodes it once,
// soon after the freeze.
type checkpointRows struct {
	rows    mem.Bitset
	next    atomic.Uint32 // the checkpoint has all rows below it
	reading atomic.Uint32 // the row that the checkpoint reads, 0: none

	// kept has the rows that the writer has encoded. storedAt has their entries in stored, by row. The checkpoint reads
	// only kept beside the writer.
	kept     mem.Bitset
	storedAt map[uint32]uint64
	stored   mem.Ring
	buf      []byte
	early    int64 // rows that the writer encoded
}

// enter announces that the checkpoint reads the row. It reports false if the writer has encoded the row.
func (f *checkpointRows) enter(row uint32) bool {
	f.reading.Store(row)
	return !f.kept.HasShared(row)
}

// leave announces that the checkpoint reads no row.
func (f *checkpointRows) leave() { f.reading.Store(0) }

// pending reports, for the writer, whether the checkpoint still needs the row.
func (f *checkpointRows) pending(row uint32) bool {
	return row >= f.next.Load() && f.rows.Has(row) && !f.kept.Has(row)
}

// keep stores the encoding of a row that the writer is about to change, and waits while the checkpoint reads the row.
func (f *checkpointRows) keep(row uint32, encoded []byte) {
	if f.storedAt == nil {
		f.storedAt = make(map[uint32]uint64)
	}
	f.storedAt[row] = f.stored.Add(encoded)
	f.early++
	f.kept.AddShared(row)
	for f.reading.Load() == row {
		runtime.Gosched()
	}
}

// touchRecord must run before a record, its segments or its deliveries change.
func (e *Engine) touchRecord(row uint32) {
	if c := e.changes.checkpoint; c != nil && c.records.pending(row) {
		e.keepRow(&c.records, recordTable, row)
	}
	e.changes.records.Add(row)
	if mem.Invariants {
		e.scratch.touched.records = append(e.scratch.touched.records, row)
	}
}

// touchOrder must run before an order or its items change.
func (e *Engine) touchOrder(row uint32) {
	if c := e.changes.checkpoint; c != nil && c.orders.pending(row) {
		e.keepRow(&c.orders, orderTable, row)
	}
	e.changes.orders.Add(row)
	e.setChanged(row, e.appliedIndex.Load())
	e.recent.Touch(row, e.appliedIndex.Load())
	if mem.Invariants {
		e.scratch.touched.orders = append(e.scratch.touched.orders, row)
	}
}

func (e *Engine) keepRow(f *checkpointRows, table byte, row uint32) {
	var count *stockCount
	if table == recordTable {
		count = e.changes.checkpoint.countOf(row)
	}
	f.buf = e.appendRow(f.buf[:0], table, row, count)
	f.keep(row, f.buf)
}

func (e *Engine) appendRow(b []byte, table byte, row uint32, count *stockCount) []byte {
	if table == orderTable {
		return e.appendOrder(b, row)
	}
	return e.appendCounted(b, row, count)
}
