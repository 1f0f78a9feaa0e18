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

// logFilesFS wraps the files of a WAL that are opened for writing.
type logFilesFS struct {
	vfs.FS
	wrap func(f vfs.File, name string) vfs.File
}

// Create creates the file.
func (fs logFilesFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return fs.wrapped(f, name), err
}

// ReuseForWrite renames a file that is no longer needed, and opens it for new contents.
func (fs logFilesFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, category)
	return fs.wrapped(f, to), err
}

// Unwrap lets Pebble find the file system below.
func (fs logFilesFS) Unwrap() vfs.FS { return fs.FS }

func (fs logFilesFS) wrapped(f vfs.File, name string) vfs.File {
	if f == nil || !strings.HasSuffix(name, ".log") {
		return f
	}
	return fs.wrap(f, name)
}

// watchedFS ends the process with its cause when a WAL file cannot be closed and the next one created. Pebble would
// panic, with a mutex unlocked that a deferred call unlocks again, and the process would end with exit status 2 and
// without the cause. So OnFatal is called before that, from within the calls that Pebble makes: here, when a file is
// closed that could not be written in full, and in the event of a file that could not be created (eventListener).
func watchedFS(fs vfs.FS, log *Log) vfs.FS {
	return logFilesFS{fs, func(f vfs.File, name string) vfs.File { return &watchedFile{File: f, name: name, log: log} }}
}

// watchedFile keeps the first error of a file. Pebble writes and syncs a WAL file on one goroutine, and closes it after
// that goroutine has ended.
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
		f.log.fatal(fmt.Sprintf("wal: close the log file %s: %v", f.name, f.fault))
	}
	return err
}

// Attempts slows down failing background work of a Pebble database: flushes and compactions, as on a full disk. Pebble
// tries again at once and reports each failure, thousands a second. With Attempts it tries again after a pause, and a
// log line every half minute tells what is wrong. The log's own database has it; the other databases of a data
// directory use it too.
type Attempts struct {
	logger *slog.Logger
	work   string // the name of the background work

	mu     sync.Mutex
	failed time.Time // the last failure
	logged time.Time // the last line
	more   int       // failures since that line
}

// NewAttempts makes the Attempts of one database. work names its background work in log lines.
func NewAttempts(logger *slog.Logger, work string) *Attempts {
	return &Attempts{logger: logger, work: work}
}

// Failed is for pebble.EventListener.BackgroundError. Pebble may hold locks when it calls it, so the pause is elsewhere
// (FS).
func (a *Attempts) Failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = time.Now()
	if a.failed.Sub(a.logged) < attemptLineInterval {
		a.more++
		return
	}
	// Only the text: the error carries a stack trace, which would be printed too.
	a.logger.Error(a.work+" failed and is tried again: free disk space, or check the disk",
		slog.String("error", err.Error()), slog.Int("before", a.more))
	a.logged, a.more = a.failed, 0
}

// pause is the time until the next attempt.
func (a *Attempts) pause() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return attemptPause - time.Since(a.failed)
}

// FS makes an attempt after a failed one wait before it creates its table: Pebble holds no lock there.
func (a *Attempts) FS(fs vfs.FS) vfs.FS { return attemptsFS{fs, a} }

type attemptsFS struct {
	vfs.FS
	attempts *Attempts
}

// Create creates a file, a table after the pause.
func (fs attemptsFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		time.Sleep(fs.attempts.pause())
	}
	return fs.FS.Create(name, category)
}

// Unwrap lets Pebble find the file system below.
func (fs attemptsFS) Unwrap() vfs.FS { return fs.FS }

// orderedFS syncs the directory after a MANIFEST is created. Pebble creates a MANIFEST, then the marker file that names
// it, and syncs the directory only then. On a file system that does not keep the order of names, a crash could leave
// the marker without the MANIFEST: a log that cannot be opened. This costs one more sync at each Open.
type orderedFS struct{ vfs.FS }

// OrderedFS keeps that order for a Pebble database. The log's own database has it; the other databases of a data
// directory use it too.
func OrderedFS(fs vfs.FS) vfs.FS { return orderedFS{fs} }

// Create creates a file, and makes the name of a MANIFEST durable.
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

// presizedFS gives a new WAL file its full size at once. When a file grows, every sync also writes its size to the
// journal of the file system, which takes half as long again (measured on ext4). Pebble reads the zeros at the end as
// the end, and reuses a file of that size again and again.
type presizedFS struct {
	vfs.FS
	bytes int64
}

// Create creates a file. A file that cannot get its size is no error: it grows.
func (fs presizedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err == nil && strings.HasSuffix(name, ".log") && f.Fd() != vfs.InvalidFd {
		presize(f.Fd(), fs.bytes)
	}
	return f, err
}

// Unwrap lets Pebble find the file system below.
func (fs presizedFS) Unwrap() vfs.FS { return fs.FS }

// polledBytesMin is the least that a syncQueue syncs. Less comes from a few callers, who leave a processor idle: the
// ordinary call costs nobody anything then, and spares the way through a thread of the kernel, a tenth of the time that
// a single caller waits.
const polledBytesMin = 1 << 10

// polledFS syncs the WAL files by a syncQueue where that helps.
func polledFS(fs vfs.FS, queue *syncQueue) vfs.FS {
	return logFilesFS{fs, func(f vfs.File, _ string) vfs.File {
		if f.Fd() == vfs.InvalidFd {
			return f
		}
		return &polledFile{File: f, queue: queue}
	}}
}

// polledFile counts what is not synced yet. Pebble writes and syncs a WAL file on one goroutine.
type polledFile struct {
	vfs.File
	queue *syncQueue
	bytes int
}

// Write implements vfs.File.
func (f *polledFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.bytes += n
	return n, err
}

// SyncData makes what was written durable, with what is needed to read it back.
func (f *polledFile) SyncData() error {
	bytes := f.bytes
	f.bytes = 0
	if bytes >= polledBytesMin {
		if ok, err := f.queue.sync(f.Fd()); ok {
			return err
		}
	}
	return f.File.SyncData()
}
