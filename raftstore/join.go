package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// A node that is to be a member asks for it: first to be taken in without a vote, and when it has caught up, with one.
// Both are asked of any member, which passes the question on to the leader, and both may be asked as often as one
// likes.

// joinRequest is the question.
type joinRequest struct {
	ID      raft.ServerID `json:"id"`
	Address string        `json:"address"`
	Voter   bool          `json:"voter"`

	// Was is the address that the node's own log gives it; empty if it is no member there.
	Was string `json:"was,omitempty"`

	// New reports whether the node has no past.
	New bool `json:"new"`
}

// joinReply is the answer. Leader is where to ask instead.
type joinReply struct {
	Leader string `json:"leader,omitempty"`
	Error  string `json:"error,omitempty"`
	Final  bool   `json:"final,omitempty"` // asking again is of no use
}

// answerJoin answers one question on a connection.
func (s *Store) answerJoin(conn net.Conn) {
	var question joinRequest
	if err := errors.Join(conn.SetDeadline(time.Now().Add(memberTimeout)),
		peernet.ReadMessage(conn, &question)); err != nil {
		s.cfg.Logger.Warn("peers: a question to join cannot be read", "error", err)
		return
	}
	reply := s.takeIn(&question)
	if err := peernet.WriteMessage(conn, reply); err != nil {
		s.cfg.Logger.Warn("peers: an answer to join did not arrive", "node", peernet.NodeName(question.ID), "error",
			err)
	}
}

func (s *Store) takeIn(q *joinRequest) joinReply {
	if !s.leadership.valid() {
		leader, _ := s.raft.LeaderWithID()
		if leader == "" || string(leader) == s.peers.Address {
			return joinReply{Error: "no leader is known"}
		}
		return joinReply{Leader: string(leader)}
	}
	m := Member{ID: peernet.NodeName(q.ID), Address: q.Address, Voter: q.Voter}
	if err := m.check(); err != nil {
		return joinReply{Final: true, Error: err.Error()}
	}
	known, exists := s.member(m.ID)
	if exists && mustNotReplace(q, &known) {
		if s.reads.confirmLeader(time.Now().Add(memberTimeout)) != nil {
			// another one may know better, and this answer may be the last
			return joinReply{Error: "no leader is known"}
		}
		return joinReply{Final: !q.New, Error: fmt.Sprintf("%v: %s at %s. If that node or its disk is gone for "+
			"good, remove it first", ErrMember, m.ID, known.Address)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), memberTimeout)
	defer cancel()
	if exists && known.ID != q.ID {
		if err := s.RemoveMember(ctx, m.ID); err != nil {
			return joinReply{Error: err.Error()}
		}
		exists = false
	}
	// A change of address keeps what the node was; a vote is asked for by itself.
	m.Voter = m.Voter || exists && known.Suffrage == raft.Voter
	if err := s.admit(ctx, q.ID, m); err != nil {
		return joinReply{Error: err.Error()}
	}
	s.cfg.Logger.Info("a node was taken in", "node", m.ID, "address", m.Address, "voter", m.Voter)
	return joinReply{}
}

// mustNotReplace reports whether the node that asks is not the member of its name, and must not take its place. With
// another directory it may only if the member has no vote and it is new: a voter may have voted, and have stored
// entries that a majority counts on; and who has a past is the one that the member has replaced. With the same, it is
// the member, or a copy of it, if it neither is at the member's address nor says that it was; two voters of one kind
// would be two majorities. (A directory from before there were identities may be another one of that name, if it is
// new.)
func mustNotReplace(q *joinRequest, known *raft.Server) bool {
	isVoter, address := known.Suffrage == raft.Voter, string(known.Address)
	if known.ID != q.ID {
		return isVoter || !q.New
	}
	isOld := peernet.NodeName(q.ID) == string(q.ID)
	return isVoter && (q.New && isOld || address != q.Address && address != q.Was)
}

// runJoin asks until this node is what it is to be, or stop is closed.
func (s *Store) runJoin(stop <-chan struct{}) {
	ticker := time.NewTicker(joinInterval)
	defer ticker.Stop()
	led := time.Now() // when a leader was known last
	for {
		if s.Leader() != "" {
			led = time.Now()
		}
		if done := s.join(time.Since(led) > forgottenAfter); done {
			return
		}
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
	}
}

// join asks once, if there is something to ask for. done: there will be nothing more. A node that was removed while it
// was down is not told: its log says that it is in, and forgotten that no leader has called it. Whoever is in loses
// nothing by asking.
func (s *Store) join(forgotten bool) (done bool) {
	// Asked first: a log that is still being replayed tells what the node was, such as a voter before it was removed.
	ready := s.caughtUp() == nil
	own, member := s.ownMember()
	placed := member && string(own.Address) == s.peers.Address
	question := joinRequest{ID: s.identity.Self, Address: s.peers.Address, Was: string(own.Address),
		New: s.raft.LastIndex() == 0}
	switch {
	case !member && len(s.cfg.Peers.Join) == 0, placed && !ready && (!forgotten || len(s.cfg.Peers.Join) == 0):
		return false // not added yet; or in, and catching up
	case placed && !ready: // forgotten, it seems
	case placed && (own.Suffrage == raft.Voter || s.cfg.Peers.NonVoter):
		return true
	case placed:
		question.Voter = true
	case s.leadership.valid(): // alone, with another address than before
		s.takeIn(&question)
		return false
	}
	for _, address := range s.joinAddresses() {
		final, err := s.askToJoin(address, &question)
		if err == nil {
			return false // the log will say so
		}
		s.peers.Warn("peers: not taken in yet", "asked", address, "error", err)
		if final {
			return true
		}
	}
	return false
}

// joinAddresses are those that were given, and those of the members that are known.
func (s *Store) joinAddresses() []string {
	addresses := slices.Clone(s.cfg.Peers.Join)
	for _, server := range s.servers() {
		if server.ID != s.identity.Self {
			addresses = append(addresses, string(server.Address))
		}
	}
	return addresses
}

// askToJoin asks at an address, and where that sends it.
func (s *Store) askToJoin(address string, question *joinRequest) (final bool, err error) {
	for range 2 {
		reply, err := s.askOnce(address, question)
		switch {
		case err != nil:
			return errors.Is(err, peernet.ErrOtherCluster), err
		case reply.Error != "":
			return reply.Final, errors.New(reply.Error)
		case reply.Leader == "":
			return false, nil
		}
		address = reply.Leader
	}
	return false, errNoLeader
}

func (s *Store) askOnce(address string, question *joinRequest) (reply joinReply, err error) {
	conn, greeting, err := s.peers.Dial(address, "", peernet.KindJoin, peernet.DialTimeout)
	if err != nil {
		return reply, err
	}
	defer conn.Close()
	err = errors.Join(conn.SetDeadline(time.Now().Add(memberTimeout)), peernet.WriteMessage(conn, question),
		peernet.ReadMessage(conn, &reply))
	if err == nil && reply.Error == "" && reply.Leader == "" { // it is in
		err = s.identity.Adopt(greeting.Cluster)
	}
	return reply, err
}
