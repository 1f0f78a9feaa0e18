package raftstore

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func TestMembers(t *testing.T) {
	g := newGroupOf(t, 1, calm)
	g.mustDo(channels())
	g.mustDo(refresh("A", 100))
	replica := g.add(true)
	g.await("the replica is in", func() bool { return len(g.nodes[0].Members()) == 2 })
	g.mustRead(replica)
	if got := available(t, replica.Store, "A"); got != 100 {
		t.Errorf("%d units are available, want 100", got)
	}
	leader := g.leader()
	g.await("both have heard each other", func() bool {
		_, byLeader := leader.Heard()[replica.cfg.NodeID]
		_, byReplica := replica.Heard()[leader.cfg.NodeID]
		return byLeader && byReplica
	})
	if err := leader.RemoveMember(t.Context(), leader.cfg.NodeID); !errors.Is(err, ErrLastVoter) {
		t.Errorf("the last voter was removed: %v", err)
	}
	if err := replica.AddMember(t.Context(), Member{ID: "x", Address: "127.0.0.1:1"}); !errors.Is(err, ErrNotLeader) {
		t.Errorf("a replica adds a member: %v", err)
	}
	if err := leader.AddMember(t.Context(), Member{ID: replica.cfg.NodeID, Address: replica.peers.Address,
		Voter: true}); err != nil {
		t.Fatal(err)
	}
	if err := leader.RemoveMember(t.Context(), replica.cfg.NodeID); err != nil {
		t.Fatal(err)
	}
	if members := leader.Members(); len(members) != 1 || !members[0].Leader || !members[0].Voter {
		t.Errorf("members are %+v", members)
	}
	if err := leader.RemoveMember(t.Context(), replica.cfg.NodeID); !errors.Is(err, ErrUnknownMember) {
		t.Errorf("a member was removed twice: %v", err)
	}
}

// A member's name and address are copies: the request's memory is reused.
func TestMemberIsCopied(t *testing.T) {
	g := newGroup(t, 1)
	address := g.waiting("late").peers.Address
	request := []byte("late " + address)
	text := unsafe.String(&request[0], len(request))
	if err := g.leader().AddMember(t.Context(), Member{ID: text[:4], Address: text[5:]}); err != nil {
		t.Fatal(err)
	}
	copy(request, "something other than that")
	members := g.leader().Members()
	if want := (Member{ID: "late", Address: address}); len(members) != 2 || members[0] != want {
		t.Errorf("the members are %+v, want one of them to be %+v", members, want)
	}
}

// waiting starts a new node that is not added yet.
func (g *testGroup) waiting(name string) *Store {
	g.t.Helper()
	cfg := testConfig(vfs.NewMem())
	cfg.NodeID, cfg.Peers = name, &PeersConfig{Listen: "127.0.0.1:0"}
	s, err := Open(context.Background(), cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { mustClose(g.t, s) })
	return s
}

// One change can take a vote and change the address.
func TestDemoteAndMove(t *testing.T) {
	g := newGroupOf(t, 2, calm)
	leader := g.leader()
	moved := Member{ID: g.others(leader)[0].cfg.NodeID, Address: "127.0.0.1:1"}
	if err := leader.AddMember(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	if members := leader.Members(); !slices.Contains(members, moved) {
		t.Errorf("the members are %+v, want %+v among them", members, moved)
	}
}

// The other nodes elect a new leader when the leader isolates itself, before it is closed.
func TestIsolate(t *testing.T) {
	g := newGroupOf(t, 3, calm)
	leader := g.leader()
	leader.Isolate()
	g.await("another one leads", func() bool {
		return slices.ContainsFunc(g.others(leader), func(n *testNode) bool { return n.Leads() })
	})
	if leader.Leads() {
		t.Error("it still leads")
	}
}

// An isolated follower does not become the leader: the other nodes would have to wait for another election.
func TestIsolatedDoesNotLead(t *testing.T) {
	g := newGroupOf(t, 3, calm)
	leader := g.leader()
	isolated := g.others(leader)[0]
	isolated.Isolate()
	g.await("it is isolated", func() bool { return !isolated.peers.MayTalk() })
	if err := leader.TransferLeadership(t.Context(), isolated.cfg.NodeID); err == nil {
		t.Error("it was made the leader")
	}
	g.mustDo(channels())
	if isolated.raft.State() == raft.Leader || g.leader() == isolated {
		t.Error("it leads")
	}
}

// A node that was removed while it was down does not find this in its log. At its next start it asks to join, like any
// removed node.
func TestRemovedWhileDown(t *testing.T) {
	g := newGroup(t, 3)
	g.mustDo(channels())
	g.mustDo(refresh("A", 100))
	leader := g.leader()
	down := g.others(leader)[0]
	down.cfg.Peers.Join = []string{leader.peers.Address}
	mustClose(t, down.Store)
	g.remove(down)
	g.mustDo(allocate("o", "A", 1))
	g.open(down)
	g.await("it has its vote again", func() bool { return len(g.leader().voters()) == 3 })
	g.agree()
}

// If a caller stops waiting, its change may still be committed. So the error must not say that nothing was done, as a
// deadline error does. Raft itself waits for the disk without a limit.
func TestChangeOfUnknownOutcome(t *testing.T) {
	stalled, answer := newStallingFS(t, "")
	g := newGroupOf(t, 1, func(cfg *Config) { cfg.FS = stalled })
	t.Cleanup(answer) // runs before the group is closed
	leader := g.leader()
	expect := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	late := Member{ID: "late", Address: g.waiting("late").peers.Address}
	id, err := leader.identify(t.Context(), late) // beforehand: the time below is for the commit alone
	if err != nil {
		t.Fatal(err)
	}
	stalled.on.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	expect("add", leader.admit(ctx, id, late))
	answer()
	g.await("it was added nevertheless", func() bool {
		members := leader.Members()
		return len(members) == 2 && members[0] == late
	})
	// An isolated node does not become the leader before the caller stops waiting.
	g = newGroupOf(t, 2, calm)
	leader = g.leader()
	other := g.others(leader)[0]
	other.peers.Isolate(true)
	expect("transfer leadership", leader.TransferLeadership(ctx, other.cfg.NodeID))
	other.peers.Isolate(false)
	g.leader()
}
