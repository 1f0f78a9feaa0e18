package peernet

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
)

// raftStream is Raft's network.
type raftStream struct{ *service }

var _ raft.StreamLayer = raftStream{}

// calledAs makes an address for Raft's transport that contains the node's id, so that connections are opened, and kept,
// for a node and not for an address: an entry that another node stored, or its vote, must not count for this one.
func calledAs(id raft.ServerID, address raft.ServerAddress) raft.ServerAddress {
	return raft.ServerAddress(id) + calledSign + address
}

// calledSign separates id and address. No address has a blank.
const calledSign = " "

// Dial implements raft.StreamLayer, for addresses of calledAs.
//
// A refused connection means that the node is down, and may be back soon: Dial tries again, up to redialMax. After each
// failure Raft pauses for longer, up to ten seconds, so a node that was down for some seconds would wait as many more.
func (s raftStream) Dial(called raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	begin := time.Now()
	id, address, _ := cutLast(string(called), calledSign)
	for {
		conn, _, err := s.peers.Dial(address, raft.ServerID(id), KindRaft, min(timeout, DialTimeout))
		nobody := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, io.EOF)
		if !nobody || time.Since(begin) >= redialMax || !s.peers.pause(redialPause) {
			return conn, err
		}
	}
}

// Transport is Raft's network transport with four changes: its pipelines, the time for a leadership transfer,
// connections by node id, and the way of heartbeats.
type Transport struct {
	*raft.NetworkTransport
	calls *calls
	heard *sync.Map // raft.ServerID to time.Time: when a node last answered
}

// Heard is when a node last answered a call of this one that leads. heard is false if it has not.
func (t Transport) Heard(id raft.ServerID) (at time.Time, heard bool) {
	last, heard := t.heard.Load(id)
	if !heard {
		return time.Time{}, false
	}
	return last.(time.Time), true
}

// NewTransport makes the transport of a node's Raft. Its Close leaves the network open.
func NewTransport(p *Network, logger *slog.Logger) Transport {
	return newTransport(raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: raftStream{p.service(KindRaft)}, MaxPool: poolMax, Timeout: RaftTimeout, Logger: NewRaftLogger(logger),
	}))
}

func newTransport(inner *raft.NetworkTransport) Transport {
	t := Transport{inner, newCalls(), &sync.Map{}}
	t.calls.ended.Go(func() { t.calls.pass(inner.Consumer()) })
	return t
}

// TimeoutNow implements raft.Transport. Until it returns, the leader takes no entry and stays the leader, so the target
// of a leadership transfer has less time for this answer than for others.
func (t Transport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest,
	resp *raft.TimeoutNowResponse) error {
	done := make(chan error, 1)
	var answer raft.TimeoutNowResponse
	go func() { done <- t.NetworkTransport.TimeoutNow(id, calledAs(id, target), args, &answer) }()
	timer := time.NewTimer(timeoutNowMax)
	defer timer.Stop()
	select {
	case err := <-done:
		*resp = answer
		return err
	case <-timer.C:
		return fmt.Errorf("raftstore: %s does not answer", NodeName(id))
	}
}

// AppendEntries implements raft.Transport.
func (t Transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest,
	resp *raft.AppendEntriesResponse) error {
	err := t.NetworkTransport.AppendEntries(id, calledAs(id, target), args, resp)
	if err == nil {
		t.heard.Store(id, time.Now()) // heartbeats come here too, whatever else goes on
	}
	return err
}

// RequestVote implements raft.Transport.
func (t Transport) RequestVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestVoteRequest,
	resp *raft.RequestVoteResponse) error {
	return t.NetworkTransport.RequestVote(id, calledAs(id, target), args, resp)
}

// RequestPreVote implements raft.WithPreVote.
func (t Transport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest,
	resp *raft.RequestPreVoteResponse) error {
	return t.NetworkTransport.RequestPreVote(id, calledAs(id, target), args, resp)
}

// InstallSnapshot implements raft.Transport.
func (t Transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest,
	resp *raft.InstallSnapshotResponse, data io.Reader) error {
	return t.NetworkTransport.InstallSnapshot(id, calledAs(id, target), args, resp, data)
}

// AppendEntriesPipeline implements raft.Transport.
func (t Transport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.NetworkTransport.AppendEntriesPipeline(id, calledAs(id, target))
	if err != nil {
		return nil, err
	}
	return newPipeline(inner), nil
}
