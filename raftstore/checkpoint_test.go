package raftstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/statedb"
)

// TestCheckpointWhileWriting makes checkpoints of many slices and tables, while commands change the same rows. Each
// checkpoint gives the correct state, alone and with the log after it.
func TestCheckpointWhileWriting(t *testing.T) {
	fs := vfs.NewMem()
	j := newJournal()
	cfg := crashConfig(fs, j)
	s := openReady(t, cfg)
	mustDo(t, s, channels())
	const upcs = 50
	for i := range upcs {
		mustDo(t, s, refresh(fmt.Sprint("U", i), 1_000_000))
	}
	var writers sync.WaitGroup
	var atWork atomic.Int64
	for w := range 4 {
		atWork.Add(1)
		writers.Go(func() {
			defer atWork.Add(-1)
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			for i := range 250 {
				id, upc := fmt.Sprintf("o%d-%d", w, i), fmt.Sprint("U", rng.IntN(upcs))
				if _, err := do(s, id, allocate(id, upc, 1)); err != nil {
					t.Error(err)
					return
				}
				if _, err := do(s, "", &engine.OrderChange{Action: engine.KindFulfill, OrderID: id}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := 0; atWork.Load() > 0; n++ {
		if err := s.Checkpoint(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 {
			checkStateOnDisk(t, s, j)
		}
	}
	writers.Wait()
	verifyState(t, s)
	want := hashOf(s)
	mustClose(t, s)

	cfg.Metrics, cfg.observe = nil, nil
	s = openReady(t, cfg)
	defer mustClose(t, s)
	if hashOf(s) != want {
		t.Fatal("the state differs after a restart")
	}
	if s.Status().CheckpointIndex == 0 {
		t.Fatal("no checkpoint was found")
	}
}

// checkStateOnDisk loads the state database into a new engine and compares it with a replay up to its index.
func checkStateOnDisk(t *testing.T, s *Store, j *journal) {
	t.Helper()
	e := engine.New()
	if err := s.state.Load(context.Background(), e, statedb.LogProgress(s.cfg.Logger)); err != nil {
		t.Fatal(err)
	}
	e.Verify(func(problem string) { t.Error(problem) })
	if applied := e.AppliedIndex(); applied == 0 || e.Hash() != j.overlay(newJournal()).replay(applied) {
		t.Fatalf("the state on disk at index %d is not what a replay of the entries gives", applied)
	}
}

// TestCheckpointTriggers: the size of the log triggers a checkpoint, and so does an interval if something has changed.
func TestCheckpointTriggers(t *testing.T) {
	f := func(what string, change func(cfg *Config), want bool) {
		t.Helper()
		cfg := testConfig(vfs.NewMem())
		change(&cfg)
		s := openReady(t, cfg)
		defer mustClose(t, s)
		for i := range 20 {
			mustDo(t, s, refresh(fmt.Sprint("U", i), 1))
		}
		if !want {
			if s.checkpoints.checkpointIndex() != 0 {
				t.Fatalf("%s: a checkpoint was made", what)
			}
			return
		}
		eventually(t, what+": a checkpoint", func() bool { return s.checkpoints.checkpointIndex() != 0 })
	}
	f("neither", func(*Config) {}, false)
	f("bytes", func(c *Config) { c.checkpointLogBytes = 500 }, true)
	f("time", func(c *Config) { c.CheckpointInterval = 5 * time.Millisecond }, true)
}

// TestCheckpointFaults: one disk operation of a checkpoint fails. The checkpoint fails, the store goes on, and the next
// checkpoint and the disk have everything.
func TestCheckpointFaults(t *testing.T) {
	f := func(what string, path string, kinds ...errorfs.OpKind) {
		t.Helper()
		var armed atomic.Bool
		mem := vfs.NewMem()
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			for _, kind := range kinds {
				if op.Kind == kind && strings.Contains(op.Path, path) && armed.CompareAndSwap(true, false) {
					return errorfs.ErrInjected
				}
			}
			return nil
		}))
		cfg := testConfig(fs)
		cfg.stateTableBytes, cfg.checkpointSliceBytes = 500, 100
		s := openReady(t, cfg)
		for i := range 30 {
			mustDo(t, s, refresh(fmt.Sprint("U", i), 100))
		}
		armed.Store(true)
		logBytes := s.applier.logBytes.Load()
		if err := s.Checkpoint(context.Background()); err == nil || !strings.Contains(err.Error(), "injected") {
			t.Fatalf("%s: got %v, want the injected error", what, err)
		}
		if got := s.checkpoints.checkpointIndex(); got != 0 {
			t.Fatalf("%s: a failed checkpoint is of index %d", what, got)
		}
		if got := s.applier.logBytes.Load(); got != logBytes {
			t.Fatalf("%s: %d bytes of log after a failed checkpoint, %d before", what, got, logBytes)
		}
		mustDo(t, s, allocate("o1", "U3", 7))
		if err := s.Checkpoint(context.Background()); err != nil {
			t.Fatalf("%s: again: %v", what, err)
		}
		want := hashOf(s)
		mustClose(t, s)
		cfg.FS, cfg.Metrics = mem, nil
		s = openReady(t, cfg)
		if hashOf(s) != want {
			t.Fatalf("%s: the state differs after a restart", what)
		}
		mustClose(t, s)
	}
	f("no table can be created", "ingest", errorfs.OpCreate)
	f("a table cannot be written", "ingest", errorfs.OpFileWrite)
	f("a table cannot be synced", "ingest", errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo)
	f("the directory cannot be synced", "/data/store/state", errorfs.OpFileSync)
}

// TestLogFault: a failed sync of the log acknowledges no write, and the disk has every acknowledged write. The test
// leaves the store open, as a process that ends would.
func TestLogFault(t *testing.T) {
	var armed atomic.Bool
	mem := vfs.NewCrashableMem()
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		isSync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if isSync && strings.Contains(op.Path, "/log/") && armed.Load() {
			return errorfs.ErrInjected
		}
		return nil
	}))
	cfg := testConfig(fs)
	fatal := make(chan string, 16)
	cfg.OnFatal = func(msg string) {
		fatal <- msg
		select {} // the process would end here
	}
	s := openReady(t, cfg)
	for i := range 10 {
		mustDo(t, s, refresh(fmt.Sprint("U", i), 100))
	}
	armed.Store(true)
	b := s.NewBatch()
	b.Append(nil, refresh("lost", 1))
	err := s.Do(time.Now().Add(100*time.Millisecond), b)
	// on a busy machine, the write may not have begun
	for until := time.Now().Add(time.Minute); errors.Is(err, ErrTimeout) && time.Now().Before(until); {
		err = s.Do(time.Now().Add(100*time.Millisecond), b)
	}
	if !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("a write that cannot be synced: got %v, want ErrOutcomeUnknown", err)
	}
	<-fatal
	after := testConfig(mem.CrashClone(vfs.CrashCloneCfg{}))
	again := openReady(t, after)
	defer mustClose(t, again)
	for i := range 10 {
		if got := available(t, again, fmt.Sprint("U", i)); got != 100 {
			t.Fatalf("U%d has %d units, want 100", i, got)
		}
	}
}

// TestTablesWithRangeDeletions: a range deletion removes older rows, but not rows of the same checkpoint, and tables
// are not split inside the range.
func TestTablesWithRangeDeletions(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	write := func(rows func(row func(op engine.RowOp, key, value string))) (paths int) {
		t.Helper()
		tb, err := w.state.NewTableWriter(raft.SnapshotMeta{Index: 1}, 1)
		if err != nil {
			t.Fatal(err)
		}
		rows(func(op engine.RowOp, key, value string) {
			if err := tb.Row(op, []byte(key), []byte(value)); err != nil {
				t.Fatal(err)
			}
		})
		if err := tb.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.state.Ingest(context.Background(), tb); err != nil {
			t.Fatal(err)
		}
		return len(tb.Paths)
	}
	write(func(row func(op engine.RowOp, key, value string)) {
		for _, key := range []string{"a", "c1", "c2", "c3", "e", "g"} {
			row(engine.RowSet, key, "old")
		}
	})
	paths := write(func(row func(op engine.RowOp, key, value string)) {
		row(engine.RowSet, "b", "new")
		row(engine.RowDeleteRange, "c", "d")
		row(engine.RowSet, "c2", "new")
		row(engine.RowSet, "c4", "new")
		row(engine.RowDelete, "e", "")
		row(engine.RowSet, "f", "new")
	})
	if paths < 3 {
		t.Fatalf("%d tables, want several", paths)
	}
	var got []string
	err := w.state.EachRow(func(key, value []byte) error {
		got = append(got, fmt.Sprintf("%s=%s", key[1:], value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got = got[1:] // the applied row
	if want := "[a=old b=new c2=new c4=new f=new g=old]"; fmt.Sprint(got) != want {
		t.Fatalf("got %v, want %s", got, want)
	}
}

// TestAppliedEntryIsSkipped: an entry that the state already contains has no effect.
func TestAppliedEntryIsSkipped(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 10))
	b := testBatch()
	b.Append(nil, &engine.Adjust{Location: "L", Items: []engine.StockItem{{UPC: "A", Quantity: 5}}})
	entry := &raft.Log{Index: 2, Data: makeEntry(2, b.Command(0))}
	for range 2 {
		w.applier.apply(entry).release()
	}
	var v engine.RecordView
	if !w.applier.engine.ReadRecord("A", "L", &v) || v.OnHand != 15 {
		t.Fatalf("on hand is %d after the same entry twice, want 15", v.OnHand)
	}
	if results := w.applier.apply(entry); len(results.ends) != 0 {
		t.Fatalf("a skipped entry has %d results", len(results.ends))
	}
}
