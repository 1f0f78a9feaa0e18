// Package raftstore replicates and keeps the state of one group: a Raft node, the proposer that turns waiting commands
// into log entries, the state machine around the engine, and the state on disk by incremental checkpoints.
//
// It owns the data directory, the order of the commands, their time stamps, and the answer to "is this node allowed to
// answer?". It knows no HTTP and no JSON, decides nothing about stock, and runs no rules. It never acknowledges a
// command that is not durable and applied, and never answers from a state that it can't prove: what is damaged or does
// not fit together is refused at the start, and a disk that fails ends the process.
//
// A group of one node goes the same way as one of several: elections, terms, log and snapshots are Raft's. Row keys
// begin with the group's number; the groups of a node would be several Stores.
//
// # The way of a write
//
// The caller's goroutine encodes the commands (Batch.Append), puts the batch into the proposer's queue and sleeps. The
// proposer's goroutine makes one entry of what waits, stamps it and hands it to Raft, whose main goroutine has package
// wal write and sync it and, since one node is a majority of one, commits it. Raft's state machine goroutine applies it
// to the engine under the apply mutex and puts the results into the entry's future. The proposer takes them, wakes the
// callers, and makes the next entry of what waits then. One sync serves as many commands as came while the last one was
// running.
//
// # Disk, and why a crash is harmless
//
// The log (wal) is synced before an entry is committed. The state database holds the rows of the engine as of one log
// index i, and a cover row that says i. It has no log of its own: it changes only when finished, synced SSTables are
// ingested, which Pebble makes one atomic, durable edit of its manifest. The log is cut only after that, and only up to
// i. The log also notes i, before it is cut. So at any moment the disk holds the state at some i and all committed
// entries after i, and a state that was lost, or that has fallen back, is older than the note and refused. A start
// loads the first and replays the second: Raft applies all it has after the cover row's index, which is its snapshot
// index too, because the cover row is the snapshot (see snapshots). An entry whose sync was not finished may or may not
// be there; nobody was told that it is. A batch is in one entry, an entry is one record with a checksum, so no half of
// a batch is ever applied.
//
// What the log cannot know is whether its last file has lost its end. So the last applied entry is noted in a file
// beside it, shortly behind the writes and at no cost to them, and a log that ends before it is refused: see logEnd.
//
// # History
//
// Some of the last checkpoints are kept as directories of hard links, and the log is not cut before the oldest of them:
// what a backtest replays (Recording). Each has a list of its files with their checksums, which is gone through before
// it is used. Serving needs nothing of it; a fault there costs history only. What is replayed may take as much of the
// disk again.
//
// An order that committed stock cannot meet is refused before the log (Refuses). It is recorded beside the checkpoints,
// on this node alone, without a sync and with holes that are counted: see refusals. A Recording has it between the
// entries that were applied before and after it was refused.
//
// # Other nodes
//
// A node with Config.Peers has one address for everything that nodes say to each other. Each connection begins with a
// handshake (hello) that names the cluster, which keeps two of them apart, the node that is called and its data
// directory, which keeps an entry that was stored, and a vote that was given, by another than the one that was meant
// from counting, and what the connection is for: Raft, forwarded requests, short questions, joining, checkpoints. With
// TLS, both sides show certificates.
//
// A member of the group is a node's name with the identity of its directory (identity), so a node without its disk is
// no member, and has no vote before the group gives it one.
//
// A node that is too far behind for the leader's log, or new, gets a checkpoint: Raft's snapshot only says that there
// is one, and the files are fetched beside Raft (fetcher) from a copy of the leader's state by hard links (shipper),
// which neither the writer nor the next checkpoint waits for. Each file has a checksum; one that is there is not
// fetched again, be it for a later checkpoint or from another leader. Nothing of the old state is touched until all of
// the new one is on disk and was read. Then the store has to be opened anew (Store.Replaced), and Open puts the new
// state in the place of the old one, in steps between which a crash does no harm (adopt.go).
//
// The disk that all this takes is bounded: the log behind a checkpoint, whether it is kept for the past, for a node
// that fetches or for one that was away for a moment, by HistoryBytes, and by as much again while some of it is
// replayed; the copies by what the state has changed since; what comes in by the size of the leader's state.
//
// Reads take no log entry: the leader asks a majority whether it still leads (confirmer), a follower asks the leader
// how far it is and waits until it is as far (following). Many who ask at once share a round (rounds).
//
// # Time
//
// Each entry carries the time at which its commands take effect; nothing else reads a clock. See stamper for what
// happens when a clock jumps.
//
// # Reading order
//
// store.go opens and closes, paths.go and node.go are its steps; batch.go, proposer.go, entry.go and clock.go are the
// way into the log; fsm.go and apply.go the way out of it; checkpoint.go, tables.go, state.go, snapshots.go and load.go
// the state on disk; leadership.go and read.go what readers need; archive.go the orders that have left memory; tick.go
// the passing of time; peers.go, hello.go, identity.go, stream.go and pipeline.go are the way to other nodes, group.go
// ties it to the store, members.go and join.go are who belongs, diskwatch.go is what a leader does whose disk does not
// answer or that is about to stop, rounds.go, peerline.go, confirm.go and following.go what a read needs; manifest.go,
// ship.go and shipment.go give a checkpoint to another node, fetch.go and incoming.go get one, adopt.go makes it the
// state; history.go, kept.go and recording.go what is kept of the past, inflight.go which orders get no
// early refusal; refused.go, refusedframe.go, refusedfiles.go and refusedread.go what was, logstore.go what Raft sees
// of the log; logend.go what is known of where it ends; verify.go the check of a directory offline, readonly.go the
// file system that it sees; limits.go and errors.go what can be too much or go wrong. Of the tests, sim_test.go is the
// way into the simulation, which runs all of this from a seed.
package raftstore
