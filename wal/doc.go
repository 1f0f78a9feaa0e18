// Package wal is the Raft log of Apportion: raft.LogStore and raft.StableStore on a Pebble database of its own.
//
// It owns the entries of the log, Raft's term and vote, and the promise behind every acknowledgement: what StoreLogs,
// DeleteRange and Set returned nil for survives a crash. It refuses to have gaps, to overwrite an entry, to hand out an
// entry that is not what was stored, and to go on after the disk failed. It never looks into an entry's data, knows
// nothing of commands, keeps no cache beside Pebble's (raft.LogCache does that) and starts no goroutine of its own.
//
// # Bytes
//
// A key is what it is ordered by, big-endian:
//
//	offset  bytes
//	0       2      group, 0 today: the log of one Raft group is one range of keys
//	2       1      table: 1 format marker, 2 stable store, 3 entries
//	3       8      entries: the index. The others: the name
//
// The value of an entry:
//
//	offset  bytes
//	0       1      version, 1
//	1       4      CRC-32C of the key and of everything from offset 5 on
//	5       1      type
//	6       8      term
//	14      8      AppendedAt, seconds since 1970, signed (the zero time has its value too)
//	22      4      AppendedAt, nanoseconds, below 1e9
//	26      4      length of the extensions
//	30      e      extensions
//	30+e    rest   data
//
// The value of the other tables is version (1), CRC-32C of the key and the payload, payload. Pebble has checksums of
// its own for blocks and WAL records; ours also cover the way through memory, and an entry that turns up under
// another's key.
//
// # Crashes
//
// Open: a MANIFEST's name is synced before the marker that points to it (names.go). A new database is opened, closed
// and opened again, since the WAL of its first opening is of Pebble's oldest format (database.go); a crash in between
// leaves one without rows, which the next Open takes as it is or raises as if it were new. A database without rows and
// without our marker is a creation that a crash cut short, and gets the marker; with rows it is not ours and is
// refused.
//
// StoreLogs: the entries are one Pebble batch, one record of its WAL, with one checksum over each chunk: replay takes
// it whole or not at all. The WAL is synced before LastIndex moves and before the call returns. A crash before that
// leaves either the log as it was or the whole batch; Raft may not yet have counted on it, so both are right.
//
// DeleteRange: one range tombstone in one synced batch, so all of the range goes or none. The bounds shrink before the
// write and the lock is held until it is synced: no entry can be stored under the tombstone before it. A crash before
// the sync leaves the entries. For a prefix that is harmless. For a suffix the call had not returned, so Raft had not
// stored what replaces it.
//
// Set: one row in one synced batch. A vote is on disk before it is given.
//
// A write or a sync that fails: Pebble calls Logger.Fatalf and would report success if that came back. Ours sets the
// log to failed, logs, calls OnFatal, which ends the process, and panics should that return. The sync is not tried
// again: after a failed one, the kernel may have dropped the pages and report the next as good. Where Pebble ends one
// WAL file and begins the next, it does not call Fatalf but panics, with a mutex unlocked that a deferred call unlocks
// again, so the end comes before that, from within the file system (watched.go). A flush or a compaction that fails
// takes nothing back and is tried again, after a pause (attempts.go).
//
// Damage: the first and the last entry are read at Open, each entry when it is needed, all of them by Verify. A
// checksum that does not match, a hole, or an error that Pebble marks as corruption becomes a CorruptError and goes to
// OnCorruption, which by default ends the process. Replay of Pebble's WAL tells a torn tail, which was never
// acknowledged, from damage to what was synced, because each chunk records how far the sync had come when it was
// written: a chunk in a later block of 32 KB that says so proves the damage, and Open fails. Damage in the last such
// block, or in the last batch if that is longer, has no witness and ends the log there, like a torn tail; so does
// damage of every block from some point on, as of a file that was cut off there or zeroed. The log cannot know better.
// Who opens it can: package raftstore notes beside it an entry that is in it, some 2 ms behind the last one
// (logend.go), and refuses a log that ends before that. What remains is the loss of only what was stored after the
// note: measured, 0 to 2 entries after a kill -9 under load.
//
// # Assumptions
//
// A sync that returned without an error is on stable storage, whatever the disk's cache. Two processes do not open one
// directory (Pebble holds a lock file). Writes to one file may be torn and reordered between syncs; a rename is atomic.
// Memory does not lie between encoding and checksum.
//
// # Figures
//
// 2026-11-23, 2-core machine (AMD EPYC, ext4, other work on it at the same time: load 3 to 6), two runs of
//
//	go test ./wal -run xxx -bench AgainstFile -benchtime 2000x
//
// which takes turns between one synced entry and an append with fdatasync of the same bytes to a bare file. Medians:
//
//	entry     log           bare file
//	64 B      253-370 us    263-359 us
//	4 KB      389-460 us    583-721 us
//	64 KB     459-520 us    623-737 us
//
// The fdatasync is 80 % of it; goroutines, checksum and memtable add about 30 us. The log is faster than the bare file
// because Pebble writes over recycled WAL files, whose length does not change and need not be synced. Files that are
// new have their whole length from the start (presized.go); when they had not, it was 358, 436 and 667 us until every
// WAL file had been used once (some 150 MB of log), against 286, 336 and 641 us of the bare file on the same, quieter
// machine. StoreLogs allocates nothing up to 4 KB, also for a batch of 64 entries of 64 bytes (425 us); 64 KB cost two
// allocations, 2.5 KB, inside Pebble. GetLog from a memtable takes 1.0 us.
//
// # Reading order
//
// limits.go, errors.go and config.go say what goes in and out; layout.go and entry.go are the bytes; log.go is the
// type, its locks, Open and Close, presized.go the size of new files, recover.go what Open checks and Verify; store.go
// appends and reads, truncate.go deletes, stable.go is term and vote; database.go sets Pebble up and turns its
// complaints into ours, names.go closes a hole in its crash order, watched.go one in its errors, attempts.go paces what
// fails; metrics.go counts.
package wal
