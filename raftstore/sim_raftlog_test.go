package raftstore

import (
	"slices"

	"github.com/hashicorp/raft"
)

// appendEntriesMax bounds the entries of one message. It is small, so that logs need many messages.
const appendEntriesMax = 4

// replicate sends each other node its missing entries, or a heartbeat.
func (r *simRaft) replicate() {
	r.broadcast(func(to int) message {
		before := r.next[to] - 1
		term, ok := r.termAt(before)
		if !ok && before > r.safe {
			first, _ := r.log.FirstIndex()
			r.p.w.failf("node %d leads and has truncated its log before %d, but node %d needs entry %d", r.p.id, first,
				to, r.next[to])
		}
		m := message{kind: messageAppend, index: before, indexTerm: term, commit: r.commit, safe: r.safe}
		for i := r.next[to]; i <= min(r.last, before+appendEntriesMax); i++ {
			m.entries = append(m.entries, r.entry(i))
		}
		return m
	})
}

func (r *simRaft) onAppend(m message) {
	if m.term < r.term {
		r.send(message{kind: messageAppendAnswer, to: m.from, match: r.last})
		return
	}
	if r.role == simLeader {
		r.p.w.failf("nodes %d and %d both lead in term %d", r.p.id, m.from, m.term)
	}
	r.role, r.leader, r.heardMS = simFollower, m.from, r.p.w.nowMS
	r.safe = max(r.safe, m.safe)
	if m.index > max(r.snap, r.safe) {
		if term, ok := r.termAt(m.index); !ok || term != m.indexTerm {
			r.send(message{kind: messageAppendAnswer, to: m.from, match: min(r.last, m.index-1)})
			return
		}
	}
	if !r.take(m.entries) {
		return
	}
	match := m.index + uint64(len(m.entries))
	r.commit = max(r.commit, min(m.commit, match))
	r.send(message{kind: messageAppendAnswer, to: m.from, ok: true, match: match})
}

// take puts the entries into the log, in place of conflicting ones. It returns false if the node has crashed.
func (r *simRaft) take(entries []*raft.Log) bool {
	for len(entries) > 0 {
		index := entries[0].Index
		if index > r.last {
			break
		}
		if index > r.snap {
			if term, _ := r.termAt(index); term != entries[0].Term {
				if index <= r.commit {
					r.p.w.failf("node %d: committed entry %d of term %d is contradicted by one of term %d",
						r.p.id, index, term, entries[0].Term)
				}
				if !r.cutTail(index) {
					return false
				}
				break
			}
		}
		entries = entries[1:]
	}
	return len(entries) == 0 || r.store(entries)
}

// cutTail deletes the end of the log, from an index on.
func (r *simRaft) cutTail(from uint64) bool {
	r.p.w.tracef("node %d deletes its entries %d to %d", r.p.id, from, r.last)
	if err := r.log.DeleteRange(from, r.last); err != nil {
		r.p.w.failf("node %d: delete entries %d to %d: %v", r.p.id, from, r.last, err)
	}
	term, _ := r.termAt(from - 1)
	r.last, r.lastTerm = from-1, term
	return !r.p.disk.crashed()
}

func (r *simRaft) onAppendAnswer(m message) {
	if r.role != simLeader || m.term != r.term {
		return
	}
	if !m.ok {
		r.next[m.from] = max(r.match[m.from]+1, r.safe+1, min(r.next[m.from]-1, m.match+1))
		return
	}
	r.match[m.from] = max(r.match[m.from], m.match)
	r.next[m.from] = max(r.next[m.from], r.match[m.from]+1)
	r.advanceCommit()
}

// advanceCommit commits the entries of this term that a majority has.
func (r *simRaft) advanceCommit() {
	var sorted []uint64
	for i, m := range r.p.w.members {
		if m.voter {
			sorted = append(sorted, r.match[i])
		}
	}
	slices.Sort(sorted)
	if r.p.w.plan.wipe == 0 { // else a node with a new disk may need all entries
		r.safe = max(r.safe, sorted[0])
	}
	index := sorted[len(sorted)-r.quorum()]
	if index <= r.commit {
		return
	}
	if term, _ := r.termAt(index); term == r.term {
		r.commit = index
	}
}

// apply passes at most entriesMax committed entries to the state machine, one at a time, so that the audit sees the
// state after each.
func (r *simRaft) apply(entriesMax int) bool {
	applied := false
	for range entriesMax {
		if r.applied == r.commit {
			break
		}
		log := r.entry(r.applied + 1)
		r.applied, applied = log.Index, true
		if log.Type == raft.LogNoop {
			r.checkClock(log.Index)
			continue
		}
		r.fsmIndex, r.fsmTerm = log.Index, log.Term
		r.p.fsm.ApplyBatch([]*raft.Log{log})
		r.resolve(log)
	}
	return applied
}

// checkClock is leadership.check, the last check before the node serves.
func (r *simRaft) checkClock(applied uint64) {
	if r.role == simLeader && applied == r.barrier {
		s := r.p.store
		r.refused = checkClockGap(s.cfg.Clock.NowMS(), s.engine.NowMS(), s.cfg.ClockGapMax)
	}
}

// resolve resolves the future of an entry, if it was proposed here.
func (r *simRaft) resolve(log *raft.Log) {
	if len(r.futures) > 0 && r.futures[0].index == log.Index {
		r.futures[0].done = true
		r.futures = r.futures[1:]
	}
}

// compact truncates the log behind a snapshot, like hashicorp/raft, but keeps the entries that another node may need.
func (r *simRaft) compact(index, term uint64) error {
	r.snap, r.snapTerm = index, term
	first, _ := r.log.FirstIndex()
	last, _ := r.log.LastIndex()
	end := min(index, last-min(last, trailingLogs), r.safe)
	if last <= trailingLogs || first > end || r.p.w.plan.wipe > 0 {
		return nil
	}
	r.p.w.counts.LogsCut++
	r.p.w.tracef("node %d cuts its log up to %d, the state is of %d", r.p.id, end, index)
	return r.log.DeleteRange(first, end)
}
