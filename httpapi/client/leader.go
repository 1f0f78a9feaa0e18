package client

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"apportion/httpapi/api"
)

const (
	// lookInterval is how long a found leader is taken for one. After a change of leaders without a failure, requests
	// take a hop more until then.
	lookInterval = 30 * time.Second

	// lookTimeout bounds the question to one node whether it leads.
	lookTimeout = 2 * time.Second
)

// nodes knows which node to ask.
type nodes struct {
	urls []string

	mu      sync.Mutex
	at      int       // in urls
	looked  time.Time // for the leader; zero: look before the next request
	looking bool
}

// current is the node to ask now, and whether the caller should look for the leader first.
func (n *nodes) current(now time.Time) (at int, look bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	look = len(n.urls) > 1 && !n.looking && now.Sub(n.looked) > lookInterval
	n.looking = n.looking || look
	return n.at, look
}

// found ends a search for the leader; -1: there is none.
func (n *nodes) found(leader int, now time.Time) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.looking, n.looked = false, now
	if leader >= 0 {
		n.at = leader
	}
	return n.at
}

// failed leaves a node that did not answer, unless another goroutine has left it already.
func (n *nodes) failed(at int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.at == at {
		n.at = (at + 1) % len(n.urls)
		n.looked = time.Time{}
	}
}

// node gives the node for the next attempt.
func (c *Client) node(ctx context.Context) int {
	at, look := c.nodes.current(time.Now())
	if !look {
		return at
	}
	return c.nodes.found(c.leader(ctx), time.Now())
}

// leader asks all nodes at once which one leads. It is -1 if none says so.
func (c *Client) leader(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, min(lookTimeout, c.config.Timeout))
	defer cancel()
	leads := make(chan int, len(c.nodes.urls))
	for i := range c.nodes.urls {
		go func() {
			var cluster api.Cluster
			a := c.attempt(ctx, i, newCall(read, http.MethodGet, path("cluster"), nil))
			if a.err == nil && json.Unmarshal(a.text, &cluster) == nil && cluster.State == "leader" {
				leads <- i
				return
			}
			leads <- -1
		}()
	}
	for range c.nodes.urls {
		if leader := <-leads; leader >= 0 {
			return leader
		}
	}
	return -1
}
