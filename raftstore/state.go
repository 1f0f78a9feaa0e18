package raftstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
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
type stateDB struct {
	db        *pebble.DB
	fs        vfs.FS
	ingestDir string
	options   *pebble.Options
}

type stateConfig struct {
	fs        vfs.FS
	dir       string
	ingestDir string
	logger    *slog.Logger
	onFatal   func(msg string)
	readOnly  bool
	openFiles int // Config.OpenFilesMax
}

func openState(c stateConfig) (*stateDB, error) {
	s := &stateDB{fs: c.fs, ingestDir: c.ingestDir, options: stateOptions(c)}
	db, err := pebble.Open(c.dir, s.options)
	if err != nil {
		return nil, stateError("open the state in "+c.dir, err)
	}
	s.db = db
	return s, nil
}

// stateOptions are those of a database into which tables are ingested. Its file system makes the name of a new MANIFEST
// durable before another file points to it, as the log's does: without that, a crash while the state is opened can
// leave a database that cannot be opened again.
func stateOptions(c stateConfig) *pebble.Options {
	attempts := wal.NewAttempts(c.logger, "state: merging tables")
	o := &pebble.Options{
		FS: attempts.FS(wal.OrderedFS(c.fs)), Logger: pebbleLogger{c.logger, c.onFatal},
		EventListener: stateEvents(c.logger, attempts), ReadOnly: c.readOnly,
		FormatMajorVersion: pebbleFormat,
		DisableWAL:         true,
		CacheSize:          stateCacheBytes,
		MaxOpenFiles:       c.openFiles,
		MemTableSize:       stateMemTableBytes,
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
		return fmt.Errorf("%w: %s: %s: %w", ErrCorrupt, doing, info.Path, info.Details)
	}
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) { // the latter for a table that is gone
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, doing, err)
	}
	return fmt.Errorf("raftstore: %s: %w", doing, err)
}

func (s *stateDB) close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("raftstore: close the state: %w", err)
	}
	return nil
}

// ingest adds finished tables in one atomic and durable step.
func (s *stateDB) ingest(ctx context.Context, paths []string) error {
	if err := s.db.Ingest(ctx, paths); err != nil {
		return stateError(fmt.Sprintf("ingest %d tables", len(paths)), err)
	}
	return nil
}

// cover reads the cover row: the snapshot, in Raft's words, that the state is. ok is false for a new database.
func (s *stateDB) cover() (meta raft.SnapshotMeta, ok bool, err error) {
	value, closer, err := s.db.Get(coverKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return meta, false, s.checkEmpty()
	}
	if err != nil {
		return meta, false, stateError("read the cover row", err)
	}
	meta, err = decodeCover(value)
	return meta, true, errors.Join(err, closer.Close())
}

// checkEmpty tells a new database from one that was written by something else.
func (s *stateDB) checkEmpty() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return stateError("read the state", err)
	}
	empty := !it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return stateError("read the state", err)
	}
	if !empty {
		return fmt.Errorf("%w: the state database has rows but does not say of which index", ErrFormat)
	}
	return nil
}

// appendCover appends the cover row: the snapshot's description as sealed JSON. It is read once at a start, so readable
// counts for more than short.
func appendCover(dst []byte, meta raft.SnapshotMeta) ([]byte, error) {
	body, err := json.Marshal(meta)
	if err != nil {
		return nil, fmt.Errorf("raftstore: encode the cover row: %w", err)
	}
	return durable.AppendSealed(dst, stateFormatVersion, body), nil
}

func decodeCover(value []byte) (meta raft.SnapshotMeta, err error) {
	body, err := durable.OpenSealed(value, stateFormatVersion, "the state's applied row")
	if err != nil {
		return meta, err
	}
	if err := json.Unmarshal(body, &meta); err != nil {
		return meta, fmt.Errorf("%w: the cover row: %w", ErrFormat, err)
	}
	return meta, nil
}

// archivedRow appends the row of an order that has left memory.
func (s *stateDB) archivedRow(dst []byte, orderID string) (row []byte, found bool, err error) {
	key := engine.ArchivedKey([]byte{groupPrefix}, orderID)
	// An iterator, not Get: Get would not look at the bloom filters of the lowest level, where nearly all rows are.
	it, err := s.db.NewIter(&pebble.IterOptions{UseL6Filters: true, LowerBound: key,
		UpperBound: append(slices.Clone(key), 0)})
	if err != nil {
		return dst, false, stateError("look up an archived order", err)
	}
	if it.SeekPrefixGE(key) {
		dst, found = append(dst, it.Value()...), true
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return dst, false, stateError("look up an archived order", err)
	}
	return dst, found, nil
}

// tableWriterOptions are those of a table that goes straight into the lowest levels.
func (s *stateDB) tableWriterOptions() sstable.WriterOptions {
	return s.options.MakeWriterOptions(0, pebbleFormat.MaxTableFormat())
}
