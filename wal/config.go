package wal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where the log is and whom it tells what. Only Dir must be set.
type Config struct {
	// Dir is the directory of the log. It is created if it does not exist, and belongs to the log alone.
	Dir string

	// ReadOnly has Open write nothing, and find an empty log where there is none: for a check. What would write is an
	// error.
	ReadOnly bool

	// FS is the file system; vfs.Default by default. Tests inject crashes and faults here.
	FS vfs.FS

	// Logger gets what Pebble has to say: its routine messages at level debug, its errors at level error.
	// slog.Default() by default.
	Logger *slog.Logger

	// MemTableBytes is the size of a memtable and of a WAL file; MemTableBytesDefault by default.
	MemTableBytes int

	// OpenFilesMax is how many files the database keeps open, about; Pebble's 1000 by default.
	OpenFilesMax int

	// OnFatal is called, after the message was logged, when a write or a sync failed, so that nothing can be promised
	// any more. It must not return; if it does, the goroutine panics. By default it ends the process with code 74. It
	// may run on a goroutine of Pebble's that holds locks, so it must not call the Log.
	OnFatal func(msg string)

	// OnCorruption is called, after the fault was logged, when something read back is not what was written. By default
	// it calls OnFatal, because a leader that cannot read its log would keep its followers waiting, while a stopped one
	// is replaced. If it returns, the reader gets the error. It must not call the Log.
	OnCorruption func(err error)

	// OnSync is called after each StoreLogs that succeeded, from the goroutine that called it: how long the synced
	// write took, and what it wrote (encoded bytes). It should feed a histogram and not block.
	OnSync func(d time.Duration, entries int, bytes int)
}

// withDefaults returns the configuration with every zero value filled in. It is the only place that knows defaults.
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
		c.OnFatal = func(string) { os.Exit(fatalExitCode) }
	}
	if c.OnSync == nil {
		c.OnSync = func(time.Duration, int, int) {}
	}
	return c
}

// Validate reports every fault of the configuration, joined. Zero values stand for their defaults.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("wal: Dir is empty"))
	}
	if c.MemTableBytes < MemTableBytesMin || c.MemTableBytes > MemTableBytesMax {
		faults = append(faults, fmt.Errorf("wal: MemTableBytes is %d, outside %d to %d",
			c.MemTableBytes, MemTableBytesMin, MemTableBytesMax))
	}
	return errors.Join(faults...)
}
