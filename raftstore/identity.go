package raftstore

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"apportion/wal"
)

// keyCluster is where a node keeps the name of its cluster, beside Raft's term: a directory belongs to one for ever.
var keyCluster = []byte("ApportionCluster")

// identity is who a node is: its own name, and that of its cluster, which no two clusters share and which keeps them from
// talking to each other.
type identity struct {
	node string
	log  *wal.Log

	mu sync.Mutex
	id string // of the cluster; empty: in none yet
}

func loadIdentity(node string, log *wal.Log) (*identity, error) {
	i := &identity{node: node, log: log}
	value, err := log.Get(keyCluster)
	if err != nil && !errors.Is(err, wal.ErrKeyNotFound) {
		return nil, fmt.Errorf("raftstore: read the cluster's name: %w", err)
	}
	i.id = string(value)
	return i, nil
}

func (i *identity) cluster() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.id
}

// adopt makes the node one of a cluster's, durably. It is an error if it is one of another's.
func (i *identity) adopt(cluster string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.id == cluster {
		return nil
	}
	if i.id != "" {
		return fmt.Errorf("%w: %s, and this directory is of %s", errOtherCluster, cluster, i.id)
	}
	if len(cluster) > clusterNameBytesMax {
		return fmt.Errorf("%w: a cluster's name of %d bytes", errProtocol, len(cluster))
	}
	if err := i.log.Set(keyCluster, []byte(cluster)); err != nil {
		return fmt.Errorf("raftstore: keep the cluster's name: %w", err)
	}
	i.id = cluster
	return nil
}

// found makes a name for a new cluster.
func (i *identity) found() error {
	var name [16]byte
	if _, err := rand.Read(name[:]); err != nil {
		return fmt.Errorf("raftstore: name a cluster: %w", err)
	}
	return i.adopt(hex.EncodeToString(name[:]))
}
