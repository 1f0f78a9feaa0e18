package main

import (
	"fmt"
	"io"
	"path/filepath"

	"apportion/bench/rig"
)

// measureCluster compares a cluster with one node.
func measureCluster(stdout io.Writer, o options, dir string) error {
	alone, err := rig.StartServer(o.server, filepath.Join(dir, "alone"))
	if err != nil {
		return err
	}
	defer alone.Stop()
	nodes, err := rig.StartCluster(o.server, dir, o.nodes)
	if err != nil {
		return err
	}
	defer nodes.Stop()
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
	follower.syncs = nil // the leader makes the entries: only its figures count

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
