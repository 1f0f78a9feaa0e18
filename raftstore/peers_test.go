package raftstore

import (
	"errors"
	"net"
	"testing"
)

// Connections from other nodes are bounded by what they are for, so that requests that are forwarded leave room for
// Raft.
func TestPeerConnectionsMax(t *testing.T) {
	const connectionsMax = 2
	g := newGroupOf(t, 1, func(cfg *Config) { cfg.Peers.ConnectionsMax = connectionsMax })
	p := g.nodes[0].peers
	dial := func(k kind) (net.Conn, error) {
		conn, _, err := p.dial(p.address, "", k, dialTimeout)
		return conn, err
	}
	var open []net.Conn
	for range connectionsMax {
		conn, err := dial(kindHTTP)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	if _, err := dial(kindHTTP); !errors.Is(err, errRefused) {
		t.Errorf("one more than there may be: %v", err)
	}
	if conn, err := dial(kindAsk); err != nil {
		t.Errorf("a question: %v", err)
	} else {
		conn.Close()
	}
	for range connectionsMax {
		served, err := g.nodes[0].Forwarded().Accept()
		if err != nil {
			t.Fatal(err)
		}
		served.Close()
		served.Close() // twice is once
	}
	for _, conn := range open {
		conn.Close()
	}
	for range connectionsMax {
		conn, err := dial(kindHTTP)
		if err != nil {
			t.Fatalf("after the others were closed: %v", err)
		}
		defer conn.Close()
	}
}

// Who connects and does not say what for cannot keep the others out, however often.
func TestPeerGreetingsMax(t *testing.T) {
	g := newGroup(t, 1)
	p := g.nodes[0].peers
	for range 2 * peerGreetingsMax {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	conn, _, err := p.dial(p.address, "", kindAsk, dialTimeout) // it is accepted after all of them
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.mu.greeting); n > peerGreetingsMax {
		t.Errorf("%d connections have not said what they are for", n)
	}
}
