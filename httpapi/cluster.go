package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"apportion/httpapi/api"
	"apportion/raftstore"
)

func clusterRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/cluster", serve: (*request).showCluster},
		{method: methodPut, pattern: "/v1/cluster/members/{id}", body: bodyRequired, lead: true, nodes: true,
			serve: (*request).addMember},
		{method: methodDelete, pattern: "/v1/cluster/members/{id}", lead: true, nodes: true,
			serve: (*request).removeMember},
		{method: methodPost, pattern: "/v1/cluster/transfer-leader", body: bodyOptional, lead: true,
			serve: (*request).transferLeader},
		{method: methodPost, pattern: "/v1/cluster/snapshot", serve: (*request).takeSnapshot},
	}
}

// members is the part of a Raft group that the cluster's routes use.
type members interface {
	Status() raftstore.Status
	Members() []raftstore.Member
	Heard() map[string]time.Duration
	AddMember(ctx context.Context, m raftstore.Member) error
	RemoveMember(ctx context.Context, id string) error
	TransferLeadership(ctx context.Context, id string) error
	Checkpoint(ctx context.Context) error
}

// stateWords maps Raft's states to the words of this API.
var stateWords = map[string]string{"Leader": "leader", "Follower": "follower", "Candidate": "candidate",
	"Shutdown": "stopped"}

func (req *request) showCluster() {
	group, ok := req.group()
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
	heard := group.Heard()
	for _, m := range group.Members() {
		member := api.Member{ID: m.ID, Address: m.Address, Voter: m.Voter, Leader: m.Leader}
		if ago, ok := heard[m.ID]; ok {
			seconds := ago.Seconds()
			member.HeardSeconds = &seconds
		}
		reply.Members = append(reply.Members, member)
	}
	req.reply(reply)
}

// group is the store as a member of a Raft group. A test's stand-in may not be one.
func (req *request) group() (Group, bool) {
	group, ok := req.server.store.(Group)
	if !ok {
		req.fail(http.StatusNotFound, codeNotFound, "this server has no cluster", "", "")
	}
	return group, ok
}

func (req *request) addMember() {
	var body api.PutMember
	if !req.readBody(&body) {
		return
	}
	m := raftstore.Member{ID: req.path[0], Address: body.Address, Voter: body.Voter == nil || *body.Voter}
	req.changeMembers(m.Address, func(ctx context.Context, group Group) error { return group.AddMember(ctx, m) })
}

func (req *request) removeMember() {
	req.changeMembers("", func(ctx context.Context, group Group) error { return group.RemoveMember(ctx, req.path[0]) })
}

func (req *request) transferLeader() {
	var body api.TransferLeader
	if !req.readBody(&body) {
		return
	}
	req.changeMembers("", func(ctx context.Context, group Group) error {
		return group.TransferLeadership(ctx, body.To)
	})
}

func (req *request) takeSnapshot() {
	req.changeMembers("", func(ctx context.Context, group Group) error { return group.Checkpoint(ctx) })
}

// changeMembers makes a change to the Raft group and answers with the cluster after it. address is that of the node to
// add, or empty.
func (req *request) changeMembers(address string, change func(ctx context.Context, group Group) error) {
	group, ok := req.group()
	if !ok {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), req.deadline)
	defer cancel()
	err := change(ctx, group)
	switch {
	case err == nil:
		req.showCluster()
	case errors.Is(err, raftstore.ErrUnknownMember):
		req.fail(http.StatusNotFound, codeUnknownMember, "there is no such member, or it has no vote: see GET "+
			"/v1/cluster", "id",
			req.path[0])
	case errors.Is(err, raftstore.ErrInvalidMember):
		req.fail(http.StatusBadRequest, codeInvalid, forOperators(err), "", "")
	case errors.Is(err, raftstore.ErrLastVoter):
		req.fail(http.StatusConflict, codeLastVoter, "it is the last member with a vote: add another one first", "id",
			req.path[0])
	case errors.Is(err, raftstore.ErrMember):
		req.fail(http.StatusConflict, codeMemberExists, forOperators(err), "id", req.path[0])
	case errors.Is(err, raftstore.ErrMemberNotThere):
		req.fail(http.StatusConflict, codeMemberNotThere, forOperators(err), "address", address)
	case errors.Is(err, raftstore.ErrNoPeers):
		req.fail(http.StatusConflict, codeNoPeers, "this node runs alone: start it with --raft-listen to make it "+
			"part of a cluster", "", "")
	case errors.Is(err, context.DeadlineExceeded):
		req.storeFailed(raftstore.ErrTimeout)
	default:
		req.storeFailed(err)
	}
}

// forOperators is the text of an error of the store without the name of the package, which means nothing to them.
func forOperators(err error) string { return strings.ReplaceAll(err.Error(), "raftstore: ", "") }
