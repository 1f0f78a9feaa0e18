package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"apportion/bench/wire"
)

// lookInterval is the pause between two looks at a node. It is short because it limits the precision of failover times.
const lookInterval = 2 * time.Millisecond

// Cluster is a cluster of servers on this machine. The first server founded it.
type Cluster []*Process

// Node has the settings that start a node of a cluster.
type Node struct {
	Name   string
	Data   string // its directory
	Listen string // the address for HTTP

	RaftListen  string // the address on which it listens for other nodes
	RaftAddress string // the address to which other nodes connect; empty: RaftListen
	Bootstrap   bool   // it founds the cluster
	Join        string // the member that it asks to add it; empty: none
}

// Flags are the flags of `apportion serve` that start the node.
func (n Node) Flags() []string {
	flags := []string{"--node-id", n.Name, "--data", n.Data, "--listen", n.Listen, "--raft-listen", n.RaftListen}
	if n.RaftAddress != "" {
		flags = append(flags, "--raft-address", n.RaftAddress)
	}
	if n.Bootstrap {
		flags = append(flags, "--bootstrap")
	}
	if n.Join != "" {
		flags = append(flags, "--join", n.Join)
	}
	return flags
}

// Status is a node's report about itself and the cluster.
type Status struct {
	Cluster  string   `json:"cluster"`
	State    string   `json:"state"`
	Ready    bool     `json:"ready"`
	Term     uint64   `json:"term"`
	AsOf     uint64   `json:"asOf"`
	LogIndex uint64   `json:"logIndex"`
	Members  []Member `json:"members"`
}

// Member is a node that belongs to the cluster.
type Member struct {
	ID    string `json:"id"`
	Voter bool   `json:"voter"`
}

// Voters counts the members with a vote.
func (s *Status) Voters() (count int) {
	for _, m := range s.Members {
		if m.Voter {
			count++
		}
	}
	return count
}

// StartCluster starts the nodes in directories below dir, with more flags if given. It waits until the first node leads
// and all nodes are voters.
func StartCluster(binary, dir string, nodes int, more ...string) (c Cluster, err error) {
	defer func() {
		if err != nil {
			c.Stop()
		}
	}()
	addresses, err := FreeAddresses(nodes)
	if err != nil {
		return nil, err
	}
	for i, address := range addresses {
		n := Node{Name: fmt.Sprintf("n%d", i+1), Listen: "127.0.0.1:0", RaftListen: address, Bootstrap: i == 0}
		n.Data = filepath.Join(dir, n.Name)
		if i > 0 {
			n.Join = addresses[0]
		}
		flags := slices.Concat([]string{"serve", "--log-level", "warn"}, n.Flags(), more)
		p, err := start(exec.Command(binary, flags...))
		if err != nil {
			return c, err
		}
		c = append(c, p)
	}
	return c, Await(fmt.Sprintf("the first of %d nodes leads and all have a vote", nodes), func() error {
		status, err := c[0].Status()
		if err == nil && (status.State != "leader" || status.Voters() != nodes) {
			err = fmt.Errorf("it is %s, and there are %d voters", status.State, status.Voters())
		}
		return err
	})
}

// Leader waits for a node that leads and serves. It skips the given node, which may be nil.
func (c Cluster) Leader(not *Process) (leader *Process, err error) {
	return leader, Await("a node leads", func() error {
		var errs error
		for _, p := range c {
			if p == not {
				continue
			}
			status, err := p.Status()
			if err == nil && status.State == "leader" && status.Ready {
				leader = p
				return nil
			}
			errs = errors.Join(errs, err)
		}
		return errors.Join(errors.New("none does"), errs)
	})
}

// Stop ends the followers first, so that the leader need not transfer its leadership.
func (c Cluster) Stop() {
	for _, p := range slices.Backward(c) {
		p.Stop()
	}
}

// Status asks a node for its state.
func (p *Process) Status() (s Status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	text, err := wire.Get(ctx, p.URL()+"/v1/cluster")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// Await calls a check until it returns no error, for StartTimeout at most. what names the awaited state.
func Await(what string, look func() error) error {
	deadline := time.After(StartTimeout)
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		err := look()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-deadline:
			return fmt.Errorf("waited %s until %s: %w", StartTimeout, what, err)
		}
	}
}
