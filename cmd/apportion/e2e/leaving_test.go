package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"apportion/cmd/apportion/e2e/faulty"
	"apportion/cmd/apportion/servertest"
)

// A leader that is stopped first transfers its leadership, so that no election is needed. The election timeout is
// longer than the test, so nothing else can make a leader. Each node is restarted while clients write. Each restart of
// a leader adds one term, other restarts add none.
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

// A leader cannot transfer its leadership, because no other node answers. It isolates itself for the rest of its stop,
// which is slow here because its disk does not answer. The others do not follow it when they are back.
func TestClusterRetires(t *testing.T) {
	c := newCluster(t, 3, "--stall-timeout", "10m") // so that it does not isolate itself because of its disk
	a, b, d := c.nodes[0], c.nodes[1], c.nodes[2]
	c.restart(a, "--election-timeout", "10m") // so that it does not step down when it is alone
	c.lead(a)
	c.await("it has caught up with its own term", func() bool { // until then it has nothing to hand over
		reply, err := servertest.Send(lookClient, http.MethodGet, a.url+"/v1/tag-categories", "", "")
		return err == nil && reply.Status == http.StatusOK
	})
	a.inject(faulty.Faults{Stalled: true})
	b.kill() // not frozen: a call to it fails at once, long before the limit of a silent disk
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
