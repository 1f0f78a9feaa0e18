package raftstore

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// A quorum does not need a voter that accepts connections but never answers, and questions to it do not pile up.
func TestSilentVoter(t *testing.T) {
	g := newGroup(t, 3)
	g.mustDo(channels())
	leader := g.leader()
	var silent *testNode
	for _, n := range g.nodes {
		if n != leader {
			silent = n
		}
	}
	address := silent.peers.Address
	mustClose(t, silent.Store)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip("another process has taken the address")
	}
	defer listener.Close()
	before := runtime.NumGoroutine()
	const reads = 1000
	for range reads {
		g.mustRead(leader)
	}
	if more := runtime.NumGoroutine() - before; more > reads/2 {
		t.Errorf("%d reads have left %d goroutines", reads, more)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	g.open(silent)
	g.agree()
}

// Questions to a node that accepts connections but never answers end together. One after another, they would delay
// reads, and the close of this node, for minutes.
func TestQuestionsGiveUpTogether(t *testing.T) {
	g := newGroup(t, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	line := &peernet.AskConn{Peers: g.nodes[0].peers, Address: listener.Addr().String(), Node: "silent"}
	var answered sync.WaitGroup
	for range questionsPendingMax { // one after another, they would take longer than patience
		answered.Go(func() {
			if _, err := line.Ask(questionTerm); err == nil {
				t.Error("an answer came from nowhere")
			}
		})
	}
	done := make(chan struct{})
	go func() { answered.Wait(); line.HangUp(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("they have not given up")
	}
}

// A leader check must not succeed in a later term than that of the read. Another node may have led meanwhile, and this
// node may not have applied that leader's acknowledged writes yet.
func TestConfirmedInLaterTerm(t *testing.T) {
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	var holds atomic.Bool
	g := newGroupOf(t, 3, func(cfg *Config) {
		calm(cfg)
		if cfg.NodeID == "n1" {
			cfg.observe = func(*raft.Log) {
				if holds.Load() {
					<-held // it applies nothing
				}
			}
		}
	})
	t.Cleanup(release)
	first, other := g.nodes[0], g.nodes[1]
	g.mustDo(channels())
	g.await("the first node leads", func() bool { return transferTo(g, first) && first.Leads() })
	g.mustDo(refresh("A", 10))
	holds.Store(true)
	g.await("another one leads", func() bool { return transferTo(g, other) && other.Leads() })
	if err := insist(g.nodes[1:], "k", refresh("A", 20)); err != nil {
		t.Fatal(err)
	}
	g.await("the first one leads again", func() bool {
		return transferTo(g, first) && first.raft.State() == raft.Leader
	})
	if err := first.reads.confirmLeader(time.Now().Add(patience)); !errors.Is(err, ErrNotLeader) {
		t.Errorf("with %d units here, of 20, it is told: %v", available(t, first.Store, "A"), err)
	}
	release()
	g.await("it has caught up", first.Leads)
	if err := first.ReadBarrier(time.Now().Add(patience)); err != nil || available(t, first.Store, "A") != 20 {
		t.Errorf("%d units are available, want 20 (%v)", available(t, first.Store, "A"), err)
	}
}

// transferTo asks the leader to transfer leadership to a node. It returns true once no other node leads.
func transferTo(g *testGroup, to *testNode) bool {
	for _, n := range g.nodes {
		if n != to && n.raft.State() == raft.Leader {
			// fails while the node lags behind; then the caller repeats it
			_ = n.TransferLeadership(g.t.Context(), to.cfg.NodeID)
			return false
		}
	}
	return true
}
