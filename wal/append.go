package wal

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

// IsMonotonic tells Raft that the log has no gaps: Raft then deletes all entries when it installs a snapshot.
func (l *Log) IsMonotonic() bool { return true }

// FirstIndex returns the index of the first entry, 0 if there is none.
func (l *Log) FirstIndex() (uint64, error) {
	return l.first.Load(), nil
}

// LastIndex returns the index of the last synced entry, 0 if there is none.
func (l *Log) LastIndex() (uint64, error) {
	return l.last.Load(), nil
}

// GetLog reads an entry into out, with memory of its own. For an index outside the log it returns raft.ErrLogNotFound
// itself, because Raft compares the value.
func (l *Log) GetLog(index uint64, out *raft.Log) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	truncations := l.truncations.Load()
	if !l.holds(index) {
		return raft.ErrLogNotFound
	}
	err := l.readEntry(index, out)
	if errors.Is(err, pebble.ErrNotFound) {
		if l.truncations.Load() != truncations {
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

// readError wraps an error of Pebble's Get. Damage becomes a CorruptError.
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

// StoreLogs appends the entries in one synced batch. After nil all of them survive a crash; after an error none was
// stored. They must continue the log without a gap; an empty log may begin at any index. They are not retained.
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

// checkEntries checks a whole batch before the first byte is written.
func checkEntries(entries []*raft.Log, last uint64) error {
	batchBytes := 0
	for i, e := range entries {
		switch {
		case e == nil:
			return fmt.Errorf("wal: entry %d of %d is nil: %w", i+1, len(entries), ErrInvalid)
		case e.Index == 0 || e.Index > IndexMax:
			return fmt.Errorf("wal: index %d, expected 1 to %d: %w", e.Index, uint64(IndexMax), ErrInvalid)
		case last != 0 && e.Index != last+1:
			return fmt.Errorf("wal: index %d, expected %d: %w", e.Index, last+1, ErrGap)
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

// putEntry encodes the entry directly into the buffer of the batch.
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

// commit writes the batch and returns after its sync. Nothing else writes to the database.
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

// TableBytes estimates the disk space of the entries from an index on, as far as they are in tables: the last few
// megabytes are not.
func (l *Log) TableBytes(first uint64) int64 {
	if l.enter() != nil {
		return 0
	}
	defer l.leave()
	_, end := logTableBounds()
	bytes, err := l.db.EstimateDiskUsage(appendLogKey(nil, first), end)
	if err != nil {
		return 0 // Pebble refuses only an empty range, and this one is not
	}
	return int64(bytes)
}

// DeleteRange deletes the existing entries from lo to hi, both included. They must be a prefix of the log (compaction),
// a suffix (a conflict with the leader) or all of it (an installed snapshot). Any other range would leave a gap and is
// refused. After nil the deletion survives a crash.
//
// If the disk fails, DeleteRange does not return.
func (l *Log) DeleteRange(lo, hi uint64) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	t, err := planTruncation(bounds{l.first.Load(), l.last.Load()}, bounds{lo, hi})
	if err != nil || t.deleted.empty() {
		return err
	}
	return l.truncateLocked(t)
}

// truncateLocked counts the truncation, then shrinks the bounds, then deletes: a reader that saw the old bounds and
// misses an entry sees that the count has changed.
func (l *Log) truncateLocked(t truncation) error {
	l.truncations.Add(1)
	l.last.Store(t.kept.last)
	l.first.Store(t.kept.first)
	batch := l.db.NewBatch()
	from := appendLogKey(nil, t.deleted.first)
	behind := appendLogKey(nil, t.deleted.last+1)
	err := batch.DeleteRange(from, behind, nil)
	if err == nil {
		_, err = l.commit(batch)
	}
	if err != nil {
		// The bounds have moved and the entries may be there. To go on could store an entry that the tombstone deletes.
		l.fatal(fmt.Sprintf("wal: delete entries %d to %d: %v", t.deleted.first, t.deleted.last, err))
	}
	return closeBatch(batch)
}

func closeBatch(batch *pebble.Batch) error {
	if err := batch.Close(); err != nil {
		return fmt.Errorf("wal: close a batch: %w", err)
	}
	return nil
}

// bounds are the first and the last index of a range of entries, both 0 for none.
type bounds struct{ first, last uint64 }

func (b bounds) empty() bool { return b.last == 0 }

// truncation is the range that is deleted and the one that is left.
type truncation struct{ deleted, kept bounds }

// planTruncation decides what deleting the asked range does to a log with these bounds.
func planTruncation(log, asked bounds) (truncation, error) {
	if log.empty() || asked.first > asked.last || asked.last < log.first || asked.first > log.last {
		return truncation{kept: log}, nil
	}
	deleted := bounds{max(log.first, asked.first), min(log.last, asked.last)}
	switch prefix, suffix := deleted.first == log.first, deleted.last == log.last; {
	case prefix && suffix:
		return truncation{deleted: deleted}, nil
	case prefix:
		return truncation{deleted: deleted, kept: bounds{deleted.last + 1, log.last}}, nil
	case suffix:
		return truncation{deleted: deleted, kept: bounds{log.first, deleted.first - 1}}, nil
	default:
		return truncation{}, fmt.Errorf("wal: delete %d to %d of %d to %d: %w",
			asked.first, asked.last, log.first, log.last, ErrMiddle)
	}
}
