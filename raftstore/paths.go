package raftstore

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// paths are the names inside a data directory:
//
//	LOCK      held while the directory is in use
//	log/      the Raft log (package wal)
//	state/    the state database
//	ingest/   tables of the checkpoint under way; cleared by the next one
//	history/  kept checkpoints and refused orders, for backtests; may be removed while the store is closed
//	transfer/ checkpoints that other nodes fetch; cleared at a start
//	incoming/ a checkpoint that is fetched from the leader, see adopt.go
//	replaced/ the state before a fetched one took its place, until it is removed
type paths struct {
	fs     vfs.FS
	dir    string
	lock   string
	log    string
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
		lock: fs.PathJoin(dir, "LOCK"), log: fs.PathJoin(dir, "log"),
		state: fs.PathJoin(dir, "state"), ingest: fs.PathJoin(dir, "ingest"),
		history: fs.PathJoin(dir, "history"), transfer: fs.PathJoin(dir, "transfer"),
		incoming: fs.PathJoin(dir, "incoming"), replaced: fs.PathJoin(dir, "replaced"),
	}
}

// create makes the data directory, and makes it last: each directory that was missing is synced into its parent.
func (p paths) create() error {
	var parents []string
	for dir := p.dir; ; dir = p.fs.PathDir(dir) {
		if _, err := p.fs.Stat(dir); err == nil || dir == p.fs.PathDir(dir) {
			break
		}
		parents = append(parents, p.fs.PathDir(dir))
	}
	if err := p.fs.MkdirAll(p.dir, dirPermissions); err != nil {
		return fmt.Errorf("raftstore: create %s: %w", p.dir, err)
	}
	for _, parent := range parents {
		if err := syncDir(p.fs, parent); err != nil {
			return fmt.Errorf("raftstore: create %s: %w", p.dir, err)
		}
	}
	return nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// acquire takes the directory for this store alone.
func (p paths) acquire() (io.Closer, error) {
	lock, err := p.fs.Lock(p.lock)
	if err == nil {
		return lock, nil
	}
	if errors.Is(err, syscall.EACCES) && !p.lockExists() {
		return nil, fmt.Errorf("raftstore: lock %s: %w", p.dir, err)
	}
	return nil, fmt.Errorf("%w: %s is open in another process, or twice in this one (%w)", ErrInUse, p.dir, err)
}

func (p paths) lockExists() bool {
	_, err := p.fs.Stat(p.lock)
	return err == nil
}

// check refuses a directory that is no store's, or has only half of one.
func (p paths) check() error {
	_, logErr := p.fs.Stat(p.log)
	_, stateErr := p.fs.Stat(p.state)
	switch {
	case logErr != nil && stateErr != nil:
		return fmt.Errorf("raftstore: %s is not a data directory", p.dir)
	case logErr != nil:
		return fmt.Errorf("%w: the log is missing: %w", ErrInconsistent, logErr)
	case stateErr != nil:
		return fmt.Errorf("%w: the state is missing: %w", ErrInconsistent, stateErr)
	}
	return nil
}
