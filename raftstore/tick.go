package raftstore

import (
	"errors"
	"log/slog"
	"time"

	"apportion/engine"
)

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
