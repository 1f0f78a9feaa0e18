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
type raftStream struct{ *service }

var _ raft.StreamLayer = raftStream{}

// calledAs has Raft's transport open connections to a node, and keep them for it, not to whoever is at its address: an
// entry that another node than the one that is meant has stored must not count for it, nor a vote.
func calledAs(id raft.ServerID, address raft.ServerAddress) raft.ServerAddress {
	return raft.ServerAddress(id) + calledSign + address
}

// calledSign stands between them. No address has a blank.
const calledSign = " "

// Dial implements raft.StreamLayer, for addresses of calledAs.
//
// Where nobody answers, the node is down, and may be back soon: Dial waits for it, up to redialMax. After each call
// that fails Raft pauses for longer, up to ten seconds, so that a node that was away for some seconds would be left
// alone for as many.
func (s raftStream) Dial(called raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	begin := time.Now()
	id, address, _ := cutLast(string(called), calledSign)
	for {
		conn, _, err := s.peers.dial(address, raft.ServerID(id), kindRaft, min(timeout, dialTimeout))
		nobody := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, io.EOF)
		if !nobody || time.Since(begin) >= redialMax || !s.peers.pause(redialPause) {
			return conn, err
		}
	}
}
