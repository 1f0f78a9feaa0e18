package raftstore

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/raft"
)

// fsm is Raft's view of the store: it passes entries to the applier and snapshots to the checkpointer.
type fsm struct {
	applier     *applier
	checkpoints *checkpointer
	observe     func(log *raft.Log)

	// handOut gets the results of each entry with its data, and owns the results from then on.
	handOut func(data []byte, results *entryResults)

	fatal func(msg string) // logs, and ends the process
}

var (
	_ raft.FSM         = (*fsm)(nil)
	_ raft.BatchingFSM = (*fsm)(nil)
)

// Apply applies one entry. Its value is nil: handOut has the results.
func (f *fsm) Apply(log *raft.Log) any {
	if log.Type != raft.LogCommand {
		return nil
	}
	f.observe(log)
	defer f.endOnFatal()
	f.handOut(log.Data, f.applier.apply(log))
	return nil
}

// endOnFatal ends the process on a panic with "FATAL:", which means that this node cannot go on, for example at an
// entry of a newer version. An operator gets the message without a stack.
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

// ApplyBatch applies several entries, one by one: a checkpoint may freeze between any two.
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

// Restore is called when another node sends a snapshot of a state that this node already has. The snapshot does not
// carry the state; see snapshots.
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
	if have := f.checkpoints.checkpointIndex(); have < index {
		return fmt.Errorf("%w: a snapshot of index %d, which does not carry the state, and a state of index %d",
			ErrInconsistent, index, have)
	}
	return nil
}
