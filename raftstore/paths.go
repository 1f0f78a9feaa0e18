package raftstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
)

// paths are the names inside a data directory:
//
//	LOCK      held while the directory is in use
//	log/      the Raft log (package wal)
//	log.end   the number of an entry that the log must have, see logEnd
//	state/    the state database
//	ingest/   tables of the checkpoint in progress; cleared by the next one
//	history/  kept checkpoints and refused orders, for backtests; may be removed while no server runs
//	transfer/ checkpoints that other nodes download; cleared at a start
//	incoming/ a checkpoint that is downloaded from the leader, see adopt.go
//	replaced/ the old state, until a downloaded one has taken its place
type paths struct {
	fs     vfs.FS
	dir    string
	lock   string
	log    string
	logEnd string
	state  string
	ingest string

	history  string
	transfer string
	incoming string
	replaced string
}

func newPaths(fs vfs.FS, dir string) paths {
	return paths{
		fs: fs, dir: dir,
		lock: fs.PathJoin(dir, "LOCK"), log: fs.PathJoin(dir, "log"), logEnd: fs.PathJoin(dir, "log.end"),
		state: fs.PathJoin(dir, "state"), ingest: fs.PathJoin(dir, "ingest"),
		history: fs.PathJoin(dir, "history"), transfer: fs.PathJoin(dir, "transfer"),
		incoming: fs.PathJoin(dir, "incoming"), replaced: fs.PathJoin(dir, "replaced"),
	}
}

// create creates the data directory and makes it durable: the parent of each new directory is synced.
func (p paths) create() error {
	var parents []string
	for dir := p.dir; ; dir = p.fs.PathDir(dir) {
		if _, err := p.fs.Stat(dir); err == nil || dir == p.fs.PathDir(dir) {
			break
		}
		parents = append(parents, p.fs.PathDir(dir))
	}
	if err := p.fs.MkdirAll(p.dir, durable.DirPermissions); err != nil {
		return fmt.Errorf("raftstore: create %s: %w", p.dir, err)
	}
	for _, parent := range parents {
		if err := durable.SyncDir(p.fs, parent); err != nil {
			return fmt.Errorf("raftstore: create %s: %w", p.dir, err)
		}
	}
	return nil
}

// errInUse: another process, or this one, has the directory open.
var errInUse = errors.New("raftstore: the data directory is in use")

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

// acquire locks the directory: exclusively for a store, shared for readers.
func (p paths) acquire() (io.Closer, error) {
	key := lockKey{p.fs, p.lock}
	if readOnly, ok := p.fs.(readOnlyFS); ok {
		key.fs = readOnly.FS
	}
	if _, taken := openHere.LoadOrStore(key, true); taken {
		return nil, fmt.Errorf("%w: this process has %s open", errInUse, p.dir)
	}
	lock, err := p.fs.Lock(p.lock)
	if err == nil {
		return heldLock{lock, key}, nil
	}
	openHere.Delete(key)
	if opening := (*fs.PathError)(nil); errors.As(err, &opening) {
		// not a lock of another process: the file could not be opened
		return nil, fmt.Errorf("raftstore: lock %s: %w", p.dir, err)
	}
	return nil, fmt.Errorf("%w: another process has %s open (%w)", errInUse, p.dir, err)
}

// check refuses a directory that is not a store's, or has lost the log or the state.
func (p paths) check() error {
	_, logErr := p.fs.Stat(p.log)
	_, stateErr := p.fs.Stat(p.state)
	switch {
	case logErr != nil && stateErr != nil:
		return fmt.Errorf("raftstore: %s is not a data directory: it has neither log/ nor state/", p.dir)
	case logErr != nil:
		return fmt.Errorf("%w: the log is missing: %w", durable.ErrInconsistent, logErr)
	case stateErr != nil:
		return fmt.Errorf("%w: the state is missing: %w", durable.ErrInconsistent, stateErr)
	}
	return nil
}
