package raftstore

import (
	"fmt"
	"math"

	"github.com/hashicorp/raft"
)

// confirmer finds out whether this node still leads, for reads and refusals that take no entry in the log. It asks the
// other voters for their terms: if a majority, with this node, is in no later term than its own, then nobody else had
// been elected when the question was asked, since that takes the votes of a majority in a later term, and terms never
// fall.
//
// (Raft's own VerifyLeader does not do here: it counts the answers of non-voters, and answers to heartbeats that were
// sent before the question.)
type confirmer struct {
	peers  *peers
	raft   raftNode
	voters func() []raft.Server        // of the latest configuration
	termOf func(line *peerLine) uint64 // asks a voter

	lines map[raft.ServerID]*peerLine // for ask only
}

func newConfirmer(p *peers, node raftNode, voters func() []raft.Server) *confirmer {
	return &confirmer{peers: p, raft: node, voters: voters, termOf: termOf, lines: map[raft.ServerID]*peerLine{}}
}

func (c *confirmer) hangUp() {
	for _, line := range c.lines {
		line.hangUp()
	}
}

// ask puts the question to all voters and waits for a majority.
func (c *confirmer) ask(stop <-chan struct{}) error {
	term := c.raft.CurrentTerm()
	voters := c.voters()
	answers := make(chan bool, len(voters))
	for _, voter := range voters {
		if voter.ID == c.peers.identity.self {
			answers <- true
			continue
		}
		line := c.line(voter)
		if line.pending.Add(1) > linePendingMax {
			line.pending.Add(-1)
			answers <- false
			continue
		}
		go func() {
			defer line.pending.Add(-1)
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
func (c *confirmer) line(voter raft.Server) *peerLine {
	line := c.lines[voter.ID]
	if line == nil || line.address != string(voter.Address) {
		if line != nil {
			line.hangUp()
		}
		line = &peerLine{peers: c.peers, address: string(voter.Address), node: voter.ID}
		c.lines[voter.ID] = line
	}
	return line
}

// laterTerm stands for "did not answer": no leader's term is as late.
const laterTerm = math.MaxUint64

func termOf(line *peerLine) uint64 {
	term, err := line.ask(questionTerm)
	if err != nil {
		return laterTerm
	}
	return term
}

// errNoLeader means that nobody is known to lead.
var errNoLeader = fmt.Errorf("%w: no leader is known", ErrNotLeader)
