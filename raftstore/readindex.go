package raftstore

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// confirmer finds out whether this node still leads, for reads and refusals that take no entry in the log. It asks the
// other voters for their terms: if a majority, with this node, is in no later term than its own, then nobody else had
// been elected when the question was asked, since that takes the votes of a majority in a later term, and terms never
// fall.
//
// (Raft's own VerifyLeader does not do here: it counts the answers of non-voters, and answers to heartbeats that were
// sent before the question.)
type confirmer struct {
	peers  *peernet.Network
	raft   raftNode
	voters func() []raft.Server               // of the latest configuration
	termOf func(line *peernet.AskConn) uint64 // asks a voter

	lines map[raft.ServerID]*peernet.AskConn // for ask only
}

func newConfirmer(p *peernet.Network, node raftNode, voters func() []raft.Server) *confirmer {
	return &confirmer{peers: p, raft: node, voters: voters, termOf: termOf, lines: map[raft.ServerID]*peernet.AskConn{}}
}

func (c *confirmer) hangUp() {
	for _, line := range c.lines {
		line.HangUp()
	}
}

// ask puts the question to all voters and waits for a majority.
func (c *confirmer) ask(stop <-chan struct{}) error {
	term := c.raft.CurrentTerm()
	voters := c.voters()
	answers := make(chan bool, len(voters))
	for _, voter := range voters {
		if voter.ID == c.peers.Identity.Self {
			answers <- true
			continue
		}
		line := c.line(voter)
		if line.Pending.Add(1) > linePendingMax {
			line.Pending.Add(-1)
			answers <- false
			continue
		}
		go func() {
			defer line.Pending.Add(-1)
			answers <- c.termOf(line) <= term
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

// line is the connection to a voter.
func (c *confirmer) line(voter raft.Server) *peernet.AskConn {
	line := c.lines[voter.ID]
	if line == nil || line.Address != string(voter.Address) {
		if line != nil {
			line.HangUp()
		}
		line = &peernet.AskConn{Peers: c.peers, Address: string(voter.Address), Node: voter.ID}
		c.lines[voter.ID] = line
	}
	return line
}

// laterTerm stands for "did not answer": no leader's term is as late.
const laterTerm = math.MaxUint64

func termOf(line *peernet.AskConn) uint64 {
	term, err := line.Ask(questionTerm)
	if err != nil {
		return laterTerm
	}
	return term
}

// errNoLeader means that nobody is known to lead.
var errNoLeader = fmt.Errorf("%w: no leader is known", ErrNotLeader)

const (
	// questionTerm asks a node for Raft's term.
	questionTerm = 't'

	// questionIndex asks the leader for the entry behind the last one that is applied there, among them all that were
	// acknowledged before the question. 0: it does not lead.
	questionIndex = 'i'
)

// answerQuestions answers what comes on a connection until it ends.
func (s *Store) answerQuestions(conn net.Conn) {
	var question [1]byte
	for {
		if _, err := io.ReadFull(conn, question[:]); err != nil {
			return
		}
		var answer uint64
		switch question[0] {
		case questionTerm:
			answer = s.raft.CurrentTerm()
		case questionIndex:
			answer = s.confirmedIndex()
		default:
			return
		}
		if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, answer)); err != nil {
			return
		}
	}
}

// confirmedIndex answers questionIndex.
func (s *Store) confirmedIndex() uint64 {
	if !s.leadership.valid() || s.confirms.wait(time.Now().Add(peernet.QuestionTimeout)) != nil {
		return 0
	}
	return s.AppliedIndex() + 1
}
