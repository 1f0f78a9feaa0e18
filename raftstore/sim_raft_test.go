package raftstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// simRaft stands for hashicorp/raft in the simulation. It does elections, replication and commits after the Raft paper,
// on the real log with its term and vote, without a goroutine. It calls the state machine, the snapshot store and the
// log like hashicorp/raft v1.8.0 (types of entries, times of snapshots, truncation behind them). So the simulation
// tests all of this package and of package wal, except Raft itself.
//
// Snapshots are not sent: a node keeps all entries that another node may lack. The leader tells them this index (safe).
type simRaft struct {
	p   *process
	log *logStore

	// Kept in the log's stable store.
	term     uint64
	voteTerm uint64
	votedFor int

	last, lastTerm  uint64 // of the log
	snap, snapTerm  uint64 // of the state on disk
	commit, applied uint64
	fsmIndex        uint64 // last entry given to the state machine; 0: none since the start
	fsmTerm         uint64
	role            simRole
	leader          int // known leader; -1: none
	votes           map[int]bool
	next, match     []uint64
	safe            uint64 // all nodes have the log up to here
	barrier         uint64 // the first entry of the term in which this node leads
	refused         error  // the reason why the leader does not serve
	futures         []*simFuture
	heardMS         int64 // time of the last message from a leader
}

type simRole byte

const (
	simFollower simRole = iota
	simCandidate
	simLeader
)

// The keys of hashicorp/raft.
var (
	keyLastVoteTerm = []byte("LastVoteTerm")
	keyLastVoteCand = []byte("LastVoteCand")
)

// message goes from one node to another.
type message struct {
	kind     messageKind
	from, to int
	term     uint64

	fromID, toID raft.ServerID

	index, indexTerm uint64 // vote: the candidate's last entry; append: the entry before the message's entries
	entries          []*raft.Log
	commit, safe     uint64
	ok               bool
	match            uint64 // answer to append: the log agrees up to here; if not ok, it ends here
}

type messageKind byte

const (
	messageVote messageKind = iota
	messageVoteAnswer
	messageAppend
	messageAppendAnswer
)

func (k messageKind) String() string {
	return [...]string{"vote", "vote answer", "append", "append answer"}[k]
}

// newSimRaft starts from the disk, like raft.NewRaft.
func newSimRaft(p *process) (*simRaft, error) {
	s := p.store
	r := &simRaft{p: p, log: s.raftLog, leader: -1, votedFor: -1, heardMS: p.w.nowMS}
	var errs [3]error
	r.term, errs[0] = s.log.GetUint64(keyCurrentTerm)
	r.voteTerm, errs[1] = s.log.GetUint64(keyLastVoteTerm)
	vote, err := s.log.GetUint64(keyLastVoteCand)
	errs[2] = err
	if r.voteTerm > 0 {
		r.votedFor = int(vote)
	}
	snapshots, err := p.snaps.List()
	if err := errors.Join(errs[0], errs[1], errs[2], err); err != nil {
		return nil, err
	}
	if len(snapshots) > 0 {
		r.snap, r.snapTerm = snapshots[0].Index, snapshots[0].Term
	}
	r.commit, r.applied = r.snap, r.snap
	r.last, r.lastTerm = r.snap, r.snapTerm
	r.safe = r.snap // an empty log was truncated, so all nodes had it
	if first, last, _ := logBounds(s.log); last > 0 {
		r.last, r.lastTerm, r.safe = last, r.entry(last).Term, first-1
	}
	return r, nil
}

// entry reads an entry that must be there.
func (r *simRaft) entry(index uint64) *raft.Log {
	var l raft.Log
	if err := r.log.GetLog(index, &l); err != nil {
		r.p.w.failf("node %d: entry %d of a log that ends at %d: %v", r.p.id, index, r.last, err)
	}
	return &l
}

// termAt returns the term of an entry. ok is false if the log does not have it, or no longer.
func (r *simRaft) termAt(index uint64) (term uint64, ok bool) {
	switch {
	case index == 0:
		return 0, true
	case index == r.snap:
		return r.snapTerm, true
	case index == r.last:
		return r.lastTerm, true
	}
	if first, _ := r.log.FirstIndex(); first == 0 || index < first || index > r.last {
		return 0, false
	}
	return r.entry(index).Term, true
}

// store appends to the log and returns false if the node has crashed meanwhile.
func (r *simRaft) store(entries []*raft.Log) bool {
	if err := r.log.StoreLogs(entries); err != nil {
		r.p.w.failf("node %d: store entries from %d on: %v", r.p.id, entries[0].Index, err)
	}
	last := entries[len(entries)-1]
	r.last, r.lastTerm = last.Index, last.Term
	return !r.p.disk.crashed()
}

func (r *simRaft) set(key []byte, value uint64) {
	if err := r.log.SetUint64(key, value); err != nil {
		r.p.w.failf("node %d: set %s: %v", r.p.id, key, err)
	}
}

// setTerm begins a term durably, as a follower.
func (r *simRaft) setTerm(term uint64) {
	r.stepDown()
	r.set(keyCurrentTerm, term)
	r.term, r.leader = term, -1
}

func (r *simRaft) stepDown() {
	r.role, r.barrier = simFollower, 0
	for _, f := range r.futures {
		f.done, f.err = true, raft.ErrLeadershipLost
	}
	r.futures = nil
}

// quorum is the number of votes of a majority.
func (r *simRaft) quorum() int { return r.p.w.voters()/2 + 1 }

// serves is leadership.valid: the node leads, and has applied all entries that were committed before its term.
func (r *simRaft) serves() bool {
	return r.role == simLeader && r.barrier != 0 && r.applied >= r.barrier && r.refused == nil
}

// campaign begins an election, unless this node has no vote.
func (r *simRaft) campaign() {
	if !r.p.w.isVoter(r.p) {
		return
	}
	r.setTerm(r.term + 1)
	r.role, r.votes = simCandidate, map[int]bool{r.p.id: true}
	r.vote(r.p.id)
	r.heardMS = r.p.w.nowMS
	r.broadcast(func(to int) message {
		return message{kind: messageVote, index: r.last, indexTerm: r.lastTerm}
	})
	r.lead()
}

// vote makes a vote durable, in hashicorp/raft's two steps.
func (r *simRaft) vote(candidate int) {
	r.set(keyLastVoteTerm, r.term)
	r.set(keyLastVoteCand, uint64(candidate))
	r.voteTerm, r.votedFor = r.term, candidate
}

func (r *simRaft) onVote(m message) {
	granted := false
	upToDate := m.indexTerm > r.lastTerm || m.indexTerm == r.lastTerm && m.index >= r.last
	if m.term == r.term && r.role == simFollower && upToDate && (r.voteTerm != r.term || r.votedFor == m.from) {
		r.vote(m.from)
		r.heardMS = r.p.w.nowMS
		granted = true
	}
	r.send(message{kind: messageVoteAnswer, to: m.from, ok: granted})
}

func (r *simRaft) onVoteAnswer(m message) {
	if r.role == simCandidate && m.term == r.term && m.ok {
		r.votes[m.from] = true
		r.lead()
	}
}

// lead makes a candidate with enough votes the leader.
func (r *simRaft) lead() {
	if len(r.votes) < r.quorum() || r.p.disk.crashed() {
		return
	}
	nodes := r.p.w.plan.nodes
	r.role, r.leader, r.votes = simLeader, r.p.id, nil
	r.next, r.match = make([]uint64, nodes), make([]uint64, nodes)
	for i := range r.next {
		r.next[i] = r.last + 1
	}
	r.refused = nil
	r.p.w.tracef("node %d leads in term %d, its log ends at %d", r.p.id, r.term, r.last)
	r.p.w.audit.leads(r.p.id, r.term)
	r.barrier = r.last + 1
	if r.append(raft.LogNoop, nil) {
		r.replicate()
	}
}

// append adds one entry to the leader's own log.
func (r *simRaft) append(kind raft.LogType, data []byte) bool {
	entry := &raft.Log{Index: r.last + 1, Term: r.term, Type: kind, Data: data, AppendedAt: time.UnixMilli(r.p.w.nowMS)}
	if !r.store([]*raft.Log{entry}) {
		return false
	}
	r.match[r.p.id] = r.last
	r.advanceCommit()
	return true
}

// Apply stands for raft.Raft.Apply: the entry is appended or refused at once, and the future has the outcome later.
func (r *simRaft) Apply(data []byte, _ time.Duration) raft.ApplyFuture {
	f := &simFuture{index: r.last + 1, data: data}
	if r.role != simLeader {
		f.done, f.err = true, raft.ErrNotLeader
		return f
	}
	r.futures = append(r.futures, f)
	if r.append(raft.LogCommand, data) {
		r.replicate()
	}
	return f
}

func (r *simRaft) send(m message) {
	m.from, m.term = r.p.id, r.term
	m.fromID, m.toID = r.p.store.identity.Self, r.p.w.members[m.to].id
	r.p.w.post(r.p, m)
}

// broadcast sends each other node its message.
func (r *simRaft) broadcast(messageTo func(to int) message) {
	for to := range r.p.w.plan.nodes {
		if to != r.p.id {
			m := messageTo(to)
			m.to = to
			r.send(m)
		}
	}
}

// receive handles a message.
func (r *simRaft) receive(m message) {
	if m.term > r.term {
		r.setTerm(m.term)
	}
	switch m.kind {
	case messageVote:
		r.onVote(m)
	case messageVoteAnswer:
		r.onVoteAnswer(m)
	case messageAppend:
		r.onAppend(m)
	case messageAppendAnswer:
		r.onAppendAnswer(m)
	default:
		panic(fmt.Sprintf("BUG: simulation: message %v", m.kind))
	}
}
