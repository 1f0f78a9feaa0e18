package raftstore

import (
	"sync"
	"time"
)

// rounds answers a question that many ask at the same time by asking it once for all of them. Whoever comes while a
// round is under way waits for the next one, since the answer must be of a moment after the question. So there is one
// round at a time, however many ask.
type rounds struct {
	ask  func(stop <-chan struct{}) error
	end  func()        // after the last asking
	wake chan struct{} // capacity 1
	stop <-chan struct{}

	mu struct {
		sync.Mutex
		next *round // of those who wait for the next round; nil: nobody does
	}
}

// round is one asking. err is written before done is closed.
type round struct {
	done chan struct{}
	err  error
}

func newRounds(stop <-chan struct{}, ask func(stop <-chan struct{}) error, end func()) *rounds {
	return &rounds{ask: ask, end: end, wake: make(chan struct{}, 1), stop: stop}
}

// wait gives the answer of a round that begins after the call. A zero deadline waits for ever.
func (r *rounds) wait(deadline time.Time) error {
	r.mu.Lock()
	if r.mu.next == nil {
		r.mu.next = &round{done: make(chan struct{})}
	}
	own := r.mu.next
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	var expired <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-own.done:
		return own.err
	case <-expired:
		return ErrTimeout
	case <-r.stop:
		return ErrClosed
	}
}

// run asks until stop is closed.
func (r *rounds) run(stop <-chan struct{}) {
	defer r.end()
	for {
		select {
		case <-stop:
			return
		case <-r.wake:
		}
		r.mu.Lock()
		own := r.mu.next
		r.mu.next = nil
		r.mu.Unlock()
		if own != nil {
			own.err = r.ask(stop)
			close(own.done)
		}
	}
}
