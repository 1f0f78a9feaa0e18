package raftstore

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"
)

// fakeClock is a clock for tests. They can move its wall clock without its monotonic clock.
type fakeClock struct {
	wallMS atomic.Int64
	monoMS atomic.Int64
}

func newFakeClock() *fakeClock {
	c := &fakeClock{}
	c.wallMS.Store(1_700_000_000_000)
	return c
}

func (c *fakeClock) NowMS() int64 { return c.wallMS.Load() }
func (c *fakeClock) Monotonic() time.Duration {
	return time.Duration(c.monoMS.Load()) * time.Millisecond
}

// pass lets time pass; jump moves the wall clock alone.
func (c *fakeClock) pass(ms int64) { c.wallMS.Add(ms); c.monoMS.Add(ms) }
func (c *fakeClock) jump(ms int64) { c.wallMS.Add(ms) }

func TestStamper(t *testing.T) {
	clock := newFakeClock()
	start := clock.NowMS()
	s := newStamper(clock, slog.New(slog.DiscardHandler))
	f := func(appliedMS, wantMS, wantHeldBackMS int64) {
		t.Helper()
		if got := s.next(appliedMS); got != wantMS {
			t.Fatalf("stamp is start%+d, want start%+d", got-start, wantMS-start)
		}
		if got := s.heldBackMS.Load(); got != wantHeldBackMS {
			t.Fatalf("held back %d ms, want %d", got, wantHeldBackMS)
		}
	}
	f(0, start, 0)
	clock.pass(10)
	f(0, start+10, 0)

	// The last entry is ahead of the clock: stamps wait.
	f(start+500, start+500, 0)
	clock.pass(100)
	f(start+500, start+500, 0)
	clock.pass(890)
	f(start+500, start+1000, 0)

	// A step back: stamps stay the same until the clock has caught up.
	clock.jump(-300)
	f(0, start+1000, 0)
	clock.pass(200)
	f(0, start+1000, 0)
	clock.pass(200)
	f(0, start+1100, 0)

	// A small step ahead is accepted at once. The 300 ms that the clock had lost are not a step.
	clock.jump(300 + clockStepMaxMS)
	f(0, start+1400+clockStepMaxMS, 0)

	// A large step is accepted slowly: one second of it for each second that passes.
	base := clock.NowMS()
	clock.jump(3_600_000)
	f(0, base, 3_600_000)
	clock.pass(1000)
	f(0, base+2000, 3_600_000-1000)
	for range 3_598 {
		clock.pass(1000)
		s.next(0)
	}
	clock.pass(1000)
	f(0, base+2*3_600_000, 0)
}

func TestCheckClockGap(t *testing.T) {
	f := func(nowMS, appliedMS int64, want error) {
		t.Helper()
		if err := checkClockGap(nowMS, appliedMS, time.Hour); !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	const now = 1_700_000_000_000
	f(now, 0, nil)
	f(now, now, nil)
	f(now, now+5_000_000, nil)
	f(now, now-3_600_000, nil)
	f(now, now-3_600_001, ErrClock)
}

// An elected node with a clock that is wrong by years does not serve, and transfers its leadership.
func TestWrongClockDoesNotLead(t *testing.T) {
	g := newGroup(t, 3)
	g.mustDo(channels())
	wrong := g.nodes[1]
	if g.leader() == wrong {
		wrong = g.nodes[2]
	}
	clock := newFakeClock()
	clock.wallMS.Store(time.Now().Add(3 * 366 * 24 * time.Hour).UnixMilli())
	mustClose(t, wrong.Store)
	wrong.cfg.Clock = clock
	g.reopen(wrong) // it may be elected before it is ready for the first time
	g.await("it is elected", func() bool {
		if leader := g.leader(); leader != wrong {
			// fails while the node lags behind; then await repeats it
			_ = leader.TransferLeadership(t.Context(), wrong.cfg.NodeID)
		}
		return wrong.leadership.refusal.Load() != nil
	})
	g.mustDo(refresh("A", 100))
	if g.leader() == wrong {
		t.Error("a node whose clock is wrong by years leads")
	}
	g.agree()
}
