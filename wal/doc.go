// Package wal is the Raft log of Apportion: raft.LogStore and raft.StableStore on a Pebble database of its own.
//
// It owns the entries of the log, Raft's term and vote, and the promise behind every acknowledgement: what StoreLogs,
// DeleteRange and Set returned nil for survives a crash. It refuses a gap, an entry over another one, an entry that
// does not read back as it was stored, and any write after the disk has failed. It never looks into an entry's data,
// knows no command, keeps no cache beside Pebble's (raft.LogCache does that) and starts no goroutine of its own.
//
// # What a crash leaves
//
//   - StoreLogs: all entries of the call, or none. They are one record of Pebble's WAL, synced before the call returns.
//   - DeleteRange: the whole range is gone, or nothing is. No entry can be stored under the tombstone before it is
//     synced, since the lock is held until then.
//   - Set: the old value, or the new one. A vote is on disk before it is given.
//   - Open: a database that the next Open can use. One without rows and without our marker is a creation cut short; one
//     with rows and without it is not ours and is refused.
//
// # What damage does
//
// A failed write or sync is never tried again: the kernel may have dropped the pages and report the next sync as good.
// The log is then marked as failed, and OnFatal ends the process. A failed flush or compaction loses nothing and is
// tried again after a pause.
//
// A checksum that does not match, or a missing entry, becomes a CorruptError and goes to OnCorruption, which by default
// ends the process. Open reads the first and the last entry, Verify all of them. Damage before the last synced block
// makes Open fail; damage at the very end cannot be told from a torn tail, which was never acknowledged, and ends the
// log there. Package raftstore notes beside the log how far it went, and refuses a log that ends before that.
//
// docs/log-format.md has the bytes, each argument in full, the assumptions about the disk, and figures.
//
// # Reading order
//
// log.go: the configuration, the limits, the type with its locks, Open and Close. entry.go: the bytes of keys and
// values. append.go: the entries, stored, read and deleted. stable.go: term and vote. open.go: how Pebble is set up,
// what Open checks, and Verify. filesystem.go: what is put between Pebble and the disk, and why (with presized_linux.go
// for the size of new files, and polledsync_linux.go for syncs that keep their processor). errors.go and metrics.go.
package wal
