package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// Member is one node of the Raft group.
type Member struct {
	ID      string
	Address string
	Voter   bool
	Leader  bool
}

// The errors of membership changes. Nothing was changed.
var (
	// ErrNoPeers: this node runs alone, without an address for other nodes.
	ErrNoPeers = errors.New("raftstore: this node has no address for other nodes")

	// ErrMember: a member of that name exists, with another address, another data directory or another past.
	ErrMember = errors.New("raftstore: there is a member of that name already")

	// ErrMemberNotThere: no node, or another one, answers at the address of the new member. It has to run, since the
	// identity of its data directory is a part of the member.
	ErrMemberNotThere = errors.New("raftstore: the new member does not answer at its address")

	// ErrUnknownMember: there is no member of that name.
	ErrUnknownMember = errors.New("raftstore: there is no such member")

	// ErrInvalidMember: a member needs a name and an address with a port.
	ErrInvalidMember = errors.New("raftstore: a member needs a name and an address with a port")

	// ErrLastVoter: without that member the group would have no voter.
	ErrLastVoter = errors.New("raftstore: the last voter cannot be removed")
)

// Members returns the nodes of the group, as this node knows them, by name.
func (s *Store) Members() []Member {
	_, leader := s.raft.LeaderWithID()
	var members []Member
	for _, server := range s.servers() {
		members = append(members, Member{ID: peernet.NodeName(server.ID), Address: string(server.Address),
			Voter: server.Suffrage == raft.Voter, Leader: server.ID == leader})
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return members
}

// Heard is how long ago members last answered this node, by name. The leader asks all of them; a follower knows of the
// leader only. A member that has not answered is not in it.
func (s *Store) Heard() map[string]time.Duration {
	heard := map[string]time.Duration{peernet.NodeName(s.identity.Self): 0}
	if s.raft.State() != raft.Leader {
		if _, leader := s.raft.LeaderWithID(); leader != "" && !s.raft.LastContact().IsZero() {
			heard[peernet.NodeName(leader)] = time.Since(s.raft.LastContact())
		}
		return heard
	}
	for _, server := range s.servers() {
		if at, ok := s.heard(server.ID); ok && server.ID != s.identity.Self {
			heard[peernet.NodeName(server.ID)] = time.Since(at)
		}
	}
	return heard
}

// servers is the latest configuration in this node's log.
func (s *Store) servers() []raft.Server {
	future := s.raft.GetConfiguration()
	if future.Error() != nil {
		return nil // closed
	}
	return future.Configuration().Servers
}

func (s *Store) voters() []raft.Server {
	return slices.DeleteFunc(slices.Clone(s.servers()), func(server raft.Server) bool {
		return server.Suffrage != raft.Voter
	})
}

// member finds a member by its name, ownMember this node.
func (s *Store) member(name string) (raft.Server, bool) {
	return s.find(func(server raft.Server) bool { return peernet.NodeName(server.ID) == name })
}

func (s *Store) ownMember() (raft.Server, bool) {
	return s.find(func(server raft.Server) bool { return server.ID == s.identity.Self })
}

func (s *Store) find(is func(raft.Server) bool) (raft.Server, bool) {
	servers := s.servers()
	i := slices.IndexFunc(servers, is)
	if i < 0 {
		return raft.Server{}, false
	}
	return servers[i], true
}

// AddMember adds the node at an address to the group, or changes a member's address or vote. Only the leader can do it.
// It returns when the change is committed. Add a new voter as a non-voter first: until it has caught up, it makes the
// quorum larger and cannot answer for it.
func (s *Store) AddMember(ctx context.Context, m Member) error {
	if err := s.mayChange(); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	id, err := s.identify(ctx, m)
	if err != nil {
		return err
	}
	return s.admit(ctx, id, m)
}

func (m *Member) check() error {
	if _, _, err := net.SplitHostPort(m.Address); err != nil || m.ID == "" || len(m.ID) > nodeNameBytesMax {
		return fmt.Errorf("%w, not %q and %q", ErrInvalidMember, m.ID, m.Address)
	}
	return nil
}

// identify returns Raft's id of a member: its name and the identity of the directory of the node at its address. A
// known member that does not answer keeps its id.
func (s *Store) identify(ctx context.Context, m Member) (raft.ServerID, error) {
	if m.ID == s.cfg.NodeID {
		return s.identity.Self, nil
	}
	known, exists := s.member(m.ID)
	there, err := s.peers.WhoIsAt(m.Address, min(peernet.DialTimeout, timeoutOf(ctx)/2))
	own := s.identity.Cluster()
	switch {
	case err != nil && exists:
		return known.ID, nil
	case err != nil:
		return "", fmt.Errorf("%w: start %s, and check that this node can reach it at %s: %w", ErrMemberNotThere, m.ID,
			m.Address, err)
	case peernet.NodeName(there.Node) != m.ID:
		return "", fmt.Errorf("%w: node %[3]s answers at %[2]s, not %[4]s", ErrMemberNotThere, m.Address,
			peernet.NodeName(there.Node), m.ID)
	case there.Cluster != "" && there.Cluster != own:
		return "", fmt.Errorf("%w: the node at %s belongs to cluster %s, and this is %s", ErrMemberNotThere, m.Address,
			there.Cluster, own)
	case exists && there.Node != known.ID:
		return "", fmt.Errorf("%w, with another data directory: %s at %s. If that is gone for good, remove it first",
			ErrMember, m.ID, known.Address)
	}
	return there.Node, nil
}

// admit commits the change.
func (s *Store) admit(ctx context.Context, id raft.ServerID, m Member) error {
	if err := s.mayChange(); err != nil {
		return err
	}
	// Raft keeps the address while the node is a member. The caller's may be in the memory of a request, which is
	// reused.
	address := raft.ServerAddress(strings.Clone(m.Address))
	known, exists := s.member(m.ID)
	var future raft.IndexFuture
	switch {
	case exists && known.Address == address && (known.Suffrage == raft.Voter) == m.Voter:
		return nil
	case m.Voter:
		future = s.raft.AddVoter(id, address, 0, timeoutOf(ctx))
	case exists && known.Suffrage == raft.Voter:
		if len(s.voters()) == 1 {
			return ErrLastVoter
		}
		if err := s.await(ctx, s.raft.DemoteVoter(id, 0, timeoutOf(ctx))); err != nil || known.Address == address {
			return err
		}
		future = s.raft.AddNonvoter(id, address, 0, timeoutOf(ctx)) // a demotion leaves the address as it was
	default:
		future = s.raft.AddNonvoter(id, address, 0, timeoutOf(ctx))
	}
	return s.await(ctx, future)
}

// RemoveMember removes a node from the group. A leader that removes itself steps down when the change is committed.
func (s *Store) RemoveMember(ctx context.Context, id string) error {
	if err := s.mayChange(); err != nil {
		return err
	}
	known, exists := s.member(id)
	if !exists {
		return fmt.Errorf("%w: %s", ErrUnknownMember, id)
	}
	if voters := s.voters(); known.Suffrage == raft.Voter && len(voters) == 1 {
		return ErrLastVoter
	}
	return s.await(ctx, s.raft.RemoveServer(known.ID, 0, timeoutOf(ctx)))
}

// TransferLeadership transfers leadership to the voter id, or to the voter with the longest log if id is empty. It
// returns when this node has stepped down, or ErrOutcomeUnknown when ctx ends first. On a node that does not lead it
// does nothing.
func (s *Store) TransferLeadership(ctx context.Context, id string) error {
	if s.peers == nil || s.raft.State() != raft.Leader || s.leadership.isolated.Load() {
		return nil
	}
	var future raft.Future
	if id == "" {
		if len(s.voters()) < 2 {
			return nil
		}
		future = s.raft.LeadershipTransfer()
	} else {
		known, exists := s.member(id)
		if !exists {
			return fmt.Errorf("%w: %s", ErrUnknownMember, id)
		}
		if known.ID == s.identity.Self {
			return nil
		}
		if known.Suffrage != raft.Voter {
			return fmt.Errorf("%w: %s is no voter", ErrUnknownMember, id)
		}
		future = s.raft.LeadershipTransferToServer(known.ID, known.Address)
	}
	return s.await(ctx, future)
}

// Isolate cuts this node off from the other nodes, until it is closed: if it leads, they elect a new leader, and they
// transfer no leadership to it. It is for a node that serves nobody any more and may take long to close: until then the
// cluster would follow it.
func (s *Store) Isolate() {
	if s.peers != nil {
		s.leadership.stopping.Store(true) // watchDisk does the rest
	}
}

// await waits for a change. Raft's own timeouts bound only the start of a change; then it waits for the disk, however
// long.
func (s *Store) await(ctx context.Context, future raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- future.Error() }()
	select {
	case err := <-done:
		return memberError(err)
	case <-s.stop:
		return fmt.Errorf("%w: this node is being closed", ErrOutcomeUnknown)
	case <-ctx.Done():
		// not %w: context.DeadlineExceeded would mean that nothing was done
		return fmt.Errorf("%w: %v", ErrOutcomeUnknown, ctx.Err())
	}
}

func (s *Store) mayChange() error {
	switch {
	case s.closed.Load():
		return ErrClosed
	case s.peers == nil:
		return ErrNoPeers
	case !s.leadership.valid():
		return ErrNotLeader
	}
	return nil
}

// memberError translates Raft's errors.
func memberError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return ErrNotLeader
	default:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
}

// timeoutOf is how long Raft may take to begin a change.
func timeoutOf(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return memberTimeout
	}
	return max(time.Until(deadline), time.Millisecond)
}

// Forwarded returns the listener of the connections on which other nodes forward requests; nil without peers.
func (s *Store) Forwarded() net.Listener {
	if s.peers == nil {
		return nil
	}
	return s.peers.Service(peernet.KindHTTP)
}

// Leads reports, without waiting, whether this node leads and has caught up, as far as it knows: whether to serve a
// request or to forward it. In a group of several, an answer from the state alone needs ReadBarrier besides.
func (s *Store) Leads() bool { return s.leadership.valid() }

// Leader is the name of the known leader, which may be this node; empty if none is known.
func (s *Store) Leader() string {
	_, id := s.raft.LeaderWithID()
	return peernet.NodeName(id)
}

// DialMember opens a connection for forwarded requests to a member; the other end gets it from Forwarded. Every error
// is ErrNotLeader, since the caller does the same about it: nothing was sent, and another node may lead.
func (s *Store) DialMember(name string, timeout time.Duration) (net.Conn, error) {
	if s.peers == nil {
		return nil, ErrNotLeader
	}
	member, ok := s.member(name)
	if !ok {
		return nil, fmt.Errorf("%w: %w: %s", ErrNotLeader, ErrUnknownMember, name)
	}
	conn, _, err := s.peers.Dial(string(member.Address), member.ID, peernet.KindHTTP, min(timeout, peernet.DialTimeout))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotLeader, err)
	}
	return conn, nil
}
