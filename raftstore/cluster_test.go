package raftstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/peernet"
)

// testNode is a node of a group in this process. Its disk survives its restarts.
type testNode struct {
	*Store
	cfg Config
}

// testGroup is a group of nodes that talk over TCP on this machine.
type testGroup struct {
	t      testing.TB
	nodes  []*testNode
	change func(cfg *Config)
	done   int // by mustDo
}

// patience is the longest wait in a test.
const patience = time.Minute

// calm is for groups with a leader that must not step down by chance: the timeout is much longer than the pauses of a
// busy machine.
func calm(cfg *Config) { cfg.ElectionTimeout = 2 * time.Second }

// newGroup starts a group of voters. The first one bootstraps it.
func newGroup(t testing.TB, voters int) *testGroup {
	t.Helper()
	return newGroupOf(t, voters, func(*Config) {})
}

// newGroupOf starts a group of nodes with a changed configuration.
func newGroupOf(t testing.TB, voters int, change func(cfg *Config)) *testGroup {
	t.Helper()
	g := &testGroup{t: t, change: change}
	t.Cleanup(g.close)
	for range voters {
		g.add(false)
	}
	// A node whose log lacks the last configuration refuses its vote to a voter that it does not know.
	g.await("all nodes know all voters", func() bool {
		return !slices.ContainsFunc(g.nodes, func(n *testNode) bool { return len(n.voters()) != voters })
	})
	return g
}

func (g *testGroup) add(nonVoter bool) *testNode {
	g.t.Helper()
	n := g.prepare(nonVoter)
	g.open(n)
	return n
}

// prepare makes one more node without starting it.
func (g *testGroup) prepare(nonVoter bool) *testNode {
	cfg := testConfig(vfs.NewMem())
	cfg.NodeID = fmt.Sprintf("n%d", len(g.nodes)+1)
	cfg.ElectionTimeout, cfg.foundingSilence = 100*time.Millisecond, time.Millisecond
	cfg.Peers = &PeersConfig{Listen: "127.0.0.1:0", NonVoter: nonVoter}
	if len(g.nodes) == 0 {
		cfg.Peers.Bootstrap = true
	} else {
		cfg.Peers.Join = []string{g.nodes[0].peers.Address}
	}
	g.change(&cfg)
	n := &testNode{cfg: cfg}
	g.nodes = append(g.nodes, n)
	return n
}

// open starts a node at its earlier address.
func (g *testGroup) open(n *testNode) {
	g.t.Helper()
	s, err := Open(context.Background(), n.cfg)
	if err != nil {
		g.t.Fatalf("open %s: %v", n.cfg.NodeID, err)
	}
	n.Store = s
	n.cfg.Peers.Listen = s.peers.Address
	n.cfg.Metrics = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		g.t.Fatalf("%s is not ready: %v (%+v)", n.cfg.NodeID, err, s.Status())
	}
}

func (g *testGroup) close() {
	for _, n := range g.nodes {
		if n.Store != nil && !n.closed.Load() {
			if err := n.Close(); err != nil {
				g.t.Errorf("close %s: %v", n.cfg.NodeID, err)
			}
		}
	}
}

// await waits until a condition holds.
func (g *testGroup) await(what string, is func() bool) {
	g.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-look.C:
		case <-deadline.C:
			for _, n := range g.nodes {
				g.t.Logf("%s: %+v", n.cfg.NodeID, n.Status())
			}
			g.t.Fatalf("in vain: %s", what)
		}
	}
}

// leader waits for a leader and returns it.
func (g *testGroup) leader() (leader *testNode) {
	g.t.Helper()
	g.await("a leader", func() bool {
		for _, n := range g.nodes {
			if !n.closed.Load() && n.Leads() {
				leader = n
			}
		}
		return leader != nil
	})
	return leader
}

// mustDo sends a command to the current leader, and again after each change of leader. Its key prevents a second
// execution.
func (g *testGroup) mustDo(c engine.Command) engine.Result {
	g.t.Helper()
	g.done++
	key := fmt.Sprint("must", g.done)
	for deadline := time.Now().Add(patience); ; {
		r, err := do(g.leader().Store, key, c)
		if (errors.Is(err, ErrNotLeader) || errors.Is(err, ErrOutcomeUnknown)) && time.Now().Before(deadline) {
			continue
		}
		if err != nil || r.Code != engine.CodeOK {
			g.t.Fatalf("%T: %v, %v", c, r.Code, err)
		}
		return r
	}
}

// remove removes a member, by the leader of the moment: leadership may change meanwhile.
func (g *testGroup) remove(n *testNode) {
	g.t.Helper()
	g.await(n.cfg.NodeID+" is removed", func() bool {
		err := g.leader().RemoveMember(g.t.Context(), n.cfg.NodeID)
		return err == nil || errors.Is(err, ErrUnknownMember)
	})
}

// mustRead waits until a node answers a linearizable read. It gets no answer during a change of leader.
func (g *testGroup) mustRead(n *testNode) {
	g.t.Helper()
	g.await(n.cfg.NodeID+" lets read", func() bool { return n.ReadBarrier(time.Now().Add(patience)) == nil })
}

// agree waits until all nodes have applied the same entries, and compares their states.
func (g *testGroup) agree() {
	g.t.Helper()
	index := g.leader().AppliedIndex()
	g.await(fmt.Sprintf("all at entry %d", index), func() bool {
		for _, n := range g.nodes {
			if !n.closed.Load() && n.AppliedIndex() < index {
				return false
			}
		}
		return true
	})
	want := hashOf(g.leader().Store)
	for _, n := range g.nodes {
		if !n.closed.Load() {
			verifyState(g.t, n.Store)
			if hashOf(n.Store) != want {
				g.t.Errorf("%s has another state", n.cfg.NodeID)
			}
		}
	}
}

func TestGroupReplicates(t *testing.T) {
	g := newGroup(t, 3)
	g.mustDo(channels())
	g.mustDo(refresh("A", 100))
	for i := range 50 {
		g.mustDo(allocate(fmt.Sprintf("o%d", i), "A", 1))
	}
	// Every node shows the acknowledged writes.
	for _, n := range g.nodes {
		g.mustRead(n)
		if got := available(t, n.Store, "A"); got != 50 {
			t.Errorf("%s: %d units are available, want 50", n.cfg.NodeID, got)
		}
		if err := n.Ready(); err != nil {
			t.Errorf("%s is not ready: %v", n.cfg.NodeID, err)
		}
	}
	g.agree()
}

// A follower that has not applied the leader's read index is not fresh, and does not begin to serve.
func TestBehindIsNotFresh(t *testing.T) {
	g := newGroupOf(t, 2, calm)
	g.mustDo(channels())
	n := g.follower()
	g.mustRead(n)
	settled := false
	f := &catchUp{
		peers: n.peers, raft: n.raft, signal: new(appliedSignal), applied: func() uint64 { return 0 },
		settle: func() { settled = true }, fresh: &freshness{start: time.Now()},
	}
	defer f.hangUp()
	stop := make(chan struct{})
	close(stop)
	err := f.ask(stop)
	if _, known := f.fresh.lag(); known || settled || !errors.Is(err, ErrNotLeader) ||
		!strings.Contains(err.Error(), "entry 0 of") {
		t.Errorf("it has none of the leader's entries: fresh %v, settled %v, %v", known, settled, err)
	}
	f.applied = n.reads.applied
	g.await("a follower that has all of them is fresh", func() bool { return f.ask(nil) == nil })
	if _, known := f.fresh.lag(); !known || !settled {
		t.Errorf("it has all of them: fresh %v, settled %v", known, settled)
	}
}

// After the leader is closed, a new leader is elected and has all acknowledged writes.
func TestGroupFailsOver(t *testing.T) {
	g := newGroup(t, 3)
	g.mustDo(channels())
	g.mustDo(refresh("A", 100))
	old := g.leader()
	mustClose(t, old.Store)
	g.mustDo(allocate("o1", "A", 30))
	g.open(old)
	g.mustRead(old)
	if got := available(t, old.Store, "A"); got != 70 {
		t.Errorf("%d units are available, want 70", got)
	}
	g.agree()
}

func TestLeadershipTransfer(t *testing.T) {
	g := newGroupOf(t, 3, calm)
	g.mustDo(channels())
	old := g.leader()
	var to *testNode
	for _, n := range g.nodes {
		if n != old {
			to = n
		}
	}
	if err := old.TransferLeadership(t.Context(), to.cfg.NodeID); err != nil {
		t.Fatal(err)
	}
	if got := g.leader(); got != to {
		t.Errorf("%s leads, want %s", got.cfg.NodeID, to.cfg.NodeID)
	}
	if err := to.TransferLeadership(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	g.await("another leader", func() bool { return !to.Leads() && g.leader() != to })
	if err := g.leader().TransferLeadership(t.Context(), "nobody"); !errors.Is(err, ErrUnknownMember) {
		t.Errorf("leadership was transferred to an unknown node: %v", err)
	}
}

// A voter that comes back without its disk cannot join: it may have voted, and a quorum may count on its entries.
func TestVoterWithoutItsPast(t *testing.T) {
	g := newGroupOf(t, 3, calm)
	leader := g.leader()
	var lost *testNode
	for _, n := range g.nodes {
		if n != leader {
			lost = n
		}
	}
	other := raft.ServerID(lost.cfg.NodeID) + "/0123456789abcdef"
	reply := leader.admitJoin(&joinRequest{ID: other, Address: lost.peers.Address, New: true})
	if reply.Error == "" || reply.Final { // it may join after the member is removed
		t.Errorf("it has joined: %+v", reply)
	}
	// The node that the voter has replaced cannot join either. The voter itself can, with a new address.
	const elsewhere = "127.0.0.1:1"
	for _, q := range []joinRequest{
		{ID: other, Address: lost.peers.Address, Was: lost.peers.Address},
		{ID: lost.identity.Self, Address: elsewhere, Was: elsewhere},
	} {
		if reply := leader.admitJoin(&q); reply.Error == "" || !reply.Final {
			t.Errorf("the replaced node has joined: %+v", reply)
		}
	}
	reply = leader.admitJoin(&joinRequest{ID: lost.identity.Self, Address: elsewhere, Was: lost.peers.Address})
	if members := leader.Members(); reply.Error != "" ||
		!slices.Contains(members, Member{ID: lost.cfg.NodeID, Address: elsewhere, Voter: true}) {
		t.Errorf("a node with a new address has not joined: %+v, %+v", reply, members)
	}
}

// A log that is not up to date has an old configuration: there, a replaced voter still has its vote.
func TestJoinDistrustsOldLog(t *testing.T) {
	g := newGroup(t, 2)
	voter := g.nodes[1]
	g.await("a voter that is up to date has stopped asking", func() bool { return voter.join(false) })
	for _, n := range g.nodes {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(context.Background(), voter.cfg) // alone, so that it never has a leader
	if err != nil {
		t.Fatal(err)
	}
	voter.Store = s
	if own, member := s.ownMember(); !member || own.Suffrage != raft.Voter {
		t.Fatalf("its log says %+v", own)
	}
	if s.join(true) {
		t.Error("it has stopped asking before it knows the current configuration")
	}
}

func TestOtherCluster(t *testing.T) {
	one, other := newGroup(t, 1), newGroup(t, 1)
	address := other.nodes[0].peers.Address
	if _, _, err := one.nodes[0].peers.Dial(address, "", peernet.KindRaft, peernet.DialTimeout); !errors.Is(
		err, peernet.ErrRefused) {
		t.Errorf("another cluster's node answers: %v", err)
	}
	if _, _, err := one.nodes[0].peers.Dial(one.nodes[0].peers.Address, "n9", peernet.KindRaft,
		peernet.DialTimeout); !errors.Is(
		err, peernet.ErrRefused) {
		t.Errorf("another node answers in place of the called one: %v", err)
	}
}

// A new leader removes an entry that only the old leader has.
func TestGroupTakesBack(t *testing.T) {
	g := newGroup(t, 3)
	g.mustDo(channels())
	g.mustDo(refresh("A", 100))
	old := g.leader()
	old.peers.Isolate(true)
	unknown := make(chan error, 1)
	go func() {
		_, err := do(old.Store, "k", allocate("lost", "A", 1))
		unknown <- err
	}()
	g.await("another leader", func() bool {
		for _, n := range g.nodes {
			if n != old && n.Leads() {
				return true
			}
		}
		return false
	})
	if err := <-unknown; !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrNotLeader) {
		t.Errorf("a leader that was left alone answers %v", err)
	}
	if err := old.ReadBarrier(time.Now().Add(time.Second)); err == nil {
		t.Error("a leader that was left alone lets read")
	}
	for i := range 20 {
		g.mustDo(allocate(fmt.Sprintf("o%d", i), "A", 1))
	}
	old.peers.Isolate(false)
	g.await("the old leader follows", func() bool { return old.raft.State() == raft.Follower && old.Ready() == nil })
	g.agree()
	if got := available(t, old.Store, "A"); got != 80 {
		t.Errorf("%d units are available, want 80", got)
	}
}

// A leader isolates itself while its disk does not answer, and becomes a follower afterwards.
func TestStalledDisk(t *testing.T) {
	g := newGroupOf(t, 1, calm)
	stalled, answer := newStallingFS(t, "")
	first := g.nodes[0]
	second, third := g.add(false), g.add(false)
	g.await("all are voters", func() bool { return len(first.voters()) == 3 })
	// The node with the stalled disk is the last one and becomes the leader.
	cfg := second.cfg
	cfg.NodeID, cfg.FS, cfg.StallTimeout = "stalls", stalled, 500*time.Millisecond
	cfg.Peers = &PeersConfig{Listen: "127.0.0.1:0", Join: []string{third.peers.Address}}
	n := &testNode{cfg: cfg}
	g.nodes = append(g.nodes, n)
	g.open(n)
	g.await("it has a vote", func() bool { return len(first.voters()) == 4 && len(n.voters()) == 4 })
	g.mustDo(channels())
	g.mustDo(refresh("A", 100))
	g.await("it leads", func() bool {
		if leader := g.leader(); leader != n {
			_ = leader.TransferLeadership(t.Context(), "stalls") // fails while it lags behind; then await repeats it
		}
		return n.Leads()
	})
	stalled.on.Store(true)
	unknown := make(chan error, 1)
	go func() {
		_, err := do(n.Store, "k", allocate("o", "A", 1))
		unknown <- err
	}()
	g.await("another one leads", func() bool { return first.Leads() || second.Leads() || third.Leads() })
	// Raft waits for the disk, so for Raft this node is still the leader.
	deposed := time.Now()
	if err := insist([]*testNode{first, second, third}, "e", allocate("e", "A", 1)); err != nil {
		t.Fatal(err)
	}
	since := time.Since(deposed)
	if lag, known := n.Lag(); !known || lag < since {
		t.Errorf("another node has led for %s; the lag here is %s", since, lag)
	}
	if err := n.Ready(); err == nil {
		t.Error("it is ready")
	}
	if _, err := do(n.Store, "", allocate("x", "A", 1)); !errors.Is(err, ErrNotLeader) || n.Leads() {
		t.Errorf("it takes commands: %v", err)
	}
	if err := n.TransferLeadership(t.Context(), ""); err != nil { // it must not wait for the disk
		t.Error(err)
	}
	answer()
	if err := <-unknown; err == nil {
		t.Error("a write that no other node has was acknowledged")
	}
	for i := range 10 {
		g.mustDo(allocate(fmt.Sprintf("o%d", i), "A", 1))
	}
	g.agree()
}
