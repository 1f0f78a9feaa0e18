package statedb

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
)

// TestTablesEndWithTheirKind: rows of different kinds are in different tables if there are enough rows.
func TestTablesEndWithTheirKind(t *testing.T) {
	const tableBytes = 1 << 20
	state, err := Open(Config{
		FS: vfs.NewMem(), Dir: "state", IngestDir: "ingest", Logger: slog.New(slog.DiscardHandler),
		OnFatal: func(msg string) { panic(msg) },
	})
	if err != nil {
		t.Fatal(err)
	}
	tb, err := state.NewTableWriter(raft.SnapshotMeta{Index: 1}, tableBytes)
	if err != nil {
		t.Fatal(err)
	}
	value := make([]byte, tableBytes/splitParts)
	row := func(key string, value []byte) {
		t.Helper()
		if err := tb.Row(engine.RowSet, []byte(key), value); err != nil {
			t.Fatal(err)
		}
	}
	row("e1", nil)
	row("j1", value) // in the same table, because there are few rows before it
	row("j2", value)
	row("o1", value) // in its own
	row("o2", value)
	row("r1", nil) // in a table of its own
	if err := tb.Close(); err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	if len(tb.Paths) != 3 {
		t.Errorf("there are %d tables, want 3", len(tb.Paths))
	}
}
