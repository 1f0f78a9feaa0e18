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

// A new node asks to join the group: first as a non-voter and, once it has caught up, as a voter. It may ask any
// member, which names the leader, and it may ask any number of times.

// joinRequest asks for a membership.
type joinRequest struct {
	ID      raft.ServerID `json:"id"`
	Address string        `json:"address"`
	Voter   bool          `json:"voter"`

	// Was is the node's address in its own log; empty if it is not a member there.
	Was string `json:"was,omitempty"`

	// New: the node has no log and no state.
	New bool `json:"new"`
}

// joinReply is the answer. Leader is the address to ask instead.
type joinReply struct {
	Leader string `json:"leader,omitempty"`
	Error  string `json:"error,omitempty"`
	Final  bool   `json:"final,omitempty"` // asking again is useless
}

// answerJoin answers one request on a connection.
func (s *Store) answerJoin(conn net.Conn) {
	var question joinRequest
	if err := errors.Join(conn.SetDeadline(time.Now().Add(memberTimeout)),
		peernet.ReadMessage(conn, &question)); err != nil {
		s.cfg.Logger.Warn("peers: a request to join cannot be read", "error", err)
		return
	}
	reply := s.admitJoin(&question)
	if err := peernet.WriteMessage(conn, reply); err != nil {
		s.cfg.Logger.Warn("peers: the answer to a request to join did not arrive", "node",
			peernet.NodeName(question.ID), "error",
			err)
	}
}

// admitJoin makes the node a member, or names the leader, or says what forbids it.
func (s *Store) admitJoin(q *joinRequest) joinReply {
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
			// Another node may lead, and this answer may be final.
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
	// A change of address does not change the vote; the node asks for a vote separately.
	m.Voter = m.Voter || exists && known.Suffrage == raft.Voter
	if err := s.admit(ctx, q.ID, m); err != nil {
		return joinReply{Error: err.Error()}
	}
	s.cfg.Logger.Info("a node has joined", "node", m.ID, "address", m.Address, "voter", m.Voter)
	return joinReply{}
}

// mustNotReplace reports whether the node that asks has a member's name, and must not take the member's place.
//
// With another directory, it may take the place of a non-voter if it is new. A voter may have voted, and may store
// entries that a quorum counts on. A node that is not new is one that the member has replaced.
//
// With the same directory, the node is the member, or a copy of it if neither its address nor its former address is the
// member's: two copies of a voter could make two quorums. (A new directory without an identity, from an older version,
// may be another directory of that name.)
func mustNotReplace(q *joinRequest, known *raft.Server) bool {
	isVoter, address := known.Suffrage == raft.Voter, string(known.Address)
	if known.ID != q.ID {
		return isVoter || !q.New
	}
	isOld := peernet.NodeName(q.ID) == string(q.ID)
	return isVoter && (q.New && isOld || address != q.Address && address != q.Was)
}

// keepJoining asks until this node is a member with the vote that it wants, or stop is closed.
func (s *Store) keepJoining(stop <-chan struct{}) {
	ticker := time.NewTicker(joinInterval)
	defer ticker.Stop()
	led := time.Now() // when a leader was last known
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

// join asks once, if there is something to ask for. It returns true when nothing is left to ask for. A node that was
// removed while it was down does not know it: in its log it is still a member. forgotten means that no leader has
// contacted it. Asking again is harmless for a node that is a member.
func (s *Store) join(forgotten bool) (done bool) {
	// Before the look at the configuration: a log that is still being replayed may show a former one.
	ready := s.caughtUp() == nil
	own, member := s.ownMember()
	placed := member && string(own.Address) == s.peers.Address
	question := joinRequest{ID: s.identity.Self, Address: s.peers.Address, Was: string(own.Address),
		New: s.raft.LastIndex() == 0}
	switch {
	case !member && len(s.cfg.Peers.Join) == 0, placed && !ready && (!forgotten || len(s.cfg.Peers.Join) == 0):
		return false // not added yet, or a member that is catching up
	case placed && !ready: // forgotten
	case placed && (own.Suffrage == raft.Voter || s.cfg.Peers.NonVoter):
		return true
	case placed:
		question.Voter = true
	case s.leadership.valid(): // alone, and its address has changed
		s.admitJoin(&question)
		return false
	}
	for _, address := range s.joinAddresses() {
		final, err := s.askToJoin(address, &question)
		if err == nil {
			return false // the log will tell
		}
		s.peers.Warn("peers: this node has not joined yet", "asked", address, "error", err)
		if final {
			return true
		}
	}
	return false
}

// joinAddresses are the configured addresses, and those of known members.
func (s *Store) joinAddresses() []string {
	addresses := slices.Clone(s.cfg.Peers.Join)
	for _, server := range s.servers() {
		if server.ID != s.identity.Self {
			addresses = append(addresses, string(server.Address))
		}
	}
	return addresses
}

// askToJoin asks at an address, and then at the leader that is named there.
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
	if err == nil && reply.Error == "" && reply.Leader == "" { // it has joined
		err = s.identity.Adopt(greeting.Cluster)
	}
	return reply, err
}
