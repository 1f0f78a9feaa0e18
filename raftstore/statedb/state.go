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
//	0x00        rows of this package; the next byte is the group: {0x00, group} is the group's cover row
//	0x01+group  rows of the engine of that group, the engine's key following
//
// There is one group today; its number is 0.
const (
	groupNumber = 0
	coverTable  = 0x00
	groupPrefix = 0x01 + groupNumber
	groupEnd    = groupPrefix + 1
)

// stateFormatVersion is the version of the layout above and of the cover row. The engine's rows have versions of their
// own.
const stateFormatVersion = 1

// pebbleFormat pins Pebble's file format (024): with a default, a new version of the library would change what is on
// disk, and an older binary could not go back.
const pebbleFormat = pebble.FormatValueSeparation

var coverKey = []byte{coverTable, groupNumber}

// stateDB is the state on disk: the rows of the engine as of one log index, and the cover row that names this index.
// It is changed by ingesting SSTables and in no other way, so it goes from one index to the next in one step.
type StateDB struct {
	db        *pebble.DB
	fs        vfs.FS
	ingestDir string
	options   *pebble.Options
}

type StateConfig struct {
	Fs        vfs.FS
	Dir       string
	IngestDir string
	Logger    *slog.Logger
	OnFatal   func(msg string)
	ReadOnly  bool
	OpenFiles int // kept open, about

	// noCompactions is for simulations: compactions would come and go as the scheduler likes.
	NoCompactions bool
}

func OpenState(c StateConfig) (*StateDB, error) {
	s := &StateDB{fs: c.Fs, ingestDir: c.IngestDir, options: stateOptions(c)}
	db, err := pebble.Open(c.Dir, s.options)
	if err != nil {
		return nil, stateError("open the state in "+c.Dir, err)
	}
	s.db = db
	return s, nil
}

// stateOptions are those of a database into which tables are ingested. Its file system makes the name of a new MANIFEST
// durable before another file points to it, as the log's does: without that, a crash while the state is opened can
// leave a database that cannot be opened again.
func stateOptions(c StateConfig) *pebble.Options {
	attempts := wal.NewAttempts(c.Logger, "state: merging tables")
	o := &pebble.Options{
		FS: attempts.FS(wal.OrderedFS(c.Fs)), Logger: pebbleLogger{c.Logger, c.OnFatal},
		EventListener: stateEvents(c.Logger, attempts), ReadOnly: c.ReadOnly,
		FormatMajorVersion: pebbleFormat,
		DisableWAL:         true,

		DisableAutomaticCompactions: c.NoCompactions,
		CacheSize:                   stateCacheBytes,
		MaxOpenFiles:                c.OpenFiles,
		MemTableSize:                stateMemTableBytes,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(stateBloomBitsPerKey)
	}
	o.EnsureDefaults()
	return o
}

// stateEvents logs damage, and now and then that background work fails. Whoever came across it gets it as an error too,
// and answers nothing from it. Without a listener Pebble would end the process, from a goroutine of its own.
func stateEvents(logger *slog.Logger, attempts *wal.Attempts) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: attempts.Failed,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			logger.Error("state: damaged data", "file", info.Path, "error", info.Details)
		},
	}
}

// stateError says what was being done when the database returned an error, and marks damage.
func stateError(doing string, err error) error {
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return fmt.Errorf("%w: %s: %s: %w", durable.ErrCorrupt, doing, info.Path, info.Details)
	}
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) { // the latter for a table that is gone
		return fmt.Errorf("%w: %s: %w", durable.ErrCorrupt, doing, err)
	}
	return fmt.Errorf("raftstore: %s: %w", doing, err)
}

// Close closes the database.
func (s *StateDB) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("raftstore: close the state: %w", err)
	}
	return nil
}

// ingest adds finished tables in one atomic and durable step.
func (s *StateDB) Ingest(ctx context.Context, t *Tables) error {
	if err := s.db.Ingest(ctx, t.Paths); err != nil {
		return stateError(fmt.Sprintf("ingest %d tables", len(t.Paths)), err)
	}
	return nil
}

// link makes a directory with a copy of the database as it is now, by hard links.
func (s *StateDB) Link(dir string) error {
	if err := s.db.Checkpoint(dir); err != nil {
		return stateError("link the state", err)
	}
	return nil
}

// tableWriterOptions are those of a table that goes straight into the lowest levels.
func (s *StateDB) tableWriterOptions() sstable.WriterOptions {
	return s.options.MakeWriterOptions(0, pebbleFormat.MaxTableFormat())
}

// pebbleLogger carries the state database's messages into ours.
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

// Errorf is for errors that Pebble goes on after.
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.logger.Error("state: " + fmt.Sprintf(format, wal.ErrorTexts(args)...))
}

// Fatalf never returns: after a failed sync Pebble would go on as if it had not happened.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	msg := "raftstore: state database: " + fmt.Sprintf(format, wal.ErrorTexts(args)...)
	p.logger.Error(msg)
	p.onFatal(msg)
	panic("FATAL: " + msg)
}
