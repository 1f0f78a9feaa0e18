package httpapi

import (
	"context"
	"math"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"apportion/raftstore"
)

// electingStore is one of several nodes, of which none leads for the first few looks at it; then this one does.
type electingStore struct {
	*testStore
	looks atomic.Int32 // left until it leads
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
func (s *electingStore) AddMember(context.Context, raftstore.Member) error { return nil }
func (s *electingStore) RemoveMember(context.Context, string) error {
	return raftstore.ErrUnknownMember
}
func (s *electingStore) HandOver(context.Context, string) error { return nil }
func (s *electingStore) Checkpoint(context.Context) error       { return nil }
func (s *electingStore) ReadBarrier(time.Time) error {
	if s.Leads() {
		return nil
	}
	return raftstore.ErrNotLeader
}

// slowStore finds out who leads when the client does not wait any more.
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

// While nobody leads, requests wait for that, reads as well as writes, as long as the client does.
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
	s.get("/v1/tag-categories?consistency=stale&maxLagSeconds=2.5").ok() // a leader makes sure that it leads
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
