package wal

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

var (
	_ raft.LogStore          = (*Log)(nil)
	_ raft.StableStore       = (*Log)(nil)
	_ raft.MonotonicLogStore = (*Log)(nil)
)

// Log is a Raft log and stable store on one Pebble database. All its methods may be called from any goroutine.
type Log struct {
	cfg Config
	db  *pebble.DB

	// life is held shared by every call and exclusively by Close, since Pebble panics when used after its Close.
	// Lock order: life, then mu.
	life struct {
		sync.RWMutex
		closed bool
	}

	// mu serialises the writers of entries: StoreLogs and DeleteRange. Raft truncates the front from its snapshot
	// goroutine while its main goroutine appends, and which came first must be the same in the database and in first
	// and last.
	mu struct {
		sync.Mutex
		batch *pebble.Batch // reused, with its buffer, by each StoreLogs
	}

	// first and last are the bounds of the log, both 0 when it is empty. They are written under mu and read without it.
	// They never promise more than is synced: StoreLogs moves them after its sync, DeleteRange before its write.
	first, last atomic.Uint64

	// cuts counts DeleteRange calls. A reader that finds an entry missing inside the bounds compares it with the count
	// from before its read: if it moved, the entry was cut meanwhile; if not, the log has a hole.
	cuts atomic.Uint64

	// failed is set before OnFatal is called, so that nothing is acknowledged should OnFatal only unwind a goroutine.
	failed atomic.Bool

	// serving is set between Open and Close: a file that cannot be begun or ended is an error of these two, and ends
	// the process in between.
	serving atomic.Bool

	counters counters
}

// Open opens the log, and creates it if the directory does not exist. What a crash left behind is recovered here: every
// batch of entries that was acknowledged is there, and no batch is there in part.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg.withDefaults()}
	db, err := l.openDatabase()
	if err != nil {
		return nil, openError(l.cfg.Dir, err)
	}
	l.db = db
	if err := l.recover(); err != nil {
		return nil, errors.Join(openError(l.cfg.Dir, err), db.Close())
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

// recover checks that the database is a log of ours and finds its bounds.
func (l *Log) recover() error {
	if err := l.checkMarker(); err != nil {
		return err
	}
	return l.loadBounds()
}

// Close closes the database. Calls that are under way are waited for, later ones get ErrClosed. A log that has failed
// is left as it is, for the next Open to recover.
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
	if err := errors.Join(l.mu.batch.Close(), l.db.Close()); err != nil {
		return fmt.Errorf("wal: close %s: %w", l.cfg.Dir, err)
	}
	return nil
}

// enter begins a call; the caller must leave after it got nil.
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
