package wal

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

// The marker says that a database is a Raft log, and of which format. Without it a wrong directory in the configuration
// would make a node start with an empty log beside another database's rows.
const (
	markerKey    = "format"
	markerFormat = "apportion raft log 1"
)

// checkMarker compares the marker, and writes it into a database that is empty. A crash between the creation of the
// database and the marker leaves an empty database, which the next Open marks.
func (l *Log) checkMarker() error {
	format, err := l.getSmall(tableMeta, []byte(markerKey))
	if err == nil && string(format) == markerFormat {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%w: it says %q, this build reads %q", ErrNotALog, format, markerFormat)
	}
	if !errors.Is(err, ErrKeyNotFound) {
		return err
	}
	empty, err := l.databaseEmpty()
	if err != nil {
		return err
	}
	if empty && l.cfg.ReadOnly {
		return nil
	}
	if !empty {
		return fmt.Errorf("%w: it has rows but no format marker", ErrNotALog)
	}
	return l.setSmall(tableMeta, []byte(markerKey), []byte(markerFormat))
}

func (l *Log) databaseEmpty() (bool, error) {
	it, err := l.db.NewIter(nil)
	if err != nil {
		return false, fmt.Errorf("wal: look for rows: %w", err)
	}
	found := it.First()
	return !found, errors.Join(it.Error(), it.Close())
}

// loadBounds finds the first and the last entry and reads both, so that a log whose end is damaged is refused at start
// and not when it is needed.
func (l *Log) loadBounds() error {
	it, err := l.newLogIter()
	if err != nil {
		return err
	}
	first, errFirst := entryAt(it, it.First())
	last, errLast := entryAt(it, it.Last())
	if err := errors.Join(errFirst, errLast, it.Error(), it.Close()); err != nil {
		return fmt.Errorf("wal: read the bounds of the log: %w", err)
	}
	l.first.Store(first)
	l.last.Store(last)
	return nil
}

func (l *Log) newLogIter() (*pebble.Iterator, error) {
	lower, upper := logTableBounds()
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("wal: iterate the log: %w", err)
	}
	return it, nil
}

// entryAt checks the entry that the iterator stands on and returns its index, or 0 if it stands on none.
func entryAt(it *pebble.Iterator, valid bool) (uint64, error) {
	if !valid {
		return 0, nil
	}
	index, err := logIndex(it.Key())
	if err != nil {
		return 0, err
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, fmt.Errorf("wal: read entry %d: %w", index, err)
	}
	return index, decodeEntry(it.Key(), value, new(raft.Log))
}

// Verify reads the whole log and checks that every entry is intact and that none is missing. It reports the number of
// entries. It runs beside writers, on the log as it was when it was called, and leaves the reaction to a fault to the
// caller.
func (l *Log) Verify(ctx context.Context) (entries uint64, err error) {
	if err := l.enter(); err != nil {
		return 0, err
	}
	defer l.leave()
	it, err := l.newLogIter()
	if err != nil {
		return 0, err
	}
	previous := uint64(0)
	for valid := it.First(); valid && err == nil; valid = it.Next() {
		var index uint64
		index, err = entryAt(it, true)
		if err == nil && previous != 0 && index != previous+1 {
			err = corruptEntry(previous+1, "missing")
		}
		previous = index
		entries++
		err = errors.Join(err, ctx.Err())
	}
	return entries, errors.Join(err, it.Error(), it.Close())
}
