package raftstore

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"apportion/raftstore/peernet"
)

// What ties a store to the other nodes of its group.

// meetPeers binds the address at which others call this node.
func (s *Store) meetPeers(context.Context) error {
	if s.cfg.Peers == nil {
		return nil
	}
	cfg := s.cfg.Peers
	p, err := peernet.Listen(peernet.Config{Listen: cfg.Listen, Address: cfg.Address, TLS: cfg.TLS,
		ForwardedMax: cmp.Or(cfg.ConnectionsMax, ForwardedConnectionsMax)}, s.identity, s.cfg.Logger)
	if err != nil {
		return err
	}
	s.onClose(p.Close)
	if err := p.CheckAddress(); err != nil {
		return err
	}
	s.peers = p
	p.Handle(peernet.KindJoin, s.answerJoin)
	p.Handle(peernet.KindGreet, func(net.Conn) {})
	return nil
}

// listenFirst has a node that is told to found a group in an empty directory listen first whether one calls that it is
// in already: then its disk was lost, and a second group under its name would be one too many.
func (s *Store) listenFirst(ctx context.Context) error {
	isNew, err := s.isNew()
	if err != nil || !isNew || s.peers == nil || !s.cfg.Peers.Bootstrap {
		return err
	}
	s.cfg.Logger.Info(
		"an empty data directory: listening whether a cluster calls this node before a new one is founded", "for",
		s.cfg.foundingSilence)
	caller, err := s.peers.Overhear(ctx, s.cfg.foundingSilence)
	if err != nil || caller == nil {
		return err
	}
	return fmt.Errorf("%w: %s of cluster %s calls node %s, which has lost its data directory: this one is empty, "+
		"and founds no second cluster",
		ErrMember, peernet.NodeName(caller.From), caller.Cluster, s.cfg.NodeID)
}

// Forwarded gives the connections on which other nodes forward requests to this one; nil if it has no peers.
func (s *Store) Forwarded() net.Listener {
	if s.peers == nil {
		return nil
	}
	return s.peers.Service(peernet.KindHTTP)
}

// Leads says, without waiting, whether this node leads and has caught up, as far as it knows: whether to serve a
// request or to forward it. In a group of several, what is answered from the state alone needs ReadBarrier besides.
func (s *Store) Leads() bool { return s.leadership.valid() }

// Leader is the node that is known to lead, empty if none is. It may be this one.
func (s *Store) Leader() string {
	_, id := s.raft.LeaderWithID()
	return peernet.NodeName(id)
}

// DialMember opens a connection on which to forward requests to the member of a name, which the other end gets from
// Forwarded. Its error is ErrNotLeader, since that is what there is to be done about it: nothing was sent, and another
// node may be meant.
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
