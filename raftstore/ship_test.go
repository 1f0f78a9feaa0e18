package raftstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"apportion/engine"
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
	n.cfg.Peers.Listen = s.peers.address
	n.cfg.Metrics = nil
}

// bringUp does what the owner of a store does: it opens it anew when a checkpoint has been fetched, and gives how often, once
// the node is ready.
func (g *testGroup) bringUp(n *testNode) (fetched int) {
	g.t.Helper()
	for {
		g.await(n.cfg.NodeID+" is up or has a checkpoint", func() bool { return isClosed(n.Replaced()) || n.Ready() == nil })
		if !isClosed(n.Replaced()) {
			return fetched
		}
		fetched++
		mustClose(g.t, n.Store)
		g.reopen(n)
	}
}

// others are all nodes but one.
func (g *testGroup) others(than *testNode) (others []*testNode) {
	for _, n := range g.nodes {
		if n != than {
			others = append(others, n)
		}
	}
	return others
}

// insist has whoever leads among some nodes do a command, however often the lead changes meanwhile. Its key keeps it from being
// done twice.
func insist(nodes []*testNode, key string, c engine.Command) error {
	for deadline := time.Now().Add(patience); ; {
		for _, n := range nodes {
			r, err := do(n.Store, key, c)
			switch {
			case err == nil && r.Code == engine.CodeOK:
				return nil
			case err == nil, !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrOutcomeUnknown), time.Now().After(deadline):
				return fmt.Errorf("%T: %v, %w", c, r.Code, err)
			}
		}
		runtime.Gosched()
	}
}

// load writes, and makes checkpoints, until stop is called.
func (g *testGroup) load(nodes []*testNode, everyCheckpoint int) (stop func()) {
	g.t.Helper()
	ended := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; !isClosed(ended); i++ {
			if err := insist(nodes, fmt.Sprint("k", i), allocate(fmt.Sprint("load", i), fmt.Sprint("U", i%20), 1)); err != nil {
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

// fill writes what takes more log than is kept for followers, and a checkpoint.
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

// newStockedGroup starts a group that has something to sell.
func newStockedGroup(t testing.TB, voters int, change func(cfg *Config)) *testGroup {
	t.Helper()
	g := newGroupOf(t, voters, func(cfg *Config) {
		cfg.trailingLogs = 4
		change(cfg)
	})
	g.mustDo(channels())
	for i := range 20 {
		g.mustDo(refresh(fmt.Sprint("U", i), 1_000_000))
	}
	return g
}

// A follower that was away for longer than the log goes back gets a checkpoint, under load, and ends with the same state.
func TestFollowerFetches(t *testing.T) {
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
	t.Logf("%d checkpoints were fetched", fetched)
	g.agree()
	if first, _, _ := logBounds(away.log); first == 1 {
		t.Error("the follower has the log from its beginning")
	}
	// And it goes on from there, after another start too.
	mustClose(t, away.Store)
	g.mustDo(allocate("last", "U1", 1))
	g.open(away)
	g.agree()
}

// A new node gets a checkpoint too.
func TestNewNodeFetches(t *testing.T) {
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
