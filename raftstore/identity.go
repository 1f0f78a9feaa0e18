package raftstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hashicorp/raft"

	"apportion/wal"
)

// A vote counts only if whoever gives it knows those that it has given before, and what it has stored. That is in a
// node's data directory, not in its name. So a member of a group is a directory: each has an identity of its own, drawn
// when it is made, and Raft knows the node as its name and that, such as c/0f2d6b1a93c85e47. A node whose disk is lost
// comes back as another one, whom nobody has given a vote. People are shown names.
//
// A directory from before there were identities is its node's name alone, and so no new directory is taken for it
// either.

var (
	// keyCluster is where a node keeps the name of its cluster, beside Raft's term: a directory belongs to one for
	// ever.
	keyCluster = []byte("ApportionCluster")

	// keyNode is where it keeps its own name and identity. The log is never copied to another node, as the state is.
	keyNode = []byte("ApportionNode")
)

// identity is who a node is: its own name, that of its directory, and that of its cluster, which no two clusters share
// and which keeps them from talking to each other.
type identity struct {
	node string        // its name, for people
	self raft.ServerID // name and identity, for other nodes
	kept bool          // self is on disk
	log  *wal.Log

	mu   sync.Mutex
	name string // of the cluster; empty: in none yet
}

// loadIdentity finds out who a node is to whom the log belongs, and makes it so if the directory is new.
func loadIdentity(node string, log *wal.Log, isNew bool, random io.Reader) (*identity, error) {
	i := &identity{node: node, log: log, self: raft.ServerID(node)}
	cluster, err := getKey(log, keyCluster)
	if err != nil {
		return nil, err
	}
	self, err := getKey(log, keyNode)
	if err != nil {
		return nil, err
	}
	i.name = cluster
	switch {
	case self != "":
		i.self, i.kept = raft.ServerID(self), true
		if is := nodeName(i.self); is != node {
			return nil, fmt.Errorf("%w: it is that of node %s, and this is node %s", ErrOtherNode, is, node)
		}
	case isNew:
		var drawn [identityBytes]byte
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return nil, fmt.Errorf("raftstore: draw an identity: %w", err)
		}
		i.self += raft.ServerID(identitySign + hex.EncodeToString(drawn[:]))
		return i, i.keep()
	}
	return i, nil
}

// getKey reads a value, empty if there is none.
func getKey(log *wal.Log, key []byte) (string, error) {
	value, err := log.Get(key)
	if err != nil && !errors.Is(err, wal.ErrKeyNotFound) {
		return "", fmt.Errorf("raftstore: read who this node is: %w", err)
	}
	return string(value), nil
}

// keep makes the node's name and identity durable.
func (i *identity) keep() error {
	if err := i.log.Set(keyNode, []byte(i.self)); err != nil {
		return fmt.Errorf("raftstore: keep who this node is: %w", err)
	}
	i.kept = true
	return nil
}

// identitySign stands between a node's name and its identity, of so many random bytes.
const (
	identitySign  = "/"
	identityBytes = 8
)

// nodeName is the name of the node that Raft knows as id.
func nodeName(id raft.ServerID) string {
	name, own, ok := cutLast(string(id), identitySign)
	if drawn, err := hex.DecodeString(own); !ok || err != nil || len(drawn) != identityBytes {
		return string(id)
	}
	return name
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sign string) (before, after string, found bool) {
	if at := strings.LastIndex(s, sign); at >= 0 {
		return s[:at], s[at+len(sign):], true
	}
	return s, "", false
}

// notTheOne reports whether another node answers than the one that was called, or the same with another directory.
func notTheOne(called, answers raft.ServerID) error {
	if name := nodeName(called); name == nodeName(answers) {
		return fmt.Errorf("%w: that of the member %s is not the one that is there now; if it is lost, remove it, "+
			"and then let the new one join",
			errOtherDirectory, name)
	}
	return fmt.Errorf("%w: %s is called, this is %s", errOtherNode, nodeName(called), nodeName(answers))
}

func (i *identity) cluster() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.name
}

// adopt makes the node one of a cluster's, durably. It is an error if it is one of another's.
func (i *identity) adopt(cluster string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.name == cluster {
		return nil
	}
	if i.name != "" {
		return fmt.Errorf("%w: %s, and this directory is of %s", errOtherCluster, cluster, i.name)
	}
	if len(cluster) > clusterNameBytesMax {
		return fmt.Errorf("%w: a cluster's name of %d bytes", errProtocol, len(cluster))
	}
	if err := i.log.Set(keyCluster, []byte(cluster)); err != nil {
		return fmt.Errorf("raftstore: keep the cluster's name: %w", err)
	}
	i.name = cluster
	return nil
}

// found makes a name for a new cluster.
func (i *identity) found(random io.Reader) error {
	var name [16]byte
	if _, err := io.ReadFull(random, name[:]); err != nil {
		return fmt.Errorf("raftstore: name a cluster: %w", err)
	}
	return i.adopt(hex.EncodeToString(name[:]))
}

// knowSelf is the step of Open that finds out who this node is, or makes it somebody.
func (s *Store) knowSelf(context.Context) error {
	isNew, err := s.isNew()
	if err == nil {
		s.identity, err = loadIdentity(s.cfg.NodeID, s.log, isNew, s.cfg.random)
	}
	return err
}

// keepSelf has a directory from before there were identities keep its node's name, once Raft has found that in its log.
// One of a group of one is its only member's, for certain.
func (s *Store) keepSelf(context.Context) error {
	if s.identity.kept {
		return nil
	}
	servers := s.servers()
	if len(servers) == 1 && servers[0].Address == localAddress && servers[0].ID != s.identity.self {
		return fmt.Errorf("%w: it is that of node %s, and this is node %s", ErrOtherNode, servers[0].ID, s.cfg.NodeID)
	}
	if _, member := s.ownMember(); !member {
		return nil // it was removed, and may be anybody's
	}
	return s.identity.keep()
}
