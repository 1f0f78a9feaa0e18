package wal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// uint64Bytes is the length of a value that SetUint64 stores.
const uint64Bytes = 8

// Set stores the value under the key. After nil it survives a crash. Neither slice is retained. If the disk fails, Set
// does not return.
func (l *Log) Set(key, value []byte) error {
	if len(key) > StableKeyBytesMax {
		return fmt.Errorf("wal: key of %d bytes, at most %d are expected: %w", len(key), StableKeyBytesMax, ErrTooLarge)
	}
	if len(value) > StableValueBytesMax {
		return fmt.Errorf("wal: value of %d bytes, at most %d are expected: %w", len(value), StableValueBytesMax,
			ErrTooLarge)
	}
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	return l.setSmall(tableStable, key, value)
}

// Get returns a copy of the value under the key, or ErrKeyNotFound.
func (l *Log) Get(key []byte) ([]byte, error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer l.leave()
	value, err := l.getSmall(tableStable, key)
	if errors.Is(err, ErrCorrupt) {
		l.corrupt(err)
	}
	return value, err
}

// SetUint64 stores the number under the key. See Set.
func (l *Log) SetUint64(key []byte, n uint64) error {
	return l.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// GetUint64 returns the number under the key, 0 if there is none, as Raft expects of a new node.
func (l *Log) GetUint64(key []byte) (uint64, error) {
	value, err := l.Get(key)
	if errors.Is(err, ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(value) != uint64Bytes {
		return 0, fmt.Errorf("wal: the value of %q has %d bytes, a number has 8: %w", key, len(value), ErrInvalid)
	}
	return binary.BigEndian.Uint64(value), nil
}

func (l *Log) setSmall(table byte, key, payload []byte) error {
	row := appendTableKey(nil, table, key)
	batch := l.db.NewBatch()
	if err := batch.Set(row, appendSmall(nil, row, payload), nil); err != nil {
		return fmt.Errorf("wal: set %q: %w", key, errors.Join(err, batch.Close()))
	}
	if _, err := l.commit(batch); err != nil {
		return fmt.Errorf("wal: set %q: %w", key, err)
	}
	return closeBatch(batch)
}

// getSmall returns ErrKeyNotFound itself, because Raft compares its text.
func (l *Log) getSmall(table byte, key []byte) ([]byte, error) {
	row := appendTableKey(nil, table, key)
	value, closer, err := l.db.Get(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrKeyNotFound
	}
	if err != nil {
		return nil, readError(fmt.Sprintf("value of %q", key), err)
	}
	payload, err := decodeSmall(row, value)
	return payload, errors.Join(err, closer.Close())
}
