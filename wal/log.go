package wal

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// Config configures a Log. Only Dir must be set; zero values mean defaults.
type Config struct {
	// Dir is the directory of the log. It is created if it does not exist, and belongs to the log alone.
	Dir string

	// ReadOnly makes Open write nothing, and find an empty log where there is none: for a check. A call that would
	// write is an error.
	ReadOnly bool

	// FS is the file system; vfs.Default by default. Tests inject crashes and faults here.
	FS vfs.FS

	// Logger gets Pebble's messages: routine ones at level debug, errors at level error. slog.Default() by default.
	Logger *slog.Logger

	// MemTableBytes is the size of a memtable and of a WAL file; MemTableBytesDefault by default.
	MemTableBytes int

	// OpenFilesMax is about how many files the database keeps open; Pebble's 1000 by default.
	OpenFilesMax int

	// OnFatal is called after a write or a sync has failed and the message is logged: no further write can be promised.
	// It must not return; if it does, the goroutine panics. By default it ends the process with ExitDiskFailed. It may
	// run on a goroutine of Pebble's that holds locks, so it must not call the Log.
	OnFatal func(msg string)

	// OnCorruption is called after bytes were read back that differ from those written, and the error is logged. By
	// default it calls OnFatal: a leader that cannot read its log would keep its followers waiting, while a stopped
	// leader is replaced. If it returns, the reader gets the error. It must not call the Log.
	OnCorruption func(err error)

	// OnSync is called after each successful StoreLogs, on its goroutine, with the time of the synced write, the
	// entries and their encoded bytes. It should feed a histogram and not block.
	OnSync func(d time.Duration, entries int, bytes int)
}

// withDefaults returns the configuration with all zero values filled in. No other place knows defaults.
func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.MemTableBytes == 0 {
		c.MemTableBytes = MemTableBytesDefault
	}
	if c.OnFatal == nil {
		c.OnFatal = func(string) { os.Exit(ExitDiskFailed) }
	}
	if c.OnSync == nil {
		c.OnSync = func(time.Duration, int, int) {}
	}
	return c
}

// Validate returns all faults of the configuration, joined.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("wal: Dir is empty: the log needs a directory"))
	}
	if c.MemTableBytes < MemTableBytesMin || c.MemTableBytes > MemTableBytesMax {
		faults = append(faults, fmt.Errorf("wal: MemTableBytes is %d: %d to %d is expected",
			c.MemTableBytes, MemTableBytesMin, MemTableBytesMax))
	}
	return errors.Join(faults...)
}

// Limits of the log. Each bounds something that a caller could otherwise grow without end.
const (
	// IndexMax is the largest index that can be stored: the exclusive end of a deleted range, index+1, must exist.
	IndexMax = math.MaxUint64 - 1

	// EntryBytesMax bounds one entry, extensions and data together. The proposer keeps entries near 64 KB, where a
	// synced write is fastest. An entry beyond this bound must be a mistake; raftstore's own bound is half of it.
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

	// memTablesMax bounds the memtables that wait for their flush before writes stall: how far the disk may be behind.
	memTablesMax = 4

	// blockCacheBytes is small because Raft reads recent entries, which are in a memtable.
	blockCacheBytes = 8 << 20

	// tableBytesTarget makes each flush one table, so that truncating the log drops whole files.
	tableBytesTarget = 64 << 20

	// batchRetainedBytesMax is the largest encode buffer that is kept for the next StoreLogs.
	batchRetainedBytesMax = 4 << 20

	// attemptPause is the pause after a flush or a compaction that failed, attemptLineInterval the pause between two
	// log lines about them: more attempts do not help a full disk, and more lines do not help an operator.
	attemptPause        = time.Second
	attemptLineInterval = 30 * time.Second

	// ExitDiskFailed is the exit status of a process whose disk has failed (EX_IOERR of sysexits.h).
	ExitDiskFailed = 74
)

// The largest entry must fit into a batch, and the largest batch into Pebble's limit of 4 GB.
const (
	_ = uint64(BatchBytesMax - EntryBytesMax - entryOverheadBytes)
	_ = uint64(math.MaxUint32 - BatchBytesMax)
	_ = uint64(MemTableBytesMax - MemTableBytesDefault)
	_ = uint64(MemTableBytesDefault - MemTableBytesMin)
)

var (
	_ raft.LogStore          = (*Log)(nil)
	_ raft.StableStore       = (*Log)(nil)
	_ raft.MonotonicLogStore = (*Log)(nil)
)

// Log is a Raft log and stable store on one Pebble database. All its methods may be called from any goroutine.
type Log struct {
	cfg   Config
	db    *pebble.DB
	syncs *syncQueue // of the WAL files

	// life is held shared by every call and exclusively by Close: Pebble panics when it is used after its Close. Lock
	// order: life, then mu.
	life struct {
		sync.RWMutex
		closed bool
	}

	// mu serialises StoreLogs and DeleteRange. Raft truncates the front on its snapshot goroutine while its main
	// goroutine appends, and their order must be the same in the database and in first and last.
	mu struct {
		sync.Mutex
		batch *pebble.Batch // reused, with its buffer, by each StoreLogs
	}

	// first and last are the bounds of the log, both 0 when it is empty. They are written under mu and read without it.
	// They never include an entry that is not synced: StoreLogs moves them after its sync, DeleteRange before its
	// write.
	first, last atomic.Uint64

	// truncations counts DeleteRange calls. A reader that misses an entry inside the bounds compares the count with the
	// one before its read: if it is another, the entry was deleted meanwhile; if not, the log has a gap.
	truncations atomic.Uint64

	// failed is set before OnFatal is called. If OnFatal only unwinds a goroutine, nothing is acknowledged after it.
	failed atomic.Bool

	// serving is set between Open and Close. A log file that cannot be created or closed is an error of these two
	// calls; in between it ends the process.
	serving atomic.Bool

	counters counters
}

// Open opens the log, and creates it if the directory does not exist. After a crash every acknowledged batch of entries
// is there, and no batch is there in part.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg.withDefaults(), syncs: newSyncQueue()}
	db, err := l.openDatabase()
	if err != nil {
		l.syncs.close()
		return nil, openError(l.cfg.Dir, err)
	}
	l.db = db
	if err := l.recover(); err != nil {
		err = errors.Join(openError(l.cfg.Dir, err), db.Close())
		l.syncs.close()
		return nil, err
	}
	l.mu.batch = db.NewBatch(pebble.WithMaxRetainedSizeBytes(batchRetainedBytesMax))
	l.serving.Store(true)
	return l, nil
}

func openError(dir string, err error) error {
	if pebble.IsCorruptionError(err) && !errors.Is(err, ErrCorrupt) {
		return &CorruptError{Where: dir, Reason: "the database cannot be opened", Cause: err}
	}
	return fmt.Errorf("wal: open %s: %w", dir, err)
}

// recover checks that the database is a log of this format, and finds its bounds.
func (l *Log) recover() error {
	if err := l.checkMarker(); err != nil {
		return err
	}
	return l.loadBounds()
}

// Close waits for calls in flight and closes the database; later calls get ErrClosed. A log that has failed stays as it
// is: the next Open recovers it.
func (l *Log) Close() error {
	l.life.Lock()
	defer l.life.Unlock()
	if l.failed.Load() {
		return ErrFailed
	}
	if l.life.closed {
		return ErrClosed
	}
	l.life.closed = true
	l.serving.Store(false)
	err := errors.Join(l.mu.batch.Close(), l.db.Close())
	l.syncs.close()
	if err != nil {
		return fmt.Errorf("wal: close %s: %w", l.cfg.Dir, err)
	}
	return nil
}

// enter begins a call. After nil the caller must call leave.
func (l *Log) enter() error {
	l.life.RLock()
	err := l.usable()
	if err != nil {
		l.life.RUnlock()
	}
	return err
}

func (l *Log) leave() { l.life.RUnlock() }

func (l *Log) usable() error {
	switch {
	case l.failed.Load():
		return ErrFailed
	case l.life.closed:
		return ErrClosed
	default:
		return nil
	}
}
