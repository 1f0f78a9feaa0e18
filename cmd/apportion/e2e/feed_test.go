package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"apportion/cmd/apportion/servertest"
	"apportion/httpapi/stream"
)

// feedClient keeps a copy of all records, or those of one location, in step with a cluster, by the feed of changes. It
// uses one node until that node fails, then another.
type feedClient struct {
	nodes    []*node
	rng      *rand.Rand
	location string // empty: all

	mu       sync.Mutex
	id       string            // of the last event
	records  map[string]string // by location and UPC
	versions map[string]uint64
	faults   []string
}

// feedElement is what the client looks at of an element of the feed.
type feedElement struct {
	Location, UPC string
	Version       uint64
	Deleted       bool
}

func (e *feedElement) key() string { return e.Location + "/" + e.UPC }

// run follows the feed until ctx ends.
func (c *feedClient) run(ctx context.Context) {
	for at := c.rng.IntN(len(c.nodes)); ctx.Err() == nil; at++ {
		if !c.follow(ctx, c.nodes[at%len(c.nodes)]) {
			pause := time.NewTimer(servertest.RetryPause)
			<-pause.C
		}
	}
}

// follow applies one stream until it ends, or until the client itself ends it. It reports whether there was one.
func (c *feedClient) follow(ctx context.Context, n *node) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	url := n.url + "/v1/changes"
	if c.location != "" {
		url += "?locations=" + c.location
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		c.faults = append(c.faults, err.Error())
		return false
	}
	request.Header.Set("Accept", stream.MediaType)
	if c.id != "" {
		request.Header.Set("Last-Event-ID", c.id)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		if text, _ := io.ReadAll(reply.Body); reply.StatusCode < 500 {
			c.mu.Lock()
			c.faults = append(c.faults, fmt.Sprintf("%s: %s: %s", n.id, reply.Status, text))
			c.mu.Unlock()
		}
		return false
	}
	in := stream.NewReader(reply.Body, 1<<20)
	for left := 1 + c.rng.IntN(2000); left > 0; left-- {
		ev, err := in.Read()
		if err != nil {
			return true
		}
		c.apply(ev)
	}
	return true
}

// apply applies an event. The number of a record's change never falls, whichever node tells of it.
func (c *feedClient) apply(ev stream.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = ev.ID
	if ev.Type == "copied" || ev.Type == "problem" {
		return
	}
	var e feedElement
	if err := json.Unmarshal(ev.Data, &e); err != nil {
		c.faults = append(c.faults, err.Error())
		return
	}
	if e.Deleted {
		delete(c.records, e.key())
		return
	}
	if e.Version < c.versions[e.key()] {
		c.faults = append(c.faults, fmt.Sprintf("%s came with version %d after version %d", e.key(), e.Version,
			c.versions[e.key()]))
	}
	c.records[e.key()], c.versions[e.key()] = string(ev.Data), e.Version
}

// equals reports whether the client has exactly those of the records that it asks for.
func (c *feedClient) equals(records map[string]string) bool {
	records = maps.Clone(records)
	maps.DeleteFunc(records, func(key, _ string) bool {
		return c.location != "" && !strings.HasPrefix(key, c.location+"/")
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Equal(c.records, records)
}

// allRecords reads all records of a node, in pages.
func (n *node) allRecords() (map[string]string, error) {
	records, after := map[string]string{}, ""
	for {
		r, err := servertest.Send(lookClient, http.MethodGet, n.url+"/v1/changes?limit=1000&after="+after, "", "")
		if err != nil {
			return nil, err
		}
		var page struct {
			Next    string
			More    bool
			Changes []json.RawMessage
		}
		if err := json.Unmarshal(r.Body, &page); err != nil || r.Status != http.StatusOK {
			return nil, fmt.Errorf("status %d: %s, %w", r.Status, r.Body, err)
		}
		for _, data := range page.Changes {
			var e feedElement
			if err := json.Unmarshal(data, &e); err != nil {
				return nil, err
			}
			if records[e.key()] = string(data); e.Deleted {
				delete(records, e.key())
			}
		}
		if after = page.Next; !page.More {
			return records, nil
		}
	}
}

// writeStock changes, creates and deletes records at any node until ctx ends. Whether a write took effect does not
// matter here.
func writeStock(ctx context.Context, rng *rand.Rand, nodes []*node) {
	for ctx.Err() == nil {
		location, upc := fmt.Sprint("L", rng.IntN(5)), fmt.Sprint("U", rng.IntN(60))
		path, body := "/v1/inventory/refresh", servertest.RefreshBody(location, upc, rng.Int64N(1000))
		if rng.IntN(8) == 0 {
			path = "/v1/inventory/delete"
			body = fmt.Sprintf(`{"upcs":[%q],"locations":[%q],"force":true}`, upc, location)
		}
		n := nodes[rng.IntN(len(nodes))]
		if _, err := servertest.Send(lookClient, http.MethodPost, n.url+path, "", body); err != nil {
			pause := time.NewTimer(servertest.RetryPause)
			<-pause.C
		}
	}
}

// TestClusterFeed: clients that follow the feed of changes while nodes are killed and leadership changes, each over
// many connections to all nodes, end with exactly the cluster's records, or those of their location: no loss, no
// phantom.
func TestClusterFeed(t *testing.T) {
	c := newCluster(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	writing, stopWriting := context.WithCancel(ctx)
	var writers, followers sync.WaitGroup
	for i := range 2 {
		writers.Go(func() { writeStock(writing, rand.New(rand.NewPCG(1, uint64(i))), c.nodes) })
	}
	var clients []*feedClient
	for i := range 6 {
		client := &feedClient{nodes: c.nodes, rng: rand.New(rand.NewPCG(2, uint64(i))), records: map[string]string{},
			versions: map[string]uint64{}}
		if i%2 == 1 {
			client.location = fmt.Sprint("L", i/2)
		}
		clients = append(clients, client)
		followers.Go(func() { client.run(ctx) })
	}
	for range 2 {
		leader := c.leader()
		leader.kill()
		c.leader()
		leader.start()
		c.awaitReady()
		follower := c.others(c.leader())[0]
		follower.kill()
		follower.start()
		c.awaitReady()
		c.lead(c.others(c.leader())[0])
	}
	stopWriting()
	writers.Wait()
	c.awaitReady()
	want, err := c.leader().allRecords()
	if err != nil || len(want) < 50 { // a busy machine writes little
		t.Fatalf("the cluster has %d records, %v", len(want), err)
	}
	for i, client := range clients {
		c.await(fmt.Sprintf("client %d has the records of the cluster", i), func() bool { return client.equals(want) })
	}
	for _, n := range c.nodes {
		if got, err := n.allRecords(); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s lists %d records, %v; the leader has %d", n.id, len(got), err, len(want))
		}
	}
	cancel()
	followers.Wait()
	for i, client := range clients {
		if len(client.faults) > 0 {
			t.Errorf("client %d: %s", i, strings.Join(client.faults, "\n"))
		}
	}
	c.finish()
}
