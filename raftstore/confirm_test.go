package raftstore

import (
	"net"
	"runtime"
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
