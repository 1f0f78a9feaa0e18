package raftstore

import (
	"errors"

	"apportion/raftstore/datadir"
	"apportion/raftstore/durable"
	"apportion/raftstore/peernet"
)

// The errors of Do, ReadBarrier and WaitReady. All but ErrOutcomeUnknown say that nothing of the batch was, or ever
// will be, in the log: the caller may send it again as it is. Do may wrap them; compare with errors.Is.
var (
	// ErrQueueFull: more waits than the queue may hold. Retry after a pause; the API answers 503 with Retry-After.
	ErrQueueFull = errors.New("raftstore: too many commands are waiting")

	// ErrNotLeader: this node does not lead, or does not lead yet after a start. Retry here after a pause, or at the
	// leader.
	ErrNotLeader = errors.New("raftstore: this node is not the leader")

	// ErrTimeout: the deadline passed while the batch was still waiting in the queue. It was taken out of it. Retry
	// with a later deadline.
	ErrTimeout = errors.New("raftstore: the deadline passed before the commands were taken up")

	// ErrTooLarge: the batch has more bytes or commands than one log entry may have. Never retry it whole; split it.
	ErrTooLarge = errors.New("raftstore: the commands are too large for one log entry")

	// ErrClosed: the store is shutting down. Do not retry on this store.
	ErrClosed = errors.New("raftstore: the store is closed")

	// ErrReplaced: this node was too far behind for the leader's log and has fetched a checkpoint, which Open takes
	// over. Close the store and open it again. See Store.Replaced.
	ErrReplaced = errors.New("raftstore: a checkpoint of the leader was fetched, the store has to be opened anew")

	// ErrOutcomeUnknown: the batch was handed to the log and its fate is not known: leadership was lost, the log could
	// not be written, or the deadline passed first. It may take effect now, later or never. Retry only commands that
	// are idempotent (by key or by order item), and tell the client that the outcome is unknown.
	ErrOutcomeUnknown = errors.New("raftstore: the outcome of the commands is unknown")
)

// The errors of Open and Verify. Retrying does not help before the cause is removed.
var (
	// ErrInUse: another process, or another Store of this process, has the directory open.
	ErrInUse = datadir.ErrInUse

	// ErrFormat: the directory was written by a newer version, or is none of ours.
	ErrFormat = durable.ErrFormat

	// ErrInconsistent: log, snapshots and state do not fit together, so the state cannot be proved. Restore a backup.
	ErrInconsistent = durable.ErrInconsistent

	// ErrCorrupt: something on disk is not what was written. Reads of a running store (ReadOrder, and commands that
	// need an order which has left memory) give it too, wherever they meet the damage. Restore a backup.
	ErrCorrupt = durable.ErrCorrupt

	// ErrOtherNode: the directory was made for a node of another name. What it holds counts as that node's only.
	ErrOtherNode = peernet.ErrOtherOwner

	// ErrClock: the clock is too far ahead of the last log entry to be believed without being told so.
	ErrClock = errors.New("raftstore: the clock is too far ahead")
)
