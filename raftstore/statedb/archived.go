package statedb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"apportion/engine"
)

// ArchivedRow appends the row of an order that has left memory.
func (s *DB) ArchivedRow(dst []byte, orderID string) (row []byte, found bool, err error) {
	key := engine.ArchivedKey([]byte{groupPrefix}, orderID)
	// An iterator, because Get ignores the bloom filters of the lowest level, where nearly all rows are.
	it, err := s.db.NewIter(&pebble.IterOptions{UseL6Filters: true, LowerBound: key,
		UpperBound: append(slices.Clone(key), 0)})
	if err != nil {
		return dst, false, dbError("look up an archived order", err)
	}
	if it.SeekPrefixGE(key) {
		dst, found = append(dst, it.Value()...), true
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return dst, false, dbError("look up an archived order", err)
	}
	return dst, found, nil
}

// HasArchived reports whether any order has left memory.
func (s *DB) HasArchived() (bool, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{groupPrefix, engine.ArchivedTable},
		UpperBound: []byte{groupPrefix, engine.ArchivedTable + 1},
	})
	if err != nil {
		return false, dbError("look for archived orders", err)
	}
	found := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return false, dbError("look for archived orders", err)
	}
	return found, nil
}

// CheckArchived reads the rows of all orders that have left memory, and reports those that are wrong.
func (s *DB) CheckArchived(ctx context.Context, report func(problem string)) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{groupPrefix, engine.ArchivedTable},
		UpperBound: []byte{groupPrefix, engine.ArchivedTable + 1},
	})
	if err != nil {
		return dbError("read archived orders", err)
	}
	defer func() {
		if readErr := errors.Join(it.Error(), it.Close()); readErr != nil {
			err = errors.Join(err, dbError("read archived orders", readErr))
		}
	}()
	for it.First(); it.Valid(); it.Next() {
		if err := engine.CheckArchivedOrder(string(it.Key()[2:]), it.Value()); err != nil {
			report(fmt.Sprintf("archived order %q: %v", it.Key()[2:], err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
