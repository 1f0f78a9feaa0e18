package e2e

import (
	"testing"
	"time"

	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// TestClusterClient: the Go client, given all nodes, goes on while leaders are killed and hand over, and each of its
// writes takes effect once. A stock count stays open over all this, and still knows what it has named.
func TestClusterClient(t *testing.T) {
	c := newCluster(t, 3)
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, n.url)
	}
	asks, err := client.New(client.Config{Servers: urls, Timeout: clientTimeout, Patience: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Close()
	if _, err := asks.Refresh(t.Context(), api.Refresh{Location: "W1",
		Items: []api.StockItem{{UPC: "UPC-1"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Refresh(t.Context(), api.Refresh{Location: "W1",
		Items: []api.StockItem{{UPC: "UPC-2", Quantity: 7}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.StartCount(t.Context(), "W1", api.StartCount{Count: "night"}); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Refresh(t.Context(), api.Refresh{Location: "W1", Count: "night",
		Items: []api.StockItem{{UPC: "UPC-1", Quantity: 5}}}); err != nil {
		t.Fatal(err)
	}
	want := int64(5)
	add := func(writes int) {
		t.Helper()
		for range writes {
			if _, err := asks.Adjust(t.Context(), api.Adjust{Location: "W1",
				Items: []api.StockItem{{UPC: "UPC-1", Quantity: 1}}}); err != nil {
				t.Fatal(err)
			}
			want++
		}
	}
	add(20)
	for range 2 {
		leader := c.leader()
		leader.kill()
		add(20)
		leader.start()
		c.awaitReady()
		if _, err := asks.TransferLeader(t.Context(), api.TransferLeader{}); err != nil {
			t.Logf("no other node took over, which does not matter here: %v", err)
		}
		add(20)
	}
	closed, err := asks.CloseCount(t.Context(), "W1", api.CloseCount{Count: "night", Complete: true})
	if err != nil || closed.Unnamed.Records != 1 || closed.Unnamed.Changes[0].UPC != "UPC-2" {
		t.Fatalf("the count closed with %+v, %v", closed, err)
	}
	record, err := asks.Record(t.Context(), "W1", "UPC-1")
	if err != nil || record.OnHand != want {
		t.Fatalf("got %+v, %v, want %d on hand", record, err, want)
	}
	c.finish()
}
