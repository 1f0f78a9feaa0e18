package raftstore

import (
	"net"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// Lost disks: a node comes back under its name with an empty disk, at most one of three at a time. A member is a
// directory (identity), so the other nodes do not talk to that node and do not count its vote. An operator must first
// remove the lost member and add the node, at first without a vote. Here both happen at once for all nodes, at a moment
// when Raft could commit the change. Raft's own way to do it is not tested. The log is not truncated in such a run, so
// that the node can get all entries.

// simMember is a member of the group: its directory, if there is one. Before the first start of a node, the directory
// is not known yet, but its vote is.
type simMember struct {
	id    raft.ServerID
	voter bool
}

// bind makes a node a member at its first start.
func (w *world) bind(p *process) {
	if m := &w.members[p.id]; m.id == "" && m.voter && !p.disk.crashed() {
		m.id = p.store.identity.Self
	}
}

// isVoter reports whether a node, with its present directory, has a vote.
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

// letsIn reports whether a node accepts a message: it stands for the handshake, and for Raft's check that the caller is
// a member.
func (w *world) letsIn(p *process, m *message) bool {
	door := peernet.Network{Identity: p.store.identity, Accepted: map[peernet.Kind]chan net.Conn{peernet.KindRaft: nil}}
	err := door.Check(&peernet.Hello{Protocol: peernet.Protocol, Cluster: "simulated", From: m.fromID, To: m.toID,
		Kind: peernet.KindRaft})
	return err == nil && m.fromID == w.members[m.from].id && !p.disk.crashed()
}

// wipe loses the disk of a node, unless another disk is lost already.
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

// replace does the possible next steps to replace a node whose disk is lost.
func (w *world) replace() {
	leader := w.leader()
	if w.lost < 0 || leader == nil || !leader.raft.serves() || leader.id == w.lost {
		return
	}
	n, m := w.nodes[w.lost], &w.members[w.lost]
	third := w.nodes[3-w.lost-leader.id].process
	switch {
	case third == nil || third.raft.term != leader.raft.term || third.raft.role != simFollower:
		return // without the lost vote, nothing can be committed
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
