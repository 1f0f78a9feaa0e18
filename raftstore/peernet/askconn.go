package peernet

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// AskConn asks one node short questions, one at a time, on a connection that stays open: a byte, to which the answer
// is a number of eight bytes, big-endian.
type AskConn struct {
	Peers   *Network
	Address string
	Node    raft.ServerID

	// Pending counts the questions of a leader check that have no answer yet. A check does not wait for voters that it
	// does not need; behind a network that drops everything, questions would pile up by the thousand.
	Pending atomic.Int32

	mu   sync.Mutex
	conn net.Conn
}

// Ask returns the answer to a question within QuestionTimeout, the wait for earlier questions included: all questions
// to a node that does not answer give up together. An error means that the answer is not known; the question may have
// arrived.
func (l *AskConn) Ask(question byte) (uint64, error) {
	deadline := time.Now().Add(QuestionTimeout)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		fresh := l.conn == nil
		answer, err := l.askLocked(question, deadline)
		if err == nil {
			return answer, nil
		}
		l.hangUpLocked()
		if fresh { // a connection that was kept open may have been dead
			return 0, err
		}
	}
}

func (l *AskConn) askLocked(question byte, deadline time.Time) (uint64, error) {
	if l.conn == nil {
		conn, _, err := l.Peers.Dial(l.Address, l.Node, KindAsk, time.Until(deadline))
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

// HangUp closes the connection. Ask opens another one.
func (l *AskConn) HangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hangUpLocked()
}

func (l *AskConn) hangUpLocked() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}
