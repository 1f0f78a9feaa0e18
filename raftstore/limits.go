package raftstore

import (
	"time"

	"apportion/raftstore/peernet"
	"apportion/wal"
)

// Limits of the store. Config overrides those that an operator may want to change.
const (
	// entryBytesTarget is the size at which the proposer adds no further batch to an entry: past about 64 KB, latency
	// grows with the entry and throughput does not (measured on a Pebble log, one sync per entry).
	entryBytesTarget = 64 << 10

	// entryBytesMax bounds an entry. A single request of 12,000 items with long names has to fit; heartbeats between
	// several nodes want entries far below it. The log itself takes entries twice as large (wal.EntryBytesMax): it only
	// catches mistakes.
	entryBytesMax = 32 << 20

	// entryCommandsMax bounds the commands of an entry, so that one hold of the apply mutex stays short.
	entryCommandsMax = 4096

	// secondEntryBytes is how much has to be in the queue before a second entry may be in flight. With orders of 500
	// lines that gives a tenth more; with small orders it would take two syncs for the work of one.
	secondEntryBytes = 16 << 10

	// recentEntries is how many of the last entries are kept in memory for Raft. A leader reads an entry twice for each
	// follower, to send it and to tell what precedes the next one; a follower reads it to apply it.
	recentEntries = 4

	// queueBatchesMax and queueBytesMax bound the proposer's queue. At 100k commands/s it is a fraction of a second
	// deep; beyond it an immediate 503 serves a client better.
	queueBatchesMax = 16 << 10
	queueBytesMax   = 64 << 20

	// batchKeepBytesMax is the buffer size up to which a Batch keeps its memory between requests.
	batchKeepBytesMax = 1 << 20

	// holdRowsMax bounds the rows that a list looks at in one hold of the apply mutex.
	holdRowsMax = 256

	// commandPrefixBytes is the length of a command's length field in an entry.
	commandPrefixBytes = 4
)

// Checkpoints.
const (
	// checkpointLogBytes and CheckpointIntervalDefault say when the state is brought up to the log: the bytes bound the
	// replay after a crash (a few seconds), the interval bounds it for a quiet node.
	checkpointLogBytes        = 64 << 20
	CheckpointIntervalDefault = 30 * time.Second

	// checkpointRetryInterval is the pause after a checkpoint that failed (a full disk, for instance).
	checkpointRetryInterval = 5 * time.Second

	// checkpointSliceBytes bounds the rows that are encoded and then written at a time, and with them the rows that are
	// copied during one hold of the apply mutex: some ten microseconds.
	checkpointSliceBytes = 16 << 10

	// checkpointRestParts is how long a checkpoint rests after each slice, in parts of the time that the slice took: so
	// it takes a quarter of a processor. It does not rest when somebody waits for it, or when the log has become long
	// enough for the next one. checkpointRestMax is for a slice that had to wait itself.
	checkpointRestParts = 3
	checkpointRestMax   = 10 * time.Millisecond

	// stateTableBytes is the size at which an ingested SSTable is closed and the next one begun.
	stateTableBytes = 16 << 20

	// exportChunkBytes is how much of an export is read at a time: enough that a lock for each costs nothing.
	exportChunkBytes = 64 << 10

	// snapshotBodyBytesMax bounds a snapshot as Raft sees it; ours only says which state it stands for.
	snapshotBodyBytesMax = 64

	// OpenFilesDefault is the default for Config.OpenFilesMax, OpenFilesMin what a database has open of tables alone,
	// whatever it is told.
	OpenFilesDefault = 1000
	OpenFilesMin     = 74
)

// History.
const (
	// HistoryAgeDefault and HistoryBytesDefault bound the past that is kept: a day, so that yesterday's evening can be
	// replayed, and no more of the disk than a small server has to spare.
	HistoryAgeDefault   = 24 * time.Hour
	HistoryBytesDefault = 4 << 30
)

// Time.
const (
	// clockStepMaxMS is how far the clock may step ahead of the monotonic clock and be believed at once. What it is
	// ahead beyond that is believed at the rate at which time passes, so that stamps run at twice the speed until they
	// agree.
	clockStepMaxMS = 60_000

	// ClockGapMaxDefault is how far the clock may be ahead of the last entry at a start: downtime and a wrong clock
	// look alike then, but nobody's node is down for a year.
	ClockGapMaxDefault = 366 * 24 * time.Hour

	// tickMin and tickMax bound the pause between two looks at what is due.
	tickMin = 10 * time.Millisecond
	tickMax = time.Second

	// tickTimeout is how long a tick waits in the queue; after that the next one does its work.
	tickTimeout = 5 * time.Second
)

// Raft.
const (
	// electionTimeout is short, since a group of one waits for no other node: a start takes one to two times as long.
	electionTimeout    = 100 * time.Millisecond
	electionTimeoutMin = 5 * time.Millisecond

	// raftEntriesPerApply is how many entries Raft hands to the state machine at a time, in a replay.
	raftEntriesPerApply = 64

	// raftNever switches off Raft's own snapshots: only the checkpointer triggers them.
	raftNever = 1000 * time.Hour

	// trailingLogs is how many entries stay behind a snapshot. In a group of one, no follower needs them.
	trailingLogs = 0

	// peerTrailingLogs is how many entries stay behind a snapshot in a group of several: a node that was away for a
	// moment gets them rather than a checkpoint. Fewer stay if they would take more than HistoryBytes.
	peerTrailingLogs = 10_000

	// PeerElectionTimeoutDefault is for a group of several: a follower that hears no leader for one to two times as
	// long asks for votes. It is well above the pauses of a busy disk or processor.
	PeerElectionTimeoutDefault = 500 * time.Millisecond

	// progressInterval is the pause between two lines about a long load or replay.
	progressInterval = time.Second

	// shippedLogBytes is how much log is held for a node that fetches a checkpoint and starts with it, if no more is
	// kept anyway: with less, a busy group would leave it behind again.
	shippedLogBytes = 1 << 30

	// closeTimeout is how long Close waits for the entry in flight.
	closeTimeout = 10 * time.Second

	// ExitDiskFailed is the exit status of a process whose disk has failed.
	ExitDiskFailed = wal.ExitDiskFailed

	// archiveAttemptsMax bounds the look-ups of an order that moves between memory and archive meanwhile.
	archiveAttemptsMax = 4
)

// Other nodes.
const (
	// memberTimeout bounds a change of the members.
	memberTimeout = 10 * time.Second

	// transferHangMax is how long a new leader waits for the end of a leadership transfer that it began in an earlier
	// term: longer than any of the transfer's calls. snapshotRetry is the pause between two attempts at a snapshot
	// during a leadership transfer.
	transferHangMax = 2 * peernet.RaftTimeout
	snapshotRetry   = 100 * time.Millisecond

	// joinInterval is the pause between two attempts to join. A node that its own log calls a member asks too, once no
	// leader has contacted it for forgottenAfter.
	joinInterval   = time.Second
	forgottenAfter = 5 * time.Second

	// freshInterval is the pause between two updates of a node's freshness without reads. A follower with a lag of at
	// most readyLagMax is ready.
	freshInterval = 200 * time.Millisecond
	readyLagMax   = 5 * time.Second

	// foundingSilence is how long a node with an empty directory listens for a cluster that it belonged to, before it
	// bootstraps a group. A leader calls a member that does not answer at least twice in its election timeout, except
	// for a call that the network dropped, which is repeated after two seconds.
	foundingSilence = 3 * time.Second

	// questionsPendingMax bounds the unanswered questions to one voter; beyond it, the voter counts as not answering.
	questionsPendingMax = 64

	// StallTimeoutDefault is longer than a busy disk takes for a write; only a broken disk takes longer.
	// diskWatchInterval is the pause between two looks at the disk.
	StallTimeoutDefault = 3 * time.Second
	diskWatchInterval   = 100 * time.Millisecond

	// ForwardedConnectionsMax is the default for PeersConfig.ConnectionsMax: four nodes that forward as much as they
	// can.
	ForwardedConnectionsMax = 16_384

	// Names of nodes are short.
	nodeNameBytesMax = 64
)

// An entry of the target size must be legal, and the queue must hold more than the largest entry.
const (
	_ = uint(entryBytesMax - entryBytesTarget)
	_ = uint(queueBytesMax - entryBytesMax)
	_ = uint(queueBatchesMax - entryCommandsMax)
	_ = uint(stateTableBytes - checkpointSliceBytes)
	_ = uint(tickMax - tickMin)
)
