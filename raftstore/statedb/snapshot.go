package statedb

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is the rows as they were at one moment. It is for one goroutine. While it is open, the database keeps the
// tables that it needs.
type Snapshot struct {
	snapshot *pebble.Snapshot
	index    uint64
	rows     *pebble.Iterator // of table
	table    byte
}

// NewSnapshot opens a snapshot of the present state.
func (s *DB) NewSnapshot() (*Snapshot, error) {
	x := &Snapshot{snapshot: s.db.NewSnapshot()}
	value, closer, err := x.snapshot.Get(appliedKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return x, nil // the empty state
	}
	if err != nil {
		return nil, errors.Join(dbError("read the applied row", err), x.snapshot.Close())
	}
	meta, err := decodeAppliedRow(slices.Clone(value))
	if err = errors.Join(err, closer.Close()); err != nil {
		return nil, errors.Join(err, x.snapshot.Close())
	}
	x.index = meta.Index
	return x, nil
}

// Index is the log index of the state.
func (x *Snapshot) Index() uint64 { return x.index }

// Row appends the one row of a table that has one; nothing if there is none.
func (x *Snapshot) Row(dst []byte, table byte) ([]byte, error) {
	value, closer, err := x.snapshot.Get([]byte{groupPrefix, table})
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, nil
	}
	if err != nil {
		return dst, dbError("read the state", err)
	}
	return append(dst, value...), closer.Close()
}

// Chunk is some rows of a table. Each calls f for every row, with keys without the table; they are valid until the next
// use of the chunk.
type Chunk struct{ chunk }

// Each calls f for every row.
func (c *Chunk) Each(f func(key, value []byte) error) error {
	start := 0
	for i := 0; i < len(c.ends); i += 2 {
		if err := f(c.data[start:c.ends[i]], c.data[c.ends[i]:c.ends[i+1]]); err != nil {
			return err
		}
		start = c.ends[i+1]
	}
	return nil
}

// Next fills the chunk with the next rows of a table, about bytesMax bytes of them. False: there are none left. Another
// table begins at its beginning.
func (x *Snapshot) Next(c *Chunk, table byte, bytesMax int) (bool, error) {
	c.data, c.ends = c.data[:0], c.ends[:0]
	if x.rows == nil || x.table != table {
		if err := x.begin(table); err != nil {
			return false, err
		}
	}
	for ; x.rows.Valid() && len(c.data) < bytesMax; x.rows.Next() {
		c.data = append(c.data, x.rows.Key()[2:]...)
		c.ends = append(c.ends, len(c.data))
		c.data = append(c.data, x.rows.Value()...)
		c.ends = append(c.ends, len(c.data))
	}
	if err := x.rows.Error(); err != nil {
		return false, dbError("read the state", err)
	}
	return len(c.ends) > 0, nil
}

func (x *Snapshot) begin(table byte) error {
	if x.rows != nil {
		if err := x.rows.Close(); err != nil {
			return dbError("read the state", err)
		}
	}
	rows, err := x.snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{groupPrefix, table},
		UpperBound: []byte{groupPrefix, table + 1}})
	if err != nil {
		x.rows = nil
		return dbError("read the state", err)
	}
	x.rows, x.table = rows, table
	x.rows.First()
	return nil
}

// Close lets go of the state.
func (x *Snapshot) Close() error {
	var err error
	if x.rows != nil {
		err = x.rows.Close()
	}
	if err = errors.Join(err, x.snapshot.Close()); err != nil {
		return fmt.Errorf("raftstore: close a snapshot of the state: %w", err)
	}
	return nil
}
