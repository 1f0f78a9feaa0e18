package load

import (
	"errors"
	"time"
)

// errInterrupted is the error of an interrupted wait.
var errInterrupted = errors.New("interrupted")

// waiter waits for moments. One goroutine uses it, but any goroutine may interrupt it.
type waiter interface {
	// wait returns at the moment, or with errInterrupted.
	wait(until time.Time) error
	// interrupt ends the present wait and all later waits.
	interrupt()
	close()
}

// sleeper waits with the runtime's timers. In an idle process they are up to a millisecond late.
type sleeper struct{ done chan struct{} }

func newSleeper() waiter { return &sleeper{make(chan struct{}, 1)} }

func (s *sleeper) wait(until time.Time) error {
	duration := time.Until(until)
	if duration <= 0 {
		return nil
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.done:
		s.interrupt() // for later waits
		return errInterrupted
	}
}

func (s *sleeper) interrupt() {
	select {
	case s.done <- struct{}{}:
	default: // interrupted before
	}
}

func (s *sleeper) close() {}
