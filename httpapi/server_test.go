package httpapi

import (
	"context"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"apportion/raftstore"
)

// blockingStore blocks every write until a signal.
type blockingStore struct {
	*testStore
	arrived chan struct{}
	proceed chan struct{}
}

func (s *blockingStore) Do(deadline time.Time, b *raftstore.Batch) error {
	s.arrived <- struct{}{}
	<-s.proceed
	return s.testStore.Do(deadline, b)
}

// A request in flight is answered before Close returns.
func TestCloseWaits(t *testing.T) {
	store := &blockingStore{testStore: newTestStore(), arrived: make(chan struct{}), proceed: make(chan struct{})}
	s := serveTest(t, Config{}, store, store.testStore)
	answered := make(chan *reply, 1)
	go func() { answered <- s.put("/v1/tag-categories/Channel", channels) }()
	<-store.arrived

	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		closed <- s.server.Close(ctx)
	}()
	select {
	case err := <-closed:
		t.Fatalf("Close returned %v with a request on its way", err)
	case store.proceed <- struct{}{}:
	}
	(<-answered).ok()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// A signal may come while the server starts: Serve and Close both end, in any order.
func TestCloseWhileStarting(t *testing.T) {
	for range 50 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server, err := newServer(Config{Log: slog.New(slog.DiscardHandler)}, newTestStore())
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		if err := server.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-served; err != nil {
			t.Fatal(err)
		}
	}
}

// Each method and path in docs/api.md has a route, and each code in its table exists.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	tree := newTree(routes())
	for _, found := range regexp.MustCompile(`(?m)^\x60?(GET|PUT|POST|DELETE) (/[^ ?\x60\n]*)`).
		FindAllStringSubmatch(string(text), -1) {
		var buffer [pathSegmentsMax]string
		var m match
		if segments, ok := splitPath(found[2], &buffer); ok {
			tree.find(methodOf([]byte(found[1])), segments, 0, &m)
		}
		if m.route == nil {
			t.Errorf("docs/api.md shows %s, which is no route", found[0])
		}
	}
	codes, _ := loadAPIDocument(t).lookUp("components", "schemas", "Problem", "properties", "code", "enum")
	for _, code := range codes.([]any) {
		if !strings.Contains(string(text), "`"+code.(string)+"`") {
			t.Errorf("docs/api.md does not explain the code %s", code)
		}
	}
}

func TestFind(t *testing.T) {
	tree := newTree(routes())
	f := func(method, path, pattern string, params ...string) {
		t.Helper()
		var buffer [pathSegmentsMax]string
		var m match
		if segments, ok := splitPath(path, &buffer); ok {
			tree.find(methodOf([]byte(method)), segments, 0, &m)
		}
		got := ""
		if m.route != nil {
			got = m.route.pattern
		}
		if got != pattern || strings.Join(params, " ") != strings.TrimSpace(strings.Join(m.path[:], " ")) {
			t.Errorf("%s %s leads to %q %q, want %q %q", method, path, got, m.path, pattern, params)
		}
	}
	f("POST", "/v1/orders/7/allocate", "/v1/orders/{orderId}/allocate", "7")
	f("POST", "/v1/orders/allocate", "/v1/orders/allocate")
	f("GET", "/v1/orders/allocate", "/v1/orders/{orderId}", "allocate")
	f("POST", "/v1/orders/allocate/return", "/v1/orders/{orderId}/return", "allocate")
	f("GET", "/v1/inventory/refresh/7", "/v1/inventory/{location}/{upc}", "refresh", "7")
	f("GET", "/healthz", "/healthz")
	f("HEAD", "/healthz", "/healthz")
	f("GET", "/", "/")
	f("GET", "", "")
	f("GET", "healthz", "")
	f("GET", "/healthz/", "")
}
