package raftstore

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// peerLine asks one node short questions, one at a time, on a connection that stays open: a byte, to which the answer
// is a number of eight bytes, big-endian.
type peerLine struct {
	peers   *peers
	address string
	node    raft.ServerID

	// pending counts the questions of a confirmer that have no answer yet. Its rounds do not wait for a voter that is
	// not needed, and one behind a network that swallows everything would gather them by the thousand.
	pending atomic.Int32

	mu   sync.Mutex
	conn net.Conn
}

const (
	// questionTerm asks a node for Raft's term.
	questionTerm = 't'

	// questionIndex asks the leader for the entry behind the last one that is applied there, among them all that were
	// acknowledged before the question. 0: it does not lead.
	questionIndex = 'i'
)

// ask puts a question and has the answer within questionTimeout, waiting for the questions before it included: those to
// a node that does not answer give up together. The error says that the answer is not known, not that the question did
// not arrive.
func (l *peerLine) ask(question byte) (uint64, error) {
	deadline := time.Now().Add(questionTimeout)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		fresh := l.conn == nil
		answer, err := l.askLocked(question, deadline)
		if err == nil {
			return answer, nil
		}
		l.hangUpLocked()
		if fresh { // one that was left open may have been dead
			return 0, err
		}
	}
}

func (l *peerLine) askLocked(question byte, deadline time.Time) (uint64, error) {
	if l.conn == nil {
		conn, _, err := l.peers.dial(l.address, l.node, kindAsk, time.Until(deadline))
		if err != nil {
			return 0, err
		}
		l.conn = conn
	}
	if err := l.conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	if _, err := l.conn.Write([]byte{question}); err != nil {
		return 0, err
	}
	var answer [8]byte
	if _, err := io.ReadFull(l.conn, answer[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(answer[:]), nil
}

func (l *peerLine) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hangUpLocked()
}

func (l *peerLine) hangUpLocked() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

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
	if !s.leadership.valid() || s.confirms.wait(time.Now().Add(questionTimeout)) != nil {
		return 0
	}
	return s.AppliedIndex() + 1
}
