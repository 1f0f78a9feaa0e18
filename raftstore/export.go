package raftstore

import (
	"context"
	"errors"
	"sync"

	"apportion/engine"
	"apportion/raftstore/statedb"
)

// Export is the rows of the state as of one log index, for a copy that is read while commands go on. It is for one
// goroutine; Close may be called twice. While it is open, the disk keeps what has been replaced since.
type Export struct {
	of     *exports
	schema *engine.Schema

	mu       sync.Mutex // held while rows are read, so that Store.Close waits for that
	snapshot *statedb.Snapshot
	index    uint64
}

// ExportRows is some rows of an Export.
type ExportRows = statedb.Chunk

// exports is the open ones.
type exports struct {
	mu     sync.Mutex
	open   map[*Export]struct{}
	closed bool
}

// OpenExport makes a checkpoint, and opens the state as of that one. So the export has every command that was applied
// here before the call.
func (s *Store) OpenExport(ctx context.Context) (*Export, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if err := s.Checkpoint(ctx); err != nil {
		return nil, err
	}
	return s.exports.begin(s.state)
}

func (x *exports) begin(state *statedb.DB) (*Export, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, ErrClosed
	}
	snapshot, err := state.NewSnapshot()
	if err != nil {
		return nil, err
	}
	e := &Export{of: x, snapshot: snapshot, index: snapshot.Index(), schema: new(engine.Schema)}
	row, err := snapshot.Row(nil, engine.SchemaTable)
	if err == nil && len(row) > 0 {
		e.schema, err = engine.DecodeSchema(row)
	}
	if err != nil {
		return nil, errors.Join(err, snapshot.Close())
	}
	if x.open == nil {
		x.open = map[*Export]struct{}{}
	}
	x.open[e] = struct{}{}
	return e, nil
}

// close ends all exports, before the state database is closed.
func (x *exports) close() error {
	x.mu.Lock()
	x.closed = true
	open := x.open
	x.open = nil
	x.mu.Unlock()
	var err error
	for e := range open {
		err = errors.Join(err, e.Close())
	}
	return err
}

// Index is the log index of the state.
func (e *Export) Index() uint64 { return e.index }

// Schema is the schema at that index: it has all tag sets of the rows.
func (e *Export) Schema() *engine.Schema { return e.schema }

// Next fills rows with the next ones of a table, in the order of their keys. False: there are none left. A change of
// the table begins at the beginning of that one. ErrClosed: the store closes.
func (e *Export) Next(rows *ExportRows, table byte) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot == nil {
		return false, ErrClosed
	}
	return e.snapshot.Next(rows, table, exportChunkBytes)
}

// Close lets go of the state.
func (e *Export) Close() error {
	e.of.mu.Lock()
	delete(e.of.open, e)
	e.of.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot == nil {
		return nil
	}
	snapshot := e.snapshot
	e.snapshot = nil
	return snapshot.Close()
}
