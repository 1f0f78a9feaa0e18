package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"apportion/bench/rig"
	"apportion/cmd/apportion/e2e/faulty"
	"apportion/cmd/apportion/servertest"
)

// cluster is a cluster of real processes, each with a proxy in front of its Raft address.
type cluster struct {
	t       *testing.T
	dir     string
	network *network
	nodes   []*node
	args    []string // for all nodes
	loads   int      // the number of runs of clients
	made    atomic.Int64
}

// node is one of the processes. It keeps its addresses and its directory over restarts.
type node struct {
	*servertest.Server
	cluster     *cluster
	id          string
	url         string
	data        string
	faults      string // the file of its injected faults
	raftListen  string // --raft-listen
	raftAddress string // --raft-address: the proxy, or hears without one
	args        []string
	running     bool
}

// newCluster starts nodes and waits until all are voters. The tests of clusters mostly wait, so they run in parallel.
func newCluster(t *testing.T, voters int, args ...string) *cluster {
	t.Helper()
	t.Parallel()
	return startCluster(t, voters, args...)
}

func startCluster(t *testing.T, voters int, args ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), network: newNetwork(t), args: args}
	t.Cleanup(c.showLogs)
	for range voters {
		c.add()
	}
	c.await("all are voters", func() bool { return c.voters() == voters })
	c.awaitReady()
	return c
}

// add makes one more node and starts it: the first founds the cluster, the others join it.
func (c *cluster) add(args ...string) *node {
	c.t.Helper()
	n := c.make(args...)
	if len(c.nodes) == 0 {
		n.args = append(n.args, "--bootstrap")
	} else {
		n.args = append(n.args, "--join", c.nodes[0].raftAddress)
	}
	c.nodes = append(c.nodes, n)
	n.start()
	return n
}

// make returns a node that does not run yet and is not a member.
func (c *cluster) make(args ...string) *node {
	c.t.Helper()
	id := string(rune('a' + len(c.nodes)))
	listen := freeAddress(c.t)
	n := &node{cluster: c, id: id, url: "http://" + listen, data: filepath.Join(c.dir, id),
		faults: filepath.Join(c.dir, id+".faults"), raftListen: freeAddress(c.t)}
	var err error
	if n.raftAddress, err = c.network.proxy(id, n.raftListen); err != nil {
		c.t.Fatal(err)
	}
	how := rig.Node{Name: id, Data: n.data, Listen: listen, RaftListen: n.raftListen, RaftAddress: n.raftAddress}
	n.args = slices.Concat(how.Flags(), c.args, args)
	return n
}

// freeAddress is an address that no other process takes while its owner is down. On Linux each node has its own
// loopback address. Its ports are only given to processes that ask for that address.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
		if listener, err := net.Listen("tcp", host+":0"); err == nil {
			defer listener.Close()
			return listener.Addr().String()
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start starts the node's process and waits for nothing.
func (n *node) start() {
	n.cluster.t.Helper()
	n.Server = servertest.Launch(n.cluster.t, []string{faulty.Variable + "=" + n.faults}, n.args...)
	n.Server.URL, n.Server.OneOfSeveral = n.url, true
	n.running = true
}

func (n *node) kill() {
	n.cluster.t.Helper()
	n.running = false
	n.Server.Kill()
}

func (n *node) stop() {
	n.cluster.t.Helper()
	n.running = false
	n.Server.Stop()
}

// ended reports whether the process has ended by itself.
func (n *node) ended() bool {
	if n.Ended() {
		n.running = false
	}
	return !n.running
}

// inject sets the faults of the node's disk and clock.
func (n *node) inject(i faulty.Faults) {
	n.cluster.t.Helper()
	if err := i.Write(n.faults); err != nil {
		n.cluster.t.Fatal(err)
	}
}

// freeze stops the process without ending it; thaw continues it.
func (n *node) freeze() { n.Signal(syscall.SIGSTOP) }
func (n *node) thaw()   { n.Signal(syscall.SIGCONT) }

// lookClient has a short timeout, because its callers repeat their requests.
var lookClient = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// info is the node's own report of the cluster.
func (n *node) info() (info rig.Status, err error) {
	r, err := servertest.Send(lookClient, http.MethodGet, n.url+"/v1/cluster", "", "")
	if err != nil {
		return info, err
	}
	if r.Status != http.StatusOK {
		return info, fmt.Errorf("status %d", r.Status)
	}
	return info, json.Unmarshal(r.Body, &info)
}

func (n *node) isReady() bool {
	r, err := servertest.Send(lookClient, http.MethodGet, n.url+"/readyz", "", "")
	return err == nil && r.Status == http.StatusOK
}

// await waits until is reports true.
func (c *cluster) await(what string, is func() bool) {
	c.t.Helper()
	servertest.Await(c.t, what, is)
}

// showLogs prints the end of each node's log if the test has failed.
func (c *cluster) showLogs() {
	if !c.t.Failed() {
		return
	}
	for _, n := range c.nodes {
		if n.Server == nil {
			continue
		}
		c.t.Logf("--- the end of the log of %s:\n%s", n.id, n.logEnd())
	}
}

// logEnd is the end of the node's log.
func (n *node) logEnd() string {
	const shown = 6000
	text := n.Log.String()
	return text[max(0, len(text)-shown):]
}

// awaitReady waits until every node that runs is ready.
func (c *cluster) awaitReady() {
	c.t.Helper()
	for _, n := range c.nodes {
		if n.running {
			c.await(n.id+" is ready", n.isReady)
		}
	}
}

// leader waits for a leader that is ready, and returns it.
func (c *cluster) leader() (leader *node) {
	c.t.Helper()
	c.await("a leader", func() bool {
		leader = c.leaderNow()
		return leader != nil
	})
	return leader
}

// leaderNow is the node that leads in the latest term, nil if none does.
func (c *cluster) leaderNow() *node { return c.leaderAmong(c.nodes) }

func (c *cluster) leaderAmong(nodes []*node) (leader *node) {
	term := uint64(0)
	for _, n := range nodes {
		if !n.running {
			continue
		}
		if info, err := n.info(); err == nil && info.State == "leader" && info.Ready && info.Term > term {
			leader, term = n, info.Term
		}
	}
	return leader
}

// others returns all nodes but one.
func (c *cluster) others(not *node) (others []*node) {
	for _, n := range c.nodes {
		if n != not {
			others = append(others, n)
		}
	}
	return others
}

// names returns the names of the nodes.
func (c *cluster) names() (names []string) {
	for _, n := range c.nodes {
		names = append(names, n.id)
	}
	return names
}

// agree waits until all running nodes have applied the same entries.
func (c *cluster) agree() {
	c.t.Helper()
	c.await("all nodes have applied the same", func() bool {
		var applied []uint64
		for _, n := range c.nodes {
			if n.running {
				info, err := n.info()
				if err != nil {
					return false
				}
				applied = append(applied, info.AsOf)
			}
		}
		return slices.Min(applied) == slices.Max(applied)
	})
}

// finish stops all nodes, and demands that each directory verifies and that all hold the same state.
func (c *cluster) finish() {
	c.t.Helper()
	c.agree()
	var want verifyReport
	for _, n := range c.nodes {
		if n.running {
			n.stop()
		}
	}
	for i, n := range c.nodes {
		got := verified(c.t, n.data)
		if i == 0 {
			want = got
		}
		if got.StateHash != want.StateHash || got.AppliedIndex != want.AppliedIndex {
			c.t.Errorf("%s holds state %s of index %d, %s holds %s of %d", n.id, got.StateHash, got.AppliedIndex,
				c.nodes[0].id, want.StateHash, want.AppliedIndex)
		}
	}
}

// verifyReport is a part of the output of `apportion verify --json`.
type verifyReport struct {
	AppliedIndex uint64 `json:"appliedIndex"`
	StateHash    string `json:"stateHash"`
}

// verified demands that `apportion verify` finds no problem, and returns its report.
func verified(t *testing.T, data string) (report verifyReport) {
	t.Helper()
	status, stdout, stderr := servertest.Run(t, "verify", "--json", "--data", data)
	if status != 0 {
		t.Fatalf("verify %s ended with %d\n%s\n%s", data, status, stdout, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("verify --json says %q: %v", stdout, err)
	}
	return report
}
