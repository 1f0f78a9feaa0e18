package raftstore

import (
	"net"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// Disks that are lost: a node comes back under its name with an empty one, at most one of three at a time. Whom the
// group counts is a directory (identity), so nobody talks to that node, and nobody counts its vote, before an operator
// has taken the lost member out and the node in, first without a vote. Both are done here in one moment for all nodes,
// when a change that Raft makes in its log could be committed; that Raft makes it rightly is its own affair. The log is
// not cut in such a run: it brings the node up.

// simMember is what the group knows of a place in it: which directory is the member there, if any. Before the first
// start of a node that is not known yet, but that it has a vote is.
type simMember struct {
	id    raft.ServerID
	voter bool
}

// bind makes a node that starts for the first time a member.
func (w *world) bind(p *process) {
	if m := &w.members[p.id]; m.id == "" && m.voter && !p.disk.crashed() {
		m.id = p.store.identity.Self
	}
}

// isVoter reports whether a node, as it is now, has a vote.
func (w *world) isVoter(p *process) bool {
	m := w.members[p.id]
	return m.voter && m.id == p.store.identity.Self
}

func (w *world) voters() (count int) {
	for _, m := range w.members {
		if m.voter {
			count++
		}
	}
	return count
}

// letsIn is what stands between nodes: the handshake of the node that is called, and Raft's look whether the caller is
// a member.
func (w *world) letsIn(p *process, m *message) bool {
	door := peernet.Network{Identity: p.store.identity, Accepted: map[peernet.Kind]chan net.Conn{peernet.KindRaft: nil}}
	err := door.Check(&peernet.Hello{Protocol: peernet.Protocol, Cluster: "simulated", From: m.fromID, To: m.toID,
		Kind: peernet.KindRaft})
	return err == nil && m.fromID == w.members[m.from].id && !p.disk.crashed()
}

// wipe loses the disk of a node, unless another node's is lost already.
func (w *world) wipe(n *node) {
	if w.lost >= 0 || w.members[n.id].id == "" {
		return
	}
	w.crash(n)
	n.mem = vfs.NewCrashableMem()
	w.lost = n.id
	w.counts.Wiped++
	w.tracef("the disk of node %d is lost", n.id)
}

// replace goes on with putting a node whose disk is lost in its own place, as far as that is possible now.
func (w *world) replace() {
	leader := w.leader()
	if w.lost < 0 || leader == nil || !leader.raft.serves() || leader.id == w.lost {
		return
	}
	n, m := w.nodes[w.lost], &w.members[w.lost]
	third := w.nodes[3-w.lost-leader.id].process
	switch {
	case third == nil || third.raft.term != leader.raft.term || third.raft.role != simFollower:
		return // nothing can be committed, without the vote that was lost
	case !m.voter && m.id == "" && n.process != nil:
		*m = simMember{id: n.process.store.identity.Self}
		leader.raft.next[n.id], leader.raft.match[n.id] = leader.raft.last+1, 0
		w.tracef("node %d has joined", n.id)
	case m.id != "" && n.process != nil && m.id == n.process.store.identity.Self:
		if m.voter = leader.raft.match[n.id] >= leader.raft.commit; m.voter {
			w.lost = -1
			w.counts.Replaced++
			w.tracef("node %d has a vote again", n.id)
		}
	case m.voter:
		*m = simMember{}
		w.tracef("node %d is taken out", n.id)
	}
}
