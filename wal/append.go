package wal

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

// IsMonotonic tells Raft that the log has no gaps, so that after a snapshot was installed it deletes what it had.
func (l *Log) IsMonotonic() bool { return true }

// FirstIndex returns the index of the first entry, 0 if there is none.
func (l *Log) FirstIndex() (uint64, error) {
	return l.first.Load(), nil
}

// LastIndex returns the index of the last entry that is synced, 0 if there is none.
func (l *Log) LastIndex() (uint64, error) {
	return l.last.Load(), nil
}

// GetLog reads the entry into out, with memory of its own. It returns raft.ErrLogNotFound itself for an index outside
// the log: Raft compares the value.
func (l *Log) GetLog(index uint64, out *raft.Log) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	cuts := l.cuts.Load()
	if !l.holds(index) {
		return raft.ErrLogNotFound
	}
	err := l.readEntry(index, out)
	if errors.Is(err, pebble.ErrNotFound) {
		if l.cuts.Load() != cuts {
			return raft.ErrLogNotFound
		}
		err = corruptEntry(index, "missing")
	}
	if errors.Is(err, ErrCorrupt) {
		l.corrupt(err)
	}
	return err
}

func (l *Log) holds(index uint64) bool {
	last := l.last.Load()
	return last != 0 && l.first.Load() <= index && index <= last
}

func (l *Log) readEntry(index uint64, out *raft.Log) error {
	key := appendLogKey(make([]byte, 0, logKeyBytes), index)
	value, closer, err := l.db.Get(key)
	if err != nil {
		return readError(fmt.Sprintf("entry %d", index), err)
	}
	err = decodeEntry(key, value, out)
	return errors.Join(err, closer.Close())
}

// readError wraps an error of Pebble's Get. Damage is made a CorruptError.
func readError(where string, err error) error {
	if pebble.IsCorruptionError(err) {
		return &CorruptError{Where: where, Reason: "found by the database", Cause: err}
	}
	return fmt.Errorf("wal: read %s: %w", where, err)
}

// StoreLog stores one entry. See StoreLogs.
func (l *Log) StoreLog(entry *raft.Log) error {
	return l.StoreLogs([]*raft.Log{entry})
}

// StoreLogs appends the entries in one synced batch: after nil all of them survive a crash; after an error none was
// stored. The entries must continue the log without a gap; an empty log can begin anywhere. They are not retained.
//
// If the disk fails, StoreLogs does not return.
func (l *Log) StoreLogs(entries []*raft.Log) error {
	if len(entries) == 0 {
		return nil
	}
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	took, batchBytes, err := l.storeSynced(entries)
	if err != nil {
		return err
	}
	l.cfg.OnSync(took, len(entries), batchBytes)
	return nil
}

func (l *Log) storeSynced(entries []*raft.Log) (took time.Duration, batchBytes int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := checkEntries(entries, l.last.Load()); err != nil {
		return 0, 0, err
	}
	l.mu.batch.Reset()
	for _, e := range entries {
		putEntry(l.mu.batch, e)
	}
	batchBytes = l.mu.batch.Len()
	took, err = l.commit(l.mu.batch)
	if err != nil {
		return 0, 0, fmt.Errorf("wal: store entries %d to %d: %w", entries[0].Index, entries[len(entries)-1].Index, err)
	}
	if l.first.Load() == 0 {
		l.first.Store(entries[0].Index)
	}
	l.last.Store(entries[len(entries)-1].Index)
	l.counters.entries.Add(uint64(len(entries)))
	return took, batchBytes, nil
}

// checkEntries checks all that could be wrong with a batch before a byte of it is written.
func checkEntries(entries []*raft.Log, last uint64) error {
	batchBytes := 0
	for i, e := range entries {
		switch {
		case e == nil:
			return fmt.Errorf("wal: entry %d of %d is nil: %w", i+1, len(entries), ErrInvalid)
		case e.Index == 0 || e.Index > IndexMax:
			return fmt.Errorf("wal: index %d: %w", e.Index, ErrInvalid)
		case last != 0 && e.Index != last+1:
			return fmt.Errorf("wal: index %d after %d: %w", e.Index, last, ErrGap)
		case len(e.Extensions) > EntryBytesMax || len(e.Data) > EntryBytesMax-len(e.Extensions):
			return fmt.Errorf("wal: entry %d of more than %d bytes: %w", e.Index, EntryBytesMax, ErrTooLarge)
		}
		last = e.Index
		batchBytes += entryBytes(e) + logKeyBytes
		if batchBytes > BatchBytesMax {
			return fmt.Errorf("wal: batch of more than %d bytes: %w", BatchBytesMax, ErrTooLarge)
		}
	}
	return nil
}

// putEntry encodes the entry straight into the batch's buffer.
func putEntry(batch *pebble.Batch, e *raft.Log) {
	op := batch.SetDeferred(logKeyBytes, entryBytes(e))
	key := appendLogKey(op.Key[:0], e.Index)
	value := appendEntry(op.Value[:0], key, e)
	if len(key) != len(op.Key) || len(value) != len(op.Value) {
		panic(fmt.Sprintf("BUG: entry %d takes %d and %d bytes, reserved %d and %d",
			e.Index, len(key), len(value), len(op.Key), len(op.Value)))
	}
	if err := op.Finish(); err != nil {
		panic("BUG: a batch without an index cannot fail to take a row: " + err.Error())
	}
}

// commit writes the batch and returns after its sync. It is the only way to disk.
func (l *Log) commit(batch *pebble.Batch) (time.Duration, error) {
	batchBytes := batch.Len()
	start := time.Now()
	if err := l.db.Apply(batch, pebble.Sync); err != nil {
		return 0, err
	}
	took := time.Since(start)
	l.counters.synced(took, batchBytes)
	return took, nil
}

// TableBytes estimates what the entries from an index on take on disk, as far as they are in tables: the last few
// megabytes are not.
func (l *Log) TableBytes(first uint64) int64 {
	if l.enter() != nil {
		return 0
	}
	defer l.leave()
	_, end := logTableBounds()
	bytes, err := l.db.EstimateDiskUsage(appendLogKey(nil, first), end)
	if err != nil {
		return 0 // the range is not empty, and nothing else is refused
	}
	return int64(bytes)
}

// DeleteRange deletes the entries from lo to hi, both included, as far as they exist. They must be a prefix of the log
// (compaction), a suffix (a conflict with the leader) or all of it (an installed snapshot): anything else would leave a
// gap and is refused. After nil the deletion survives a crash.
//
// If the disk fails, DeleteRange does not return.
func (l *Log) DeleteRange(lo, hi uint64) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	cut, err := planCut(bounds{l.first.Load(), l.last.Load()}, bounds{lo, hi})
	if err != nil || cut.deleted.empty() {
		return err
	}
	return l.cutLocked(cut)
}

// cutLocked shrinks the bounds first, so that no reader is promised an entry that is about to go, and counts the cut
// before them, so that a reader who was promised one can tell.
func (l *Log) cutLocked(c cut) error {
	l.cuts.Add(1)
	l.last.Store(c.kept.last)
	l.first.Store(c.kept.first)
	batch := l.db.NewBatch()
	from := appendLogKey(nil, c.deleted.first)
	behind := appendLogKey(nil, c.deleted.last+1)
	err := batch.DeleteRange(from, behind, nil)
	if err == nil {
		_, err = l.commit(batch)
	}
	if err != nil {
		// The bounds have moved and the entries may be there: going on could store what an old tombstone deletes.
		l.fatal(fmt.Sprintf("wal: delete entries %d to %d: %v", c.deleted.first, c.deleted.last, err))
	}
	return closeBatch(batch)
}

func closeBatch(batch *pebble.Batch) error {
	if err := batch.Close(); err != nil {
		return fmt.Errorf("wal: close a batch: %w", err)
	}
	return nil
}

// bounds are the first and the last index of a run of entries, both 0 for none.
type bounds struct{ first, last uint64 }

func (b bounds) empty() bool { return b.last == 0 }

// cut is what a deletion takes and what it leaves.
type cut struct{ deleted, kept bounds }

// planCut decides what deleting the asked range does to a log with these bounds.
func planCut(log, asked bounds) (cut, error) {
	if log.empty() || asked.first > asked.last || asked.last < log.first || asked.first > log.last {
		return cut{kept: log}, nil
	}
	deleted := bounds{max(log.first, asked.first), min(log.last, asked.last)}
	switch prefix, suffix := deleted.first == log.first, deleted.last == log.last; {
	case prefix && suffix:
		return cut{deleted: deleted}, nil
	case prefix:
		return cut{deleted: deleted, kept: bounds{deleted.last + 1, log.last}}, nil
	case suffix:
		return cut{deleted: deleted, kept: bounds{log.first, deleted.first - 1}}, nil
	default:
		return cut{}, fmt.Errorf("wal: delete %d to %d of %d to %d: %w",
			asked.first, asked.last, log.first, log.last, ErrMiddle)
	}
}
