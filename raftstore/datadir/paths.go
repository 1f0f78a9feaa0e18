package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
)

// Paths are the names inside a data directory:
//
//	LOCK      held while the directory is in use
//	log/      the Raft log (package wal)
//	log.end   the number of an entry that the log must have, see LogEnd
//	state/    the state database
//	ingest/   tables of the checkpoint in progress; cleared by the next one
//	history/  kept checkpoints and refused orders, for backtests; may be removed while no server runs
//	transfer/ checkpoints that other nodes download; cleared at a start
//	incoming/ a checkpoint that is downloaded from the leader
//	replaced/ the old state, until a downloaded one has taken its place
type Paths struct {
	fs     vfs.FS
	Dir    string
	lock   string
	Log    string
	LogEnd string
	State  string
	Ingest string

	History  string
	Transfer string
	Incoming string
	Replaced string
}

// NewPaths returns the names inside a data directory.
func NewPaths(fs vfs.FS, dir string) Paths {
	return Paths{
		fs: fs, Dir: dir,
		lock: fs.PathJoin(dir, "LOCK"), Log: fs.PathJoin(dir, "log"), LogEnd: fs.PathJoin(dir, "log.end"),
		State: fs.PathJoin(dir, "state"), Ingest: fs.PathJoin(dir, "ingest"),
		History: fs.PathJoin(dir, "history"), Transfer: fs.PathJoin(dir, "transfer"),
		Incoming: fs.PathJoin(dir, "incoming"), Replaced: fs.PathJoin(dir, "replaced"),
	}
}

// Create creates the data directory and makes it durable: the parent of each new directory is synced.
func (p Paths) Create() error {
	var parents []string
	for dir := p.Dir; ; dir = p.fs.PathDir(dir) {
		if _, err := p.fs.Stat(dir); err == nil || dir == p.fs.PathDir(dir) {
			break
		}
		parents = append(parents, p.fs.PathDir(dir))
	}
	if err := p.fs.MkdirAll(p.Dir, durable.DirPermissions); err != nil {
		return fmt.Errorf("raftstore: create %s: %w", p.Dir, err)
	}
	for _, parent := range parents {
		if err := durable.SyncDir(p.fs, parent); err != nil {
			return fmt.Errorf("raftstore: create %s: %w", p.Dir, err)
		}
	}
	return nil
}

// ErrInUse: another process, or this one, has the directory open.
var ErrInUse = errors.New("raftstore: the data directory is in use")

// openHere are the directories that this process has open. A file's lock belongs to the process, and ends when the
// process closes the file for the first time. So a directory must not be opened twice.
var openHere sync.Map // of lockKey

type lockKey struct {
	fs   vfs.FS
	path string
}

// heldLock is a directory that this process has open.
type heldLock struct {
	io.Closer
	key lockKey
}

// Close releases the directory.
func (l heldLock) Close() error {
	defer openHere.Delete(l.key)
	return l.Closer.Close()
}

// Acquire locks the directory: exclusively for a store, shared for readers.
func (p Paths) Acquire() (io.Closer, error) {
	key := lockKey{p.fs, p.lock}
	if readOnly, ok := p.fs.(readOnlyFS); ok {
		key.fs = readOnly.FS
	}
	if _, taken := openHere.LoadOrStore(key, true); taken {
		return nil, fmt.Errorf("%w: this process has %s open", ErrInUse, p.Dir)
	}
	lock, err := p.fs.Lock(p.lock)
	if err == nil {
		return heldLock{lock, key}, nil
	}
	openHere.Delete(key)
	if opening := (*fs.PathError)(nil); errors.As(err, &opening) {
		// not a lock of another process: the file could not be opened
		return nil, fmt.Errorf("raftstore: lock %s: %w", p.Dir, err)
	}
	return nil, fmt.Errorf("%w: another process has %s open (%w)", ErrInUse, p.Dir, err)
}

// Check refuses a directory that is not a store's, or has lost the log or the state.
func (p Paths) Check() error {
	_, logErr := p.fs.Stat(p.Log)
	_, stateErr := p.fs.Stat(p.State)
	switch {
	case logErr != nil && stateErr != nil:
		return fmt.Errorf("raftstore: %s is not a data directory: it has neither log/ nor state/", p.Dir)
	case logErr != nil:
		return fmt.Errorf("%w: the log is missing: %w", durable.ErrInconsistent, logErr)
	case stateErr != nil:
		return fmt.Errorf("%w: the state is missing: %w", durable.ErrInconsistent, stateErr)
	}
	return nil
}
