package raftstore

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"apportion/engine"
)

// healRoundsMax bounds the time until everything has ended after the last fault.
const healRoundsMax = 400

// heal ends all faults. It demands that all clients get answers, that all nodes agree, that each earlier answer is
// given again, and that a crash changes none of this.
func (w *world) heal() {
	w.calm = true
	w.network.heal()
	w.plan.drop, w.plan.duplicate = 0, 0
	w.tracef("from here on nothing breaks")
	for _, n := range w.nodes {
		if n.process != nil {
			n.process.disk.crashAfter(-1)
			n.process.disk.faultAfter(noChange, simFault{})
		} else {
			w.start(n)
		}
	}
	w.settle()
	w.crash(w.nodes[w.rng.IntN(len(w.nodes))])
	for _, n := range w.nodes {
		if n.process == nil {
			w.start(n)
		}
	}
	w.askAgain()
	w.settle()
	for _, n := range w.nodes {
		w.replay(n)
		w.closeForGood(n)
	}
}

// noChange is a number of changes that no run reaches.
const noChange = int64(1) << 60

// settle lets the nodes work, in turn, until they agree and no client waits.
func (w *world) settle() {
	for round := range healRoundsMax {
		w.nowMS += 20
		w.steps++
		for _, n := range w.nodes {
			if round%10 == 9 && round/10%len(w.nodes) == n.id && w.leader() == nil {
				w.act(n, func(p *process) { p.raft.campaign() })
			}
			w.act(n, w.workAll)
		}
		for i := len(w.network.messages); i > 0; i-- {
			m := w.network.messages[0]
			w.network.messages = w.network.messages[1:]
			w.arrive(m)
		}
		for _, c := range w.clients {
			c.step()
		}
		w.replace()
		if w.settled() {
			w.compare()
			return
		}
	}
	for _, n := range w.nodes {
		w.tracef("node %d: %+v", n.id, n.process.raft)
	}
	w.failf("nothing breaks any more, and after %d rounds the nodes do not agree or clients wait", healRoundsMax)
}

// workAll does all work of a node.
func (w *world) workAll(p *process) {
	for p.propose() {
	}
	p.raft.apply(raftEntriesPerApply)
	for p.propose() {
	}
	p.ticks()
	for p.checkpoint != nil {
		p.stepCheckpoint()
	}
	if p.raft.role == simLeader {
		p.raft.replicate()
	}
}

// leader returns the node that serves.
func (w *world) leader() *process {
	var leader *process
	for _, n := range w.nodes {
		if p := n.process; p != nil && p.raft.role == simLeader && (leader == nil || p.raft.term > leader.raft.term) {
			leader = p
		}
	}
	return leader
}

func (w *world) settled() bool {
	leader := w.leader()
	if leader == nil || !leader.raft.serves() || w.lost >= 0 {
		return false
	}
	for _, c := range w.clients {
		if c.asked != nil {
			return false
		}
	}
	for _, n := range w.nodes {
		if r := n.process.raft; r.applied != leader.raft.last || r.last != leader.raft.last ||
			len(n.process.flights) > 0 {
			return false
		}
	}
	return true
}

// compare demands that all nodes have the same state.
func (w *world) compare() {
	first := w.nodes[0].process.store.engine
	for _, n := range w.nodes[1:] {
		if e := n.process.store.engine; e.AppliedIndex() != first.AppliedIndex() || e.Hash() != first.Hash() {
			w.failf("nodes 0 and %d have applied the same log and are not the same", n.id)
		}
	}
	w.compareOrders()
}

// askAgain sends every answered command once more from one client, and demands the same answers.
func (w *world) askAgain() {
	if len(w.audit.acked) > 0 {
		c := w.clients[0]
		c.asked, c.again, c.mixed = slices.Clone(w.audit.acked), true, true
	}
}

// closeForGood closes a process, and sometimes checks its directory like apportion verify.
func (w *world) closeForGood(n *node) {
	p := n.process
	hash := p.store.engine.Hash()
	n.process = nil
	if err := p.store.unwind(); err != nil {
		w.failf("node %d: close: %v", n.id, err)
	}
	if !w.chance(10) {
		return
	}
	found, err := verifyFS(context.Background(), p.disk.mem, p.store.cfg.Dir, func(problem string) {
		w.failf("node %d: verify: %s", n.id, problem)
	})
	if err != nil || found.Hash != hash {
		w.failf("node %d: verify: %v, state %x, not %x", n.id, err, found.Hash[:4], hash[:4])
	}
}

// replay sometimes rebuilds the state from a node's history.
func (w *world) replay(n *node) {
	s := n.process.store
	if w.plan.historyAge < 0 || !w.chance(30) {
		return
	}
	recording, err := s.OpenRecording(math.MaxUint64, math.MaxInt64)
	if errors.Is(err, ErrNoHistory) {
		return
	}
	if err != nil {
		w.failf("node %d: open the history: %v", n.id, err)
	}
	e, err := recording.Load(context.Background(), func() {})
	if err != nil {
		w.failf("node %d: load the history: %v", n.id, err)
	}
	var entry engine.Entry
	for {
		err := recording.Next(&entry)
		if err == io.EOF {
			break
		}
		if err != nil {
			w.failf("node %d: read the history: %v", n.id, err)
		}
		for _, command := range entry.Commands {
			e.Apply(entry.Index, max(entry.TimeMS, e.NowMS()), command, nil)
		}
	}
	if e.Hash() != s.engine.Hash() {
		w.failf("node %d: the history from entry %d on does not lead to the state", n.id, recording.Base().Index)
	}
	w.counts.Replayed++
	if err := recording.Close(); err != nil {
		w.failf("node %d: close the history: %v", n.id, err)
	}
}
