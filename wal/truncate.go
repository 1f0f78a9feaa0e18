package wal

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

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
