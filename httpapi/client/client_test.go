package client

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"apportion/httpapi"
	"apportion/httpapi/api"
	"apportion/raftstore"
	"apportion/rules"
)

// startServer starts a real server in this process, and returns its URL.
func startServer(t *testing.T) string {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := raftstore.Open(ctx, raftstore.Config{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	runner := rules.NewRunner(rules.RunnerConfig{Log: raftstore.RulesLog(store), State: store.Reader(), Logger: quiet,
		Timeout: httpapi.RequestTimeout})
	server, err := httpapi.New(httpapi.Config{Log: quiet}, store, runner)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	runner.Start()
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(server.Close(ctx), <-done); err != nil {
			t.Error(err)
		}
		runner.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// newTestClient makes a client whose pauses take no time. It returns them too.
func newTestClient(t *testing.T, servers ...string) (*Client, *[]time.Duration) {
	t.Helper()
	c, err := New(Config{Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var paused []time.Duration
	c.pause.sleep = func(ctx context.Context, pause time.Duration) error {
		paused = append(paused, pause)
		return ctx.Err()
	}
	return c, &paused
}

// stock puts units of UPC-1 at W1 on hand.
func stock(t *testing.T, c *Client, units int64) {
	t.Helper()
	done, err := c.Refresh(t.Context(), api.Refresh{Location: "W1", Items: []api.StockItem{{UPC: "UPC-1",
		Quantity: units}}})
	if err != nil || done.Records != 1 || done.Units != units {
		t.Fatalf("got %+v, %v", done, err)
	}
}

// order is the body for one item of UPC-1.
func order(units int64) api.Allocate {
	return api.Allocate{Lines: []api.AllocateLine{{ItemID: "1", UPC: "UPC-1", Location: "W1", Quantity: units}}}
}

// TestRoutes: stock, orders, categories, counts and events, by the methods of the client.
func TestRoutes(t *testing.T) {
	c, _ := newTestClient(t, startServer(t))
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.PutTagCategory(ctx, "Channel", api.PutTagCategory{Values: []api.TagValue{{Value: "Web", Default: true},
		{Value: "Shop"}}}))
	stock(t, c, 10)
	must(c.Adjust(ctx, api.Adjust{Location: "W1", Items: []api.StockItem{{UPC: "UPC-1", Quantity: -1}}}))
	must(c.Block(ctx, api.Block{Location: "W1", Items: []api.BlockItem{{UPC: "UPC-1", Blocked: true}}}))
	must(c.Transfer(ctx, api.Transfer{Items: []api.TransferItem{{UPC: "UPC-1", Quantity: 2,
		From: api.Place{Location: "W1"}, To: api.Place{Location: "W/2", Tags: api.Tags{"Channel": "Shop"}}}}}))
	record, err := c.Record(ctx, "W/2", "UPC-1", Stale(time.Minute))
	must(record, err)
	if record.OnHand != 2 || record.Segments[0].Tags["Channel"] != "Shop" {
		t.Errorf("got %+v", record)
	}
	history, err := c.RecordHistory(ctx, "W/2", "UPC-1", "", 1)
	if must(history, err); history.UPC != "UPC-1" || history.Since != nil {
		t.Errorf("got %+v", history)
	}
	must(c.Redistribute(ctx, api.Redistribute{All: true}))
	found, err := c.Query(ctx, api.Query{Items: []api.QueryItem{{UPC: "UPC-1"}}})
	must(found, err)
	sums, err := c.Aggregate(ctx, api.Aggregate{Items: []api.AggregateItem{{UPC: "UPC-1"}}})
	must(sums, err)
	if len(found.Records) != 2 || sums.Items[0].OnHand != 9 {
		t.Errorf("got %+v and %+v", found, sums)
	}

	var text []byte
	got, err := c.Allocate(ctx, "o/1", order(3), Reply(&text))
	must(got, err)
	if got.Lines[0].Allocated != 3 || !strings.Contains(string(text), `"orderId":"o/1"`) {
		t.Errorf("got %+v and %s", got, text)
	}
	must(c.Deallocate(ctx, "o/1", api.DeallocateOrder{Lines: []api.ChangeLine{{ItemID: "1", Quantity: 1}}}))
	stuck, err := c.DeallocateMany(ctx, api.DeallocateMany{State: "open", DryRun: true})
	if must(stuck, err); len(stuck.Released) != 1 || stuck.Released[0].OrderID != "o/1" {
		t.Errorf("got %+v", stuck)
	}
	must(c.Fulfill(ctx, "o/1", api.ChangeOrder{}))
	must(c.Return(ctx, "o/1", api.ReturnOrder{}))
	one, err := c.Order(ctx, "o/1")
	must(one, err)
	if line := one.Items[0].Lines[0]; line.Fulfilled != 2 || line.Returned != 2 || line.Released != 1 {
		t.Errorf("got %+v", one)
	}
	must(c.Explain(ctx, "o/1"))
	list, err := c.Orders(ctx, OrderFilter{State: "closed", UPC: "UPC-1", Location: "W1"}, "", 1)
	must(list, err)
	if len(list.Orders) != 1 || list.Orders[0].OrderID != "o/1" {
		t.Errorf("got %+v", list)
	}
	list, err = c.Orders(ctx, OrderFilter{OlderThan: time.Hour}, "", 0)
	must(list, err)
	if len(list.Orders) != 0 {
		t.Errorf("got %+v, want none so old", list)
	}
	must(c.AllocateMany(ctx, api.AllocateMany{Orders: []api.AllocateOrder{{OrderID: "o/2", Allocate: order(1)}}}))

	must(c.StartCount(ctx, "W1", api.StartCount{Count: "n1"}))
	counts, err := c.Counts(ctx, "W1")
	if must(counts, err); len(counts.Counts) != 1 || counts.Counts[0].Count != "n1" {
		t.Errorf("got %+v", counts)
	}
	must(c.CloseCount(ctx, "W1", api.CloseCount{Count: "n1"}))
	events, err := c.Events(ctx, EventFilter{}, 1, 1)
	must(events, err)
	if len(events.Events) != 1 || events.Next != 2 {
		t.Errorf("got %+v", events)
	}
	all, err := c.Events(ctx, EventFilter{}, 0, 0)
	must(all, err)
	if last, err := c.LastEvent(ctx); err != nil || last == 0 || last != all.Next {
		t.Errorf("the last event is %d, want %d: %v", last, all.Next, err)
	}
	must(c.PutRule(ctx, "own", api.PutRule{Source: "function select(item, record) return {{tags=item.tags}} end"}))
	must(c.CheckRule(ctx, "own", api.CheckRule{Source: "function select(item, record) return {} end"}))
	must(c.DryRunRule(ctx, "own", api.DryRunRule{Item: api.DryRunItem{UPC: "UPC-1", Location: "W1"}}))
	must(c.ActivateRule(ctx, "own", api.ActivateRule{}))
	must(c.DeactivateRule(ctx, "own", api.DeactivateRule{}))
	must(c.Rule(ctx, "own", 1))
	must(c.Rules(ctx))
	must(c.DeleteRule(ctx, "own"))
	must(c.History(ctx))
	must(c.Backtests(ctx))
	must(c.Cluster(ctx))
	must(c.Snapshot(ctx))
	must(c.Ready(ctx))
	must(c.Metrics(ctx))
	must(c.TagCategory(ctx, "Channel"))
	must(c.DeleteRecords(ctx, api.DeleteRecords{All: true, Force: true}))
	must(c.DeleteTagCategory(ctx, "Channel", "Web"))
	categories, err := c.TagCategories(ctx)
	must(categories, err)
	if len(categories.Categories) != 0 {
		t.Errorf("got %+v", categories)
	}
}

// TestRefusals: what the server refuses is a typed problem, after one attempt.
func TestRefusals(t *testing.T) {
	c, paused := newTestClient(t, startServer(t))
	stock(t, c, 2)
	f := func(err error, status int, code string) *api.Problem {
		t.Helper()
		var problem *api.Problem
		if !errors.As(err, &problem) || problem.Status != status || problem.Code != code {
			t.Fatalf("got %v, want %d %s", err, status, code)
		}
		if errors.Is(err, ErrOutcomeUnknown) || len(*paused) > 0 {
			t.Errorf("%v, after pauses of %v: it is certain", err, *paused)
		}
		return problem
	}
	_, err := c.Allocate(t.Context(), "o", order(3))
	problem := f(err, 409, "insufficient")
	if lines := RefusedLines(problem); len(lines) != 1 || *lines[0].Available != 2 {
		t.Errorf("got the lines %+v", lines)
	}
	_, err = c.Record(t.Context(), "W1", "none")
	f(err, 404, "unknown-record")
	_, err = c.Refresh(t.Context(), api.Refresh{Location: "W1"})
	f(err, 400, "wrong-type")
	_, err = c.Fulfill(t.Context(), "o", api.ChangeOrder{}, Key("key 1"))
	f(err, 400, "invalid")

	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	c, _ = newTestClient(t, stranger.URL)
	if _, err = c.Rules(t.Context()); err == nil ||
		!strings.HasSuffix(err.Error(), "/v1/rules answers 404 Not Found: is it an apportion server?") {
		t.Errorf("got %v", err)
	}
}

// front stands before a server. It does to each request what is next on its list, and then it passes requests on.
type front struct {
	*httptest.Server
	mu   sync.Mutex
	next []string
	keys []string // of all requests
}

// newFront makes a front. The list has: a status with a code, such as "503 busy" ("503 busy 7" asks for 7 seconds);
// "cut" breaks the connection, "lose" does so after the server has done what was asked.
func newFront(t *testing.T, server string, next ...string) *front {
	t.Helper()
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{next: next}
	proxy := httputil.NewSingleHostReverseProxy(at)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch fault := strings.Fields(f.take(r)); {
		case len(fault) == 0:
			proxy.ServeHTTP(w, r)
		case fault[0] == "cut":
			panic(http.ErrAbortHandler)
		case fault[0] == "lose":
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			if len(fault) > 2 {
				w.Header().Set("Retry-After", fault[2])
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"status":503,"code":"`+fault[1]+`"}`) // the client may have gone
		}
	}))
	f.Config.ErrorLog = proxy.ErrorLog
	f.Config.SetKeepAlivesEnabled(false) // net/http itself sends again what a kept connection has lost
	t.Cleanup(f.Close)
	return f
}

func (f *front) take(r *http.Request) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, r.Header.Get("Idempotency-Key"))
	if len(f.next) == 0 {
		return ""
	}
	first := f.next[0]
	f.next = f.next[1:]
	return first
}

// seen gives the keys of all requests, and what is left of the list.
func (f *front) seen() (keys, left []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys, f.next
}

// TestAttempts: what may succeed later is sent again with the same key, and takes effect once.
func TestAttempts(t *testing.T) {
	server := startServer(t)
	direct, _ := newTestClient(t, server)
	stock(t, direct, 100)
	units := func() int64 {
		t.Helper()
		record, err := direct.Record(t.Context(), "W1", "UPC-1")
		if err != nil {
			t.Fatal(err)
		}
		return record.OnHand
	}
	add := api.Adjust{Location: "W1", Items: []api.StockItem{{UPC: "UPC-1", Quantity: 1}}}

	at := newFront(t, server, "503 busy 7", "cut", "503 outcome-unknown", "lose", "503 not-leader")
	c, paused := newTestClient(t, at.URL)
	before := units()
	replayed := false
	if _, err := c.Adjust(t.Context(), add, Replayed(&replayed)); err != nil || !replayed {
		t.Fatalf("%v, replayed %t", err, replayed)
	}
	if got := units(); got != before+1 {
		t.Errorf("%d units on hand, want %d: the write took effect more than once", got, before+1)
	}
	keys, _ := at.seen()
	if different := slices.Compact(slices.Clone(keys)); len(keys) != 6 || len(different) != 1 || len(keys[0]) < 16 {
		t.Errorf("the attempts had the keys %q, want one random key", keys)
	}
	if len(*paused) != 5 || (*paused)[0] < 7*time.Second {
		t.Errorf("the pauses were %v, want 5, and at first what the server asked for", *paused)
	}

	// The caller's key, a write without an answer, and a refusal after one.
	at = newFront(t, server, "lose")
	c, _ = newTestClient(t, at.URL)
	c.config.Patience = -1
	_, err := c.Adjust(t.Context(), add, Key("mine"))
	var failed *Error
	if !errors.Is(err, ErrOutcomeUnknown) || !errors.As(err, &failed) || failed.Key != "mine" || failed.Attempts != 1 {
		t.Errorf("got %v, want an unknown outcome of the key mine", err)
	}
	at = newFront(t, server, "cut")
	c, _ = newTestClient(t, at.URL)
	if _, err = c.Allocate(t.Context(), "o", order(1000)); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("got %v: an earlier attempt may still take effect", err)
	}

	// What has no key is sent again only if nothing was done.
	at = newFront(t, server, "503 busy", "cut", "503 busy")
	c, _ = newTestClient(t, at.URL)
	_, err = c.Snapshot(t.Context())
	if _, left := at.seen(); !errors.Is(err, ErrOutcomeUnknown) || len(left) != 1 {
		t.Errorf("got %v, %q were left, want an unknown outcome after 2 requests", err, left)
	}
	// A read has no effect, so it is always sent again.
	at = newFront(t, server, "cut", "503 outcome-unknown")
	c, _ = newTestClient(t, at.URL)
	_, err = c.Record(t.Context(), "W1", "UPC-1")
	if keys, _ := at.seen(); err != nil || keys[0] != "" {
		t.Errorf("got %v, keys %q", err, keys)
	}
}

// TestPatience: attempts end with the patience of the client and with the context of the caller.
func TestPatience(t *testing.T) {
	busy := newFront(t, startServer(t), slices.Repeat([]string{"503 busy 20"}, 100)...)
	c, paused := newTestClient(t, busy.URL)
	c.config.Patience = time.Second
	var problem *api.Problem
	if _, err := c.Rules(t.Context()); !errors.As(err, &problem) || problem.Code != "busy" || len(*paused) > 0 {
		t.Errorf("got %v after pauses of %v, want busy at once", err, *paused)
	}
	c.config.Patience = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	c.pause.sleep = func(ctx context.Context, pause time.Duration) error {
		cancel()
		return sleep(ctx, pause)
	}
	if _, err := c.Rules(ctx); !errors.As(err, &problem) {
		t.Errorf("got %v", err)
	}
	refused := &url.URL{Scheme: "http", Host: closedAddress(t)}
	c, _ = newTestClient(t, refused.String())
	c.config.Patience = -1
	if _, err := c.Adjust(t.Context(), api.Adjust{}); err == nil || errors.Is(err, ErrOutcomeUnknown) ||
		!strings.Contains(err.Error(), "no server at "+refused.String()) {
		t.Errorf("got %v: nothing was sent", err)
	}
	c, paused = newTestClient(t, refused.String(), "http://"+closedAddress(t))
	c.config.MustListen = true
	if _, err := c.Rules(t.Context()); err == nil || len(*paused) != 1 {
		t.Errorf("got %v after %d pauses, want each server asked once", err, len(*paused))
	}
}

// closedAddress is an address where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestLeader: of several nodes the client asks the one that leads, and another one when its own does not answer.
func TestLeader(t *testing.T) {
	leader := startServer(t)
	follower := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/cluster" {
			t.Errorf("the follower was asked for %s", r.URL)
		}
		_, _ = io.WriteString(w, `{"state":"follower"}`)
	}))
	defer follower.Close()
	c, _ := newTestClient(t, follower.URL, "http://"+closedAddress(t), leader)
	stock(t, c, 1)
	if _, err := c.Order(t.Context(), "none"); err == nil {
		t.Error("there is no such order")
	}

	// The leader breaks. It is found again after that.
	at := newFront(t, leader)
	c, _ = newTestClient(t, "http://"+closedAddress(t), at.URL)
	stock(t, c, 2)
	at.mu.Lock()
	at.next = []string{"cut", "503 not-leader"}
	at.mu.Unlock()
	stock(t, c, 3)
	if _, left := at.seen(); len(left) > 0 {
		t.Errorf("the faults %q did not happen", left)
	}
}

// TestPauses: pauses grow, differ, and are at least what the server asks for, within bounds.
func TestPauses(t *testing.T) {
	drawn := map[time.Duration]bool{}
	for attempt := range 40 {
		bound := min(pauseFirst<<min(attempt, 20), pauseLast)
		for range 20 {
			pause := pauseFor(attempt, 0)
			if pause < bound/2 || pause > bound {
				t.Fatalf("attempt %d: %s, want %s to %s", attempt, pause, bound/2, bound)
			}
			drawn[pause] = true
		}
	}
	if len(drawn) < 400 {
		t.Errorf("only %d pauses of 800 differ", len(drawn))
	}
	if pause := pauseFor(0, 24*time.Hour); pause < retryAfterMax || pause > retryAfterMax+time.Second {
		t.Errorf("a server asks for a day, and gets %s", pause)
	}
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"": 0, "3": 3 * time.Second, "-3": 0, "soon": 0,
		"Sun, 29 Nov 2026 09:00:05 GMT": 5 * time.Second, "Sun, 29 Nov 2026 08:00:00 GMT": 0} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After %q: got %s, want %s", text, got, want)
		}
	}
}

// TestConfig: a server that cannot be one is refused at once.
func TestConfig(t *testing.T) {
	for _, servers := range [][]string{nil, {"localhost"}, {"ftp://x"}, {"http://"}, {"http://a", "b:80"}} {
		if _, err := New(Config{Servers: servers}); err == nil {
			t.Errorf("%q was taken", servers)
		}
	}
}
