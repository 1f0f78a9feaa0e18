package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/datadir"
	"apportion/raftstore/durable"
	"apportion/raftstore/history"
	"apportion/raftstore/statedb"
	"apportion/raftstore/transfer"
)

// stock adds new records to the state, and makes a checkpoint.
func stock(t *testing.T, s *Store, prefix string) {
	t.Helper()
	r := &engine.Refresh{Location: "L"}
	for i := range 300 {
		r.Items = append(r.Items, engine.StockItem{UPC: fmt.Sprintf("%s%d", prefix, i), Quantity: int64(i)})
	}
	mustDo(t, s, r)
	mustCheckpoint(t, s)
}

// leftBehind is the old disk of a node that was away, and the leader that went on.
type leftBehind struct {
	t       *testing.T
	leader  *Store
	disk    *vfs.MemFS
	oldHash [32]byte
	newHash [32]byte // of the leader's last checkpoint
}

// newLeftBehind uses the disk of the leader at an earlier moment, with a state and some log after it.
func newLeftBehind(t *testing.T) *leftBehind {
	t.Helper()
	disk := vfs.NewCrashableMem()
	g := newGroupOf(t, 1, func(cfg *Config) {
		cfg.FS, cfg.stateTableBytes, cfg.checkpointSliceBytes, cfg.TrailingEntries = disk, 4000, 500, 4
	})
	b := &leftBehind{t: t, leader: g.nodes[0].Store}
	stock(t, b.leader, "A")
	b.write("before", 10)
	b.disk, b.oldHash = disk.CrashClone(vfs.CrashCloneCfg{}), hashOf(b.leader)
	b.write("after", 30)
	stock(t, b.leader, "B")
	b.newHash = hashOf(b.leader)
	return b
}

func (b *leftBehind) write(prefix string, orders int) {
	b.t.Helper()
	for i := range orders {
		mustDo(b.t, b.leader, allocate(fmt.Sprint(prefix, i), "A100", 1))
	}
}

// config is for the node that was away: alone, so that it gets nothing from other nodes.
func (b *leftBehind) config(fs vfs.FS) Config {
	cfg := testConfig(fs)
	cfg.NodeID = "n1"
	return cfg
}

// fetch downloads the leader's checkpoint to a disk.
func (b *leftBehind) fetch(fs vfs.FS) {
	b.t.Helper()
	p := datadir.NewPaths(fs, b.config(fs).Dir)
	r := transfer.NewReceiver(transfer.ReceiverConfig{FS: fs, Parent: p.Dir, Dir: p.Incoming,
		Logger: slog.New(slog.DiscardHandler), Metrics: b.leader.metrics.transfers,
		OnFatal: func(msg string) { panic("FATAL: " + msg) }, Applied: func() uint64 { return 0 }})
	here, there := net.Pipe()
	go func() {
		b.leader.sender.Serve(there)
		_ = there.Close()
	}()
	err := r.Attempt(here, "leader", nil)
	if err = errors.Join(err, here.Close()); err != nil {
		b.t.Fatal(err)
	}
}

// mustOpen opens a disk and demands one of the states, complete and without leftovers.
func (b *leftBehind) mustOpen(fs vfs.FS, allowed ...[32]byte) *Store {
	b.t.Helper()
	s := openReady(b.t, b.config(fs))
	got := hashOf(s)
	fits := false
	for _, want := range allowed {
		fits = fits || got == want
	}
	if !fits {
		b.t.Fatalf("the state is of entry %d, and neither the old nor the new one", s.AppliedIndex())
	}
	verifyState(b.t, s)
	for _, dir := range []string{s.paths.Replaced, s.paths.Transfer} {
		if s.exists(dir) {
			b.t.Errorf("%s is left", dir)
		}
	}
	return s
}

// mustSwap does only the steps before a database is opened for writing. Pebble creates a manifest and its marker before
// it syncs their directory. If a crash keeps the marker alone, Pebble cannot open the database.
func (b *leftBehind) mustSwap(fs vfs.FS) {
	b.t.Helper()
	cfg := b.config(fs).withDefaults()
	s := &Store{cfg: cfg, paths: datadir.NewPaths(fs, cfg.Dir)}
	if err := s.installDownload(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func TestInstall(t *testing.T) {
	b := newLeftBehind(t)
	mustClose(t, b.mustOpen(b.disk.CrashClone(vfs.CrashCloneCfg{}), b.oldHash))
	b.fetch(b.disk)
	s := b.mustOpen(b.disk, b.newHash)
	if s.exists(s.paths.Incoming) || s.exists(s.fs().PathJoin(s.paths.State, statedb.ManifestName)) {
		t.Error("the checkpoint was not installed completely")
	}
	if want := b.leader.checkpoints.checkpointIndex(); s.checkpoints.checkpointIndex() != want {
		t.Errorf("the state is of index %d, want %d", s.checkpoints.checkpointIndex(), want)
	}
	if h := s.History(); len(h.States) != 0 {
		t.Errorf("states are kept that no log continues: %v", h.States)
	}
	// The store works: log, checkpoints, history, another start.
	mustDo(t, s, refresh("new", 5))
	mustCheckpoint(t, s)
	mustDo(t, s, allocate("new", "new", 2))
	want := hashOf(s)
	mustClose(t, s)
	mustClose(t, b.mustOpen(b.disk, want))
}

func (s *Store) fs() vfs.FS { return s.cfg.FS }

// A downloaded checkpoint that is older than the node's state is removed.
func TestInstallOlder(t *testing.T) {
	b := newLeftBehind(t)
	b.fetch(b.disk)
	mustClose(t, b.mustOpen(b.disk, b.newHash))
	b.fetch(b.disk)
	s := b.mustOpen(b.disk, b.newHash)
	defer mustClose(t, s)
	if s.exists(s.paths.Incoming) {
		t.Error("a useless download is left")
	}
}

// The leader of the download may be in a term that Raft learns only at the start with these files.
func TestInstallLaterTerm(t *testing.T) {
	b := newLeftBehind(t)
	before := b.leader.raft.CurrentTerm()
	cfg := b.leader.cfg
	cfg.Metrics, cfg.Peers.Listen = nil, b.leader.peers.Address
	mustClose(t, b.leader)
	b.leader = openReady(t, cfg)
	defer mustClose(t, b.leader)
	stock(t, b.leader, "C")
	b.newHash = hashOf(b.leader)
	b.fetch(b.disk)
	s := b.mustOpen(b.disk, b.newHash)
	defer mustClose(t, s)
	if meta, _, err := s.state.SnapshotMeta(); err != nil || meta.Term <= before {
		t.Errorf("the state is of term %d (%v), the test shows little", meta.Term, err)
	}
}

// A download that is incomplete or damaged is not installed, and the old state stays.
func TestInstallIncomplete(t *testing.T) {
	b := newLeftBehind(t)
	b.fetch(b.disk)
	p := datadir.NewPaths(b.disk, b.config(b.disk).Dir)
	path := b.disk.PathJoin(p.Incoming, statedb.ManifestName)
	f := func(what string, damage func(fs vfs.FS) error) {
		t.Helper()
		fs := b.disk.CrashClone(vfs.CrashCloneCfg{})
		if err := damage(fs); err != nil {
			t.Fatal(err)
		}
		mustClose(t, b.mustOpen(fs, b.oldHash))
		b.fetch(fs)
		mustClose(t, b.mustOpen(fs, b.newHash))
	}
	f("no list", func(fs vfs.FS) error { return fs.Remove(path) })
	f("half a list", func(fs vfs.FS) error {
		return durable.WriteSynced(fs, path, []byte{statedb.ManifestVersion, 1, 2, 3, 4, 5})
	})
	f("a swap that cannot go on", func(fs vfs.FS) error {
		return errors.Join(fs.Rename(p.State, p.Replaced), fs.Remove(path))
	})
}

// If the log has the last entry of the downloaded state, its later entries stay. If it has another entry at that index,
// the log is removed.
func TestInstallAlignsTheLog(t *testing.T) {
	b := newLeftBehind(t)
	index := b.leader.checkpoints.checkpointIndex()
	ahead := openReady(t, b.config(b.disk)) // it becomes the leader, in a later term
	for i := ahead.raft.LastIndex(); i < index+5; i++ {
		mustDo(t, ahead, refresh("conflict", int64(i)))
	}
	mustClose(t, ahead)
	b.fetch(b.disk)
	s := b.mustOpen(b.disk, b.newHash)
	if first, last, err := logBounds(s.log); err != nil || first != index+1 {
		t.Errorf("the log is %d to %d, %v; want it to begin behind %d", first, last, err, index)
	}
	mustClose(t, s)

	// Now with the same entry: the log of the leader, with later entries.
	b.write("since", 5)
	want := hashOf(b.leader)
	fs := b.leader.cfg.FS.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	b.fetch(fs)
	older := datadir.NewPaths(fs, b.config(fs).Dir)
	if err := errors.Join(fs.RemoveAll(older.State), fs.RemoveAll(older.Transfer)); err != nil {
		t.Fatal(err)
	}
	s = b.mustOpen(fs, want)
	defer mustClose(t, s)
	var entry raft.Log
	if err := s.log.GetLog(index, &entry); err != nil {
		t.Errorf("the log does not have entry %d any more: %v", index, err)
	}
}

// TestInstallEndsTheHistory: an install removes the history with the old state, because tables of the old and the new
// state have the same names. None of it can be replayed. History begins again with the next checkpoint.
func TestInstallEndsTheHistory(t *testing.T) {
	f := func(what string, logGoesOn bool) {
		b := newLeftBehind(t)
		fs := b.disk
		if logGoesOn { // the leader's own disk, with an older state
			fs = b.leader.cfg.FS.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
		}
		p := datadir.NewPaths(fs, b.config(fs).Dir)
		before, err := fs.List(p.History)
		if kept := len(keptOf(before)); err != nil || kept == 0 {
			t.Fatalf("%s: %d states were kept, the test shows nothing: %v", what, kept, err)
		}
		b.fetch(fs)
		if logGoesOn {
			if err := fs.RemoveAll(p.State); err != nil {
				t.Fatal(err)
			}
		}
		s := b.mustOpen(fs, b.newHash)
		defer mustClose(t, s)
		names, err := fs.List(p.History)
		if kept := keptOf(names); err != nil || len(kept) > 0 {
			t.Errorf("%s: %v are kept of the old state: %v", what, kept, err)
		}
		for _, index := range keptOf(before) {
			if r, err := s.OpenRecording(index, math.MaxInt64); err == nil {
				if r.Base().Index != 0 || !logGoesOn { // a complete log needs no state
					t.Errorf("%s: a replay begins at %d", what, r.Base().Index)
				}
				_ = r.Close()
			} else if !errors.Is(err, ErrNoHistory) {
				t.Errorf("%s: %v", what, err)
			}
		}
		mustDo(t, s, refresh("new", 5))
		mustCheckpoint(t, s)
		mustDo(t, s, refresh("newer", 5))
		index := s.checkpoints.checkpointIndex()
		past := &past{t: t, Store: s, cfg: s.cfg}
		if base := past.replay(index, math.MaxInt64); base.Index != index {
			t.Errorf("%s: after the next checkpoint, of %d, a replay begins at %d", what, index, base.Index)
		}
	}
	f("another log", false)
	f("the log goes on", true)
}

func keptOf(names []string) (indexes []uint64) {
	for _, name := range names {
		if k, ok := history.ParseName(name); ok {
			indexes = append(indexes, k.Index)
		}
	}
	return indexes
}

// TestCrashWhileInstalling crashes at each change on disk, from the first downloaded file to the end of the start that
// installs the checkpoint. The disk then has the old state or the new one, and the install can be completed.
func TestCrashWhileInstalling(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-crash-seed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	b := newLeftBehind(t)
	found := map[[32]byte]int{}
	for at := int64(1); ; {
		config := vfs.CrashCloneCfg{}
		if rng.IntN(2) == 1 {
			config = vfs.CrashCloneCfg{UnsyncedDataPercent: 1 + rng.IntN(100),
				RNG: rand.New(rand.NewPCG(seed, uint64(at)))}
		}
		var crash *vfs.MemFS
		fs := newCrashingFSOn(b.disk.CrashClone(vfs.CrashCloneCfg{}), at, config)
		fs.onBeforeCrash, fs.onCrash = func() {}, func(fs *vfs.MemFS) { crash = fs }
		b.fetch(fs)
		if config.UnsyncedDataPercent == 0 {
			mustClose(t, b.mustOpen(fs, b.newHash))
		} else {
			b.mustSwap(fs)
		}
		if crash == nil && config.UnsyncedDataPercent == 0 {
			t.Logf("%d changes on disk; the old state was found %d times, the new one %d times", at, found[b.oldHash],
				found[b.newHash])
			break
		}
		if crash == nil {
			continue
		}
		t.Run(fmt.Sprintf("change=%d,unsynced=%d%%", at, config.UnsyncedDataPercent), func(t *testing.T) {
			own := *b
			own.t = t
			s := own.mustOpen(crash, b.oldHash, b.newHash)
			found[hashOf(s)]++
			mustClose(t, s)
			own.fetch(crash)
			mustClose(t, own.mustOpen(crash, b.newHash))
		})
		if t.Failed() {
			return
		}
		if at++; !*crashAll {
			at += rng.Int64N(4)
		}
	}
	if found[b.oldHash] == 0 || found[b.newHash] == 0 {
		t.Error("the crashes were not around the moment at which the state changes")
	}
}
