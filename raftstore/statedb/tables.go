package statedb

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// TableWriter writes the rows of one checkpoint as a series of SSTables that do not overlap, ready for Ingest. Rows
// come in ascending order. Each file is synced before it is closed.
type TableWriter struct {
	Paths        []string // of the tables, in order
	Rows         int      // without the applied row
	WrittenBytes uint64   // of closed tables
	Archived     bool     // rows of orders that have left memory were written

	db         *DB
	tableBytes uint64

	writer *sstable.Writer // of the last table
	end    []byte          // of the furthest range deletion: no new table may begin before it
	kind   byte            // of the last row: the first byte of the engine's key

	key, upper []byte // scratch
}

// NewTableWriter begins a checkpoint with the applied row, which sorts before all other rows. A table is closed when it
// has tableBytes.
func (s *DB) NewTableWriter(meta raft.SnapshotMeta, tableBytes int) (*TableWriter, error) {
	t := &TableWriter{db: s, tableBytes: uint64(tableBytes)}
	row, err := appendAppliedRow(nil, meta)
	if err != nil {
		return nil, err
	}
	if err := s.resetIngestDir(); err != nil {
		return nil, err
	}
	if err := t.begin(); err != nil {
		return nil, err
	}
	if err := t.writer.Set(appliedKey, row); err != nil {
		return nil, errors.Join(fmt.Errorf("raftstore: write the applied row: %w", err), t.Discard())
	}
	return t, nil
}

// resetIngestDir removes the tables of a failed checkpoint.
func (s *DB) resetIngestDir() error {
	err := errors.Join(s.fs.RemoveAll(s.ingestDir), s.fs.MkdirAll(s.ingestDir, durable.DirPermissions))
	if err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", s.ingestDir, err)
	}
	return nil
}

// Row adds one row of the engine.
func (t *TableWriter) Row(op engine.RowOp, key, value []byte) error {
	t.key = append(append(t.key[:0], groupPrefix), key...)
	if err := t.split(); err != nil {
		return err
	}
	t.Rows++
	var err error
	switch op {
	case engine.RowSet:
		t.Archived = t.Archived || key[0] == engine.ArchivedTable
		err = t.writer.Set(t.key, value)
	case engine.RowDelete:
		err = t.writer.Delete(t.key)
	case engine.RowDeleteRange:
		err = t.deleteRange(value)
	default:
		panic(fmt.Sprintf("BUG: raftstore: row operation %d", op))
	}
	if err != nil {
		return fmt.Errorf("raftstore: write a row: %w", err)
	}
	return nil
}

// deleteRange deletes from t.key up to the engine's key end. Rows of the same checkpoint inside the range stay: all
// rows of an ingested table are of the same moment, and a deletion hides only older ones.
func (t *TableWriter) deleteRange(end []byte) error {
	t.upper = append(append(t.upper[:0], groupPrefix), end...)
	if bytes.Compare(t.upper, t.end) > 0 {
		t.end = append(t.end[:0], t.upper...)
	}
	return t.writer.DeleteRange(t.key, t.upper)
}

// split closes a table that is large enough and begins the next one, before the row with t.key. A smaller table is
// enough where another kind of row begins. So the rows of new orders, and of all that only grows, overlap with no older
// table, and Pebble has no cause to rewrite them.
func (t *TableWriter) split() error {
	enough := t.tableBytes
	if kind := t.key[1]; kind != t.kind { // behind groupPrefix
		t.kind, enough = kind, enough/splitParts
	}
	if t.writer.Raw().EstimatedSize() < enough || bytes.Compare(t.key, t.end) < 0 {
		return nil
	}
	if err := t.Close(); err != nil {
		return err
	}
	return t.begin()
}

// splitParts of a whole table are enough between two kinds of rows.
const splitParts = 32

// tableBytesPerSync spreads the sync of a table over its writing. One sync at its end would make the log's syncs wait.
const tableBytesPerSync = 512 << 10

func (t *TableWriter) begin() error {
	path := t.db.fs.PathJoin(t.db.ingestDir, fmt.Sprintf("%06d.sst", len(t.Paths)))
	file, err := t.db.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("raftstore: create a table: %w", err)
	}
	t.Paths = append(t.Paths, path)
	file = vfs.NewSyncingFile(file, vfs.SyncingFileOptions{BytesPerSync: tableBytesPerSync})
	t.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(file), t.db.tableWriterOptions())
	return nil
}

// Close writes the buffered rows, and syncs and closes the last table.
func (t *TableWriter) Close() error {
	w := t.writer
	t.writer = nil
	if err := w.Close(); err != nil {
		return fmt.Errorf("raftstore: close a table: %w", err)
	}
	meta, err := w.Metadata()
	if err != nil {
		return fmt.Errorf("raftstore: close a table: %w", err)
	}
	t.WrittenBytes += meta.Size
	return nil
}

// Discard closes the files of a checkpoint that failed. The next checkpoint removes them.
func (t *TableWriter) Discard() error {
	if t.writer == nil {
		return nil
	}
	return t.Close()
}
