package raftstore

import (
	"sync"
	"time"
)

// coalescer asks one question for many callers at the same time. A caller during a round waits for the next round,
// since its answer must be of a time after the call. So there is one round at a time, for any number of callers.
type coalescer struct {
	ask  func(stop <-chan struct{}) error
	end  func()        // called after the last round
	wake chan struct{} // capacity 1
	stop <-chan struct{}

	mu struct {
		sync.Mutex
		next *round // nil: nobody waits for the next round
	}
}

// round is one question and its answer. err is written before done is closed.
type round struct {
	done chan struct{}
	err  error
}

func newCoalescer(stop <-chan struct{}, ask func(stop <-chan struct{}) error, end func()) *coalescer {
	return &coalescer{ask: ask, end: end, wake: make(chan struct{}, 1), stop: stop}
}

// wait returns the answer of a round that begins after the call. A zero deadline waits for ever.
func (c *coalescer) wait(deadline time.Time) error {
	c.mu.Lock()
	if c.mu.next == nil {
		c.mu.next = &round{done: make(chan struct{})}
	}
	own := c.mu.next
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
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
	case <-c.stop:
		return ErrClosed
	}
}

// run asks until stop is closed.
func (c *coalescer) run(stop <-chan struct{}) {
	defer c.end()
	for {
		select {
		case <-stop:
			return
		case <-c.wake:
		}
		c.mu.Lock()
		own := c.mu.next
		c.mu.next = nil
		c.mu.Unlock()
		if own != nil {
			own.err = c.ask(stop)
			close(own.done)
		}
	}
}
