package statedb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
	"apportion/wal"
)

// The keys of the state database begin with one byte:
//
//	0x00        rows of this package; the next byte is the Raft group: {0x00, group} is the group's applied row
//	0x01+group  rows of the engine of that Raft group: the engine's key follows
//
// There is one Raft group today; its number is 0.
const (
	groupNumber  = 0
	appliedTable = 0x00
	groupPrefix  = 0x01 + groupNumber
	groupEnd     = groupPrefix + 1
)

// formatVersion is the version of the layout above and of the applied row. The engine's rows have versions of their
// own.
const formatVersion = 1

// pebbleFormat pins Pebble's file format (024): with a default, a new version of the library would change what is on
// disk, and an older binary could not go back.
const pebbleFormat = pebble.FormatValueSeparation

var appliedKey = []byte{appliedTable, groupNumber}

// DB is the state on disk: the rows of the engine as of one log index, and the applied row that names this index.
type DB struct {
	db        *pebble.DB
	fs        vfs.FS
	ingestDir string
	options   *pebble.Options
}

// Config says where a database is, and how it is opened.
type Config struct {
	FS        vfs.FS
	Dir       string
	IngestDir string // of tables to be ingested; a reader needs none
	Logger    *slog.Logger
	OnFatal   func(msg string) // called when Pebble can promise nothing any more; it must not return
	ReadOnly  bool
	OpenFiles int // how many files the database keeps open, about; 0: Pebble's default

	// NoCompactions is for simulations: compactions would come and go as the scheduler likes.
	NoCompactions bool
}

// Open opens the database in c.Dir. It creates one there unless c.ReadOnly.
func Open(c Config) (*DB, error) {
	s := &DB{fs: c.FS, ingestDir: c.IngestDir, options: options(c)}
	db, err := pebble.Open(c.Dir, s.options)
	if err != nil {
		return nil, dbError("open the state in "+c.Dir, err)
	}
	s.db = db
	return s, nil
}

// options returns Pebble's options for a database that only ingests tables. The file system syncs the name of a new
// MANIFEST before another file points to it, as the log's does. Otherwise a crash during Open could leave a database
// that cannot be opened again.
func options(c Config) *pebble.Options {
	attempts := wal.NewAttempts(c.Logger, "state: merging tables")
	o := &pebble.Options{
		FS: attempts.FS(wal.OrderedFS(c.FS)), Logger: pebbleLogger{c.Logger, c.OnFatal},
		EventListener: events(c.Logger, attempts), ReadOnly: c.ReadOnly,
		FormatMajorVersion: pebbleFormat,
		DisableWAL:         true,

		DisableAutomaticCompactions: c.NoCompactions,
		CacheSize:                   cacheBytes,
		MaxOpenFiles:                c.OpenFiles,
		MemTableSize:                memTableBytes,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
	}
	o.EnsureDefaults()
	return o
}

// events logs damage, and from time to time that background work fails. The reader that met the damage gets an error,
// too. Without a listener, Pebble would end the process on a goroutine of its own.
func events(logger *slog.Logger, attempts *wal.Attempts) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: attempts.Failed,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			logger.Error("state: damaged data", "file", info.Path, "error", info.Details)
		},
	}
}

// dbError adds what was being done to an error of the database, and marks damage.
func dbError(doing string, err error) error {
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return fmt.Errorf("%w: %s: %s: %w", durable.ErrCorrupt, doing, info.Path, info.Details)
	}
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) { // a table is gone
		return fmt.Errorf("%w: %s: %w", durable.ErrCorrupt, doing, err)
	}
	return fmt.Errorf("raftstore: %s: %w", doing, err)
}

// Close closes the database.
func (s *DB) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("raftstore: close the state: %w", err)
	}
	return nil
}

// Ingest adds the tables of a closed writer in one atomic and durable step.
func (s *DB) Ingest(ctx context.Context, t *TableWriter) error {
	if err := s.db.Ingest(ctx, t.Paths); err != nil {
		return dbError(fmt.Sprintf("ingest %d tables", len(t.Paths)), err)
	}
	return nil
}

// Link makes a directory with a copy of the database as it is now, by hard links. The copy costs only what the database
// changes afterwards.
func (s *DB) Link(dir string) error {
	if err := s.db.Checkpoint(dir); err != nil {
		return dbError("link the state", err)
	}
	return nil
}

// tableWriterOptions returns the options of a table that goes straight into the lowest levels.
func (s *DB) tableWriterOptions() sstable.WriterOptions {
	return s.options.MakeWriterOptions(0, pebbleFormat.MaxTableFormat())
}

// pebbleLogger passes Pebble's messages to our logger.
type pebbleLogger struct {
	logger  *slog.Logger
	onFatal func(msg string)
}

var _ pebble.Logger = pebbleLogger{}

// Infof is for routine messages: flushes, compactions, file names.
func (p pebbleLogger) Infof(format string, args ...any) {
	if p.logger.Enabled(context.Background(), slog.LevelDebug) {
		p.logger.Debug("state: " + fmt.Sprintf(format, args...))
	}
}

// Errorf is for errors after which Pebble goes on.
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.logger.Error("state: " + fmt.Sprintf(format, wal.ErrorTexts(args)...))
}

// Fatalf never returns: Pebble would go on as if a failed sync had not happened.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	msg := "raftstore: state database: " + fmt.Sprintf(format, wal.ErrorTexts(args)...)
	p.logger.Error(msg)
	p.onFatal(msg)
	panic("FATAL: " + msg)
}
