package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// impatient nodes have a short timeout, so that clients soon try another node.
var impatient = []string{"--request-timeout", "1s"}

// A part of the network around the leader fails, in one direction or both, silently or with resets. The others elect
// another leader if they must. Clients that send again get their answers. The old leader follows when it can.
func TestClusterPartition(t *testing.T) {
	c := newCluster(t, 3, impatient...)
	f := func(name string, resume bool, rule linkRule, links func(leader string, all []string) []link) {
		t.Helper()
		t.Log(name)
		leader := c.leader()
		c.load(func() {
			c.network.set(rule, resume, links(leader.id, c.names())...)
			c.await("a node leads the majority: "+name, func() bool {
				now := c.leaderNow()
				return now != nil && c.majorityWrites(now)
			})
			c.awaitOrders(50)
			c.network.heal(resume)
			c.awaitReady()
		})
		c.agree()
	}
	both := func(leader string, all []string) []link { return between([]string{leader}, all) }
	f("black hole", false, linkRule{cut: true}, both)
	f("black hole, what was held back comes late", true, linkRule{cut: true}, both)
	f("resets", false, linkRule{reset: true}, both)
	f("the leader is not heard", false, linkRule{cut: true}, oneWay)
	f("the leader hears nothing", false, linkRule{cut: true}, inWay)
	f("between the followers", false, linkRule{cut: true}, func(leader string, all []string) (links []link) {
		for _, l := range between(all, all) {
			if l.from != leader && l.to != leader {
				links = append(links, l)
			}
		}
		return links
	})
	c.finish()
}

// majorityWrites reports whether a write to a node is committed.
func (c *cluster) majorityWrites(n *node) bool {
	r, err := servertest.Send(lookClient, http.MethodPost, n.url+"/v1/inventory/refresh", "",
		servertest.RefreshBody("W2", "Z", 1))
	return err == nil && r.Status == http.StatusOK
}

// A leader that was frozen does not know that another one was elected meanwhile. It must not answer from its old state.
func TestClusterFrozenLeader(t *testing.T) {
	c := newCluster(t, 3, impatient...)
	c.leader().Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 100), http.StatusOK)
	for range 3 {
		old := c.leader()
		onHand, _ := old.Figures("W1", "A")
		old.freeze()
		var now *node
		c.await("another one leads", func() bool {
			now = c.leaderAmong(c.others(old))
			return now != nil
		})
		now.Call("POST", "/v1/inventory/adjust", `{"location":"W1","items":[{"upc":"A","quantity":1}]}`, http.StatusOK)
		old.thaw()
		got := int64(0)
		c.await("the old leader lets read", func() bool {
			r, err := servertest.Send(lookClient, http.MethodGet, old.url+"/v1/inventory/W1/A", "", "")
			if err != nil || r.Status != http.StatusOK {
				return false
			}
			var read servertest.InventoryReply
			if err := json.Unmarshal(r.Body, &read); err != nil || len(read.Records) != 1 {
				t.Fatalf("%s: %v", r.Body, err)
			}
			got = read.Records[0].OnHand
			return true
		})
		if got != onHand+1 {
			t.Errorf("the old leader reads %d units on hand, want %d: the write was acknowledged before", got, onHand+1)
		}
		c.awaitReady()
	}
	c.finish()
}
