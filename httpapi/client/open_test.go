package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"apportion/httpapi/api"
)

// TestFiles: a file is imported as often as it is sent, and exported again.
func TestFiles(t *testing.T) {
	server := startServer(t)
	c, _ := newTestClient(t, newFront(t, server, "lose", "503 busy").URL)
	file := []byte("upc,quantity\nA,7\nB,x\nC,-1\n")
	done, err := c.ImportStock(t.Context(), file, ImportOptions{Action: "adjust", Location: "W1"})
	if err != nil || done.Applied != 1 || done.Bad != 2 || len(done.Errors) != 2 || done.Errors[0].Line != 3 {
		t.Fatalf("got %+v, %v", done, err)
	}
	if done, err = c.ImportStock(t.Context(), []byte(`{"upc":"A","location":"W1","quantity":1}`), ImportOptions{
		Format: "ndjson", DryRun: true}); err != nil || done.Applied != 1 || !done.DryRun {
		t.Fatalf("got %+v, %v", done, err)
	}
	var problem *api.Problem
	if _, err = c.ImportStock(t.Context(), file, ImportOptions{Location: "W1", AllOrNothing: true}); !errors.As(err,
		&problem) || problem.Import == nil || problem.Import.Bad != 2 {
		t.Errorf("got %v", err)
	}
	out, err := c.Export(t.Context(), "stock", "csv")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	text, err := io.ReadAll(out)
	if err != nil || !strings.Contains(string(text), "\nA,W1,7,") || out.AsOf == 0 {
		t.Errorf("as of %d: %q, %v", out.AsOf, text, err)
	}
	if _, err := c.Export(t.Context(), "rules", "csv"); !errors.As(err, &problem) || problem.Status != 404 {
		t.Errorf("got %v", err)
	}
}

// TestCutFile: an export that breaks off, or comes to a stop, is an error.
func TestCutFile(t *testing.T) {
	stopped := make(chan struct{})
	defer close(stopped)
	for _, stop := range []bool{false, true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Apportion-As-Of", "3")
			_, _ = io.WriteString(w, "upc,location\n") // the test reads it
			_ = http.NewResponseController(w).Flush()
			if stop {
				<-stopped
			}
			panic(http.ErrAbortHandler)
		}))
		server.Config.ErrorLog = newFront(t, "http://x").Config.ErrorLog
		c, _ := newTestClient(t, server.URL)
		c.config.Timeout = 500 * time.Millisecond
		out, err := c.Export(t.Context(), "stock", "csv")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(out); err == nil || string(text) != "upc,location\n" {
			t.Errorf("got %q, %v", text, err)
		}
		_ = out.Close()
		server.CloseClientConnections()
	}
}

// cutter passes requests on, and cuts each stream of events after so many bytes.
func cutter(t *testing.T, server string, bytes int64) (front *httptest.Server, connections *atomic.Int64) {
	t.Helper()
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int64)
	proxy := httputil.NewSingleHostReverseProxy(at)
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Header.Get("Content-Type") == "text/event-stream" {
			connections.Add(1)
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(r.Body, bytes), r.Body}
		}
		return nil
	}
	front = httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return front, connections
}

// TestFollow: changes and events come once each, over connections that break in the middle of one.
func TestFollow(t *testing.T) {
	const records = 8
	server := startServer(t)
	direct, _ := newTestClient(t, server)
	write := func(i int, quantity int64) {
		t.Helper()
		items := []api.StockItem{{UPC: fmt.Sprintf("UPC-%d", i), Quantity: quantity}}
		if _, err := direct.Refresh(t.Context(), api.Refresh{Location: "W,1:a\\", Reason: "count",
			Items: items}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range records {
		write(i, 1)
	}
	front, connections := cutter(t, server, 700)
	c, paused := newTestClient(t, front.URL)
	var seen []string
	cursor := ""
	for change, err := range c.FollowChanges(t.Context(), ChangeFilter{Locations: []string{"W,1:a\\"},
		UPCPrefix: "UPC-"}, "") {
		if err != nil {
			t.Fatal(err)
		}
		if cursor = change.Cursor; change.Copied {
			write(3, 2)
			continue
		}
		seen = append(seen, fmt.Sprintf("%s=%d", change.UPC[4:], change.OnHand))
		if change.OnHand == 2 {
			break
		}
	}
	if got := strings.Join(seen, " "); got != "0=1 1=1 2=1 3=1 4=1 5=1 6=1 7=1 3=2" {
		t.Errorf("the changes %s came", got)
	}
	if n := connections.Load(); n < 3 || len(*paused) != int(n)-1 {
		t.Errorf("%d connections after %d pauses", n, len(*paused))
	}
	page, err := direct.Changes(t.Context(), ChangeFilter{}, cursor, 0, 0)
	if err != nil || len(page.Changes) != 0 || page.Copying {
		t.Errorf("got %+v, %v", page, err)
	}

	// What changes while the first connection is broken is after now, too.
	cut, _ := cutter(t, server, 0)
	c, _ = newTestClient(t, cut.URL)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	c.pause.sleep = func(context.Context, time.Duration) error {
		write(5, 9)
		c.nodes.urls[0] = server
		return nil
	}
	for change, err := range c.FollowChanges(ctx, ChangeFilter{}, Now) {
		if err != nil || change.UPC != "UPC-5" || change.OnHand != 9 {
			t.Errorf("got %+v, %v", change, err)
		}
		break
	}
	cancel()
	c, _ = newTestClient(t, front.URL)

	ids, kinds := []uint64{}, map[string]bool{}
	for event, err := range c.FollowEvents(t.Context(), EventFilter{Types: []string{"stock-changed"},
		Locations: []string{"W,1:a\\"}}, 0) {
		if err != nil {
			t.Fatal(err)
		}
		ids, kinds[event.Type] = append(ids, event.ID), true
		if len(ids) == records+2 {
			break
		}
	}
	if len(kinds) != 1 || ids[records+1] != ids[0]+records+1 {
		t.Errorf("the events %d came, of the types %v", ids, kinds)
	}

	var problem *api.Problem
	for _, err := range c.FollowChanges(t.Context(), ChangeFilter{}, "nonsense") {
		if !errors.As(err, &problem) || problem.Code != "invalid-cursor" {
			t.Errorf("got %v", err)
		}
	}
}

// TestProblemOfStream: a stream that ends with a problem of the server is replaced; one that ends with a problem of the
// cursor has failed.
func TestProblemOfStream(t *testing.T) {
	next := []string{`{"status":503,"code":"not-ready"}`, `{"status":410,"code":"cursor-expired"}`}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: problem\ndata: "+next[0]+"\n\n") // the test reads it
		next = next[1:]
	}))
	defer server.Close()
	c, _ := newTestClient(t, server.URL)
	count := 0
	for _, err := range c.FollowChanges(t.Context(), ChangeFilter{}, "x") {
		var problem *api.Problem
		if count++; !errors.As(err, &problem) || problem.Code != "cursor-expired" {
			t.Errorf("got %v", err)
		}
	}
	if count != 1 || len(next) != 0 {
		t.Errorf("%d elements, %q are left", count, next)
	}
}

// TestWebhooksAndLists: the remaining routes, by the methods of the client.
func TestWebhooksAndLists(t *testing.T) {
	c, _ := newTestClient(t, startServer(t))
	ctx := t.Context()
	stock(t, c, 3)
	records, err := c.ListRecords(ctx, RecordFilter{Location: "W1", Search: "PC-"}, "", 5)
	if err != nil || len(records.Records) != 1 || records.Next != nil {
		t.Errorf("got %+v, %v", records, err)
	}
	records, err = c.ListRecords(ctx, RecordFilter{State: "sold-out"}, "", 0)
	if err != nil || len(records.Records) != 0 {
		t.Errorf("got %+v, %v", records, err)
	}
	locations, err := c.ListLocations(ctx, "", "", 1)
	if err != nil || len(locations.Locations) != 1 {
		t.Errorf("got %+v, %v", locations, err)
	}
	upcs, err := c.ListUPCs(ctx, "none", "", 1)
	if err != nil || len(upcs.UPCs) != 0 {
		t.Errorf("got %+v, %v", upcs, err)
	}
	hook := api.PutWebhook{URL: "https://hook.example/x", Types: []string{"floor-crossed"},
		Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	if _, err := c.PutWebhook(ctx, "shop", hook); err != nil {
		t.Fatal(err)
	}
	all, err := c.Webhooks(ctx)
	if err != nil || len(all.Webhooks) != 1 || all.Webhooks[0].URL != hook.URL {
		t.Errorf("got %+v, %v", all, err)
	}
	if one, err := c.Webhook(ctx, "shop"); err != nil || one.Name != "shop" {
		t.Errorf("got %+v, %v", one, err)
	}
	if moved, err := c.ReplayWebhook(ctx, "shop", 1); err != nil || moved.From != 1 {
		t.Errorf("got %+v, %v", moved, err)
	}
	var problem *api.Problem
	if _, err := c.TestWebhook(ctx, "none"); !errors.As(err, &problem) || problem.Code != "unknown-webhook" {
		t.Errorf("got %v", err)
	}
	if _, err := c.DeleteWebhook(ctx, "shop"); err != nil {
		t.Error(err)
	}
}
