package peernet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hashicorp/raft"

	"apportion/wal"
)

// A vote counts only if the voter remembers its earlier votes and its log. These are in a node's data directory, not in
// its name. So a member of a cluster is a directory: each has a random identity, drawn when the directory is created,
// and Raft's id of a node is its name and that identity, such as c/0f2d6b1a93c85e47. A node whose disk is lost comes
// back with another id, which has no vote. Users see names.
//
// The id of a directory from before there were identities is the name alone; no new directory can be mistaken for it.

var (
	// KeyCluster holds the name of the node's cluster, beside Raft's term. A directory belongs to one cluster for ever.
	KeyCluster = []byte("ApportionCluster")

	// keyNode holds the node's own id. The log is never copied to another node; the state is.
	keyNode = []byte("ApportionNode")
)

// errOtherOwner means that the directory was made for a node of another name.
var ErrOtherOwner = errors.New("raftstore: the data directory belongs to another node")

// Identity is a node's name, its directory's identity, and the name of its cluster, which is unique and keeps clusters
// apart.
type Identity struct {
	node string        // its name, for users
	Self raft.ServerID // name and identity: Raft's id
	kept bool          // self is on disk
	log  *wal.Log

	mu   sync.Mutex
	name string // of the cluster; empty: in none yet
}

// LoadIdentity reads the identity of the log's directory, and draws one if the directory is new.
func LoadIdentity(node string, log *wal.Log, isNew bool, random io.Reader) (*Identity, error) {
	i := &Identity{node: node, log: log, Self: raft.ServerID(node)}
	cluster, err := getKey(log, KeyCluster)
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
		i.Self, i.kept = raft.ServerID(self), true
		if is := NodeName(i.Self); is != node {
			return nil, fmt.Errorf("%w: it belongs to node %s, and this is node %s", ErrOtherOwner, is, node)
		}
	case isNew:
		var drawn [identityBytes]byte
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return nil, fmt.Errorf("raftstore: draw an identity: %w", err)
		}
		i.Self += raft.ServerID(identitySign + hex.EncodeToString(drawn[:]))
		return i, i.Keep()
	}
	return i, nil
}

// getKey reads a value, empty if there is none.
func getKey(log *wal.Log, key []byte) (string, error) {
	value, err := log.Get(key)
	if err != nil && !errors.Is(err, wal.ErrKeyNotFound) {
		return "", fmt.Errorf("raftstore: read this node's identity: %w", err)
	}
	return string(value), nil
}

// IsKept reports whether the node's name and identity are durable.
func (i *Identity) IsKept() bool { return i.kept }

// Keep makes the node's name and identity durable.
func (i *Identity) Keep() error {
	if err := i.log.Set(keyNode, []byte(i.Self)); err != nil {
		return fmt.Errorf("raftstore: keep this node's identity: %w", err)
	}
	i.kept = true
	return nil
}

// identitySign separates a node's name and its identity, which has identityBytes random bytes.
const (
	identitySign  = "/"
	identityBytes = 8
)

// NodeName is the name in a node's id.
func NodeName(id raft.ServerID) string {
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

// notTheOne is the error for a connection that reached another node, or the same node with another directory.
func notTheOne(called, answers raft.ServerID) error {
	if name := NodeName(called); name == NodeName(answers) {
		return fmt.Errorf("%w: if the directory of member %s is lost, remove the member, and then let the new one join",
			errOtherDirectory, name)
	}
	return fmt.Errorf("%w: %s was meant, this is %s", errOtherNode, NodeName(called), NodeName(answers))
}

// Cluster is the name of the cluster, empty for none.
func (i *Identity) Cluster() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.name
}

// Adopt makes the node a member of a cluster, durably. It is an error if it belongs to another one.
func (i *Identity) Adopt(cluster string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.name == cluster {
		return nil
	}
	if i.name != "" {
		return fmt.Errorf("%w: %s, and this directory is of %s", ErrOtherCluster, cluster, i.name)
	}
	if len(cluster) > clusterNameBytesMax {
		return fmt.Errorf("%w: a cluster's name of %d bytes", ErrProtocol, len(cluster))
	}
	if err := i.log.Set(KeyCluster, []byte(cluster)); err != nil {
		return fmt.Errorf("raftstore: keep the cluster's name: %w", err)
	}
	i.name = cluster
	return nil
}

// Found draws the name of a new cluster.
func (i *Identity) Found(random io.Reader) error {
	var name [16]byte
	if _, err := io.ReadFull(random, name[:]); err != nil {
		return fmt.Errorf("raftstore: name a cluster: %w", err)
	}
	return i.Adopt(hex.EncodeToString(name[:]))
}
