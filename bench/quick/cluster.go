package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"apportion/bench/rig"
	"apportion/bench/wire"
)

// cluster is several servers on this machine, the first of which leads.
type cluster []*rig.Process

// startCluster starts so many nodes and waits until all have a vote.
func startCluster(binary, dir string, nodes int) (c cluster, err error) {
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	addresses, err := rig.FreeAddresses(nodes)
	if err != nil {
		return nil, err
	}
	for i, address := range addresses {
		name := fmt.Sprintf("n%d", i+1)
		args := []string{"--node-id", name, "--raft-listen", address, "--join", addresses[0]}
		if i == 0 {
			args[4], args = "--bootstrap", args[:5]
		}
		p, err := rig.StartServer(binary, filepath.Join(dir, name), args...)
		if err != nil {
			return c, err
		}
		c = append(c, p)
	}
	return c, c.await(nodes)
}

// await waits until the first node leads as many voters.
func (c cluster) await(voters int) error {
	deadline := time.After(rig.StartTimeout)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		var status struct {
			State   string `json:"state"`
			Members []struct {
				Voter bool `json:"voter"`
			} `json:"members"`
		}
		text, err := wire.Get(context.Background(), c[0].URL()+"/v1/cluster")
		if err == nil {
			err = json.Unmarshal(text, &status)
		}
		have := 0
		for _, m := range status.Members {
			if m.Voter {
				have++
			}
		}
		if err == nil && status.State == "leader" && have == voters {
			return nil
		}
		select {
		case <-look.C:
		case <-deadline:
			return errors.Join(fmt.Errorf("the cluster has %d of %d voters after %s", have, voters, rig.StartTimeout), err)
		}
	}
}

// stop ends the followers first, so that no lead has to be handed over.
func (c cluster) stop() {
	for _, p := range slices.Backward(c) {
		p.Stop()
	}
}

// measureCluster compares a cluster with one node.
func measureCluster(stdout io.Writer, o options, dir string) error {
	alone, err := rig.StartServer(o.server, filepath.Join(dir, "alone"))
	if err != nil {
		return err
	}
	defer alone.Stop()
	nodes, err := startCluster(o.server, dir, o.nodes)
	if err != nil {
		return err
	}
	defer nodes.stop()
	for _, p := range []*rig.Process{alone, nodes[0]} {
		if err := loadStock(p.URL()); err != nil {
			return err
		}
	}
	one := oneLine("allocate, 1 line, durable, 1 node", alone, o.connections)
	leader := oneLine(fmt.Sprintf("the same, %d nodes, asking the leader", o.nodes), nodes[0], o.connections)
	follower := oneLine("asking a follower", nodes[1], o.connections)
	manyOne, manyLeader := manyLine(alone, o.connections), manyLine(nodes[0], o.connections)
	manyOne.name, manyLeader.name = manyOne.name+", 1 node", fmt.Sprintf("%s, %d nodes", manyLeader.name, o.nodes)
	read := readOne("read a record, asking a follower", nodes[1], o.connections)
	leader.nextWorker, follower.nextWorker = 1<<22, 1<<23
	leader.others, follower.others, manyLeader.others, read.others = nodes[1:], nodes, nodes[1:], nodes
	follower.syncs = nil // it is the leader that gathers

	r := newReport(stdout)
	for _, group := range [][]*workload{{one, leader, follower}, {read}, {manyOne, manyLeader}} {
		if err := measureInTurns(group, o.seconds); err != nil {
			return err
		}
		r.add(group)
	}
	if err := r.flush(o); err != nil {
		return err
	}
	r.ratio(fmt.Sprintf("durable allocations on %d nodes to 1 node, 1 line", o.nodes), leader, one)
	r.ratio("the same, 500 lines a request", manyLeader, manyOne)
	r.syncs("1 node", one)
	r.syncs(fmt.Sprintf("%d nodes", o.nodes), leader)
	return nil
}
