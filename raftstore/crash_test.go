package raftstore

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
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

var (
	crashSeed = flag.Uint64("crash-seed", 0, "seed of the crash tests; 0: from the clock")
	crashAll  = flag.Bool("crash-all", false, "crash at every write, not at a sample of them")
)

// journal collects the entries of all runs of a store, by index.
type journal struct {
	mu      sync.Mutex
	entries map[uint64][]byte
	last    uint64
}

func newJournal() *journal { return &journal{entries: make(map[uint64][]byte)} }

func (j *journal) observe(log *raft.Log) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries[log.Index] = bytes.Clone(log.Data)
	j.last = max(j.last, log.Index)
}

// overlay returns j with the entries of a later run in place of its own.
func (j *journal) overlay(later *journal) *journal {
	merged := newJournal()
	for _, from := range []*journal{j, later} {
		from.mu.Lock()
		for index, data := range from.entries {
			merged.observe(&raft.Log{Index: index, Data: data})
		}
		from.mu.Unlock()
	}
	return merged
}

// dropLost deletes the entries in whose place the log has an entry of Raft's own: a crash lost them, unacknowledged.
// What the log no longer has is in a checkpoint.
func (j *journal) dropLost(t *testing.T, log raft.LogStore) {
	t.Helper()
	for index := range j.entries {
		var kept raft.Log
		switch err := log.GetLog(index, &kept); {
		case err == nil && kept.Type != raft.LogCommand:
			delete(j.entries, index)
		case err != nil && !errors.Is(err, raft.ErrLogNotFound):
			t.Fatal(err)
		}
	}
}

// replay returns the hash of a fresh engine after all entries up to an index.
func (j *journal) replay(upTo uint64) [32]byte {
	a := newApplier(engine.New(), newStoreMetrics(testMetrics()))
	for index := uint64(1); index <= upTo; index++ {
		if data, ok := j.entries[index]; ok {
			a.apply(&raft.Log{Index: index, Data: data}).release()
		}
	}
	return a.engine.Hash()
}

// crashingFS clones a crashable file system at its k-th change: the disk after a crash at that moment.
type crashingFS struct {
	vfs.FS
	mem     *vfs.MemFS
	changes atomic.Int64
	at      int64
	config  vfs.CrashCloneCfg
	links   sync.Mutex // see linkingFS

	// onBeforeCrash records the acknowledged writes. onCrash then gets the clone, which has at least those writes.
	onBeforeCrash func()
	onCrash       func(fs *vfs.MemFS)
}

// linkingFS never runs a link and a clone at the same time. MemFS.Link takes a read lock twice, and would wait for ever
// if CrashClone asked for the write lock in between.
type linkingFS struct {
	vfs.FS
	links *sync.Mutex
}

func (f linkingFS) Link(from, to string) error {
	f.links.Lock()
	defer f.links.Unlock()
	return f.FS.Link(from, to)
}

func newCrashingFS(at int64, config vfs.CrashCloneCfg) *crashingFS {
	return newCrashingFSOn(vfs.NewCrashableMem(), at, config)
}

func newCrashingFSOn(mem *vfs.MemFS, at int64, config vfs.CrashCloneCfg) *crashingFS {
	c := &crashingFS{mem: mem, at: at, config: config}
	c.FS = errorfs.Wrap(linkingFS{c.mem, &c.links}, errorfs.InjectorFunc(c.inject))
	return c
}

func (c *crashingFS) inject(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.changes.Add(1) == c.at {
		c.onBeforeCrash()
		c.links.Lock()
		defer c.links.Unlock()
		c.onCrash(c.mem.CrashClone(c.config))
	}
	return nil
}

// crashRun is one run of a store that crashes at the k-th change on disk: crash is a clone of that moment.
type crashRun struct {
	journal *journal
	mu      sync.Mutex
	acked   map[string]int64 // acknowledged orders, with their units
	crash   *vfs.MemFS
	atCrash map[string]int64
}

func (r *crashRun) ack(orderID string, units int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked[orderID] = units
}

func (r *crashRun) onCrash(fs *vfs.MemFS) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.crash = fs
}

func (r *crashRun) onBeforeCrash() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.atCrash = make(map[string]int64, len(r.acked))
	for id, units := range r.acked {
		r.atCrash[id] = units
	}
}

func crashConfig(fs vfs.FS, j *journal) Config {
	cfg := testConfig(fs)
	cfg.checkpointSliceBytes = 200 // many slices and tables, even with few rows
	cfg.stateTableBytes = 1000
	cfg.HistoryAge = 50 * time.Millisecond // checkpoints are kept, and released
	cfg.observe = j.observe
	return cfg
}

// crashWorkload opens a store and has three clients allocate while checkpoints are made.
func crashWorkload(t *testing.T, fs vfs.FS, r *crashRun) {
	s := openReady(t, crashConfig(fs, r.journal))
	mustDo(t, s, channels())
	for i := range 4 {
		mustDo(t, s, refresh(fmt.Sprint("U", i), 1000))
	}
	var clients sync.WaitGroup
	for c := range 3 {
		clients.Go(func() {
			for i := range 8 {
				id, units := fmt.Sprintf("o%d-%d", c, i), int64(1+i%3)
				result, err := do(s, "key-"+id, allocate(id, fmt.Sprint("U", i%4), units))
				if err != nil || result.Code != engine.CodeOK {
					t.Errorf("allocate %s: %v %v", id, result.Code, err)
					return
				}
				r.ack(id, units)
			}
		})
	}
	for i := range 2 {
		var refusal engine.Result
		if !s.Refuses(time.Time{}, s.cfg.Clock.NowMS(), "", allocate(fmt.Sprint("refused", i), "U0", 5000), &refusal) {
			t.Error("an order for more than there is was not refused")
		}
		s.history.Flush()
		if err := s.Checkpoint(context.Background()); err != nil {
			t.Error(err)
		}
	}
	clients.Wait()
	mustClose(t, s)
}

// checkRecovered opens the directory after a crash. It must have every acknowledged command. The state must equal that
// of a new engine after the same entries. The store must work afterwards.
func checkRecovered(t *testing.T, fs *vfs.MemFS, before *journal, acked map[string]int64) {
	t.Helper()
	after := newJournal()
	s := openReady(t, crashConfig(fs, after))
	all := before.overlay(after)
	all.dropLost(t, s.log)
	var v engine.OrderView
	for id, units := range acked {
		found, err := s.ReadOrder(id, &v)
		if err != nil || !found || v.Items[0].Lines[0].Allocated != units {
			t.Fatalf("acknowledged order %s of %d units: found %v, %v, %+v", id, units, found, err, v)
		}
	}
	verifyState(t, s)
	if applied := s.Reader().AppliedIndex(); hashOf(s) != all.replay(applied) {
		t.Fatalf("the state at index %d is not what a replay of the entries gives", applied)
	}
	checkRecording(t, s)
	mustDo(t, s, refresh("new", 5))
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustDo(t, s, allocate("new", "new", 2))
	mustClose(t, s)
	again := openReady(t, crashConfig(fs.CrashClone(vfs.CrashCloneCfg{}), newJournal()))
	if got := available(t, again, "new"); got != 3 {
		t.Fatalf("%d units available after the second crash, want 3", got)
	}
	mustClose(t, again)
}

// checkRecording replays a kept checkpoint, if there is one.
func checkRecording(t *testing.T, s *Store) {
	t.Helper()
	h := s.History()
	if len(h.States) == 0 {
		return
	}
	r, err := s.OpenRecording(h.From.Index, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	for e := (engine.Entry{}); err == nil; err = r.Next(&e) {
	}
	if err := errors.Join(r.Close(), err); !errors.Is(err, io.EOF) {
		t.Fatalf("what is kept cannot be replayed: %v", err)
	}
}

// TestCrashAtEachChange crashes at the k-th change on disk for increasing k: once with exactly the synced data, once
// also with a random part of the rest.
func TestCrashAtEachChange(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-crash-seed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for at := int64(1); ; {
		config := vfs.CrashCloneCfg{}
		if rng.IntN(2) == 1 {
			config = vfs.CrashCloneCfg{UnsyncedDataPercent: 1 + rng.IntN(100),
				RNG: rand.New(rand.NewPCG(seed, uint64(at)))}
		}
		if !crashOnce(t, at, config) {
			t.Logf("%d changes on disk", at)
			return
		}
		if *crashAll {
			at++
		} else {
			at += 1 + rng.Int64N(12)
		}
	}
}

// crashOnce reports whether the run reached the k-th change.
func crashOnce(t *testing.T, at int64, config vfs.CrashCloneCfg) bool {
	t.Helper()
	r := &crashRun{journal: newJournal(), acked: make(map[string]int64)}
	fs := newCrashingFS(at, config)
	fs.onBeforeCrash, fs.onCrash = r.onBeforeCrash, r.onCrash
	crashWorkload(t, fs, r)
	if r.crash == nil {
		return false
	}
	t.Run(fmt.Sprintf("change=%d,unsynced=%d%%,acked=%d", at, config.UnsyncedDataPercent, len(r.atCrash)),
		func(t *testing.T) {
			checkRecovered(t, r.crash, r.journal, r.atCrash)
		})
	return !t.Failed()
}

// TestCrashWhileStateOpens opens a new and an existing state database, and crashes at each change on disk. The crash
// may leave any part of the unsynced names and bytes. The database can always be opened again.
func TestCrashWhileStateOpens(t *testing.T) {
	open := func(fs vfs.FS) error {
		state, err := statedb.Open(statedb.Config{
			FS: fs, Dir: "/state", IngestDir: "/ingest", Logger: slog.New(slog.DiscardHandler),
			OnFatal: func(msg string) {
				panic(msg)
			},
		})
		if err != nil {
			return err
		}
		return state.Close()
	}
	f := func(before *vfs.MemFS, seed uint64) {
		t.Helper()
		for at, crashed := int64(1), true; crashed; at++ {
			fs := newCrashingFS(at, vfs.CrashCloneCfg{UnsyncedDataPercent: 50,
				RNG: rand.New(rand.NewPCG(seed, uint64(at)))})
			fs.mem = before.CrashClone(vfs.CrashCloneCfg{})
			fs.FS = errorfs.Wrap(fs.mem, errorfs.InjectorFunc(fs.inject))
			var left *vfs.MemFS
			fs.onBeforeCrash, fs.onCrash = func() {}, func(fs *vfs.MemFS) { left = fs }
			if err := open(fs); err != nil {
				t.Fatal(err)
			}
			if crashed = left != nil; !crashed {
				break
			}
			if err := open(left); err != nil {
				t.Fatalf("crash at change %d, seed %d: %v", at, seed, err)
			}
		}
	}
	opened := vfs.NewCrashableMem()
	if err := open(opened); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(6) {
		f(vfs.NewCrashableMem(), seed)
		f(opened, seed)
	}
}
