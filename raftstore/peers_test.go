package raftstore

import (
	"errors"
	"net"
	"testing"

	"apportion/raftstore/peernet"
)

// Each purpose has a limit of connections from other nodes, so that forwarded requests leave some for Raft.
func TestPeerConnectionsMax(t *testing.T) {
	const connectionsMax = 2
	g := newGroupOf(t, 1, func(cfg *Config) { cfg.Peers.ConnectionsMax = connectionsMax })
	p := g.nodes[0].peers
	dial := func(k peernet.Kind) (net.Conn, error) {
		conn, _, err := p.Dial(p.Address, "", k, peernet.DialTimeout)
		return conn, err
	}
	var open []net.Conn
	for range connectionsMax {
		conn, err := dial(peernet.KindHTTP)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	if _, err := dial(peernet.KindHTTP); !errors.Is(err, peernet.ErrRefused) {
		t.Errorf("one more than there may be: %v", err)
	}
	if conn, err := dial(peernet.KindAsk); err != nil {
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
		served.Close() // a second close has no effect
	}
	for _, conn := range open {
		conn.Close()
	}
	for range connectionsMax {
		conn, err := dial(peernet.KindHTTP)
		if err != nil {
			t.Fatalf("after the others were closed: %v", err)
		}
		defer conn.Close()
	}
}
