package peernet

import (
	"testing"

	"github.com/hashicorp/raft"
)

type fixedTerm struct {
	term  uint64
	state raft.RaftState
}

func (f fixedTerm) CurrentTerm() uint64   { return f.term }
func (f fixedTerm) State() raft.RaftState { return f.state }

// Only a heartbeat that changes nothing is handled beside Raft's main goroutine.
func TestHeartbeatWays(t *testing.T) {
	leader, follower := newNetwork(t, "a"), newNetwork(t, "b")
	own, other := NewTransport(leader, leader.logger), NewTransport(follower, leader.logger)
	t.Cleanup(func() { _, _ = own.Close(), other.Close() }) // the test is over
	ways := make(chan string, 1)
	answer := func(way string, rpc raft.RPC) {
		ways <- way
		rpc.Respond(&raft.AppendEntriesResponse{}, nil)
	}
	other.SetHeartbeatHandler(func(rpc raft.RPC) { answer("short", rpc) })
	go func() {
		for {
			select {
			case rpc := <-other.Consumer():
				answer("main", rpc)
			case <-t.Context().Done():
				return
			}
		}
	}()
	f := func(knows Term, entries int, want string) {
		t.Helper()
		if knows != nil {
			other.Follow(knows)
		}
		request := &raft.AppendEntriesRequest{Term: 7, RPCHeader: raft.RPCHeader{Addr: []byte("a")}}
		for range entries {
			request.Entries = append(request.Entries, &raft.Log{Index: 1, Term: 7})
		}
		if err := own.AppendEntries(follower.Identity.Self, raft.ServerAddress(follower.Address), request,
			&raft.AppendEntriesResponse{}); err != nil {
			t.Fatal(err)
		}
		if way := <-ways; way != want {
			t.Errorf("%d entries to a node in %+v go the %s way, want %s", entries, knows, way, want)
		}
	}
	f(nil, 0, "main")
	f(fixedTerm{7, raft.Follower}, 0, "short")
	f(fixedTerm{7, raft.Follower}, 1, "main")
	f(fixedTerm{8, raft.Candidate}, 0, "short")
	f(fixedTerm{8, raft.Leader}, 0, "short")
	f(fixedTerm{6, raft.Follower}, 0, "main")
	f(fixedTerm{7, raft.Candidate}, 0, "main")
	f(fixedTerm{6, raft.Leader}, 0, "main")
}

// A call that comes while the transport closes does not wait for Raft, which has ended.
func TestCallsEnd(t *testing.T) {
	c := newCalls()
	c.end()
	answer := make(chan raft.RPCResponse, 1)
	c.hand(raft.RPC{RespChan: answer})
	if got := <-answer; got.Error == nil {
		t.Error("a call to a closed transport succeeds")
	}
}
