package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// A node that is to be a member asks for it: first to be taken in without a vote, and when it has caught up, with one. Both
// are asked of any member, which passes the question on to the leader, and both may be asked as often as one likes.

// joinRequest is the question.
type joinRequest struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Voter   bool   `json:"voter"`

	// Was is the address that the node's own log gives it; empty if it is no member there.
	Was string `json:"was,omitempty"`

	// New says that the node has no past. It must not take the place of a voter of its name: that one may have voted, and have
	// stored entries that a majority counts on.
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
	if err := errors.Join(conn.SetDeadline(time.Now().Add(memberTimeout)), readMessage(conn, &question)); err != nil {
		s.cfg.Logger.Warn("peers: a question to join cannot be read", "error", err)
		return
	}
	reply := s.takeIn(&question)
	if err := writeMessage(conn, reply); err != nil {
		s.cfg.Logger.Warn("peers: an answer to join did not arrive", "node", question.ID, "error", err)
	}
}

func (s *Store) takeIn(q *joinRequest) joinReply {
	if !s.leadership.valid() {
		leader, _ := s.raft.LeaderWithID()
		if leader == "" || string(leader) == s.peers.address {
			return joinReply{Error: "no leader is known"}
		}
		return joinReply{Leader: string(leader)}
	}
	known, exists := s.member(q.ID)
	if exists && known.Suffrage == raft.Voter && (q.New || isAnother(q, string(known.Address))) {
		if s.confirms.wait(time.Now().Add(memberTimeout)) != nil {
			return joinReply{Error: "no leader is known"} // another one may know better, and this answer is the last
		}
		return joinReply{Final: true, Error: fmt.Sprintf("%v: %s at %s. If that node is gone for good, remove it first", ErrMember, q.ID, known.Address)}
	}
	// A change of address keeps what the node was; a vote is asked for by itself.
	voter := q.Voter || exists && known.Suffrage == raft.Voter
	ctx, cancel := context.WithTimeout(context.Background(), memberTimeout)
	defer cancel()
	if err := s.AddMember(ctx, Member{ID: q.ID, Address: q.Address, Voter: voter}); err != nil {
		return joinReply{Error: err.Error()}
	}
	s.cfg.Logger.Info("a node was taken in", "node", q.ID, "address", q.Address, "voter", voter)
	return joinReply{}
}

// isAnother says whether it is another node that asks than the member of its name: neither there, nor one that was there and
// moves. It is the one that the member has replaced, and two voters of one name would be two majorities.
func isAnother(q *joinRequest, known string) bool { return known != q.Address && known != q.Was }

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

// join asks once, if there is something to ask for. done: there will be nothing more. A node that was removed while it was down is
// not told: its log says that it is in, and forgotten that no leader has called it. Whoever is in loses nothing by asking.
func (s *Store) join(forgotten bool) (done bool) {
	// Asked first: a log that is still being replayed tells what the node was, such as a voter before it was removed.
	ready := s.caughtUp() == nil
	own, member := s.member(s.cfg.NodeID)
	placed := member && string(own.Address) == s.peers.address
	question := joinRequest{ID: s.cfg.NodeID, Address: s.peers.address, Was: string(own.Address), New: s.raft.LastIndex() == 0}
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
		s.cfg.Logger.Warn("peers: not taken in yet", "asked", address, "error", err)
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
		if string(server.ID) != s.cfg.NodeID {
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
			return errors.Is(err, errOtherCluster), err
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
	conn, greeting, err := s.peers.dial(address, "", kindJoin, dialTimeout)
	if err != nil {
		return reply, err
	}
	defer conn.Close()
	if err := s.peers.identity.adopt(greeting.Cluster); err != nil {
		return reply, err
	}
	return reply, errors.Join(conn.SetDeadline(time.Now().Add(memberTimeout)), writeMessage(conn, question), readMessage(conn, &reply))
}
