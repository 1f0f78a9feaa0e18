package raftstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
)

// A checkpoint leaves the processor to others after each slice, but not while somebody waits for it, nor when the log
// has grown as long as one is made at.
func TestCheckpointRests(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.CheckpointSliceBytes = 100
	w := newBench(t, cfg)
	f := func(what string, prepare, end func(), wantRests bool) {
		t.Helper()
		rests := 0
		w.checkpoints.rest = func(time.Duration) { rests++ }
		for i := range 50 {
			w.apply(refresh(fmt.Sprint("U", i), 10))
		}
		prepare()
		w.checkpoint()
		end()
		if (rests > 1) != wantRests {
			t.Errorf("%s: it rested %d times", what, rests)
		}
	}
	nothing := func() {}
	f("in the background", nothing, nothing, true)
	f("somebody waits", func() { w.checkpoints.hurries.Add(1) }, func() { w.checkpoints.hurries.Add(-1) }, false)
	usual := w.checkpoints.logBytesMax
	f("the log is long", func() { w.checkpoints.logBytesMax = 0 }, func() { w.checkpoints.logBytesMax = usual }, false)
	f("again in the background", nothing, nothing, true)
}

// Rows of different kinds are in different tables once there are enough of them.
func TestTablesEndWithTheirKind(t *testing.T) {
	const tableBytes = 1 << 20
	w := newBench(t, testConfig(vfs.NewMem()))
	tb, err := w.state.newTables(raft.SnapshotMeta{Index: 1}, tableBytes)
	if err != nil {
		t.Fatal(err)
	}
	value := make([]byte, tableBytes/splitParts)
	row := func(key string, value []byte) {
		t.Helper()
		if err := tb.row(engine.RowSet, []byte(key), value); err != nil {
			t.Fatal(err)
		}
	}
	row("e1", nil)
	row("j1", value) // with so little before it, in the same table
	row("j2", value)
	row("o1", value) // in its own
	row("o2", value)
	row("r1", nil) // in its own again
	if err := tb.closeTable(); err != nil {
		t.Fatal(err)
	}
	if len(tb.paths) != 3 {
		t.Errorf("there are %d tables, want 3", len(tb.paths))
	}
}
