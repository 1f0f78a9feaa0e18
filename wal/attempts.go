package wal

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

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
