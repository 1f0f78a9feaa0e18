package statedb

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
)

// cover reads the cover row: the snapshot, in Raft's words, that the state is. ok is false for a new database.
func (s *StateDB) Cover() (meta raft.SnapshotMeta, ok bool, err error) {
	value, closer, err := s.db.Get(coverKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return meta, false, s.checkEmpty()
	}
	if err != nil {
		return meta, false, stateError("read the cover row", err)
	}
	meta, err = decodeCover(value)
	return meta, true, errors.Join(err, closer.Close())
}

// checkEmpty tells a new database from one that was written by something else.
func (s *StateDB) checkEmpty() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return stateError("read the state", err)
	}
	empty := !it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return stateError("read the state", err)
	}
	if !empty {
		return fmt.Errorf("%w: the state database has rows but does not say of which index", durable.ErrFormat)
	}
	return nil
}

// appendCover appends the cover row: the snapshot's description as sealed JSON. It is read once at a start, so readable
// counts for more than short.
func appendCover(dst []byte, meta raft.SnapshotMeta) ([]byte, error) {
	body, err := json.Marshal(meta)
	if err != nil {
		return nil, fmt.Errorf("raftstore: encode the cover row: %w", err)
	}
	return durable.AppendSealed(dst, stateFormatVersion, body), nil
}

func decodeCover(value []byte) (meta raft.SnapshotMeta, err error) {
	body, err := durable.OpenSealed(value, stateFormatVersion, "the state's applied row")
	if err != nil {
		return meta, err
	}
	if err := json.Unmarshal(body, &meta); err != nil {
		return meta, fmt.Errorf("%w: the cover row: %w", durable.ErrFormat, err)
	}
	return meta, nil
}

// coverOf reads the cover row of a database that nobody has open; ok is false if there is none.
func CoverOf(c StateConfig) (meta raft.SnapshotMeta, ok bool, err error) {
	state, err := OpenState(c)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return meta, false, nil
	}
	if err != nil {
		return meta, false, err
	}
	meta, ok, err = state.Cover()
	return meta, ok, errors.Join(err, state.Close())
}
