package httpapi

import (
	"context"
	"errors"
	"net/http"

	"apportion/httpapi/api"
	"apportion/raftstore"
)

// The nodes of the group.

// members is what the routes about the group need of it.
type members interface {
	Status() raftstore.Status
	Members() []raftstore.Member
	AddMember(ctx context.Context, m raftstore.Member) error
	RemoveMember(ctx context.Context, id string) error
	HandOver(ctx context.Context, id string) error
	Checkpoint(ctx context.Context) error
}

// stateWords are Raft's states in the words of this API.
var stateWords = map[string]string{"Leader": "leader", "Follower": "follower", "Candidate": "candidate",
	"Shutdown": "stopped"}

func (c *call) showCluster() {
	group, ok := c.group()
	if !ok {
		return
	}
	s := group.Status()
	reply := api.Cluster{Node: s.NodeID, Cluster: s.Cluster, Address: s.Address, State: stateWords[s.State],
		Ready: s.Ready, Leader: s.Leader,
		Term: s.Term, AsOf: s.AppliedIndex, CommitIndex: s.CommitIndex, LogIndex: s.LogIndex,
		CheckpointIndex: s.CheckpointIndex,
		Members:         []api.Member{}}
	if s.LagKnown {
		lag := s.Lag.Seconds()
		reply.LagSeconds = &lag
	}
	for _, m := range group.Members() {
		reply.Members = append(reply.Members, api.Member(m))
	}
	c.reply(reply)
}

// group is the store as one of several; a stand-in for tests is none.
func (c *call) group() (Group, bool) {
	group, ok := c.server.store.(Group)
	if !ok {
		c.fail(http.StatusNotFound, codeNotFound, "this server has no cluster", "", "")
	}
	return group, ok
}

func (c *call) addMember() {
	m := raftstore.Member{ID: c.path[0], Voter: true}
	c.body().member(&m)
	if !c.parsed() {
		return
	}
	c.changeMembers(m.Address, func(ctx context.Context, group Group) error { return group.AddMember(ctx, m) })
}

func (c *call) removeMember() {
	c.changeMembers("", func(ctx context.Context, group Group) error { return group.RemoveMember(ctx, c.path[0]) })
}

func (c *call) transferLeader() {
	var to string
	c.body().transferLeader(&to)
	if !c.parsed() {
		return
	}
	c.changeMembers("", func(ctx context.Context, group Group) error { return group.HandOver(ctx, to) })
}

func (c *call) takeSnapshot() {
	c.changeMembers("", func(ctx context.Context, group Group) error { return group.Checkpoint(ctx) })
}

// changeMembers does something to the group, with the node at an address if one is given, and shows what it is then.
func (c *call) changeMembers(address string, change func(ctx context.Context, group Group) error) {
	group, ok := c.group()
	if !ok {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline)
	defer cancel()
	err := change(ctx, group)
	switch {
	case err == nil:
		c.showCluster()
	case errors.Is(err, raftstore.ErrUnknownMember):
		c.fail(http.StatusNotFound, codeUnknownMember, "there is no such member, or it has no vote", "id", c.path[0])
	case errors.Is(err, raftstore.ErrInvalidMember):
		c.fail(http.StatusBadRequest, codeInvalid, err.Error(), "", "")
	case errors.Is(err, raftstore.ErrLastVoter):
		c.fail(http.StatusConflict, codeLastVoter, "without that member nobody with a vote would be left", "id",
			c.path[0])
	case errors.Is(err, raftstore.ErrMember):
		c.fail(http.StatusConflict, codeMemberExists, err.Error(), "id", c.path[0])
	case errors.Is(err, raftstore.ErrMemberNotThere):
		c.fail(http.StatusConflict, codeMemberNotThere, err.Error(), "address", address)
	case errors.Is(err, raftstore.ErrNoPeers):
		c.fail(http.StatusConflict, codeNoPeers, "this node runs alone: it was started without --raft-listen", "", "")
	case errors.Is(err, context.DeadlineExceeded):
		c.storeFailed(raftstore.ErrTimeout)
	default:
		c.storeFailed(err)
	}
}

const (
	gotMemberAddress fields = 1 << iota
	gotMemberVoter
)

// member reads the address and the vote of a member.
func (s *scanner) member(m *raftstore.Member) {
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "address":
			s.mark(&got, gotMemberAddress)
			m.Address = s.string()
		case "voter":
			s.optionalBoolean(&got, gotMemberVoter, &m.Voter)
		default:
			s.unknown()
		}
	}
	s.need(got, gotMemberAddress, "address")
}

const gotNewLeader fields = 1

// transferLeader reads who is to lead; an empty body leaves that open.
func (s *scanner) transferLeader(to *string) {
	if s.space(); s.at == len(s.text) {
		return
	}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "to":
			if s.given(&got, gotNewLeader) {
				*to = s.string()
			}
		default:
			s.unknown()
		}
	}
}
