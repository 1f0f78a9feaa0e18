package raftstore

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
)

// raftStream is Raft's way to the other nodes.
type raftStream struct {
	*service
	nodeAt func(address string) (node string) // the member that is called at an address; "" if none is
}

var _ raft.StreamLayer = raftStream{}

// Dial implements raft.StreamLayer. The node is called by its name as well as its address: an entry that another node than
// the one that is meant has stored must not count for it.
//
// Where nobody answers, the node is down, and may be back soon: Dial waits for it, up to redialMax. After each call that fails
// Raft pauses for longer, up to ten seconds, so that a node that was away for some seconds would be left alone for as many.
func (s raftStream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	begin := time.Now()
	for {
		conn, _, err := s.peers.dial(string(address), s.nodeAt(string(address)), kindRaft, min(timeout, dialTimeout))
		nobody := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, io.EOF)
		if !nobody || time.Since(begin) >= redialMax || !s.peers.pause(redialPause) {
			return conn, err
		}
	}
}
