package wal

import (
	"math"
	"time"
)

// Limits of the log. Each bounds something that a caller could otherwise grow without end.
const (
	// IndexMax is the largest index that can be stored: the exclusive end of a deleted range, index+1, must exist.
	IndexMax = math.MaxUint64 - 1

	// EntryBytesMax bounds one entry, extensions and data together. The proposer keeps entries near 64 KB, where a
	// synced write is fastest; this is only the point at which an entry must be a mistake.
	EntryBytesMax = 64 << 20

	// BatchBytesMax bounds the encoded bytes of one StoreLogs. It leaves room for the 1024 entries that Raft may send
	// at once at 1 MB each.
	BatchBytesMax = 1 << 30

	// StableKeyBytesMax and StableValueBytesMax bound a pair of the StableStore. Raft keeps three short ones there.
	StableKeyBytesMax   = 256
	StableValueBytesMax = 1 << 20

	// MemTableBytesDefault is the size of one memtable and therefore of one WAL file. A memtable four times this size
	// was slower to write and longer to replay.
	MemTableBytesDefault = 16 << 20
	// MemTableBytesMin is small enough for tests that want many WAL files.
	MemTableBytesMin = 4 << 10
	// MemTableBytesMax keeps the replay at start short.
	MemTableBytesMax = 256 << 20

	// memTablesMax is how many memtables may wait for their flush before writes stall: what the disk can be behind.
	memTablesMax = 4

	// blockCacheBytes is small since Raft reads recent entries, which are in a memtable.
	blockCacheBytes = 8 << 20

	// tableBytesTarget makes a flush one table, so that cutting the log drops whole files.
	tableBytesTarget = 64 << 20

	// batchRetainedBytesMax is the largest encode buffer that is kept for the next StoreLogs.
	batchRetainedBytesMax = 4 << 20

	// attemptPause is between a flush or a compaction that failed and the next one, attemptLineInterval between two
	// lines about them: a full disk is not helped by attempts, and an operator not by a line for each.
	attemptPause        = time.Second
	attemptLineInterval = 30 * time.Second

	// fatalExitCode is what the process ends with when the disk has failed (EX_IOERR of sysexits.h).
	fatalExitCode = 74
)

// An entry of the maximal size must fit into a batch, and a batch into Pebble's limit of 4 GB.
const (
	_ = uint64(BatchBytesMax - EntryBytesMax - entryOverheadBytes)
	_ = uint64(math.MaxUint32 - BatchBytesMax)
	_ = uint64(MemTableBytesMax - MemTableBytesDefault)
	_ = uint64(MemTableBytesDefault - MemTableBytesMin)
)
