package peernet

import (
	"sync"

	"github.com/hashicorp/raft"
)

// Term is what the node of a transport knows of its place in the group; see raft.Raft. Its methods may be called from
// any goroutine.
type Term interface {
	CurrentTerm() uint64
	State() raft.RaftState
}

// calls brings the calls of other nodes to Raft's main goroutine.
//
// hashicorp/raft v1.8.0 handles heartbeats on the goroutine of their connection, so that a follower whose disk is slow
// still answers. But one of a new term makes the node a follower of that term, beside the main goroutine, which may be
// counting votes or giving one: the stored term can fall, and the logs of two nodes can part (hashicorp/raft issue 695
// and pull request 701, both open on 2026-11-29). So only a heartbeat that changes nothing takes the short way: the
// node follows in that term already, or knows a later one.
type calls struct {
	rpcs  chan raft.RPC
	done  chan struct{}
	close sync.Once
	ended sync.WaitGroup

	mu   sync.Mutex
	term Term // nil until Follow
}

func newCalls() *calls { return &calls{rpcs: make(chan raft.RPC), done: make(chan struct{})} }

// pass hands on what comes, until end.
func (c *calls) pass(from <-chan raft.RPC) {
	for {
		select {
		case rpc := <-from:
			c.hand(rpc)
		case <-c.done:
			return
		}
	}
}

// hand gives a call to the main goroutine.
func (c *calls) hand(rpc raft.RPC) {
	select {
	case c.rpcs <- rpc:
	case <-c.done:
		rpc.Respond(nil, raft.ErrTransportShutdown)
	}
}

// heartbeat handles a heartbeat by the short way if it changes nothing.
func (c *calls) heartbeat(rpc raft.RPC, short func(raft.RPC)) {
	if c.changesNothing(rpc) {
		short(rpc)
		return
	}
	c.hand(rpc)
}

func (c *calls) changesNothing(rpc raft.RPC) bool {
	c.mu.Lock()
	term := c.term
	c.mu.Unlock()
	request, ok := rpc.Command.(*raft.AppendEntriesRequest)
	if !ok || term == nil {
		return false
	}
	known := term.CurrentTerm()
	return request.Term < known || request.Term == known && term.State() == raft.Follower
}

func (c *calls) follow(term Term) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.term = term
}

func (c *calls) end() {
	c.close.Do(func() { close(c.done) })
	c.ended.Wait()
}

// Follow tells the transport whose heartbeats it gets. Until then all go to the main goroutine.
func (t Transport) Follow(term Term) { t.calls.follow(term) }

// Consumer implements raft.Transport.
func (t Transport) Consumer() <-chan raft.RPC { return t.calls.rpcs }

// SetHeartbeatHandler implements raft.Transport.
func (t Transport) SetHeartbeatHandler(short func(raft.RPC)) {
	t.NetworkTransport.SetHeartbeatHandler(func(rpc raft.RPC) { t.calls.heartbeat(rpc, short) })
}

// Close implements raft.WithClose.
func (t Transport) Close() error {
	err := t.NetworkTransport.Close()
	t.calls.end()
	return err
}
