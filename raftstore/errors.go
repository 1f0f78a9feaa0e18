package raftstore

import (
	"errors"

	"apportion/raftstore/datadir"
	"apportion/raftstore/durable"
	"apportion/raftstore/peernet"
	"apportion/raftstore/transfer"
)

// The errors of Do, ReadBarrier and WaitReady. After all but ErrOutcomeUnknown, nothing of the batch is or ever will be
// in the log: the caller may send it again unchanged. Do may wrap them; compare with errors.Is.
var (
	// ErrQueueFull: the queue is full. Retry after a pause; the API answers 503 with Retry-After.
	ErrQueueFull = errors.New("raftstore: too many commands are waiting")

	// ErrNotLeader: this node does not lead, or does not lead yet after a start. Retry here after a pause, or at the
	// leader.
	ErrNotLeader = errors.New("raftstore: this node is not the leader")

	// ErrTimeout: the deadline passed while the batch was in the queue, and the batch was removed from it. Retry with a
	// later deadline.
	ErrTimeout = errors.New("raftstore: the deadline passed before the commands were put into the log")

	// ErrTooLarge: the batch has more bytes or commands than one log entry may have. Split it; never retry it whole.
	ErrTooLarge = errors.New("raftstore: the commands are too large for one log entry")

	// ErrClosed: the store is shutting down. Do not retry on this store.
	ErrClosed = errors.New("raftstore: the store is closed")

	// ErrReplaced: this node was too far behind for the leader's log and has downloaded a checkpoint, which Open
	// installs. Close the store and open it again. See Store.Replaced.
	ErrReplaced = transfer.ErrReplaced

	// ErrOutcomeUnknown: the batch is in flight, and its outcome is not known: leadership was lost, the log could not
	// be written, or the deadline passed first. It may take effect now, later or never. Retry only idempotent commands
	// (by key or by order item), and tell the client that the outcome is unknown.
	ErrOutcomeUnknown = errors.New("raftstore: the outcome of the commands is unknown")
)

// The errors of Open and Verify. Retrying does not help before the cause is removed.
var (
	// ErrInUse: another process, or another Store of this process, has the directory open.
	ErrInUse = datadir.ErrInUse

	// ErrFormat: the directory was written by a newer version, or by another program.
	ErrFormat = durable.ErrFormat

	// ErrInconsistent: log and state do not belong together, so the state cannot be proved. Restore a backup.
	ErrInconsistent = durable.ErrInconsistent

	// ErrCorrupt: data on disk is not what was written. A running store returns it too, from reads that meet the
	// damage: ReadOrder, and commands on an order that has left memory. Restore a backup.
	ErrCorrupt = durable.ErrCorrupt

	// ErrOtherNode: the directory belongs to a node of another name. Its votes and entries count as that node's only.
	ErrOtherNode = peernet.ErrOtherOwner

	// ErrClock: the clock is too far ahead of the last log entry to be believed.
	ErrClock = errors.New("raftstore: the clock is too far ahead")
)
