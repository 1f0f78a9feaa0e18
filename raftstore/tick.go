package raftstore

import (
	"errors"
	"log/slog"
	"time"

	"apportion/engine"
)

// ticker has time pass in the log when nothing else does: as soon as something is due (a reservation's end, a delivery,
// a count's end), it proposes an Expire, whose entry carries the time. Any other entry does the same, so a busy store
// needs few ticks.
type ticker struct {
	do     func(deadline time.Time, b *Batch) error
	leads  func() bool
	dueMS  func() int64 // noDue: nothing is due
	nowMS  func() int64
	logger *slog.Logger
	wake   chan struct{} // capacity 1: what is due has changed
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

// pause is the time until the next look: until something is due, but not longer than tickMax, since a clock may jump,
// and not shorter than tickMin, so that many short reservations cost at most a hundred entries a second.
func (t *ticker) pause() time.Duration {
	dueMS, nowMS := t.dueMS(), t.nowMS()
	if dueMS >= nowMS+tickMax.Milliseconds() {
		return tickMax
	}
	return max(time.Duration(dueMS-nowMS)*time.Millisecond, tickMin)
}

// tick proposes one Expire. If it fails, what is due stays due and the next tick does its work.
func (t *ticker) tick() {
	t.batch.Reset()
	t.batch.Append(nil, &engine.Expire{})
	err := t.do(time.Now().Add(tickTimeout), &t.batch)
	if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNotLeader) {
		t.logger.Warn("a tick failed; the next one does its work", "error", err)
	}
}
