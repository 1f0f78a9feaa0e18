package raftstore

import (
	"net"
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
func (s raftStream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	conn, _, err := s.peers.dial(string(address), s.nodeAt(string(address)), kindRaft, min(timeout, dialTimeout))
	return conn, err
}
