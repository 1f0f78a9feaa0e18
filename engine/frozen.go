package engine

import (
	"apportion/engine/mem"
	"runtime"
	"sync/atomic"
)

// frozenRows is the changed rows of one slab. The writer and the checkpoint may want the same row at the same time: the
// writer encodes a row before it changes it, unless the checkpoint has it already, and the checkpoint says which row it
// is reading, so that the writer waits with its change. Both first say what they do and then look at the other, so one
// of them sees it. They meet only at that one row; a record that changes all the time is encoded by the writer soon
// after the freeze.
type frozenRows struct {
	rows    mem.Bitset
	next    atomic.Uint32 // the checkpoint has the rows below
	reading atomic.Uint32 // the row that the checkpoint reads, 0: none

	// kept says which rows the writer has encoded, storedAt where: entries of stored, by row. Only kept is read beside
	// the writer.
	kept     mem.Bitset
	storedAt map[uint32]uint64
	stored   mem.Ring
	buf      []byte
	early    int64 // rows that were encoded by the writer
}

// enter marks that the checkpoint is about to read the row. False: the writer has encoded it already.
func (f *frozenRows) enter(row uint32) bool {
	f.reading.Store(row)
	return !f.kept.HasShared(row)
}

// leave marks that the checkpoint reads no row.
func (f *frozenRows) leave() { f.reading.Store(0) }

// pending says, to the writer, that the checkpoint has still to encode the row.
func (f *frozenRows) pending(row uint32) bool {
	return row >= f.next.Load() && f.rows.Has(row) && !f.kept.Has(row)
}

// keep takes the form of a row that the writer is about to change, and waits until the checkpoint does not read it.
func (f *frozenRows) keep(row uint32, encoded []byte) {
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

// touchRecord must come before a change of a record, its segments or its deliveries.
func (e *Engine) touchRecord(row uint32) {
	if c := e.changes.frozen; c != nil && c.records.pending(row) {
		e.keepRow(&c.records, recordTable, row)
	}
	e.changes.records.Add(row)
	if invariants {
		e.scratch.touched.records = append(e.scratch.touched.records, row)
	}
}

// touchOrder must come before a change of an order or its items.
func (e *Engine) touchOrder(row uint32) {
	if c := e.changes.frozen; c != nil && c.orders.pending(row) {
		e.keepRow(&c.orders, orderTable, row)
	}
	e.changes.orders.Add(row)
	e.setChanged(row, e.appliedIndex.Load())
	if invariants {
		e.scratch.touched.orders = append(e.scratch.touched.orders, row)
	}
}

func (e *Engine) keepRow(f *frozenRows, table byte, row uint32) {
	f.buf = e.appendRow(f.buf[:0], table, row, e.counts.bases)
	f.keep(row, f.buf)
}

func (e *Engine) appendRow(b []byte, table byte, row uint32, bases map[uint32]int64) []byte {
	if table == orderTable {
		return e.appendOrder(b, row)
	}
	return e.appendCounted(b, row, bases)
}
