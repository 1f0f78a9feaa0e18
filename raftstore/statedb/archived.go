package statedb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"apportion/engine"
)

// archivedRow appends the row of an order that has left memory.
func (s *StateDB) ArchivedRow(dst []byte, orderID string) (row []byte, found bool, err error) {
	key := engine.ArchivedKey([]byte{groupPrefix}, orderID)
	// An iterator, not Get: Get would not look at the bloom filters of the lowest level, where nearly all rows are.
	it, err := s.db.NewIter(&pebble.IterOptions{UseL6Filters: true, LowerBound: key,
		UpperBound: append(slices.Clone(key), 0)})
	if err != nil {
		return dst, false, stateError("look up an archived order", err)
	}
	if it.SeekPrefixGE(key) {
		dst, found = append(dst, it.Value()...), true
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return dst, false, stateError("look up an archived order", err)
	}
	return dst, found, nil
}

// hasArchived reports whether any order has left memory.
func (s *StateDB) HasArchived() (bool, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{groupPrefix, engine.ArchivedTable},
		UpperBound: []byte{groupPrefix, engine.ArchivedTable + 1},
	})
	if err != nil {
		return false, stateError("look for archived orders", err)
	}
	found := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return false, stateError("look for archived orders", err)
	}
	return found, nil
}

// checkArchived reads all rows of orders that have left memory and reports those that are not what they are to be.
func (s *StateDB) CheckArchived(ctx context.Context, report func(problem string)) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{groupPrefix, engine.ArchivedTable},
		UpperBound: []byte{groupPrefix, engine.ArchivedTable + 1},
	})
	if err != nil {
		return stateError("read archived orders", err)
	}
	defer func() {
		if readErr := errors.Join(it.Error(), it.Close()); readErr != nil {
			err = errors.Join(err, stateError("read archived orders", readErr))
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
