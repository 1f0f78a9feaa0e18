package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// group is three servers on this machine.
type group struct {
	binary string
	dir    string
	nodes  []*node
}

// node is one of them. It keeps its addresses.
type node struct {
	id   string
	url  string
	args []string
	log  string
	cmd  *exec.Cmd

	binary string
}

const (
	nodesCount = 3

	// patience bounds every wait, look is the pause between two looks.
	patience = time.Minute
	look     = 2 * time.Millisecond
)

var lookClient = &http.Client{Timeout: time.Second}

// start starts the nodes, waits until all have a vote, and fills the stock.
func (g *group) start() error {
	first := ""
	for i := range nodesCount {
		web, peers, err := freeAddresses()
		if err != nil {
			return err
		}
		n := &node{id: string(rune('a' + i)), url: "http://" + web, binary: g.binary, log: filepath.Join(g.dir, "log")}
		n.args = []string{"serve", "--node-id", n.id, "--data", filepath.Join(g.dir, n.id), "--listen", web, "--raft-listen", peers, "--log-level", "error"}
		if first == "" {
			first = peers
			n.args = append(n.args, "--bootstrap")
		} else {
			n.args = append(n.args, "--join", first)
		}
		g.nodes = append(g.nodes, n)
		if err := n.start(); err != nil {
			return err
		}
	}
	err := g.await("all nodes have a vote", func() bool {
		info, err := g.nodes[0].info()
		voters := 0
		for _, m := range info.Members {
			if m.Voter {
				voters++
			}
		}
		return err == nil && voters == nodesCount
	})
	if err != nil {
		return err
	}
	return g.await("the stock is there", func() bool {
		body := fmt.Sprintf(`{"location":%q,"items":[{"upc":%q,"quantity":1000000000}]}`, location, upc)
		response, err := lookClient.Post(g.nodes[0].url+"/v1/inventory/refresh", "application/json", strings.NewReader(body))
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
}

// freeAddresses are two that nobody hears at now.
func freeAddresses() (one, other string, err error) {
	a, errA := net.Listen("tcp", "127.0.0.1:0")
	b, errB := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(errA, errB); err != nil {
		return "", "", err
	}
	return a.Addr().String(), b.Addr().String(), errors.Join(a.Close(), b.Close())
}

func (n *node) start() error {
	n.cmd = exec.Command(n.binary, n.args...)
	// Its log is for whoever stops this command to look at it.
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	n.cmd.Stderr = log
	return n.cmd.Start()
}

// kill is kill -9.
func (n *node) kill() {
	_ = n.cmd.Process.Kill() // fails only if it has ended
	_ = n.cmd.Wait()
}

func (g *group) stop() {
	for _, n := range g.nodes {
		_ = n.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	}
	for _, n := range g.nodes {
		_ = n.cmd.Wait()
	}
}

// info is what a node says of itself.
type info struct {
	State   string `json:"state"`
	Ready   bool   `json:"ready"`
	Term    uint64 `json:"term"`
	Members []struct {
		Voter bool `json:"voter"`
	} `json:"members"`
}

func (n *node) info() (i info, err error) {
	response, err := lookClient.Get(n.url + "/v1/cluster")
	if err != nil {
		return i, err
	}
	defer response.Body.Close()
	return i, json.NewDecoder(response.Body).Decode(&i)
}

func (n *node) isReady() bool {
	response, err := lookClient.Get(n.url + "/readyz")
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// leader waits for a node that leads and serves and is not the given one.
func (g *group) leader(not *node) (leader *node, err error) {
	err = g.await("a node leads", func() bool {
		for _, n := range g.nodes {
			if n == not {
				continue
			}
			if info, err := n.info(); err == nil && info.State == "leader" && info.Ready {
				leader = n
			}
		}
		return leader != nil
	})
	return leader, err
}

func (g *group) await(what string, is func() bool) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for !is() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			return fmt.Errorf("in vain for %s: %s (%w)", patience, what, os.ErrDeadlineExceeded)
		}
	}
	return nil
}
