// Package raftstore replicates and keeps the state of one Raft group: a Raft node, the proposer that turns waiting
// commands into log entries, the state machine around the engine, and the state on disk.
//
// It owns the data directory, the order of the commands, their time stamps, and the decision whether this node may
// answer. It knows no HTTP and no JSON of clients, decides nothing about stock, and runs no rules. It acknowledges no
// command that is not durable and applied. It refuses to start on a directory that is damaged or does not fit together,
// and ends the process when a disk fails. A Raft group of one node works like a larger one.
//
// # The way of a write
//
// The caller's goroutine encodes commands (Batch.Append), queues the batch and waits. The proposer makes one entry of
// all that waits, stamps it with the time, and gives it to Raft. Package wal writes and syncs it, Raft commits it, and
// Raft's state machine goroutine applies it to the engine under the apply mutex. The proposer takes the results, wakes
// the callers, and makes the next entry. So one sync serves all commands that came during the last one.
// docs/write-path.md follows a write through all files.
//
// # Disk, and why a crash is harmless
//
// An entry is synced in the log before it is committed. The state database (statedb) holds the state as of one index i,
// which its applied row names, and goes from one index to the next in one atomic step. Only then is the log truncated,
// up to i, after i was noted in it. So the disk always has the state at some i and all committed entries after it; a
// state older than the note is refused. A start loads the state and replays the log after it. To Raft, the applied row
// is the snapshot (snapshots.go). An entry has a checksum, so no half of a batch is ever applied. A file beside the log
// notes an entry that the log must have, because a log cannot tell the loss of its end from a torn tail
// (datadir.LogEnd).
//
// Early refusals take no log entry. Package history records them beside kept checkpoints, for backtests.
//
// # Other nodes
//
// With Config.Peers, nodes talk to each other over one address (peernet). A member is a node's name with the identity
// of its directory: a node that has lost its disk is a new member without a vote. A node too far behind the leader's
// log downloads a checkpoint beside Raft (transfer); then the store is closed and opened again with it (Replaced).
//
// Reads take no log entry. The leader confirms its leadership with a quorum; a follower asks the leader for its read
// index and waits until it has applied it. Concurrent reads share one question.
//
// Time comes from the leader's clock, in the entries. Nothing else reads a clock. clock.go says what a jump does.
//
// # Rooms
//
//	durable   errors, synced files, checksums
//	datadir   names in the data directory, its lock, the note of the log's end
//	statedb   the state on disk: rows, applied row, manifest of a checkpoint's files
//	history   kept checkpoints, recordings, refused orders
//	peernet   connections between nodes: handshake, identity, Raft's transport
//	transfer  checkpoints from and to other nodes
//
// In this package: store.go opens and closes; node.go and past.go are its steps. batch.go, proposer.go, entry.go and
// clock.go lead into the log, fsm.go and apply.go out of it. checkpoint.go, frozen.go and snapshots.go bring the state
// to disk, archive.go finds orders that have left memory, export.go copies the state as of one index. read.go and
// readindex.go answer readers. leadership.go, members.go, join.go and diskwatch.go are the life of a node in a group.
// verify.go checks a directory offline.
package raftstore
