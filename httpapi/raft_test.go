package httpapi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"apportion/raftstore"
)

var _ Store = (*raftstore.Store)(nil)

func openRaftStore(t testing.TB, dir string, set *metrics.Set) *raftstore.Store {
	t.Helper()
	return openRaftStoreKeeping(t, dir, set, 0)
}

// openRaftStoreKeeping keeps history for some time; negative: none.
func openRaftStoreKeeping(t testing.TB, dir string, set *metrics.Set, age time.Duration) *raftstore.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := raftstore.Open(ctx, raftstore.Config{Dir: dir, HistoryAge: age,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: set})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return store
}

// With the real store: many concurrent clients allocate from one segment, and all acknowledged orders survive a
// restart.
func TestDurableAllocations(t *testing.T) {
	dir := t.TempDir()
	set := metrics.NewSet()
	store := openRaftStore(t, dir, set)
	s := serveTest(t, Config{Metrics: set}, store, nil)
	s.put("/v1/tag-categories/Channel", channels).ok()
	s.put("/v1/tag-categories/Condition", conditions).ok()
	s.post("/v1/inventory/refresh",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":100}]}`).ok()

	const clients, orders = 8, 20
	taken := make([]int, clients)
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for order := range orders {
				r := s.post(fmt.Sprintf("/v1/orders/%d-%d/allocate", client, order),
					allocateBody("all", line("1", "Amazon", 1)))
				if r.status == 200 {
					taken[client]++
				} else if r.at("code") != "insufficient" {
					t.Errorf("%s: %s", r.request, r.body)
				}
			}
		})
	}
	wait.Wait()
	sum := 0
	for _, n := range taken {
		sum += n
	}
	if sum != 100 {
		t.Errorf("%d units were promised, 100 were there", sum)
	}
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`100`, "records", 0, "allocated").
		want(`0`, "records", 0, "available")
	s.get("/readyz").ok()

	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s.get("/readyz").is(503, "not-ready")
	s.post("/v1/orders/late/allocate", allocateBody("all", line("1", "Amazon", 1))).is(503, "shutting-down")

	again := openRaftStore(t, dir, nil)
	defer func() { _ = again.Close() }()
	s = serveTest(t, Config{}, again, nil)
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`100`, "records", 0, "allocated")
}

// TestMemberThatIsNotThere: who adds a node that does not run is told so, in words that are not of our code.
func TestMemberThatIsNotThere(t *testing.T) {
	store, err := raftstore.Open(t.Context(), raftstore.Config{Dir: t.TempDir(), NodeID: "a",
		Peers:  &raftstore.PeersConfig{Listen: "127.0.0.1:0", Bootstrap: true},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: metrics.NewSet()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := store.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := serveTest(t, Config{}, store, nil)
	r := s.put("/v1/cluster/members/b", `{"address":"127.0.0.1:1"}`).is(409, "member-not-there")
	if strings.Contains(r.body, "raftstore") {
		t.Errorf("the reply names a package: %s", r.body)
	}
}
