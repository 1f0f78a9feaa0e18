package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/datadir"
	"apportion/raftstore/peernet"
	"apportion/wal"
)

// A new directory gets a new identity for its node's name, and keeps it each time that it is opened.
func TestDirectoryKnowsItsNode(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.NodeID = "c"
	open := func() raft.ServerID {
		t.Helper()
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer mustClose(t, s)
		if got := s.Status().NodeID; got != "c" {
			t.Errorf("the node calls itself %s", got)
		}
		return s.identity.Self
	}
	first := open()
	if again := open(); again != first || peernet.NodeName(first) != "c" || first == "c" {
		t.Errorf("the directory is %s, then %s", first, again)
	}
	other := cfg
	other.NodeID = "a"
	if _, err := Open(t.Context(), other); !errors.Is(err, ErrOtherNode) {
		t.Errorf("opened as that of another node: %v", err)
	}
	cfg.FS = vfs.NewMem()
	if wiped := open(); wiped == first || peernet.NodeName(wiped) != "c" {
		t.Errorf("a lost disk is %s, its like was %s", wiped, first)
	}
}

// A member is added only if the node at its address has the member's name, cluster and directory.
func TestAddedIsWhoAnswers(t *testing.T) {
	g := newGroup(t, 1)
	leader := g.leader()
	stranger := newGroup(t, 1).nodes[0]
	late := g.waiting("late")
	refused := func(m Member, want error) {
		t.Helper()
		if err := leader.AddMember(t.Context(), m); !errors.Is(err, want) {
			t.Errorf("add %+v: %v, want %v", m, err, want)
		}
	}
	refused(Member{ID: "x", Address: unusedAddress(t)}, ErrMemberNotThere)
	refused(Member{ID: "x", Address: late.peers.Address}, ErrMemberNotThere)
	refused(Member{ID: stranger.cfg.NodeID + "x", Address: stranger.peers.Address}, ErrMemberNotThere)
	add := Member{ID: "late", Address: late.peers.Address}
	if err := leader.AddMember(t.Context(), add); err != nil {
		t.Fatal(err)
	}
	if bound, ok := leader.member("late"); !ok || bound.ID != late.identity.Self {
		t.Errorf("the member is %+v, %s answers there", bound, late.identity.Self)
	}
	g.await("it is in its cluster", func() bool {
		return late.identity.Cluster() == leader.identity.Cluster() && late.Ready() == nil
	})

	// A node of the same name with another disk is not the member, at any address.
	other := g.waiting("late")
	refused(Member{ID: "late", Address: other.peers.Address}, ErrMember)
	if members := leader.Members(); len(members) != 2 || members[0].ID != add.ID || members[0].Address != add.Address {
		t.Errorf("the members are %+v", members)
	}
}

// A read replica has no vote: with an empty disk it may join again in its own place. The old directory may not.
func TestReplicaLosesItsDisk(t *testing.T) {
	g := newGroup(t, 1)
	g.mustDo(channels())
	replica := g.add(true)
	was := replica.identity.Self
	mustClose(t, replica.Store)
	old := replica.cfg
	replica.cfg.FS = vfs.NewMem()
	g.open(replica)
	if bound, ok := g.leader().member(replica.cfg.NodeID); !ok || bound.ID != replica.identity.Self || bound.ID == was {
		t.Errorf("the member is %+v, the replica is %s and was %s", bound, replica.identity.Self, was)
	}
	reply := g.leader().admitJoin(&joinRequest{ID: was, Address: old.Peers.Listen, Was: old.Peers.Listen})
	if reply.Error == "" || !reply.Final {
		t.Errorf("the old directory has joined: %+v", reply)
	}
	g.agree()
}

// The handshake refuses a call for another directory and, for Raft, a call that names no directory.
func TestHandshakeNamesTheDirectory(t *testing.T) {
	g := newGroup(t, 1)
	n := g.nodes[0]
	dial := func(to raft.ServerID, k peernet.Kind, want string) {
		t.Helper()
		conn, reply, err := n.peers.Dial(n.peers.Address, to, k, peernet.DialTimeout)
		if err == nil {
			err = conn.Close()
		}
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) ||
			reply.Node != n.identity.Self {
			t.Errorf("a call for %s of %q: %v, answered by %s", k, to, err, reply.Node)
		}
	}
	dial(n.identity.Self, peernet.KindRaft, "")
	dial("n1/0123456789abcdef", peernet.KindRaft, "remove the member")
	dial("n1", peernet.KindRaft, "remove the member")
	dial("n2", peernet.KindAsk, "n2 was meant, this is n1")
	dial("", peernet.KindRaft, "no node is named")
	dial("", peernet.KindGreet, "")
}

// A group with directories from a version without identities works, each under its node's name alone. A new directory
// is not mistaken for one of them.
func TestGroupFromBeforeIdentities(t *testing.T) {
	g := &testGroup{t: t}
	t.Cleanup(g.close)
	configuration := raft.Configuration{}
	for i := range 3 {
		id, address := fmt.Sprintf("n%d", i+1), unusedAddress(t)
		configuration.Servers = append(configuration.Servers,
			raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress(address)})
	}
	for _, server := range configuration.Servers {
		cfg := testConfig(vfs.NewMem())
		cfg.NodeID, cfg.Peers = string(server.ID), &PeersConfig{Listen: string(server.Address)}
		writeOldLog(t, cfg, configuration)
		g.nodes = append(g.nodes, &testNode{cfg: cfg})
	}
	for _, n := range g.nodes {
		s, err := Open(t.Context(), n.cfg)
		if err != nil {
			t.Fatal(err)
		}
		n.Store = s
	}
	g.mustDo(channels())
	g.mustDo(refresh("A", 100))
	lost := g.others(g.leader())[0]
	if string(lost.identity.Self) != lost.cfg.NodeID || !lost.identity.IsKept() {
		t.Errorf("the node is %+v", lost.identity)
	}
	mustClose(t, lost.Store)
	other := lost.cfg
	other.NodeID = "another"
	if _, err := Open(t.Context(), other); !errors.Is(err, ErrOtherNode) {
		t.Errorf("opened as that of another node: %v", err)
	}

	lost.cfg.FS, lost.cfg.Peers.Join = vfs.NewMem(), []string{g.leader().peers.Address}
	s, err := Open(t.Context(), lost.cfg)
	if err != nil {
		t.Fatal(err)
	}
	lost.Store = s
	g.mustDo(allocate("o", "A", 1))
	if s.identity.Cluster() != "" || s.raft.LastIndex() != 0 {
		t.Errorf("a new directory is in cluster %q and has %d entries", s.identity.Cluster(), s.raft.LastIndex())
	}
	g.remove(lost)
	g.await("it has a vote", func() bool {
		return slices.ContainsFunc(g.leader().voters(), func(server raft.Server) bool {
			return server.ID == s.identity.Self
		})
	})
	g.agree()
}

// A directory from a version without identities belongs to its node's name.
func TestOldDirectoryOfOne(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.NodeID = "a"
	writeOldLog(t, cfg, raft.Configuration{Servers: []raft.Server{{ID: "a", Address: localAddress}}})
	other := cfg
	other.NodeID = "b"
	if _, err := Open(t.Context(), other); !errors.Is(err, ErrOtherNode) {
		t.Errorf("opened as that of another node: %v", err)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	if err := s.WaitReady(t.Context()); err != nil {
		t.Error(err)
	}
}

// writeOldLog makes a directory with one entry, in the form of a version without identities.
func writeOldLog(t *testing.T, cfg Config, configuration raft.Configuration) {
	t.Helper()
	paths := datadir.NewPaths(cfg.FS, cfg.Dir)
	if err := paths.Create(); err != nil {
		t.Fatal(err)
	}
	log, err := wal.Open(wal.Config{Dir: paths.Log, FS: cfg.FS, Logger: cfg.Logger})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(log.SetUint64(keyCurrentTerm, bootstrapTerm), log.Set(peernet.KeyCluster, []byte("old")),
		log.StoreLog(&raft.Log{Index: 1, Term: bootstrapTerm, Type: raft.LogConfiguration,
			Data: raft.EncodeConfiguration(configuration)}),
		log.Close())
	if err != nil {
		t.Fatal(err)
	}
}

// unusedAddress is an address without a listener.
func unusedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A node that a group calls does not bootstrap another group.
func TestFounderListens(t *testing.T) {
	g := newGroup(t, 1)
	caller := g.nodes[0].peers
	cfg := testConfig(vfs.NewMem())
	cfg.NodeID, cfg.foundingSilence = "n9", patience
	cfg.Peers = &PeersConfig{Listen: unusedAddress(t), Bootstrap: true}
	opened := make(chan error, 1)
	go func() {
		_, err := Open(context.Background(), cfg)
		opened <- err
	}()
	g.await("it is called", func() bool {
		_, reply, _ := caller.Dial(cfg.Peers.Listen, "n9/0123456789abcdef", peernet.KindRaft, peernet.DialTimeout)
		return reply.Node != ""
	})
	if err := <-opened; !errors.Is(err, ErrMember) {
		t.Errorf("it was called, and opens with %v", err)
	}
}

// TestJoinedDoesNotBootstrap: a node that has joined a cluster, but has no entry of it yet, does not bootstrap another
// cluster at its next start.
func TestJoinedDoesNotBootstrap(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.NodeID, cfg.foundingSilence = "n9", 1
	cfg.Peers = &PeersConfig{Listen: unusedAddress(t), Join: []string{unusedAddress(t)}}
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.identity.Adopt("cluster-x"), s.Close()); err != nil {
		t.Fatal(err)
	}
	alone, founder := cfg, cfg
	alone.Peers = nil
	founder.Peers = &PeersConfig{Listen: cfg.Peers.Listen, Bootstrap: true}
	for _, again := range []Config{founder, alone} {
		s, err := Open(context.Background(), again)
		if !errors.Is(err, ErrMember) {
			t.Errorf("it opens with %v, want ErrMember", err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}
