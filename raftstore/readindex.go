package raftstore

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// readIndex makes reads linearizable without a log entry, in a group of several. A leader checks with a quorum that it
// still leads. A follower asks the leader for its read index, the last entry applied there; the leader first checks its
// leadership. Once the follower has applied that entry too, it has everything that was acknowledged before it asked.
//
// Many readers at once share one check.
type readIndex struct {
	raft       raftNode
	leadership *leadership
	applied    func() uint64 // the last entry applied here

	leaderCheck  *leaderCheck
	leaderChecks *coalescer // of leaderCheck
	catchUps     *coalescer // of a catchUp
	fresh        *freshness
}

// newReadIndex is called when Raft runs.
func newReadIndex(p *peernet.Network, node raftNode, l *leadership, a *applier, voters func() []raft.Server,
	stop <-chan struct{}) *readIndex {
	fresh := &freshness{start: time.Now()}
	r := &readIndex{
		raft: node, leadership: l, applied: a.visibleIndex.Load, fresh: fresh,
		leaderCheck: newLeaderCheck(p, node, voters),
	}
	r.leaderChecks = newCoalescer(stop, r.checkLeader, r.leaderCheck.hangUp)
	follower := &catchUp{
		peers: p, raft: node, signal: &a.signal, applied: a.visibleIndex.Load, fresh: fresh, settle: l.settle,
	}
	r.catchUps = newCoalescer(stop, follower.ask, follower.hangUp)
	return r
}

// confirmLeader returns nil when a quorum has confirmed, after the call, that this node leads.
func (r *readIndex) confirmLeader(deadline time.Time) error { return r.leaderChecks.wait(deadline) }

// barrier returns nil when the state here has everything that was acknowledged before the call.
func (r *readIndex) barrier(deadline time.Time) error {
	if r.leadership.valid() {
		return r.leaderChecks.wait(deadline)
	}
	return r.catchUps.wait(deadline)
}

func (r *readIndex) checkLeader(stop <-chan struct{}) error {
	at := r.fresh.now()
	if err := r.leaderCheck.ask(stop); err != nil {
		return err
	}
	// It may lead in a later term than at the question, and not have caught up with that term yet.
	if !r.leadership.valid() {
		return ErrNotLeader
	}
	r.fresh.mark(at)
	return nil
}

// workers run until stop is closed.
func (r *readIndex) workers() []func(stop <-chan struct{}) {
	return []func(<-chan struct{}){r.leaderChecks.run, r.catchUps.run, r.keepFresh}
}

// keepFresh keeps freshness up to date without reads. The leader is a node with a valid leadership: Raft's state may be
// old while Raft waits for a disk that does not answer.
func (r *readIndex) keepFresh(stop <-chan struct{}) {
	ticker := time.NewTicker(freshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			switch { // an error shows in Ready and Lag
			case r.leadership.valid():
				_ = r.leaderChecks.wait(time.Now().Add(peernet.QuestionTimeout))
			case r.raft.State() == raft.Follower: // the question, and the wait for missing entries
				_ = r.catchUps.wait(time.Now().Add(2 * peernet.QuestionTimeout))
			}
		}
	}
}

// Questions between nodes. The answer to each is a number.
const (
	// questionTerm asks a node for Raft's term.
	questionTerm = 't'

	// questionReadIndex asks the leader for its read index plus one; 0: the node does not lead.
	questionReadIndex = 'i'
)

// answer answers the questions on a connection until it ends.
func (r *readIndex) answer(conn net.Conn) {
	var question [1]byte
	for {
		if _, err := io.ReadFull(conn, question[:]); err != nil {
			return
		}
		var answer uint64
		switch question[0] {
		case questionTerm:
			answer = r.raft.CurrentTerm()
		case questionReadIndex:
			answer = r.answerReadIndex()
		default:
			return
		}
		if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, answer)); err != nil {
			return
		}
	}
}

func (r *readIndex) answerReadIndex() uint64 {
	if !r.leadership.valid() || r.confirmLeader(time.Now().Add(peernet.QuestionTimeout)) != nil {
		return 0
	}
	return r.applied() + 1
}

// leaderCheck finds out whether this node still leads. It asks the other voters for their terms. If a quorum, this node
// included, is in no later term than its own, then no other node had been elected at the time of the question: an
// election takes the votes of a quorum in a later term, and terms never fall.
//
// (Raft's own VerifyLeader does not suffice: it counts answers of non-voters, and answers to heartbeats that were sent
// before the question.)
type leaderCheck struct {
	peers  *peernet.Network
	raft   raftNode
	voters func() []raft.Server               // of the latest configuration
	termOf func(conn *peernet.AskConn) uint64 // asks a voter

	conns map[raft.ServerID]*peernet.AskConn // for ask only
}

func newLeaderCheck(p *peernet.Network, node raftNode, voters func() []raft.Server) *leaderCheck {
	return &leaderCheck{peers: p, raft: node, voters: voters, termOf: termOf,
		conns: map[raft.ServerID]*peernet.AskConn{}}
}

func (c *leaderCheck) hangUp() {
	for _, conn := range c.conns {
		conn.HangUp()
	}
}

// ask asks all voters and waits for a quorum.
func (c *leaderCheck) ask(stop <-chan struct{}) error {
	term := c.raft.CurrentTerm()
	voters := c.voters()
	answers := make(chan bool, len(voters))
	for _, voter := range voters {
		if voter.ID == c.peers.Identity.Self {
			answers <- true
			continue
		}
		conn := c.conn(voter)
		if conn.Pending.Add(1) > questionsPendingMax {
			conn.Pending.Add(-1)
			answers <- false
			continue
		}
		go func() {
			defer conn.Pending.Add(-1)
			answers <- c.termOf(conn) <= term
		}()
	}
	yes, no := 0, 0
	for needed := len(voters)/2 + 1; yes < needed; {
		select {
		case <-stop:
			return ErrClosed
		case answer := <-answers:
			if answer {
				yes++
			} else if no++; len(voters)-no < needed {
				return ErrNotLeader
			}
		}
	}
	if c.raft.State() != raft.Leader || c.raft.CurrentTerm() != term {
		return ErrNotLeader
	}
	return nil
}

// conn is the connection to a voter.
func (c *leaderCheck) conn(voter raft.Server) *peernet.AskConn {
	conn := c.conns[voter.ID]
	if conn == nil || conn.Address != string(voter.Address) {
		if conn != nil {
			conn.HangUp()
		}
		conn = &peernet.AskConn{Peers: c.peers, Address: string(voter.Address), Node: voter.ID}
		c.conns[voter.ID] = conn
	}
	return conn
}

// laterTerm stands for a voter that does not answer: it is later than any leader's term.
const laterTerm = math.MaxUint64

func termOf(conn *peernet.AskConn) uint64 {
	term, err := conn.Ask(questionTerm)
	if err != nil {
		return laterTerm
	}
	return term
}

// errNoLeader means that this node knows no leader.
var errNoLeader = fmt.Errorf("%w: no leader is known", ErrNotLeader)

// catchUp brings a follower up to the leader's read index.
type catchUp struct {
	peers   *peernet.Network
	raft    raftNode
	signal  *appliedSignal
	applied func() uint64 // the last entry applied here
	fresh   *freshness
	settle  func() // called when the node can serve

	conn *peernet.AskConn // to the leader; for ask only
}

// ask asks the leader for its read index and waits until this node has applied that entry.
func (c *catchUp) ask(stop <-chan struct{}) error {
	address, id := c.raft.LeaderWithID()
	if address == "" {
		return errNoLeader
	}
	if c.raft.State() == raft.Leader {
		return ErrNotLeader // it has just been elected, and leadership tells when it is ready
	}
	if c.conn == nil || c.conn.Address != string(address) || c.conn.Node != id {
		c.hangUp()
		c.conn = &peernet.AskConn{Peers: c.peers, Address: string(address), Node: id}
	}
	at := c.fresh.now()
	behind, err := c.conn.Ask(questionReadIndex)
	if err != nil {
		return fmt.Errorf("%w: the leader %s does not answer: %w", ErrNotLeader, peernet.NodeName(id), err)
	}
	if behind == 0 {
		return fmt.Errorf("%w: node %s does not lead any more, or not yet", ErrNotLeader, peernet.NodeName(id))
	}
	if err := c.signal.wait(behind-1, c.applied, time.Now().Add(peernet.QuestionTimeout), stop); err != nil {
		return fmt.Errorf("%w: replaying the log: entry %d of %d", ErrNotLeader, c.applied(), behind-1)
	}
	c.fresh.mark(at)
	c.settle()
	return nil
}

func (c *catchUp) hangUp() {
	if c.conn != nil {
		c.conn.HangUp()
	}
}

// freshness is the last known time with everything acknowledged before it in the state here.
type freshness struct {
	start time.Time
	nano  atomic.Int64 // of the monotonic clock, since start; 0: none is known
}

// now is the time since start.
func (f *freshness) now() time.Duration { return time.Since(f.start) }

// mark notes that everything acknowledged before a time is in the state.
func (f *freshness) mark(at time.Duration) {
	for {
		known := f.nano.Load()
		if int64(at) <= known || f.nano.CompareAndSwap(known, int64(at)) {
			return
		}
	}
}

// lag is how long ago that time is; known is false if there was none.
func (f *freshness) lag() (lag time.Duration, known bool) {
	nano := f.nano.Load()
	return f.now() - time.Duration(nano), nano != 0
}
