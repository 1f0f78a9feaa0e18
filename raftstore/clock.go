package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"apportion/engine"
)

// Clock is where a leader gets the stamps of entries from.
type Clock interface {
	// NowMS is the wall clock, Unix milliseconds. It may jump both ways.
	NowMS() int64
	// Monotonic is the time since some fixed moment of this process. It never jumps.
	Monotonic() time.Duration
}

type systemClock struct{ start time.Time }

func (c systemClock) NowMS() int64             { return time.Now().UnixMilli() }
func (c systemClock) Monotonic() time.Duration { return time.Since(c.start) }

// stamper makes the stamps of a leader's entries: max(own clock, last stamp), with a bound on how far the own clock may
// jump ahead.
//
// A stamp in the log cannot be taken back, and it ends every reservation that is due by then. So a step of the wall
// clock against the monotonic clock is believed at once up to clockStepMaxMS. The rest is believed at the rate at which
// time passes, so an operator has as long to react as the jump is wide. When the clock steps back, stamps stand still
// until the clock has caught up. At a start there is no monotonic clock to compare with; Config.ClockGapMax bounds the
// gap to the last entry instead (see checkClockGap).
//
// Any goroutine may call it.
type stamper struct {
	clock  Clock
	logger *slog.Logger

	heldBackMS atomic.Int64 // how far the wall clock is ahead of the believed time

	mu struct {
		sync.Mutex
		baseMS   int64 // believed wall clock minus monotonic clock
		creditMS int64 // how far baseMS may still rise at once
		monoMS   int64 // monotonic clock at the last call
		lastMS   int64 // the last stamp; its entry may not be applied yet
	}
}

func newStamper(clock Clock, logger *slog.Logger) *stamper {
	s := &stamper{clock: clock, logger: logger}
	s.mu.monoMS = clock.Monotonic().Milliseconds()
	s.mu.baseMS = clock.NowMS() - s.mu.monoMS
	s.mu.creditMS = clockStepMaxMS
	return s
}

// next returns the stamp of the next entry. appliedMS is the stamp of the last applied one.
func (s *stamper) next(appliedMS int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lastMS = max(s.believedLocked(), s.mu.lastMS, appliedMS)
	return s.mu.lastMS
}

// nowMS is the believed wall clock.
func (s *stamper) nowMS() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.believedLocked()
}

func (s *stamper) believedLocked() int64 {
	monoMS := s.clock.Monotonic().Milliseconds()
	wallMS := s.clock.NowMS()
	s.mu.creditMS = min(s.mu.creditMS+monoMS-s.mu.monoMS, clockStepMaxMS)
	s.mu.monoMS = monoMS

	aheadMS := wallMS - monoMS - s.mu.baseMS
	if aheadMS <= 0 {
		s.heldBackMS.Store(0)
		return wallMS
	}
	believeMS := min(aheadMS, s.mu.creditMS)
	s.mu.creditMS -= believeMS
	s.mu.baseMS += believeMS
	s.report(aheadMS - believeMS)
	return s.mu.baseMS + monoMS
}

// report keeps the figure for Status and logs one line for each jump.
func (s *stamper) report(heldBackMS int64) {
	before := s.heldBackMS.Swap(heldBackMS)
	if before == 0 && heldBackMS > 0 {
		s.logger.Error("the clock has jumped ahead; stamps follow it slowly: set it right, or wait",
			"aheadMS", heldBackMS, "believedAtOnceMS", clockStepMaxMS)
	}
}

// checkClockGap refuses a clock that is further ahead of the last applied entry than any downtime explains. One stamp
// of such a clock would end every reservation, and no later stamp could be smaller.
func checkClockGap(nowMS, appliedMS int64, gapMax time.Duration) error {
	gapMS := nowMS - appliedMS
	if appliedMS == 0 || gapMS <= gapMax.Milliseconds() {
		return nil
	}
	return fmt.Errorf("%w: it says %s, the last log entry is of %s, and the limit between them is %s", ErrClock,
		time.UnixMilli(nowMS).UTC().Format(time.RFC3339), time.UnixMilli(appliedMS).UTC().Format(time.RFC3339), gapMax)
}

// ticker lets time pass in the log of an idle store: as soon as something is due (the end of a reservation, a delivery,
// the end of a count), it proposes an Expire, and its entry carries the time. Any other entry does the same, so a busy
// store needs few ticks.
type ticker struct {
	do     func(deadline time.Time, b *Batch) error
	leads  func() bool
	dueMS  func() int64 // noDue: nothing
	nowMS  func() int64
	logger *slog.Logger
	wake   chan struct{} // capacity 1: dueMS has changed
	batch  Batch
}

// wakeUp is called when dueMS has changed; it does not block.
func (t *ticker) wakeUp() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run ticks until stop is closed.
func (t *ticker) run(stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		case <-t.wake:
		}
		if t.due() {
			t.tick()
		}
		timer.Reset(t.pause())
	}
}

func (t *ticker) due() bool { return t.leads() && t.dueMS() <= t.nowMS() }

// pause is the time until something is due: at most tickMax, since a clock may jump, and at least tickMin, so that many
// short reservations cost at most a hundred entries a second.
func (t *ticker) pause() time.Duration {
	dueMS, nowMS := t.dueMS(), t.nowMS()
	if dueMS >= nowMS+tickMax.Milliseconds() {
		return tickMax
	}
	return max(time.Duration(dueMS-nowMS)*time.Millisecond, tickMin)
}

// tick proposes one Expire. If it fails, the next tick does its work.
func (t *ticker) tick() {
	t.batch.Reset()
	t.batch.Append(nil, &engine.Expire{})
	err := t.do(time.Now().Add(tickTimeout), &t.batch)
	if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNotLeader) {
		t.logger.Warn("reservations and deliveries that are due could not be handled; trying again", "error", err)
	}
}
