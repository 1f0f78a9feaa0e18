package httpapi

import (
	"bufio"
	"context"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"apportion/raftstore"
)

// electingStore is one of several nodes. At the first few checks no node leads. Then this node leads.
type electingStore struct {
	*testStore
	looks atomic.Int32 // checks left until it leads
}

var _ Group = (*electingStore)(nil)

func (s *electingStore) Forwarded() net.Listener { return fasthttputil.NewInmemoryListener() }
func (s *electingStore) Leads() bool             { return s.looks.Add(-1) < 0 }
func (s *electingStore) Leader() string          { return "" }
func (s *electingStore) DialMember(string, time.Duration) (net.Conn, error) {
	return nil, raftstore.ErrNotLeader
}
func (s *electingStore) Lag() (time.Duration, bool)                        { return 3 * time.Second, true }
func (s *electingStore) Status() raftstore.Status                          { return raftstore.Status{} }
func (s *electingStore) Members() []raftstore.Member                       { return nil }
func (s *electingStore) Heard() map[string]time.Duration                   { return nil }
func (s *electingStore) AddMember(context.Context, raftstore.Member) error { return nil }
func (s *electingStore) RemoveMember(context.Context, string) error {
	return raftstore.ErrUnknownMember
}
func (s *electingStore) TransferLeadership(context.Context, string) error { return nil }
func (s *electingStore) Checkpoint(context.Context) error                 { return nil }
func (s *electingStore) ReadBarrier(time.Time) error {
	if s.Leads() {
		return nil
	}
	return raftstore.ErrNotLeader
}

// slowStore finds the leader after the client's timeout.
type slowStore struct{ electingStore }

const slowTimeout = 50 * time.Millisecond

func (s *slowStore) Leader() string {
	<-time.After(2 * slowTimeout)
	return "other"
}

// A request that was not sent to the leader in time has a known outcome.
func TestForwardedTooLate(t *testing.T) {
	store := &slowStore{electingStore{testStore: newTestStore()}}
	store.looks.Store(math.MaxInt32)
	s := serveTest(t, Config{RequestTimeout: slowTimeout}, store, store.testStore)
	s.put("/v1/tag-categories/Channel", channels).is(503, "not-leader")
}

// Without a leader, reads and writes wait for one, up to the client's timeout.
func TestRequestsWaitForALeader(t *testing.T) {
	store := &electingStore{testStore: newTestStore()}
	s := serveTest(t, Config{RequestTimeout: 10 * time.Second}, store, store.testStore)
	store.looks.Store(3)
	s.put("/v1/tag-categories/Channel", channels).ok()
	store.looks.Store(3)
	s.get("/v1/tag-categories").ok()
	store.looks.Store(3)
	kibo := &kiboClient{s, loadKiboSpec(t)}
	if status, _, text := kibo.call("GET", kiboV1+"queue", ""); status != 200 {
		t.Errorf("jobs of the Kibo face: %d %s", status, text)
	}
	s.get("/v1/tag-categories?consistency=stale&maxLagSeconds=3").ok()
	s.get("/v1/tag-categories?consistency=stale&maxLagSeconds=2.5").ok() // a leader confirms that it leads
	store.looks.Store(100)
	s.get("/v1/tag-categories?consistency=stale&maxLagSeconds=2.5").is(503, "too-stale").want(`"3.000"`, "value")
	store.looks.Store(0)
	s.get("/v1/tag-categories?maxLagSeconds=2").is(400, "invalid")
	s.do("DELETE", "/v1/cluster/members/x", "").is(404, "unknown-member")

	hasty := serveTest(t, Config{RequestTimeout: 2 * forwardPause}, store, store.testStore)
	store.looks.Store(1000)
	hasty.put("/v1/tag-categories/Channel", channels).is(503, "not-leader")
	hasty.get("/v1/tag-categories").is(503, "not-leader")
}

// deafStore forwards to a leader that reads a request and closes the connection.
type deafStore struct {
	electingStore
	asked atomic.Int32
}

func (s *deafStore) Leader() string { return "leader" }
func (s *deafStore) DialMember(string, time.Duration) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
			s.asked.Add(1)
		}
	}()
	return ours, nil
}

// A request that was sent to the leader without an answer may have been done. It is not sent again, with any method.
func TestForwardedOnce(t *testing.T) {
	store := &deafStore{electingStore: electingStore{testStore: newTestStore()}}
	store.looks.Store(math.MaxInt32)
	s := serveTest(t, Config{}, store, store.testStore)
	for i, request := range []func() *reply{
		func() *reply { return s.put("/v1/tag-categories/Channel", channels) },
		func() *reply { return s.do("DELETE", "/v1/tag-categories/Channel", "") },
		func() *reply {
			return s.post("/v1/inventory/adjust", `{"location":"L","items":[{"upc":"A","quantity":1}]}`)
		},
	} {
		store.asked.Store(0)
		if request().is(503, "outcome-unknown"); store.asked.Load() != 1 {
			t.Errorf("request %d was sent %d times", i, store.asked.Load())
		}
	}
}

// timedStore keeps the deadline of the last write.
type timedStore struct {
	*pairStore
	deadline time.Time
}

func (s *timedStore) Do(deadline time.Time, b *raftstore.Batch) error {
	s.deadline = deadline
	return s.pairStore.Do(deadline, b)
}

// The leader's work on a forwarded request is bounded by the client's timeout and by the leader's own.
func TestForwardedDeadline(t *testing.T) {
	store := &electingStore{testStore: newTestStore()}
	leader := &timedStore{pairStore: &pairStore{electingStore: store, leads: true,
		forwarded: fasthttputil.NewInmemoryListener()}}
	serveTest(t, Config{RequestTimeout: time.Hour}, leader, store.testStore)
	f := func(timeout, least, most time.Duration) {
		t.Helper()
		s := serveTest(t, Config{RequestTimeout: timeout},
			&pairStore{electingStore: store, forwarded: fasthttputil.NewInmemoryListener(), leader: leader.forwarded},
			store.testStore)
		begin := time.Now()
		s.put("/v1/tag-categories/Channel", channels).ok()
		if leader.deadline.Before(begin.Add(least)) || leader.deadline.After(time.Now().Add(most)) {
			t.Errorf("a client that waits %s: the leader has until %s", timeout, leader.deadline.Sub(begin))
		}
	}
	f(time.Minute, time.Second, time.Minute)
	f(2*time.Hour, time.Hour, time.Hour)
}
