package wal

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// watchedFS ends the process in order when one WAL file cannot be closed and the next one begun. Pebble panics then
// with a mutex unlocked that a deferred call unlocks again, which ends the program with exit status 2 and without the
// cause. So the end has to come before that panic, from within the calls that Pebble makes: here, when a file is closed
// of which something could not be written, and in the event of a file that could not be created (see eventListener).
type watchedFS struct {
	vfs.FS
	log *Log
}

// Create creates the file.
func (fs watchedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return fs.watch(f, name), err
}

// ReuseForWrite renames a file that is no longer needed, to be written over.
func (fs watchedFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, category)
	return fs.watch(f, to), err
}

// Unwrap lets Pebble find the file system below.
func (fs watchedFS) Unwrap() vfs.FS { return fs.FS }

func (fs watchedFS) watch(f vfs.File, name string) vfs.File {
	if f == nil || !strings.HasSuffix(name, ".log") {
		return f
	}
	return &watchedFile{File: f, name: name, log: fs.log}
}

// watchedFile remembers that something went wrong. Pebble writes and syncs a WAL file on one goroutine, and closes it
// when that one has ended.
type watchedFile struct {
	vfs.File
	name  string
	log   *Log
	fault error
}

func (f *watchedFile) note(err error) error {
	if f.fault == nil {
		f.fault = err
	}
	return err
}

// Write implements vfs.File.
func (f *watchedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.note(err)
}

// Sync implements vfs.File.
func (f *watchedFile) Sync() error { return f.note(f.File.Sync()) }

// SyncData implements vfs.File.
func (f *watchedFile) SyncData() error { return f.note(f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f *watchedFile) SyncTo(length int64) (bool, error) {
	whole, err := f.File.SyncTo(length)
	return whole, f.note(err)
}

// Close implements vfs.File.
func (f *watchedFile) Close() error {
	err := f.note(f.File.Close())
	if f.fault != nil && f.log.serving.Load() {
		f.log.fatal(fmt.Sprintf("wal: end the log file %s: %v", f.name, f.fault))
	}
	return err
}

// Attempts slows down the background work of a Pebble database that fails: flushes and compactions, as on a full disk.
// Pebble begins the next attempt at once and reports each failure, thousands a second. Here the next one begins after a
// pause, and one line in a while says what is wrong. The log's database has it by itself; it is for the other databases
// of a data directory, too.
type Attempts struct {
	logger *slog.Logger
	what   string // could not be done

	mu     sync.Mutex
	failed time.Time // the last failure
	said   time.Time // the last line
	more   int       // failures since then
}

// NewAttempts makes the Attempts of one database; what is what its background work is for.
func NewAttempts(logger *slog.Logger, what string) *Attempts {
	return &Attempts{logger: logger, what: what}
}

// Failed is for pebble.EventListener.BackgroundError. It may be called with Pebble's locks held, so it does not pause
// itself.
func (a *Attempts) Failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = time.Now()
	if a.failed.Sub(a.said) < attemptLineInterval {
		a.more++
		return
	}
	// Only its text: the error brings a stack trace, which would be printed too.
	a.logger.Error(a.what+" failed and is tried again: give the disk space or look at its state",
		slog.String("error", err.Error()), slog.Int("before", a.more))
	a.said, a.more = a.failed, 0
}

// pause is how long the next attempt has to wait.
func (a *Attempts) pause() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return attemptPause - time.Since(a.failed)
}

// FS gives the database a file system on which an attempt that follows a failed one waits before it creates its table:
// Pebble holds no lock there.
func (a *Attempts) FS(fs vfs.FS) vfs.FS { return attemptsFS{fs, a} }

type attemptsFS struct {
	vfs.FS
	attempts *Attempts
}

// Create creates the file, a table after the pause.
func (fs attemptsFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		time.Sleep(fs.attempts.pause())
	}
	return fs.FS.Create(name, category)
}

// Unwrap lets Pebble find the file system below.
func (fs attemptsFS) Unwrap() vfs.FS { return fs.FS }

// orderedFS syncs the directory when a MANIFEST was created. Pebble creates a MANIFEST, then the marker file that names
// it, and only then syncs the directory, so a file system that does not keep the order of names could come back from a
// crash with the marker and without the MANIFEST: a log that cannot be opened. It costs one more sync at each Open.
type orderedFS struct{ vfs.FS }

// OrderedFS gives a Pebble database the file system with that order kept. The log has it by itself; it is for the other
// databases of a data directory.
func OrderedFS(fs vfs.FS) vfs.FS { return orderedFS{fs} }

// Create creates the file, and makes its name durable if it is a MANIFEST.
func (fs orderedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasPrefix(fs.PathBase(name), "MANIFEST") {
		return f, err
	}
	if err := fs.syncDirectory(fs.PathDir(name)); err != nil {
		return nil, errors.Join(fmt.Errorf("wal: make the name %s durable: %w", name, err), f.Close())
	}
	return f, nil
}

// Unwrap lets Pebble find the file system below.
func (fs orderedFS) Unwrap() vfs.FS { return fs.FS }

func (fs orderedFS) syncDirectory(path string) error {
	dir, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// presizedFS gives a new WAL file its whole size at once. A file that grows has its new size written to the file
// system's journal at every sync, which takes half as long again (measured on ext4). Pebble reads the zeros at the end
// as such, and uses a file of that size again and again.
type presizedFS struct {
	vfs.FS
	bytes int64
}

// Create creates the file. That it could not be given its size is no error: it grows then.
func (fs presizedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err == nil && strings.HasSuffix(name, ".log") && f.Fd() != vfs.InvalidFd {
		presize(f.Fd(), fs.bytes)
	}
	return f, err
}

// Unwrap lets Pebble find the file system below.
func (fs presizedFS) Unwrap() vfs.FS { return fs.FS }
