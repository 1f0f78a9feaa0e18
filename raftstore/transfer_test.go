package raftstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/transfer"
)

// follower is a node that does not lead.
func (g *testGroup) follower() *testNode {
	leader := g.leader()
	for _, n := range g.nodes {
		if n != leader {
			return n
		}
	}
	g.t.Fatal("there is no follower")
	return nil
}

// reopen opens a node without waiting for it to catch up.
func (g *testGroup) reopen(n *testNode) {
	g.t.Helper()
	s, err := Open(g.t.Context(), n.cfg)
	if err != nil {
		g.t.Fatalf("open %s: %v", n.cfg.NodeID, err)
	}
	n.Store = s
	n.cfg.Peers.Listen = s.peers.Address
	n.cfg.Metrics = nil
}

// bringUp does the part of the store's owner: it opens the store again after each downloaded checkpoint, until the node
// is ready. It returns the number of downloads.
func (g *testGroup) bringUp(n *testNode) (fetched int) {
	g.t.Helper()
	for {
		g.await(n.cfg.NodeID+" is up or has a checkpoint", func() bool {
			return isClosed(n.Replaced()) || n.Ready() == nil
		})
		if !isClosed(n.Replaced()) {
			return fetched
		}
		if fetched++; fetched == 20 {
			g.t.Fatalf("%s downloads again and again", n.cfg.NodeID)
		}
		mustClose(g.t, n.Store)
		g.reopen(n)
	}
}

// others returns all nodes but one.
func (g *testGroup) others(than *testNode) (others []*testNode) {
	for _, n := range g.nodes {
		if n != than {
			others = append(others, n)
		}
	}
	return others
}

// insist sends a command to the leader among some nodes, and again after each change of leader. Its key prevents a
// second execution.
func insist(nodes []*testNode, key string, c engine.Command) error {
	for deadline := time.Now().Add(patience); ; {
		for _, n := range nodes {
			r, err := do(n.Store, key, c)
			switch {
			case err == nil && r.Code == engine.CodeOK:
				return nil
			case err == nil, !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrOutcomeUnknown), time.Now().
				After(deadline):
				return fmt.Errorf("%T: %v, %w", c, r.Code, err)
			}
		}
		runtime.Gosched()
	}
}

// load writes and makes checkpoints until stop is called.
func (g *testGroup) load(nodes []*testNode, everyCheckpoint int) (stop func()) {
	g.t.Helper()
	ended := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; !isClosed(ended); i++ {
			if err := insist(nodes, fmt.Sprint("k", i),
				allocate(fmt.Sprint("load", i), fmt.Sprint("U", i%20), 1)); err != nil {
				g.t.Error(err)
				return
			}
			if i%everyCheckpoint != 0 {
				continue
			}
			for _, n := range nodes {
				if err := n.Checkpoint(context.Background()); err != nil {
					g.t.Error(err)
				}
			}
		}
	})
	return func() {
		close(ended)
		writer.Wait()
	}
}

// fill writes more log than is kept for followers, and makes a checkpoint.
func (g *testGroup) fill(nodes []*testNode, prefix string, orders int) {
	g.t.Helper()
	for i := range orders {
		id := fmt.Sprint(prefix, i)
		if err := insist(nodes, id, allocate(id, fmt.Sprint("U", i%20), 1)); err != nil {
			g.t.Fatal(err)
		}
	}
	for _, n := range nodes {
		mustCheckpoint(g.t, n.Store)
	}
}

// newStockedGroup starts a group with stock.
func newStockedGroup(t testing.TB, voters int, change func(cfg *Config)) *testGroup {
	t.Helper()
	g := newGroupOf(t, voters, func(cfg *Config) {
		cfg.TrailingEntries = 4
		change(cfg)
	})
	g.mustDo(channels())
	for i := range 20 {
		g.mustDo(refresh(fmt.Sprint("U", i), 1_000_000))
	}
	return g
}

// The log no longer has all entries that a follower needs after its absence. Under load, it downloads a checkpoint, and
// ends with the same state.
func TestFollowerDownloads(t *testing.T) {
	g := newStockedGroup(t, 3, func(*Config) {})
	away := g.follower()
	rest := g.others(away)
	mustClose(t, away.Store)
	g.fill(rest, "o", 40)
	stop := g.load(rest, 50)
	g.reopen(away)
	fetched := g.bringUp(away)
	stop()
	if fetched == 0 {
		t.Error("the follower came up without a checkpoint")
	}
	t.Logf("%d checkpoints were downloaded", fetched)
	g.agree()
	if first, _, _ := logBounds(away.log); first == 1 {
		t.Error("the follower has the log from its beginning")
	}
	// It works afterwards, and after another start.
	mustClose(t, away.Store)
	g.mustDo(allocate("last", "U1", 1))
	g.open(away)
	g.agree()
}

// A new node downloads a checkpoint too.
func TestNewNodeDownloads(t *testing.T) {
	g := newStockedGroup(t, 1, func(*Config) {})
	g.fill(g.nodes, "o", 40)
	n := g.prepare(false)
	g.reopen(n)
	if fetched := g.bringUp(n); fetched == 0 {
		t.Error("the new node came up without a checkpoint")
	}
	g.await("it is a voter", func() bool { return len(g.nodes[0].voters()) == 2 })
	g.agree()
}

// gate is a file system that can refuse reads of the files for other nodes.
type gate struct{ closed atomic.Bool }

func (g *gate) fs() vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && strings.Contains(op.Path, "/transfer/") && g.closed.Load() {
			return errorfs.ErrInjected
		}
		return nil
	}))
}

// An interrupted download continues, also with another leader.
func TestDownloadGoesOnWithNewLeader(t *testing.T) {
	gates := map[string]*gate{}
	g := newStockedGroup(t, 3, func(cfg *Config) {
		gates[cfg.NodeID] = &gate{}
		cfg.FS = gates[cfg.NodeID].fs()
	})
	away := g.follower()
	rest := g.others(away)
	mustClose(t, away.Store)
	g.fill(rest, "o", 40)
	for _, n := range rest {
		gates[n.cfg.NodeID].closed.Store(true)
	}
	g.reopen(away)
	g.await("a transfer that fails", func() bool { return away.metrics.transfers.DownloadErrors.Get() > 0 })
	if isClosed(away.Replaced()) {
		t.Fatal("a checkpoint was downloaded that cannot be read")
	}
	leader := g.leader()
	mustClose(t, leader.Store) // the other voter needs the vote of the node that was away
	for _, n := range rest {
		gates[n.cfg.NodeID].closed.Store(false)
	}
	if fetched := g.bringUp(away); fetched == 0 {
		t.Error("the follower came up without a checkpoint")
	}
	g.open(leader)
	g.agree()
}

// A snapshot that is older than the node's own state is refused, and no checkpoint is downloaded for it.
func TestOldSnapshotIsIgnored(t *testing.T) {
	g := newStockedGroup(t, 1, func(*Config) {})
	s := g.nodes[0].Store
	mustCheckpoint(t, s)
	snaps := &snapshots{state: s.state, checkpoints: s.checkpoints, log: s.log, sender: s.sender, receiver: s.receiver}
	covered := s.checkpoints.checkpointIndex()
	f := func(what string, index uint64, want string) {
		t.Helper()
		sink, err := snaps.Create(raft.SnapshotVersionMax, index, 2, raft.Configuration{}, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sink.Write(appendSnapshotBody(nil, index)); err != nil {
			t.Fatal(err)
		}
		err = sink.Close()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", what, err, want)
		}
	}
	f("the state itself", covered, "")
	f("an older state", covered-1, "is old")
	mustDo(t, s, refresh("A", 1))
	f("the state, and there is log behind it", covered, "is old")
	f("a state that was reached by the log", s.raft.AppliedIndex(), transfer.ErrNotWanted.Error())
	if isClosed(s.Replaced()) || s.exists(s.paths.Incoming) {
		t.Error("a checkpoint was downloaded")
	}
}

// An export is held while a node may need it. Then its files are removed, and the log is truncated.
func TestExportIsHeld(t *testing.T) {
	g := newStockedGroup(t, 1, func(cfg *Config) { cfg.HistoryAge = -1 })
	s := g.nodes[0].Store
	g.fill(g.nodes, "a", 40)
	one, err := s.sender.Acquire(0)
	if err != nil {
		t.Fatal(err)
	}
	g.fill(g.nodes, "b", 40)
	two, err := s.sender.Acquire(0)
	if err != nil || two != one {
		t.Fatalf("the second node gets %+v, %v; want the same checkpoint", two, err)
	}
	snaps := &snapshots{state: s.state, checkpoints: s.checkpoints, log: s.log, sender: s.sender}
	offered := func(want uint64) {
		t.Helper()
		list, err := snaps.List()
		if err != nil || len(list) != 1 || list[0].Index != want {
			t.Fatalf("raft gets %+v, %v; want %d", list, err, want)
		}
		if meta, _, err := snaps.Open(list[0].ID); err != nil || meta.Index != want {
			t.Fatalf("raft opens %+v, %v; want %d", meta, err, want)
		}
		if first, _ := s.raftLog.FirstIndex(); first > want && want < s.checkpoints.checkpointIndex() {
			t.Fatalf("the log begins at %d, and has to go on behind %d", first, want)
		}
	}
	offered(one.Meta.Index)
	s.sender.Release(two)
	later := time.Now().Add(2 * transfer.ExportHold)
	s.sender.Look(later)
	offered(one.Meta.Index) // the first node is still there
	s.sender.Release(one)
	s.sender.Look(time.Now())
	offered(one.Meta.Index) // it may come back
	s.sender.Look(later)
	offered(s.checkpoints.checkpointIndex())
	if s.exists(one.Dir) {
		t.Error("the files of an ended export are left")
	}
	g.fill(g.nodes, "c", 40)
	if first, _ := s.raftLog.FirstIndex(); first <= one.Meta.Index {
		t.Errorf("the log begins at %d, and no node needs the entries after %d", first, one.Meta.Index)
	}
	three, err := s.sender.Acquire(0)
	if err != nil || three.Meta.Index <= one.Meta.Index {
		t.Fatalf("a new node gets %+v, %v", three, err)
	}
	s.sender.LogBytesMax = -1 // any log is too much
	s.sender.Look(time.Now())
	offered(s.checkpoints.checkpointIndex())
	if !s.exists(three.Dir) {
		t.Error("the files that a node is downloading are gone")
	}
	s.sender.Release(three)
	if s.exists(three.Dir) {
		t.Error("the files of an ended export are left")
	}
}
