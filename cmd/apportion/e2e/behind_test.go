package e2e

import (
	"strings"
	"testing"

	"apportion/cmd/apportion/e2e/faulty"
)

// A node that was away for too long downloads a checkpoint, and its process opens it at the same addresses. It has all
// writes, and works as a member as before.
func TestClusterLeftBehind(t *testing.T) {
	c := newCluster(t, 3, "--checkpoint-interval", "200ms")
	for _, n := range c.nodes {
		n.stop()
		n.inject(faulty.Faults{TrailingEntries: 4})
		n.start()
		c.awaitReady()
	}
	var away *node
	c.load(func() {
		away = c.others(c.leader())[0]
		c.awaitOrders(20)
		away.kill()
		c.awaitCheckpoint()
		c.awaitOrders(50)
		c.awaitCheckpoint()
		away.start()
		c.await("it has installed a checkpoint", func() bool {
			return strings.Contains(away.Log.String(), "opening again with a checkpoint")
		})
		c.await("it is ready", away.isReady)
		c.awaitOrders(20)

		// The majority now needs this node.
		other := c.others(away)[0]
		other.kill()
		c.awaitOrders(20)
		other.start()
		c.awaitReady()
	})
	c.finish()
}

// awaitCheckpoint waits for another checkpoint of the leader, which truncates its log.
func (c *cluster) awaitCheckpoint() {
	c.t.Helper()
	leader := c.leader()
	made := func() int { return strings.Count(leader.Log.String(), "msg=checkpoint ") }
	before := made()
	c.await("a checkpoint", func() bool { return made() > before })
}
