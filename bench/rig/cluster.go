package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"apportion/bench/wire"
)

// lookInterval is the pause between two looks at a node. Failover is measured by them, so they come often.
const lookInterval = 2 * time.Millisecond

// Cluster is several servers on this machine that are one cluster. The first one founded it.
type Cluster []*Process

// Status is what a node reports of itself.
type Status struct {
	State   string `json:"state"`
	Ready   bool   `json:"ready"`
	Members []struct {
		Voter bool `json:"voter"`
	} `json:"members"`
}

// StartCluster starts so many nodes in directories below dir, with more flags if given, and waits until the first leads
// and all have a vote.
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
		name := fmt.Sprintf("n%d", i+1)
		args := append([]string{"--node-id", name, "--raft-listen", address}, more...)
		if i == 0 {
			args = append(args, "--bootstrap")
		} else {
			args = append(args, "--join", addresses[0])
		}
		p, err := StartServer(binary, filepath.Join(dir, name), args...)
		if err != nil {
			return c, err
		}
		c = append(c, p)
	}
	return c, Await(fmt.Sprintf("the first of %d nodes leads and all have a vote", nodes), func() error {
		status, err := c[0].Status()
		voters := 0
		for _, m := range status.Members {
			if m.Voter {
				voters++
			}
		}
		if err == nil && (status.State != "leader" || voters != nodes) {
			err = fmt.Errorf("it is %s, and there are %d voters", status.State, voters)
		}
		return err
	})
}

// Leader waits for a node that leads and serves and is not the given one, which may be nil.
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

// Stop ends the followers first, so that no leadership has to be transferred.
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

// Await looks until there is no error any more, for StartTimeout at most. what names the state that is waited for.
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
