package raftstore

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/raft"
)

// fsm is what Raft sees of the store: it passes entries to the applier and snapshots to the checkpointer.
type fsm struct {
	applier     *applier
	checkpoints *checkpointer
	observe     func(log *raft.Log)
	fatal       func(msg string) // logs, and ends the process
}

var (
	_ raft.FSM         = (*fsm)(nil)
	_ raft.BatchingFSM = (*fsm)(nil)
)

// Apply applies one entry. Its value is an *entryResults for a command, nil for anything else.
func (f *fsm) Apply(log *raft.Log) any {
	if log.Type != raft.LogCommand {
		return nil
	}
	f.observe(log)
	defer f.endOnFatal()
	return f.applier.apply(log)
}

// endOnFatal ends the process with the message of a panic that says that this node cannot go on, such as one about an
// entry of a newer version: that is for an operator to read, and a stack is of no use to him.
func (f *fsm) endOnFatal() {
	switch msg := recover().(type) {
	case nil:
	case string:
		if strings.HasPrefix(msg, "FATAL:") {
			f.fatal(msg)
		}
		panic(msg)
	default:
		panic(msg)
	}
}

// ApplyBatch applies several entries. They are not joined: each is a moment of its own at which a checkpoint may
// freeze.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	values := make([]any, len(logs))
	for i, log := range logs {
		values[i] = f.Apply(log)
	}
	return values
}

// Snapshot freezes the state as of the last applied entry; Raft calls it between two batches of entries.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	return f.checkpoints.freeze()
}

// Restore is called when this node is sent another node's snapshot and has that state already. The state itself does
// not travel in it; see snapshots.
func (f *fsm) Restore(snapshot io.ReadCloser) error {
	body, err := io.ReadAll(io.LimitReader(snapshot, snapshotBodyBytesMax+1))
	err = errors.Join(err, snapshot.Close())
	if err != nil {
		return fmt.Errorf("raftstore: reading a snapshot: %w", err)
	}
	index, err := decodeSnapshotBody(body)
	if err != nil {
		return err
	}
	if have := f.checkpoints.coveredIndex(); have < index {
		return fmt.Errorf("%w: the snapshot is of index %d, the state of index %d, and the snapshot does not carry "+
			"the state",
			ErrInconsistent, index, have)
	}
	return nil
}
