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

// tables writes the rows of one checkpoint as a series of SSTables that do not overlap, ready to be ingested. Rows come
// in ascending order. Each file is synced before it is closed.
type Tables struct {
	state      *StateDB
	tableBytes uint64

	writer *sstable.Writer
	Paths  []string
	end    []byte // end of the furthest range deletion: no new table may begin before it
	key    []byte // scratch

	kind  byte   // of the last row: the first byte of the engine's key
	upper []byte // scratch

	Rows         int
	WrittenBytes uint64
	Archived     bool // orders that have left memory are among the rows
}

// newTables begins with the cover row, which sorts before all others.
func (s *StateDB) NewTables(meta raft.SnapshotMeta, tableBytes int) (*Tables, error) {
	t := &Tables{state: s, tableBytes: uint64(tableBytes)}
	cover, err := appendCover(nil, meta)
	if err != nil {
		return nil, err
	}
	if err := s.resetIngestDir(); err != nil {
		return nil, err
	}
	if err := t.begin(); err != nil {
		return nil, err
	}
	if err := t.writer.Set(coverKey, cover); err != nil {
		return nil, errors.Join(fmt.Errorf("raftstore: write the cover row: %w", err), t.Discard())
	}
	return t, nil
}

// resetIngestDir throws away what a checkpoint that failed has left.
func (s *StateDB) resetIngestDir() error {
	err := errors.Join(s.fs.RemoveAll(s.ingestDir), s.fs.MkdirAll(s.ingestDir, durable.DirPermissions))
	if err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", s.ingestDir, err)
	}
	return nil
}

// row adds one row of the engine.
func (t *Tables) Row(op engine.RowOp, key, value []byte) error {
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

// deleteRange deletes from t.key up to the engine's key end. Rows of the same checkpoint inside the range stay: in a
// table that is ingested, all rows are of the same moment, and a deletion only hides older ones.
func (t *Tables) deleteRange(end []byte) error {
	t.upper = append(append(t.upper[:0], groupPrefix), end...)
	if bytes.Compare(t.upper, t.end) > 0 {
		t.end = append(t.end[:0], t.upper...)
	}
	return t.writer.DeleteRange(t.key, t.upper)
}

// split closes a table that is large enough and begins the next one, before the row with t.key. Where another kind of
// row begins less is enough: the rows of new orders, and of what else only grows, then overlap with no older table, and
// the database has no cause to write all of them anew.
func (t *Tables) split() error {
	enough := t.tableBytes
	if kind := t.key[1]; kind != t.kind { // behind groupPrefix
		t.kind, enough = kind, enough/splitParts
	}
	if t.writer.Raw().EstimatedSize() < enough || bytes.Compare(t.key, t.end) < 0 {
		return nil
	}
	if err := t.CloseTable(); err != nil {
		return err
	}
	return t.begin()
}

// splitParts of a whole table are enough between two kinds of rows.
const splitParts = 32

// tableBytesPerSync has a table go to the disk as it is written, not all at its end, when the log's syncs would wait
// for it.
const tableBytesPerSync = 512 << 10

func (t *Tables) begin() error {
	path := t.state.fs.PathJoin(t.state.ingestDir, fmt.Sprintf("%06d.sst", len(t.Paths)))
	file, err := t.state.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("raftstore: create a table: %w", err)
	}
	t.Paths = append(t.Paths, path)
	file = vfs.NewSyncingFile(file, vfs.SyncingFileOptions{BytesPerSync: tableBytesPerSync})
	t.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(file), t.state.tableWriterOptions())
	return nil
}

// closeTable writes what is buffered, syncs and closes the file.
func (t *Tables) CloseTable() error {
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

// discard gives up: the files are closed, and the next checkpoint removes them.
func (t *Tables) Discard() error {
	if t.writer == nil {
		return nil
	}
	return t.CloseTable()
}
