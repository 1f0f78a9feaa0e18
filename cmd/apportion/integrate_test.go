package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"apportion/cmd/apportion/servertest"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// TestIntegrate: the recipes of docs/integrate.md, whose code is in this file, do what the document says.
func TestIntegrate(t *testing.T) {
	document, err := os.ReadFile("../../docs/integrate.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("integrate_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := bytes.Split(document, []byte("```go\n"))[1:]
	if len(blocks) < 3 {
		t.Errorf("%d blocks of Go found in the document", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ := bytes.Cut(block, []byte("```"))
		if !bytes.Contains(code, block) {
			t.Errorf("docs/integrate.md has code that this test does not have:\n%s", block)
		}
	}

	s := servertest.Start(t, filepath.Join(t.TempDir(), "data"), "--webhook-allow-private")
	c, err := client.New(client.Config{Servers: []string{s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.PutTagCategory(t.Context(), "Channel", api.PutTagCategory{Values: []api.TagValue{
		{Value: "Web", Default: true}, {Value: "Amazon"}}}); err != nil {
		t.Fatal(err)
	}
	t.Run("listing", func(t *testing.T) { testListing(t, c) })
	t.Run("sold out", func(t *testing.T) { testSoldOut(t, c) })
	t.Run("night", func(t *testing.T) { testNight(t, s, c) })
	s.Stop()
}

// listing is what a channel offers: units by location and UPC, as of a place in the feed. A real one is in the
// channel's own database, and Cursor is stored in the same transaction as the units.
type listing struct {
	mu     sync.Mutex
	Cursor string
	Units  map[offer]int64
	fresh  map[offer]int64 // while all records come: what has come
}

type offer struct{ location, upc string }

// apply brings the listing up to one change.
func (l *listing) apply(change *client.FollowedChange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	into, at := l.Units, offer{change.Location, change.UPC}
	if l.fresh != nil {
		into = l.fresh
	}
	switch {
	case change.Copied: // what is not in the copy has gone
		l.Units, l.fresh = l.fresh, nil
	case change.Deleted:
		delete(into, at)
	default:
		into[at] = 0
		for _, segment := range change.Segments { // those of the channel
			into[at] += max(segment.Available, 0)
		}
	}
	l.Cursor = change.Cursor
}

// beginAgain prepares for all records. The old units are offered until the new ones are complete.
func (l *listing) beginAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Cursor, l.fresh = "", map[offer]int64{}
}

// keepListing keeps the listing of a channel in step with the server until ctx ends.
func keepListing(ctx context.Context, c *client.Client, channel string, l *listing) error {
	if l.Cursor == "" {
		l.beginAgain()
	}
	for {
		var err error
		filter := client.ChangeFilter{Tags: api.Tags{"Channel": channel}}
		for change, failed := range c.FollowChanges(ctx, filter, l.Cursor) {
			if err = failed; err == nil {
				l.apply(change)
			}
		}
		var problem *api.Problem
		if !errors.As(err, &problem) || problem.Code != "cursor-expired" {
			return err // ctx has ended, or no server answers
		}
		l.beginAgain()
	}
}

// loadNight loads the file of a stock system. makeFile has it made, as of the moment at which the count began.
func loadNight(ctx context.Context, c *client.Client, location, count string, makeFile func() []byte) (*api.Imported,
	error) {
	if _, err := c.StartCount(ctx, location, api.StartCount{Count: count}); err != nil {
		return nil, err
	}
	file := makeFile() // orders go on being filled meanwhile
	done, err := c.ImportStock(ctx, file, client.ImportOptions{Location: location, Count: count}, client.Key(count))
	if err != nil {
		return nil, err
	}
	// The file has all that there is: the rest is set to zero, unless the bad rows may be about it.
	_, err = c.CloseCount(ctx, location, api.CloseCount{Count: count, Complete: done.Bad == 0})
	return done, err
}

// hooks takes messages of a webhook. A real one puts them into a queue that outlives the process.
type hooks struct {
	verifier *standardwebhooks.Webhook
	queue    chan api.Event

	mu   sync.Mutex
	seen map[string]bool // ids of messages; those of the last day are enough
}

// ServeHTTP implements http.Handler. It answers at once: another goroutine reads the queue and works.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || h.verifier.Verify(body, r.Header) != nil {
		w.WriteHeader(http.StatusUnauthorized) // somebody else has sent it
		return
	}
	var message struct{ Data api.Event }
	if err := json.Unmarshal(body, &message); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if id := r.Header.Get("webhook-id"); !h.seen[id] {
		select {
		case h.queue <- message.Data:
			h.seen[id] = true
		default: // it comes again, later
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// react stops and resumes the ads of what a channel sells.
func react(ctx context.Context, c *client.Client, ev api.Event, channel string,
	advertise func(upc string, on bool)) error {
	sums, err := c.Aggregate(ctx, api.Aggregate{Items: []api.AggregateItem{{UPC: ev.UPC}},
		Tags: api.Tags{"Channel": channel}, GroupBy: []string{"Channel"}})
	if err != nil {
		return err // and try again
	}
	left := int64(0)
	for _, segment := range sums.Items[0].Segments {
		left += segment.Available
	}
	advertise(ev.UPC, left > 0)
	return nil
}

func testSoldOut(t *testing.T, c *client.Client) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := &hooks{verifier: verifier, queue: make(chan api.Event, 10), seen: map[string]bool{}}
	shop := httptest.NewServer(h)
	defer shop.Close()
	if _, err := c.PutWebhook(t.Context(), "ads", api.PutWebhook{URL: shop.URL, Secret: secret,
		Types: []string{"sold-out", "back-in-stock"}, Tags: api.Tags{"Channel": "Amazon"}}); err != nil {
		t.Fatal(err)
	}
	ads := map[string]bool{}
	next := func(want bool) {
		t.Helper()
		select {
		case ev := <-h.queue:
			if err := react(t.Context(), c, ev, "Amazon", func(upc string, on bool) { ads[upc] = on }); err != nil {
				t.Fatal(err)
			}
			if on, ok := ads["S1"]; !ok || on != want {
				t.Errorf("after %+v the ads are %v", ev, ads)
			}
		case <-time.After(servertest.ClusterPatience):
			t.Fatal("no message came")
		}
	}
	set := func(location string, units int64) {
		t.Helper()
		if _, err := c.Refresh(t.Context(), api.Refresh{Location: location, Items: []api.StockItem{{UPC: "S1",
			Tags: api.Tags{"Channel": "Amazon"}, Quantity: units}}}); err != nil {
			t.Fatal(err)
		}
	}
	set("S-A", 2)
	set("S-B", 1)
	set("S-A", 0)
	next(true) // there is one left at the other place
	set("S-B", 0)
	next(false)
	set("S-A", 1)
	next(true)
	if reply, err := http.Post(shop.URL, "application/json", strings.NewReader("{}")); err != nil ||
		reply.StatusCode != http.StatusUnauthorized {
		t.Errorf("a message that nobody has signed: %v, %v", reply.Status, err)
	}
	if _, err := c.DeleteWebhook(t.Context(), "ads"); err != nil {
		t.Error(err)
	}
}

func testListing(t *testing.T, c *client.Client) {
	set := func(location, upc string, units int64) {
		t.Helper()
		if _, err := c.Refresh(t.Context(), api.Refresh{Location: location, Items: []api.StockItem{{UPC: upc,
			Tags: api.Tags{"Channel": "Amazon"}, Quantity: units}}}); err != nil {
			t.Fatal(err)
		}
	}
	sell := func(order, location, upc string, units int64) {
		t.Helper()
		if _, err := c.Allocate(t.Context(), order, api.Allocate{Lines: []api.AllocateLine{{ItemID: "1", UPC: upc,
			Location: location, Quantity: units, Tags: api.Tags{"Channel": "Amazon"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	l := &listing{}
	// follow keeps the listing for as long as it takes to have these units.
	follow := func(want map[offer]int64) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- keepListing(ctx, c, "Amazon", l) }()
		servertest.Await(t, "the listing has what the server has", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return maps.Equal(l.Units, want)
		})
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the feed ended with %v", err)
		}
	}
	set("A", "1", 10)
	set("A", "2", 5)
	set("B", "1", 7)
	follow(map[offer]int64{{"A", "1"}: 10, {"A", "2"}: 5, {"B", "1"}: 7})
	sell("o1", "A", "1", 4)
	set("B", "3", 1)
	if _, err := c.DeleteRecords(t.Context(), api.DeleteRecords{UPCs: []string{"2"}, Locations: []string{"A"},
		Force: true}); err != nil {
		t.Fatal(err)
	}
	cursor := l.Cursor
	follow(map[offer]int64{{"A", "1"}: 6, {"B", "1"}: 7, {"B", "3"}: 1})
	if cursor == "" || l.fresh != nil {
		t.Error("the feed began again, in offer of going on")
	}
	l.Units[offer{"gone", "1"}] = 3
	l.beginAgain()
	follow(map[offer]int64{{"A", "1"}: 6, {"B", "1"}: 7, {"B", "3"}: 1})
}

func testNight(t *testing.T, s *servertest.Server, c *client.Client) {
	if _, err := c.Refresh(t.Context(), api.Refresh{Location: "Store", Items: []api.StockItem{{UPC: "N1",
		Quantity: 10}, {UPC: "N2", Quantity: 4}}}); err != nil {
		t.Fatal(err)
	}
	done, err := loadNight(t.Context(), c, "Store", "night-1", func() []byte {
		// Three units leave the store after the shelf was counted.
		if _, err := c.Allocate(t.Context(), "n1", api.Allocate{Lines: []api.AllocateLine{{ItemID: "1", UPC: "N1",
			Location: "Store", Quantity: 3}}}); err != nil {
			t.Error(err)
		}
		if _, err := c.Fulfill(t.Context(), "n1", api.ChangeOrder{}); err != nil {
			t.Error(err)
		}
		return []byte("upc,quantity\nN1,12\nN2,4\nN3,x\n")
	})
	if err != nil || done.Applied != 2 || done.Bad != 1 || done.Errors[0].Line != 4 {
		t.Fatalf("got %+v, %v", done, err)
	}
	if onHand, _ := s.Figures("Store", "N1"); onHand != 9 {
		t.Errorf("%d on hand, want the 12 that were counted less the 3 that have left since", onHand)
	}
	if _, err := c.CloseCount(t.Context(), "Store", api.CloseCount{Count: "night-1"}); err == nil ||
		!strings.Contains(err.Error(), "unknown-count") {
		t.Errorf("the count is still open: %v", err)
	}
	if onHand, _ := s.Figures("Store", "N2"); onHand != 4 {
		t.Errorf("%d on hand, want what was counted", onHand)
	}
	done, err = loadNight(t.Context(), c, "Store", "night-2", func() []byte { return []byte("upc,quantity\nN1,8\n") })
	if err != nil || done.Applied != 1 {
		t.Fatalf("got %+v, %v", done, err)
	}
	for upc, want := range map[string]int64{"N1": 8, "N2": 0} {
		if onHand, _ := s.Figures("Store", upc); onHand != want {
			t.Errorf("%s has %d on hand, want %d: the file has all that there is", upc, onHand, want)
		}
	}
}
