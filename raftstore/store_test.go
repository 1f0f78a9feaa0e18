package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
	"apportion/raftstore/datadir"
)

// testConfig is a configuration for tests: a file system in memory, quick elections, no checkpoint unless asked for.
func testConfig(fs vfs.FS) Config {
	return Config{
		Dir: "/data/store", FS: fs, Logger: slog.New(slog.DiscardHandler), ElectionTimeout: electionTimeoutMin,
		CheckpointInterval: -1,
		OnFatal:            func(msg string) { panic("FATAL: " + msg) },
	}
}

func testMetrics() *metrics.Set { return metrics.NewSet() }

// openReady opens a store and waits until it is ready.
func openReady(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatalf("not ready: %v", err)
	}
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// do sends one command and returns its result.
func do(s *Store, key string, c engine.Command) (engine.Result, error) {
	b := s.NewBatch()
	b.Append(&engine.Envelope{Key: key}, c)
	var r engine.Result
	if err := s.Do(time.Now().Add(time.Minute), b); err != nil {
		return r, err
	}
	return r, engine.DecodeResult(b.Result(0), &r)
}

// mustDo sends one command, and fails the test if it is not done.
func mustDo(t testing.TB, s *Store, c engine.Command) engine.Result {
	t.Helper()
	r, err := do(s, "", c)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	if r.Code != engine.CodeOK {
		t.Fatalf("%T: refused: %v %s %s", c, r.Code, r.Field, r.Value)
	}
	return r
}

func hashOf(s *Store) (h [32]byte) {
	s.applier.locked(func(e *engine.Engine) { h = e.Hash() })
	return h
}

func verifyState(t testing.TB, s *Store) {
	t.Helper()
	s.applier.locked(func(e *engine.Engine) { e.Verify(func(problem string) { t.Error(problem) }) })
}

func refresh(upc string, units int64) *engine.Refresh {
	return &engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: upc, Quantity: units}}}
}

func allocate(orderID, upc string, units int64) *engine.Allocate {
	return &engine.Allocate{OrderID: orderID, Lines: []engine.AllocateLine{{ItemID: "1", UPC: upc, Location: "L",
		Quantity: units}}}
}

func channels() *engine.PutTagCategory {
	return &engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
		{Name: "Web", Percent: 7000, Default: true, Max: engine.NoMax},
		{Name: "Shop", Percent: 3000, Max: engine.NoMax},
	}}
}

func available(t testing.TB, s *Store, upc string) int64 {
	t.Helper()
	var v engine.RecordView
	if !s.Reader().ReadRecord(upc, "L", &v) {
		t.Fatalf("no record of %s", upc)
	}
	return v.Available()
}

func TestStoreEndToEnd(t *testing.T) {
	fs := vfs.NewMem()
	s := openReady(t, testConfig(fs))
	mustDo(t, s, channels())
	mustDo(t, s, refresh("A", 100))
	if r := mustDo(t, s, allocate("o1", "A", 30)); r.Lines[0].Units != 30 {
		t.Fatalf("allocated %d units, want 30", r.Lines[0].Units)
	}
	if r, err := do(s, "", allocate("o2", "A", 70)); err != nil || r.Code != engine.CodeInsufficient {
		t.Fatalf("70 units of a segment of 70 less 30: got %v, %v", r.Code, err)
	}
	before := hashOf(s)
	mustClose(t, s)

	s = openReady(t, testConfig(fs))
	if hashOf(s) != before {
		t.Fatal("the state differs after a restart from the log alone")
	}
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatalf("checkpoint: %v", err)
	}
	if hashOf(s) != before {
		t.Fatal("a checkpoint has changed the state")
	}
	mustClose(t, s)

	s = openReady(t, testConfig(fs))
	if hashOf(s) != before {
		t.Fatal("the state differs after a restart from a checkpoint")
	}
	if got := s.Status().CheckpointIndex; got == 0 {
		t.Fatal("the checkpoint's index is not known after a restart")
	}
	if got := available(t, s, "A"); got != 70 {
		t.Fatalf("%d units available, want 70", got)
	}
	var v engine.OrderView
	if found, err := s.ReadOrder("o1", &v); err != nil || !found || v.Items[0].Lines[0].Allocated != 30 {
		t.Fatalf("order o1: %v, %v, %+v", found, err, v)
	}
	if found, err := s.ReadOrder("none", &v); err != nil || found {
		t.Fatalf("an order that was never made: %v, %v", found, err)
	}
	mustDo(t, s, allocate("o3", "A", 40))
	verifyState(t, s)
	mustClose(t, s)
}

// TestStoreLogIsCut: without history, the log is truncated behind a checkpoint, and a start does not need it.
func TestStoreLogIsCut(t *testing.T) {
	fs := vfs.NewMem()
	cfg := testConfig(fs)
	cfg.HistoryAge = -1
	s := openReady(t, cfg)
	for i := range 20 {
		mustDo(t, s, refresh(fmt.Sprint("U", i), int64(i)))
	}
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	if first, last, err := logBounds(s.log); err != nil || first != 0 || last != 0 {
		t.Fatalf("the log is %d to %d after a checkpoint, %v; want it empty", first, last, err)
	}
	mustDo(t, s, refresh("after", 7))
	before := hashOf(s)
	mustClose(t, s)
	s = openReady(t, cfg)
	defer mustClose(t, s)
	if hashOf(s) != before {
		t.Fatal("the state differs after a restart")
	}
}

// TestStoreChecksFit: a log and a state of different stores are refused.
func TestStoreChecksFit(t *testing.T) {
	f := func(what string, want error, damage func(fs *vfs.MemFS, p datadir.Paths)) {
		t.Helper()
		fs := vfs.NewMem()
		cfg := testConfig(fs)
		s := openReady(t, cfg)
		for i := range 5 {
			mustDo(t, s, refresh(fmt.Sprint("U", i), int64(i)))
		}
		if err := s.Checkpoint(context.Background()); err != nil {
			t.Fatal(err)
		}
		mustDo(t, s, refresh("after", 1))
		mustClose(t, s)
		damage(fs, datadir.NewPaths(fs, cfg.Dir))
		s, err := Open(context.Background(), cfg)
		if err == nil {
			mustClose(t, s)
		}
		if !errors.Is(err, want) {
			t.Fatalf("%s: got %v, want %v", what, err, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f("nothing", nil, func(*vfs.MemFS, datadir.Paths) {})
	f("the state is gone", ErrInconsistent, func(fs *vfs.MemFS, p datadir.Paths) { must(fs.RemoveAll(p.State)) })
	f("the log is gone", ErrInconsistent, func(fs *vfs.MemFS, p datadir.Paths) { must(fs.RemoveAll(p.Log)) })
	f("a log of another store", ErrInconsistent, func(fs *vfs.MemFS, p datadir.Paths) {
		other := testConfig(fs)
		other.Dir = "/data/other"
		s := openReady(t, other)
		mustDo(t, s, refresh("other", 1))
		mustClose(t, s)
		must(fs.RemoveAll(p.Log))
		must(fs.Rename(datadir.NewPaths(fs, other.Dir).Log, p.Log))
	})
}

// TestLostState: a log that was truncated behind a checkpoint needs the state of that checkpoint. Without it, each
// start is refused, and the directory is not used as a new one. A log that was never truncated needs no state.
func TestLostState(t *testing.T) {
	f := func(what, want string, forget, more bool, lose func(fs *vfs.MemFS, p datadir.Paths, older *vfs.MemFS)) {
		t.Helper()
		fs := vfs.NewCrashableMem()
		cfg := testConfig(fs)
		cfg.HistoryAge = -1 // so that the log is truncated
		s := openReady(t, cfg)
		mustDo(t, s, refresh("A", 10))
		if want != "" {
			mustCheckpoint(t, s)
		}
		older := fs.CrashClone(vfs.CrashCloneCfg{})
		if want != "" {
			mustDo(t, s, refresh("B", 10))
			mustCheckpoint(t, s) // leaves an empty log
		}
		if more {
			mustDo(t, s, refresh("C", 10))
		}
		if forget { // like a log of a version that did not record checkpoints
			if err := s.log.SetUint64(keyCheckpoint, 0); err != nil {
				t.Fatal(err)
			}
		}
		hash := hashOf(s)
		mustClose(t, s)
		lose(fs, datadir.NewPaths(fs, cfg.Dir), older)
		for range 2 {
			err := openAndCompare(t, fs, hash)
			if want == "" {
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				continue
			}
			if !errors.Is(err, ErrInconsistent) || !strings.Contains(err.Error(), want) {
				t.Fatalf("%s: Open: %v, want ErrInconsistent and %q", what, err, want)
			}
			if problems := verifyAndCompare(t, fs, hash); !strings.Contains(problems, want) {
				t.Fatalf("%s: Verify: %q, want %q", what, problems, want)
			}
		}
	}
	remove := func(fs *vfs.MemFS, p datadir.Paths, _ *vfs.MemFS) {
		if err := fs.RemoveAll(p.State); err != nil {
			t.Fatal(err)
		}
	}
	takeOlder := func(fs *vfs.MemFS, p datadir.Paths, older *vfs.MemFS) {
		remove(fs, p, nil)
		if ok, err := vfs.Clone(older, fs, p.State, p.State); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	f("gone, the log was never truncated", "", false, false, remove)
	f("gone, the log is empty", "the state is missing", false, false, remove)
	f("gone, the log is empty and notes no checkpoint", "the state is missing", true, false, remove)
	f("gone, the log goes on", "the state with the entries before it is missing", false, true, remove)
	f("older, the log is empty", "the last checkpoint was at", false, false, takeOlder)
	f("older, the log goes on and notes no checkpoint", "but the log begins at", true, true, takeOlder)
}

func mustCheckpoint(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestStoreInUse(t *testing.T) {
	f := func(what string, cfg Config) {
		t.Helper()
		s := openReady(t, cfg)
		second := cfg
		second.Metrics = nil
		if _, err := Open(context.Background(), second); !errors.Is(err, ErrInUse) {
			t.Fatalf("%s: a second store: got %v, want ErrInUse", what, err)
		}
		_, err := verifyFS(context.Background(), cfg.FS, cfg.Dir, func(string) {})
		if !errors.Is(err, ErrInUse) {
			t.Fatalf("%s: verify: got %v, want ErrInUse", what, err)
		}
		mustClose(t, s)
		if err := s.Close(); !errors.Is(err, ErrClosed) {
			t.Fatalf("%s: a second Close: got %v, want ErrClosed", what, err)
		}
		if _, err := do(s, "", refresh("A", 1)); !errors.Is(err, ErrClosed) {
			t.Fatalf("%s: Do after Close: got %v, want ErrClosed", what, err)
		}
	}
	f("in memory", testConfig(vfs.NewMem()))
	disk := testConfig(vfs.Default)
	disk.Dir = t.TempDir()
	f("on disk", disk)
}

func TestConfigReportsAllFaults(t *testing.T) {
	_, err := Open(context.Background(), Config{ElectionTimeout: 1, queueBytesMax: -1, entryBytesTarget: entryBytesMax +
		1})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 4 {
		t.Fatalf("got %v, want 4 faults", err)
	}
	cfg := testConfig(vfs.NewMem()).withDefaults()
	cfg.entryBytesTarget = entryBytesMax
	if err := cfg.Validate(); err != nil {
		t.Errorf("an entry as long as it may be: %v", err)
	}
}

func TestVerify(t *testing.T) {
	fs := vfs.NewMem()
	cfg := testConfig(fs)
	s := openReady(t, cfg)
	for i := range 10 {
		mustDo(t, s, refresh(fmt.Sprint("U", i), 10))
		mustDo(t, s, allocate(fmt.Sprint("o", i), fmt.Sprint("U", i), 3))
		if i == 4 {
			if err := s.Checkpoint(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := hashOf(s)
	mustClose(t, s)
	for range 2 { // verify changes nothing
		got, err := verifyFS(context.Background(), fs, cfg.Dir, func(problem string) { t.Error(problem) })
		if err != nil {
			t.Fatal(err)
		}
		if got.Hash != want || got.Problems != 0 || got.Commands != 10 || got.Stats.Records != 10 {
			t.Fatalf("got %+v", got)
		}
	}
	if _, err := verifyFS(context.Background(), fs, "/nowhere", func(string) {}); err == nil {
		t.Fatal("verified a directory that does not exist")
	}
}

// TestTick: a reservation ends on time, even without any command.
func TestTick(t *testing.T) {
	clock := newFakeClock()
	cfg := testConfig(vfs.NewMem())
	cfg.Clock = clock
	s := openReady(t, cfg)
	defer mustClose(t, s)
	mustDo(t, s, refresh("A", 10))
	reserve := allocate("o1", "A", 4)
	reserve.ExpiresAtMS = clock.NowMS() + 50_000
	mustDo(t, s, reserve)
	clock.pass(49_999)
	s.ticker.wakeUp()
	mustDo(t, s, refresh("B", 1)) // an entry just before the end
	if got := available(t, s, "A"); got != 6 {
		t.Fatalf("%d units available before the reservation's end, want 6", got)
	}
	clock.pass(1)
	s.ticker.wakeUp()
	eventually(t, "the reservation's end", func() bool { return available(t, s, "A") == 10 })
}

func TestTickerPause(t *testing.T) {
	f := func(inMS int64, want time.Duration) {
		t.Helper()
		tk := &ticker{dueMS: func() int64 { return inMS }, nowMS: func() int64 { return 0 }}
		if got := tk.pause(); got != want {
			t.Fatalf("due in %d ms: pause of %v, want %v", inMS, got, want)
		}
	}
	f(noDue, tickMax)
	f(-1_000_000, tickMin)
	f(0, tickMin)
	f(9, tickMin)
	f(500, 500*time.Millisecond)
	f(1000, tickMax)
}

// TestClockGap: a node with a wrong clock does not serve, and gives the reason.
func TestClockGap(t *testing.T) {
	clock := newFakeClock()
	cfg := testConfig(vfs.NewMem())
	cfg.Clock, cfg.ClockGapMax = clock, time.Hour
	s := openReady(t, cfg)
	mustDo(t, s, refresh("A", 10))
	mustClose(t, s)
	clock.jump(2 * 3_600_000)
	cfg.Metrics = nil
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	if err := s.WaitReady(context.Background()); !errors.Is(err, ErrClock) {
		t.Fatalf("got %v, want ErrClock", err)
	}
	if _, err := do(s, "", refresh("A", 11)); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("a write: got %v, want ErrNotLeader", err)
	}
}

// eventually waits for a condition that other goroutines cause, and fails with all stacks if it does not come.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(100 * time.Microsecond)
	defer look.Stop()
	timeout := time.NewTimer(eventuallyMax)
	defer timeout.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-timeout.C:
			stillWaiting(t, what)
		}
	}
}

// receive receives from a channel, and fails the test if nothing comes.
func receive[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	timeout := time.NewTimer(eventuallyMax)
	defer timeout.Stop()
	select {
	case v = <-from:
	case <-timeout.C:
		stillWaiting(t, what)
	}
	return v
}

// eventuallyMax is longer than any wait on a busy machine, and shorter than the timeout of a test run.
const eventuallyMax = 30 * time.Second

func stillWaiting(t testing.TB, what string) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	t.Fatalf("still waiting for: %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
}
