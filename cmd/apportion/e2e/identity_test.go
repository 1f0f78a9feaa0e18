package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// A voter whose disk is lost has no vote: it may have voted before, and the others rely on its stored entries. While b
// is away, a and c acknowledge orders. Then c loses its disk, and a is down. If c could vote, b would lead without the
// orders, and a would drop them.
func TestClusterLostDisk(t *testing.T) {
	for _, test := range []struct {
		name string
		join bool
	}{{"it asks to join", true}, {"it waits to be added", false}} {
		t.Run(test.name, func(t *testing.T) {
			cluster := newCluster(t, 3)
			a, b, c := cluster.nodes[0], cluster.nodes[1], cluster.nodes[2]
			cluster.lead(a)
			a.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 100), http.StatusOK)
			c.join(b) // a is down, so c asks b
			if !test.join {
				c.args = withoutFlag(c.args, "--join", c.argument("--join"))
			}

			b.freeze()
			for i := range 5 {
				a.Call("POST", fmt.Sprintf("/v1/orders/o%d/allocate", i),
					`{"lines":[{"itemId":"1","upc":"A","location":"W1","quantity":1}]}`, http.StatusOK)
			}
			a.kill()
			c.kill()
			servertest.Remove(t, c.data)
			c.start()
			b.thaw()
			cluster.await("c has been asked for its vote, and has none", func() bool {
				if leader := cluster.leaderAmong([]*node{b, c}); leader != nil {
					t.Fatalf("%s leads, elected by a voter without its past", leader.id)
				}
				return strings.Contains(b.Log.String(), "remove the member")
			})

			a.start()
			for _, n := range []*node{a, b} {
				cluster.await(n.id+" is ready", n.isReady)
				for i := range 5 {
					n.Call("GET", fmt.Sprintf("/v1/orders/o%d", i), "", http.StatusOK)
				}
			}
			if info, err := a.info(); err != nil || len(info.Members) != 3 || info.Members[2].ID != "c" {
				t.Errorf("the members are %+v, %v", info.Members, err)
			}
			cluster.replace(c)
			cluster.awaitReady()
			cluster.finish()
		})
	}
}

// A founder whose disk is lost does not found a second cluster while the first one exists.
func TestClusterLostFounder(t *testing.T) {
	c := newCluster(t, 3)
	founder := c.nodes[0]
	founder.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 100), http.StatusOK)
	founder.kill()
	servertest.Remove(t, founder.data)
	founder.start()
	c.await("it ends", founder.ended)
	for _, want := range []string{"cluster remove a", "--join"} {
		if log := founder.Log.String(); !strings.Contains(log, want) {
			t.Errorf("its last words do not say %q:\n%s", want, log)
		}
	}
	c.replace(founder)
	c.awaitReady()
	if onHand, _ := founder.Figures("W1", "A"); onHand != 100 {
		t.Errorf("%d units are on hand, want 100", onHand)
	}
	c.finish()
}

// A data directory belongs to one node.
func TestClusterDirectoryOfAnother(t *testing.T) {
	c := newCluster(t, 1)
	a := c.nodes[0]
	a.stop()
	args := withoutFlag(a.args, "--node-id", "a")
	status, _, stderr := servertest.Run(t, append([]string{"serve", "--node-id", "b"}, args...)...)
	if status != 1 || !strings.Contains(stderr, "belongs to node a") {
		t.Errorf("status %d\n%s", status, stderr)
	}
	a.start()
	c.awaitReady()
}

// lead transfers the leadership to a node.
func (c *cluster) lead(n *node) {
	c.t.Helper()
	c.await(n.id+" leads", func() bool {
		if leader := c.leader(); leader != n {
			// await repeats it after an error
			_, _ = servertest.Send(lookClient, http.MethodPost, leader.url+"/v1/cluster/transfer-leader", "",
				fmt.Sprintf(`{"to":%q}`, n.id))
			return false
		}
		return true
	})
}

// replace removes a node whose disk is lost and adds it again with an empty one, as docs/cluster.md says.
func (c *cluster) replace(lost *node) {
	c.t.Helper()
	if !lost.ended() {
		lost.kill()
	}
	other := c.others(lost)[0]
	c.await(lost.id+" is removed", func() bool {
		status, stdout, stderr := servertest.Run(c.t, "cluster", "remove", lost.id, "--server", other.url)
		return status == 0 && !strings.Contains(stdout, lost.raftAddress) || strings.Contains(stderr, "unknown-member")
	})
	servertest.Remove(c.t, lost.data)
	lost.args = withoutFlag(lost.args, "--bootstrap")
	lost.join(other)
	lost.start()
	c.await(lost.id+" has a vote again", func() bool {
		info, err := other.info()
		for _, m := range info.Members {
			if m.ID == lost.id && m.Voter {
				return err == nil
			}
		}
		return false
	})
}
