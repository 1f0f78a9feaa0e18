package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"apportion/raftstore/statedb"
	"apportion/wal"
)

// snapshots is the raft.SnapshotStore of this store. A snapshot, to Raft, is the proof that the log before some index
// is no longer needed. Here the state database is that proof: its cover row is the snapshot's description, and it is
// ingested in the same step as the rows. So there is at most one snapshot, it is always exactly the state on disk, and
// no crash can come between the two.
//
// To another node Raft sends a snapshot that only says which checkpoint there is; the files are fetched beside Raft
// (see fetcher), since Raft's main goroutine would wait for as long as it takes. Raft there is told that the snapshot
// was not installed, and its leader comes with it again. When the files are there, the store is opened anew with them.
// The snapshot that the leader comes with next is then the state that is there, and there is nothing left to do but to
// say so.
type snapshots struct {
	state       *statedb.DB
	checkpoints *checkpointer
	log         *wal.Log
	shipper     *shipper // nil, like fetcher, in a group of one
	fetcher     *fetcher
}

var (
	_ raft.SnapshotStore = (*snapshots)(nil)
	_ raft.SnapshotSink  = (*snapshotSink)(nil)
)

// Create begins a snapshot: one of this node, of which frozen.Persist makes the description durable with the rows, or
// one that the leader has sent.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if version != raft.SnapshotVersionMax {
		return nil, fmt.Errorf("%w: raft asks for a snapshot of version %d", ErrFormat, version)
	}
	return &snapshotSink{store: s, meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d", term, index), Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex, Size: snapshotBodyBytes,
	}}, nil
}

// List gives the one snapshot, if there is one: the newest, or the one that is kept for nodes that fetch it. At the
// start, when Raft asks for its own, there is none that is kept.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	if offered := s.shipper.offered(); offered != nil {
		return []*raft.SnapshotMeta{offered}, nil
	}
	meta, ok, err := s.state.SnapshotMeta()
	if err != nil || !ok {
		return nil, err
	}
	return []*raft.SnapshotMeta{&meta}, nil
}

// Open gives a snapshot as it would be sent to another node.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	meta, ok, err := s.state.SnapshotMeta()
	if err != nil {
		return nil, nil, err
	}
	if offered := s.shipper.offered(); offered != nil && offered.ID == id {
		meta, ok = *offered, true
	}
	if !ok || meta.ID != id {
		return nil, nil, fmt.Errorf("raftstore: there is no snapshot %q", id)
	}
	body := bytes.NewReader(appendSnapshotBody(nil, meta.Index))
	return &meta, io.NopCloser(body), nil
}

// snapshotSink takes a snapshot's body: 1 byte format, 8 bytes log index.
type snapshotSink struct {
	store  *snapshots
	meta   raft.SnapshotMeta
	body   []byte
	stored bool // it is of this node, and in the state database
}

const (
	snapshotBodyVersion = 1
	snapshotBodyBytes   = 1 + 8
)

func appendSnapshotBody(dst []byte, index uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, snapshotBodyVersion), index)
}

func decodeSnapshotBody(body []byte) (index uint64, err error) {
	if len(body) != snapshotBodyBytes || body[0] != snapshotBodyVersion {
		return 0, fmt.Errorf("%w: a snapshot of %d bytes", ErrFormat, len(body))
	}
	return binary.LittleEndian.Uint64(body[1:]), nil
}

// ID names the snapshot.
func (s *snapshotSink) ID() string { return s.meta.ID }

// Write takes a part of the body.
func (s *snapshotSink) Write(part []byte) (int, error) {
	if len(s.body)+len(part) > snapshotBodyBytesMax {
		return 0, errors.New("raftstore: a snapshot larger than any of ours")
	}
	s.body = append(s.body, part...)
	return len(part), nil
}

// Close checks that the state on disk is what the body says. There is nothing left to write. A snapshot of another node
// is had fetched if it is of use here.
func (s *snapshotSink) Close() error {
	index, err := decodeSnapshotBody(s.body)
	if err != nil {
		return err
	}
	have := s.store.checkpoints.checkpointIndex()
	switch {
	case s.stored && have < index:
		return fmt.Errorf("%w: a snapshot of index %d, and state of index %d", ErrInconsistent, index, have)
	case s.stored:
		return nil
	case have < index:
		return s.store.fetcher.want(index)
	}
	return s.store.alreadyHas(s.meta, have)
}

// alreadyHas is nil if a snapshot is exactly the state that is here and nothing behind it: only then may Raft go on
// from it. It would forget what it has applied, and cut the log, whatever is in it.
func (s *snapshots) alreadyHas(meta raft.SnapshotMeta, have uint64) error {
	_, last, err := logBounds(s.log)
	if err != nil {
		return err
	}
	if meta.Index < have || last > meta.Index {
		return fmt.Errorf("raftstore: the snapshot of index %d is old: the state here is of %d, the log ends at %d",
			meta.Index, have, last)
	}
	return nil
}

// Cancel gives the snapshot up.
func (s *snapshotSink) Cancel() error { return nil }
