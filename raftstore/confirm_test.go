package raftstore

import (
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// A voter that takes calls and never answers is not needed for a majority, and questions to it do not pile up.
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
	address := silent.peers.address
	mustClose(t, silent.Store)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip("somebody else has taken the address")
	}
	defer listener.Close()
	before := runtime.NumGoroutine()
	const reads = 1000
	for range reads {
		if err := leader.ReadBarrier(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
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

// Questions to a node that takes calls and never answers give up together: each waiting for those before it, a queue of them
// would keep reads, and the end of this node, for minutes.
func TestQuestionsGiveUpTogether(t *testing.T) {
	g := newGroup(t, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	line := &peerLine{peers: g.nodes[0].peers, address: listener.Addr().String(), node: "silent"}
	var answered sync.WaitGroup
	for range linePendingMax { // one after the other they would take more than patience
		answered.Go(func() {
			if _, err := line.ask(questionTerm); err == nil {
				t.Error("an answer came from nowhere")
			}
		})
	}
	done := make(chan struct{})
	go func() { answered.Wait(); line.hangUp(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("they have not given up")
	}
}
