package statedb

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
)

// SnapshotMeta reads the applied row: Raft's description of the snapshot that the state is. ok is false for a new
// database.
func (s *DB) SnapshotMeta() (meta raft.SnapshotMeta, ok bool, err error) {
	value, closer, err := s.db.Get(appliedKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return meta, false, s.checkEmpty()
	}
	if err != nil {
		return meta, false, dbError("read the applied row", err)
	}
	meta, err = decodeAppliedRow(value)
	return meta, true, errors.Join(err, closer.Close())
}

// checkEmpty refuses a database without an applied row that has other rows: another program wrote it.
func (s *DB) checkEmpty() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return dbError("read the state", err)
	}
	empty := !it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return dbError("read the state", err)
	}
	if !empty {
		return fmt.Errorf("%w: the state database has rows, but no applied row with their index: it was not "+
			"written by this program", durable.ErrFormat)
	}
	return nil
}

// appendAppliedRow appends the applied row: the snapshot's description as sealed JSON. It is read once at a start, so
// readable counts for more than short.
func appendAppliedRow(dst []byte, meta raft.SnapshotMeta) ([]byte, error) {
	body, err := json.Marshal(meta)
	if err != nil {
		return nil, fmt.Errorf("raftstore: encode the applied row: %w", err)
	}
	return durable.AppendSealed(dst, formatVersion, body), nil
}

func decodeAppliedRow(value []byte) (meta raft.SnapshotMeta, err error) {
	body, err := durable.OpenSealed(value, formatVersion, "the state's applied row")
	if err != nil {
		return meta, err
	}
	if err := json.Unmarshal(body, &meta); err != nil {
		return meta, fmt.Errorf("%w: the applied row: %w", durable.ErrFormat, err)
	}
	return meta, nil
}

// ReadSnapshotMeta reads the applied row of a database that nobody has open. ok is false if there is no database, or no
// such row.
func ReadSnapshotMeta(c Config) (meta raft.SnapshotMeta, ok bool, err error) {
	state, err := Open(c)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return meta, false, nil
	}
	if err != nil {
		return meta, false, err
	}
	meta, ok, err = state.SnapshotMeta()
	return meta, ok, errors.Join(err, state.Close())
}
