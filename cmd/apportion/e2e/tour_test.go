package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apportion/cmd/apportion/servertest"
)

// steadyClient writes orders at one node after another until it is stopped. It sends a request again, with its key,
// until there is an answer. Such a client sees no failed request while only one node fails at a time.
type steadyClient struct {
	nodes []*node
	name  string
	upc   string
	made  *atomic.Int64 // by all clients

	orders   int // acknowledged
	retries  int
	replayed int // acknowledged orders that an earlier attempt had made
	longest  time.Duration
	failures []string // unexpected answers
}

func (c *steadyClient) run(stop <-chan struct{}) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for at := 0; ; c.orders++ {
		order := fmt.Sprintf("%s-%d", c.name, c.orders)
		body := fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":"W1","quantity":1}]}`, c.upc)
		begin := time.Now()
		for try := 0; ; try++ {
			r, err := servertest.Send(client, http.MethodPost, c.nodes[at].url+"/v1/orders/"+order+"/allocate", order,
				body)
			if err == nil && r.Status == http.StatusOK {
				if r.Replayed {
					c.replayed++
				}
				break
			}
			if err == nil && r.Status != http.StatusServiceUnavailable {
				c.failures = append(c.failures, fmt.Sprintf("%s: status %d: %s", order, r.Status, r.Body))
				return
			}
			c.retries++
			at = (at + 1) % len(c.nodes)
			pause := time.NewTimer(servertest.RetryPause)
			<-pause.C
		}
		c.made.Add(1)
		c.longest = max(c.longest, time.Since(begin))
		select {
		case <-stop:
			c.orders++
			return
		default:
		}
	}
}

// load runs steady clients while happens runs, and demands that each of their orders is there once.
func (c *cluster) load(happens func()) {
	c.t.Helper()
	const stock, clients = 1_000_000, 4
	c.loads++
	upc := fmt.Sprint("load-", c.loads)
	c.leader().Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", upc, stock), http.StatusOK)
	stop := make(chan struct{})
	all := make([]*steadyClient, clients)
	var running sync.WaitGroup
	var ended atomic.Bool
	for i := range all {
		// Each client begins at another node.
		nodes := append(append([]*node{}, c.nodes[i%len(c.nodes):]...), c.nodes[:i%len(c.nodes)]...)
		all[i] = &steadyClient{nodes: nodes, name: fmt.Sprintf("%s-%d", upc, i), upc: upc, made: &c.made}
		running.Go(func() { all[i].run(stop) })
	}
	defer func() { // also if happens ends the test
		if !ended.Swap(true) {
			close(stop)
		}
	}()
	happens()
	ended.Store(true)
	close(stop)
	running.Wait()
	orders, retries, replayed, longest := 0, 0, 0, time.Duration(0)
	for _, client := range all {
		for _, failure := range client.failures {
			c.t.Error(failure)
		}
		orders, retries, replayed = orders+client.orders, retries+client.retries, replayed+client.replayed
		longest = max(longest, client.longest)
	}
	c.t.Logf("%d orders, %d requests sent again, %d of them had been done; the longest took %s", orders, retries,
		replayed, longest.Round(time.Millisecond))
	for _, n := range c.nodes {
		if !n.running {
			continue
		}
		if _, allocated := n.Figures("W1", upc); allocated != int64(orders) {
			c.t.Errorf("%s has %d orders, the clients made %d", n.id, allocated, orders)
		}
	}
}

// awaitOrders waits until the clients of load have made a number of orders more.
func (c *cluster) awaitOrders(more int64) {
	c.t.Helper()
	before := c.made.Load()
	c.await("clients go on", func() bool { return c.made.Load() >= before+more })
}

// A write may be sent to any node, and can be read at any node as soon as it is acknowledged.
func TestClusterForwards(t *testing.T) {
	c := newCluster(t, 3)
	for i, at := range c.nodes {
		upc := fmt.Sprint("U", i)
		at.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", upc, 10), http.StatusOK)
		at.Call("POST", fmt.Sprintf("/v1/orders/%d/allocate", i),
			fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":"W1","quantity":3}]}`, upc), http.StatusOK)
		for _, n := range c.nodes {
			if onHand, allocated := n.Figures("W1", upc); onHand != 10 || allocated != 3 {
				t.Errorf("written at %s, %s reads on hand %d, allocated %d", at.id, n.id, onHand, allocated)
			}
			n.Call("GET", fmt.Sprintf("/v1/orders/%d", i), "", http.StatusOK)
		}
		// A refusal also uses the leader's stock.
		at.Call("POST", fmt.Sprintf("/v1/orders/more-%d/allocate", i),
			fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":"W1","quantity":8}]}`, upc), http.StatusConflict)
	}
	c.finish()
}

// A leader that is stopped first transfers its leadership. No election is needed, and clients that send again lose
// nothing. It ends with status 0, and can start again.
func TestClusterHandsOver(t *testing.T) {
	c := newCluster(t, 3)
	old := c.leader()
	c.load(func() {
		old.stop()
		c.await("another one leads", func() bool { leader := c.leaderNow(); return leader != nil && leader != old })
		old.start()
		c.awaitReady()
	})
	c.finish()
}

// Nodes are restarted one after another, as for an upgrade, while clients write. No request fails for clients that send
// again.
func TestClusterRollingRestart(t *testing.T) {
	c := newCluster(t, 3)
	c.load(func() {
		for _, n := range c.nodes {
			n.stop()
			n.start()
			c.await(n.id+" is ready", n.isReady)
		}
	})
	c.finish()
}

// kill -9 of the leader, twice, while clients write: each acknowledged write is there once.
func TestClusterLeaderKilled(t *testing.T) {
	c := newCluster(t, 3)
	c.load(func() {
		for range 2 {
			old := c.leader()
			old.kill()
			c.await("another one leads", func() bool { return c.leaderNow() != nil })
			c.awaitOrders(50)
			old.start()
			c.await(old.id+" is ready", old.isReady)
		}
	})
	c.finish()
}
