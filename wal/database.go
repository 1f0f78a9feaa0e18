package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// formatMajorVersion pins Pebble's file format: with a default, a new version of the library would change what is on
// disk, and an older binary could not go back. FormatValueSeparation is 024; a WAL that is begun at FormatWALSyncChunks
// or later says in each chunk how far it was synced, so that replay can tell a torn tail from damage to what was
// synced.
const formatMajorVersion = pebble.FormatValueSeparation

// openDatabase opens the database with a WAL of our format. A WAL keeps the format that the database had when the file
// was begun, and Pebble begins one at each opening before it raises the format; a new database starts at the oldest. So
// a database below our format, because it is new or because a crash cut its creation short, is opened once to raise it,
// which writes no row, and then again to be used.
func (l *Log) openDatabase() (*pebble.DB, error) {
	below, err := l.belowFormat()
	if err != nil {
		return nil, err
	}
	if l.cfg.ReadOnly {
		return l.openReadOnly()
	}
	if below {
		db, err := pebble.Open(l.cfg.Dir, l.databaseOptions())
		if err != nil {
			return nil, err
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
	}
	return pebble.Open(l.cfg.Dir, l.databaseOptions())
}

// openReadOnly opens the database as it is. Where there is none, as after a crash while it was created, an empty one in
// memory stands for it.
func (l *Log) openReadOnly() (*pebble.DB, error) {
	opts := l.databaseOptions()
	opts.ReadOnly = true
	db, err := pebble.Open(l.cfg.Dir, opts)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return pebble.Open(l.cfg.Dir, &pebble.Options{FS: vfs.NewMem(), Logger: pebbleLogger{l}})
	}
	return db, err
}

// belowFormat reports whether the format on disk is older than ours, as it is when there is no database yet.
func (l *Log) belowFormat() (bool, error) {
	found, err := pebble.Peek(l.cfg.Dir, l.cfg.FS)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return !found.Exists || found.FormatMajorVersion < formatMajorVersion, nil
}

// databaseOptions are Pebble's options for a log: written in order, read back seldom and mostly from memory, deleted
// from the front.
func (l *Log) databaseOptions() *pebble.Options {
	attempts := NewAttempts(l.cfg.Logger, "wal: writing a table of the log")
	opts := &pebble.Options{
		FS:                          l.fileSystem(attempts),
		FormatMajorVersion:          formatMajorVersion,
		Logger:                      pebbleLogger{l},
		EventListener:               l.eventListener(attempts),
		CacheSize:                   blockCacheBytes,
		MaxOpenFiles:                l.cfg.OpenFilesMax,
		MemTableSize:                uint64(l.cfg.MemTableBytes),
		MemTableStopWritesThreshold: memTablesMax,
	}
	opts.TargetFileSizes[0] = tableBytesTarget
	for i := range opts.Levels {
		// Commands are small and mostly ids: compressing them costs more than the bytes it saves for their short life.
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	return opts
}

// fileSystem is the one that Pebble gets.
func (l *Log) fileSystem(attempts *Attempts) vfs.FS {
	sized := presizedFS{FS: orderedFS{l.cfg.FS}, bytes: int64(l.cfg.MemTableBytes)}
	return attempts.FS(watchedFS{FS: sized, log: l})
}

// eventListener picks the events that someone must hear about. The rest is routine and stays silent.
func (l *Log) eventListener(attempts *Attempts) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			l.counters.backgroundErrors.Add(1)
			attempts.Failed(err)
		},
		WALCreated: func(info pebble.WALCreateInfo) {
			if info.Err != nil && l.serving.Load() {
				l.fatal(fmt.Sprintf("wal: begin the log file %s: %v", info.Path, info.Err))
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.corrupt(&CorruptError{Where: info.Path, Reason: "found by the database", Cause: info.Details})
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			l.counters.writeStalls.Add(1)
			l.cfg.Logger.Warn("wal: writes of the raft log stall", slog.String("reason", info.Reason))
		},
		LowDiskSpace: func(info pebble.LowDiskSpaceInfo) {
			l.cfg.Logger.Warn("wal: low disk space under the raft log",
				slog.Uint64("availableBytes", info.AvailBytes), slog.Uint64("totalBytes", info.TotalBytes))
		},
	}
}

// pebbleLogger carries Pebble's messages into ours.
type pebbleLogger struct{ log *Log }

// Infof is for routine messages: flushes, compactions, file names.
func (p pebbleLogger) Infof(format string, args ...any) {
	p.log.cfg.Logger.Debug("wal: " + fmt.Sprintf(format, args...))
}

// Errorf is for errors that Pebble goes on after.
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.log.cfg.Logger.Error("wal: " + fmt.Sprintf(format, ErrorTexts(args)...))
}

// Fatalf never returns. After a failed WAL sync Pebble calls it and, if it comes back, reports success for a write that
// may not be on disk.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	p.log.fatal("wal: " + fmt.Sprintf(format, ErrorTexts(args)...))
}

// ErrorTexts replaces the errors among the arguments of a message of Pebble's by their texts: with %+v, they would be
// printed with stack traces.
func ErrorTexts(args []any) []any {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = err.Error()
		}
	}
	return args
}

// fatal stops acknowledging for good and hands over to OnFatal.
func (l *Log) fatal(msg string) {
	l.failed.Store(true)
	l.cfg.Logger.Error(msg)
	l.cfg.OnFatal(msg)
	panic("FATAL: " + msg)
}

// corrupt reports a fault found while reading.
func (l *Log) corrupt(err error) {
	l.counters.corruptions.Add(1)
	if l.cfg.OnCorruption == nil {
		l.fatal(err.Error())
	}
	l.cfg.Logger.Error(err.Error())
	l.cfg.OnCorruption(err)
}
