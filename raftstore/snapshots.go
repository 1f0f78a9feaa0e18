package raftstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
	"apportion/raftstore/transfer"
	"apportion/wal"
)

// snapshots is Raft's snapshot store. To Raft, a snapshot proves that the log up to an index is no longer needed. Here
// the state database is that proof: its applied row is the snapshot's description, and is ingested in one step with the
// other rows. So there is at most one snapshot, it is always exactly the state on disk, and no crash can come between
// the two.
//
// A snapshot that Raft sends to another node names a checkpoint and has no files. The other node downloads them beside
// Raft, whose main goroutine would otherwise wait for the whole download. Meanwhile Raft hears there that the snapshot
// was not installed, and the leader sends it again. When the files are complete, the store is reopened with them. The
// next snapshot of the leader then is the state on disk, and Raft hears that it is installed.
type snapshots struct {
	state       *statedb.DB
	checkpoints *checkpointer
	log         *wal.Log
	sender      *transfer.Sender // nil, like receiver, on a node without peers
	receiver    *transfer.Receiver
}

var (
	_ raft.SnapshotStore = (*snapshots)(nil)
	_ raft.SnapshotSink  = (*snapshotSink)(nil)
)

// Create begins a snapshot: this node's own, which frozen.Persist makes durable with the rows, or one that the leader
// has sent.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if version != raft.SnapshotVersionMax {
		return nil, fmt.Errorf("%w: raft asks for a snapshot of version %d, and this program knows %d", ErrFormat,
			version, raft.SnapshotVersionMax)
	}
	return &snapshotSink{store: s, meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d", term, index), Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex, Size: snapshotBodyBytes,
	}}, nil
}

// List returns the one snapshot, if there is one: the exported checkpoint while other nodes download it, else the
// newest. At a start, when Raft asks for its own, no checkpoint is exported.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	if exported := s.sender.Exported(); exported != nil {
		return []*raft.SnapshotMeta{exported}, nil
	}
	meta, ok, err := s.state.SnapshotMeta()
	if err != nil || !ok {
		return nil, err
	}
	return []*raft.SnapshotMeta{&meta}, nil
}

// Open returns a snapshot as Raft sends it to another node.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	meta, ok, err := s.state.SnapshotMeta()
	if err != nil {
		return nil, nil, err
	}
	if exported := s.sender.Exported(); exported != nil && exported.ID == id {
		meta, ok = *exported, true
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
	stored bool // it is this node's own, and in the state database
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
		return 0, fmt.Errorf("%w: a snapshot of %d bytes; %d bytes of version %d were expected", ErrFormat, len(body),
			snapshotBodyBytes, snapshotBodyVersion)
	}
	return binary.LittleEndian.Uint64(body[1:]), nil
}

// ID names the snapshot.
func (s *snapshotSink) ID() string { return s.meta.ID }

// Write takes a part of the body.
func (s *snapshotSink) Write(part []byte) (int, error) {
	if len(s.body)+len(part) > snapshotBodyBytesMax {
		return 0, fmt.Errorf("%w: a snapshot of more than %d bytes", ErrFormat, snapshotBodyBytesMax)
	}
	s.body = append(s.body, part...)
	return len(part), nil
}

// Close checks that the state on disk is the one that the body names. A newer snapshot of another node triggers a
// download.
func (s *snapshotSink) Close() error {
	index, err := decodeSnapshotBody(s.body)
	if err != nil {
		return err
	}
	have := s.store.checkpoints.checkpointIndex()
	switch {
	case s.stored && have < index:
		return fmt.Errorf("%w: the snapshot is of index %d, but the state is of index %d", ErrInconsistent, index, have)
	case s.stored:
		return nil
	case have < index:
		return s.store.receiver.Want(index)
	}
	return s.store.alreadyHas(s.meta, have)
}

// alreadyHas returns nil if a snapshot is exactly the state on disk and the log has nothing after it. Only then may
// Raft continue from it: Raft would forget what it has applied, and truncate the log, whatever is in it.
func (s *snapshots) alreadyHas(meta raft.SnapshotMeta, have uint64) error {
	_, last, err := logBounds(s.log)
	if err != nil {
		return err
	}
	if meta.Index < have || last > meta.Index {
		return fmt.Errorf("raftstore: the snapshot of index %d is old: the state is of index %d, the log ends at "+
			"entry %d",
			meta.Index, have, last)
	}
	return nil
}

// Cancel ends a snapshot without a result.
func (s *snapshotSink) Cancel() error { return nil }

// startTransfers makes what sends and downloads checkpoints, before Raft starts. Exports of an earlier run are removed.
func (s *Store) startTransfers(context.Context) error {
	if err := s.cfg.FS.RemoveAll(s.paths.Transfer); err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", s.paths.Transfer, err)
	}
	if s.peers == nil {
		return nil
	}
	s.sender = transfer.NewSender(transfer.SenderConfig{
		FS: s.cfg.FS, Dir: s.paths.Transfer, State: s.state, Log: s.raftLog, Logger: s.cfg.Logger,
		Metrics: s.metrics.transfers, OnFatal: s.cfg.OnFatal, LogBytesMax: s.cfg.shippedLogBytes,
		Leads: func() bool { return s.raft.State() == raft.Leader },
	})
	s.peers.Handle(peernet.KindFiles, s.sender.Serve)
	s.receiver = transfer.NewReceiver(transfer.ReceiverConfig{
		FS: s.cfg.FS, Parent: s.paths.Dir, Dir: s.paths.Incoming, Peers: s.peers, Logger: s.cfg.Logger,
		Metrics: s.metrics.transfers, OnFatal: s.cfg.OnFatal, OpenFiles: s.cfg.OpenFilesMax,
		Leader: s.otherLeader, Applied: func() uint64 { return s.raft.AppliedIndex() },
	})
	return nil
}

// otherLeader is the leader if it is known and another node.
func (s *Store) otherLeader() (address string, id raft.ServerID) {
	leader, id := s.raft.LeaderWithID()
	if id == s.identity.Self {
		return "", ""
	}
	return string(leader), id
}

// Replaced is closed when this node was too far behind for the leader's log and has downloaded a checkpoint instead.
// The checkpoint lies ready in the directory; the running store does not use it and does not catch up any more. The
// caller then calls Close, and Open with the same configuration, which installs the checkpoint: a server watches this
// channel as long as it has the store, ends what it answers from it, and begins again with the new one. (Config.Metrics
// needs a new set, and Peers.Listen the port that the store had, Status().Address.) A crash in place of Close does no
// harm. On a node without peers it is never closed.
func (s *Store) Replaced() <-chan struct{} {
	if s.receiver == nil {
		return nil
	}
	return s.receiver.Replaced()
}
