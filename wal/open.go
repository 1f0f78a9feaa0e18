package wal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// formatMajorVersion fixes Pebble's file format. With the default, a new version of the library would change the files,
// and an older binary could no longer read them. FormatValueSeparation is 024. From FormatWALSyncChunks on, each chunk
// of a WAL records how far the sync had come, so that replay can tell a torn tail from damage to synced bytes.
const formatMajorVersion = pebble.FormatValueSeparation

// openDatabase opens the database with a WAL of our format. A WAL keeps the format that the database had when the file
// was created. Pebble creates one at each opening, before it raises the format, and a new database has the oldest
// format. So a database below our format, new or with its creation cut short by a crash, is opened once to raise the
// format, which writes no row, and then again for use.
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

// openReadOnly opens the database as it is. If there is none, as after a crash during its creation, an empty one in
// memory takes its place.
func (l *Log) openReadOnly() (*pebble.DB, error) {
	opts := l.databaseOptions()
	opts.ReadOnly = true
	db, err := pebble.Open(l.cfg.Dir, opts)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return pebble.Open(l.cfg.Dir, &pebble.Options{FS: vfs.NewMem(), Logger: pebbleLogger{l}})
	}
	return db, err
}

// belowFormat reports whether the format on disk is older than ours, or there is no database yet.
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

// databaseOptions are Pebble's options for a log: written in order, read seldom and mostly from memory, deleted from
// the front.
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
		// Commands are small, mostly ids, and live shortly: compression would cost more than it saves.
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	return opts
}

// fileSystem is the file system that Pebble gets. One that was injected syncs as it likes.
func (l *Log) fileSystem(attempts *Attempts) vfs.FS {
	files := l.cfg.FS
	if files == vfs.Default {
		files = polledFS(files, l.syncs)
	}
	sized := presizedFS{FS: orderedFS{files}, bytes: int64(l.cfg.MemTableBytes)}
	return attempts.FS(watchedFS(sized, l))
}

// eventListener picks the events that matter to an operator.
func (l *Log) eventListener(attempts *Attempts) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			l.counters.backgroundErrors.Add(1)
			attempts.Failed(err)
		},
		WALCreated: func(info pebble.WALCreateInfo) {
			if info.Err != nil && l.serving.Load() {
				l.fatal(fmt.Sprintf("wal: create the log file %s: %v", info.Path, info.Err))
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.corrupt(&CorruptError{Where: info.Path, Reason: "found by the database", Cause: info.Details})
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			l.counters.writeStalls.Add(1)
			l.cfg.Logger.Warn("wal: writes to the raft log wait for the disk", slog.String("reason", info.Reason))
		},
		LowDiskSpace: func(info pebble.LowDiskSpaceInfo) {
			l.cfg.Logger.Warn("wal: little disk space is left for the raft log",
				slog.Uint64("availableBytes", info.AvailBytes), slog.Uint64("totalBytes", info.TotalBytes))
		},
	}
}

// pebbleLogger passes Pebble's messages to the logger.
type pebbleLogger struct{ log *Log }

// Infof is for routine messages: flushes, compactions, file names.
func (p pebbleLogger) Infof(format string, args ...any) {
	p.log.cfg.Logger.Debug("wal: " + fmt.Sprintf(format, args...))
}

// Errorf is for errors after which Pebble goes on.
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.log.cfg.Logger.Error("wal: " + fmt.Sprintf(format, ErrorTexts(args)...))
}

// Fatalf never returns. Pebble calls it after a failed WAL sync; if it returned, Pebble would report success for a
// write that may not be on disk.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	p.log.fatal("wal: " + fmt.Sprintf(format, ErrorTexts(args)...))
}

// ErrorTexts replaces the errors among the arguments of one of Pebble's messages by their texts: %+v would print them
// with stack traces.
func ErrorTexts(args []any) []any {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = err.Error()
		}
	}
	return args
}

// fatal marks the log as failed, for good, and calls OnFatal.
func (l *Log) fatal(msg string) {
	l.failed.Store(true)
	l.cfg.Logger.Error(msg)
	l.cfg.OnFatal(msg)
	panic("FATAL: " + msg)
}

// corrupt reports damage that a read has found.
func (l *Log) corrupt(err error) {
	l.counters.corruptions.Add(1)
	if l.cfg.OnCorruption == nil {
		l.fatal(err.Error())
	}
	l.cfg.Logger.Error(err.Error())
	l.cfg.OnCorruption(err)
}

// The marker tells that a database is a Raft log, and its format. Without it, a node with a wrong directory in its
// configuration would start with an empty log beside the rows of another database.
const (
	markerKey    = "format"
	markerFormat = "apportion raft log 1"
)

// checkMarker compares the marker, and writes it into an empty database. A crash between the creation of the database
// and the marker leaves an empty database, which the next Open marks.
func (l *Log) checkMarker() error {
	format, err := l.getSmall(tableMeta, []byte(markerKey))
	if err == nil && string(format) == markerFormat {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%w: its format is %q, this build reads %q", ErrNotALog, format, markerFormat)
	}
	if !errors.Is(err, ErrKeyNotFound) {
		return err
	}
	empty, err := l.databaseEmpty()
	if err != nil {
		return err
	}
	if empty && l.cfg.ReadOnly {
		return nil
	}
	if !empty {
		return fmt.Errorf("%w: it has rows but no format marker", ErrNotALog)
	}
	return l.setSmall(tableMeta, []byte(markerKey), []byte(markerFormat))
}

func (l *Log) databaseEmpty() (bool, error) {
	it, err := l.db.NewIter(nil)
	if err != nil {
		return false, fmt.Errorf("wal: look for rows: %w", err)
	}
	found := it.First()
	return !found, errors.Join(it.Error(), it.Close())
}

// loadBounds finds the first and the last entry and reads both: a log with a damaged end is refused at the start, not
// when the entry is needed.
func (l *Log) loadBounds() error {
	it, err := l.newLogIter()
	if err != nil {
		return err
	}
	first, errFirst := entryAt(it, it.First())
	last, errLast := entryAt(it, it.Last())
	if err := errors.Join(errFirst, errLast, it.Error(), it.Close()); err != nil {
		return fmt.Errorf("wal: read the bounds of the log: %w", err)
	}
	l.first.Store(first)
	l.last.Store(last)
	return nil
}

func (l *Log) newLogIter() (*pebble.Iterator, error) {
	lower, upper := logTableBounds()
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("wal: iterate the log: %w", err)
	}
	return it, nil
}

// entryAt checks the entry under the iterator and returns its index, or 0 if there is none.
func entryAt(it *pebble.Iterator, valid bool) (uint64, error) {
	if !valid {
		return 0, nil
	}
	index, err := logIndex(it.Key())
	if err != nil {
		return 0, err
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, fmt.Errorf("wal: read entry %d: %w", index, err)
	}
	return index, decodeEntry(it.Key(), value, new(raft.Log))
}

// Verify reads the whole log, checks that every entry is intact and none is missing, and returns their number. It runs
// beside writers, on the log at the time of the call. Damage is returned only: OnCorruption is not called.
func (l *Log) Verify(ctx context.Context) (entries uint64, err error) {
	if err := l.enter(); err != nil {
		return 0, err
	}
	defer l.leave()
	it, err := l.newLogIter()
	if err != nil {
		return 0, err
	}
	previous := uint64(0)
	for valid := it.First(); valid && err == nil; valid = it.Next() {
		var index uint64
		index, err = entryAt(it, true)
		if err == nil && previous != 0 && index != previous+1 {
			err = corruptEntry(previous+1, "missing")
		}
		previous = index
		entries++
		err = errors.Join(err, ctx.Err())
	}
	return entries, errors.Join(err, it.Error(), it.Close())
}
