package raftstore

import (
	"net"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// A call to a node that is down waits for it, and ends when this node does.
func TestDialWaits(t *testing.T) {
	g := newGroup(t, 1)
	n := g.nodes[0]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	stream := raftStream{n.peers.service(kindRaft)}
	dialled := make(chan error, 1)
	dial := func() {
		conn, err := stream.Dial(calledAs(n.identity.self, raft.ServerAddress(address)), dialTimeout)
		if err == nil {
			err = conn.Close()
		}
		dialled <- err
	}
	go dial()
	listener, err = net.Listen("tcp", address)
	if err != nil {
		t.Skip("somebody else has taken the address")
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.peers.meet(conn); err != nil {
		t.Error(err)
	}
	if err := <-dialled; err != nil {
		t.Error(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	go dial()
	begin := time.Now()
	mustClose(t, n.Store)
	if err := <-dialled; err == nil {
		t.Error("a call was answered by nobody")
	}
	t.Logf("the call ended %s after the node", time.Since(begin).Round(time.Millisecond))
}
