package e2e

import (
	"strings"
	"syscall"
	"testing"

	"apportion/cmd/apportion/e2e/faulty"
	"apportion/cmd/apportion/servertest"
)

// A leader that is stopped transfers its leadership first: nobody waits for an election. The election timeout is longer
// than the test, so nothing else can make a leader. Each node is restarted while clients write: each restart of a
// leader adds one term, other restarts add none.
func TestClusterStopHandsOver(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.leader()
	for _, n := range append(c.others(leader), leader) {
		c.restart(n, "--election-timeout", "10m")
	}
	term := func() uint64 {
		t.Helper()
		info, err := c.leader().info()
		if err != nil {
			t.Fatal(err)
		}
		return info.Term
	}
	c.load(func() {
		for range 2 {
			leader, others := c.leader(), c.others(c.leader())
			for _, n := range append(others, leader) {
				before, led := term(), c.leader() == n
				c.restart(n)
				c.awaitOrders(20)
				want := before
				if led {
					want++
				}
				if got := term(); got != want {
					t.Errorf("%s was restarted, and led before: %v: the term is %d, was %d", n.id, led, got, before)
				}
			}
		}
	})
	c.finish()
}

// restart stops a node and starts it again, with more arguments.
func (c *cluster) restart(n *node, args ...string) {
	c.t.Helper()
	n.stop()
	n.args = append(n.args, args...)
	n.start()
	c.await(n.id+" is ready", n.isReady)
}

// A leader that cannot transfer its leadership, because no other node answers, is isolated during the rest of its stop,
// which takes long here because its disk does not answer. The others do not follow it when they are back.
func TestClusterRetires(t *testing.T) {
	c := newCluster(t, 3, "--stall-timeout", "10m") // a disk that does not answer is no reason to fall silent
	a, b, d := c.nodes[0], c.nodes[1], c.nodes[2]
	c.restart(a, "--election-timeout", "10m") // it does not step down by itself when it is alone
	c.lead(a)
	a.inject(faulty.Faults{Stalled: true})
	b.kill() // and not frozen: a call to it fails at once, well before the disk has been silent for too long
	d.kill()
	a.Signal(syscall.SIGTERM)
	servertest.AwaitLog(t, a.Server, "no other node took the leadership")
	silent := func() bool { return strings.Contains(a.Log.String(), "it isolates itself") }
	c.await("it isolates itself, or has ended", func() bool { return silent() || a.ended() })
	if !silent() {
		t.Errorf("it took part until its end:\n%s", a.logEnd())
	}
	b.start()
	d.start()
	c.await("another node leads", func() bool { return c.leaderAmong(c.others(a)) != nil })
	_ = a.Wait()
	a.running = false
	a.inject(faulty.Faults{})
	a.start()
	c.awaitReady()
	c.finish()
}
