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

// Member is one node of the group.
type Member struct {
	ID      string
	Address string
	Voter   bool
	Leader  bool
}

// The errors of changes of the membership. Nothing was changed.
var (
	// ErrNoPeers: this node runs alone, without an address for other nodes.
	ErrNoPeers = errors.New("raftstore: this node has no address for other nodes")

	// ErrMember: there is a member of that name, with another address, another data directory or another past.
	ErrMember = errors.New("raftstore: there is a member of that name already")

	// ErrMemberNotThere: at the address of a node that is to be a member nobody answers, or another node. It has to
	// run: which data directory it has is a part of what the member is.
	ErrMemberNotThere = errors.New("raftstore: the node that is to be a member is not there")

	// ErrUnknownMember: there is no member of that name.
	ErrUnknownMember = errors.New("raftstore: there is no such member")

	// ErrInvalidMember: a member needs a name and an address with a port.
	ErrInvalidMember = errors.New("raftstore: a member needs a name and an address with a port")

	// ErrLastVoter: without that member there would be no voter left.
	ErrLastVoter = errors.New("raftstore: the last voter cannot be removed")
)

// Members are the nodes of the group, as this node knows them, by name.
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

// servers is the latest configuration that is in this node's log.
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

// member is the one of a name, ownMember is this node.
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

// AddMember takes the node that answers at an address in, or changes a member's address or vote. It is for the leader;
// it returns when the change is committed. A voter that has nothing yet should come in as a non-voter first: until it
// has caught up, it is one more that a majority needs and that cannot answer.
func (s *Store) AddMember(ctx context.Context, m Member) error {
	if err := s.mayChange(); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	id, err := s.meet(ctx, m)
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

// meet finds out as what Raft is to know a member: as the node that answers at its address. A member that does not
// answer stays what it was.
func (s *Store) meet(ctx context.Context, m Member) (raft.ServerID, error) {
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
		return "", fmt.Errorf("%w: start %s, and see that it can be called at %s: %w", ErrMemberNotThere, m.ID,
			m.Address, err)
	case peernet.NodeName(there.Node) != m.ID:
		return "", fmt.Errorf("%w: at %s is node %s, not %s", ErrMemberNotThere, m.Address,
			peernet.NodeName(there.Node), m.ID)
	case there.Cluster != "" && there.Cluster != own:
		return "", fmt.Errorf("%w: the node at %s is of cluster %s, and this is %s", ErrMemberNotThere, m.Address,
			there.Cluster, own)
	case exists && there.Node != known.ID:
		return "", fmt.Errorf("%w, with another data directory: %s at %s. If that is gone for good, remove it first",
			ErrMember, m.ID, known.Address)
	}
	return there.Node, nil
}

// admit makes the change.
func (s *Store) admit(ctx context.Context, id raft.ServerID, m Member) error {
	if err := s.mayChange(); err != nil {
		return err
	}
	// Raft keeps it for as long as the node is a member. The caller's may be a part of a request, whose memory is used
	// again.
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

// await waits for a change. Raft's own times are for the beginning of one; after that it waits for the disk, however
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
		// not %w: whoever asks for a deadline means that nothing was done
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

// memberError sorts Raft's errors.
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

// timeoutOf is how long Raft may take to begin a change; 0 is for ever.
func timeoutOf(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return memberTimeout
	}
	return max(time.Until(deadline), time.Millisecond)
}
