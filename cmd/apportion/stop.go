package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"apportion/raftstore"
)

// The end of a server has a bound, whatever its disk does: who stops a node because its disk is broken must not have to
// wait for that disk. What was acknowledged is as safe as after kill -9.
const (
	// drainTimeout is how long requests on their way may take after the signal to stop, and before it a new leader.
	drainTimeout = 15 * time.Second

	// lastCheckpointTimeout bounds the checkpoint at the end.
	lastCheckpointTimeout = 20 * time.Second

	// stopTimeout bounds all of it. Service managers kill after 90 s or so.
	stopTimeout = 60 * time.Second

	// stopSilenceMax is how long the disk is waited for meanwhile. stopLook is the pause between two looks.
	stopSilenceMax = 10 * time.Second
	stopLook       = 100 * time.Millisecond
)

// unorderlyError is an end that was not waited for.
type unorderlyError struct {
	what   string
	waited time.Duration // 0: it is not about a wait
	status int           // the exit status
}

func (e unorderlyError) Error() string {
	what := e.what
	if e.waited > 0 {
		what += fmt.Sprint(" for ", e.waited.Round(time.Second))
	}
	return what + ", so this end is not an orderly one; nothing that was acknowledged is lost, and the next start " +
		"replays the log"
}

// runBounded is run, with a bound for what comes after the end of ctx.
func (s *service) runBounded(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	begin := time.Now()
	look := time.NewTicker(stopLook)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-look.C:
		}
		if err := s.stuck(time.Since(begin)); err != nil {
			return err
		}
	}
}

// stuck means that an end that has been waited for so long is not worth it any more.
func (s *service) stuck(waited time.Duration) error {
	store := s.opened.Load()
	if store != nil {
		if silence := store.DiskSilence(); min(silence, waited) > stopSilenceMax {
			return unorderlyError{"the disk has not answered", silence, raftstore.ExitDiskFailed}
		}
	}
	switch {
	case store == nil && waited > stopSilenceMax:
		return unorderlyError{"the data directory has not opened", waited, raftstore.ExitDiskFailed}
	case waited <= stopTimeout:
		return nil
	case s.unwritten.Load():
		return unorderlyError{"the disk has not taken the last checkpoint", waited, raftstore.ExitDiskFailed}
	default:
		return unorderlyError{"requests and the log have not come to an end", waited, 1}
	}
}

// handOver has another node lead before this one goes, so that nobody has to wait for an election. It still answers.
func (s *service) handOver(store *raftstore.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := store.HandOver(ctx, ""); err != nil {
		s.logger.Warn("no other node took the lead; an election will follow", "error", err)
	}
}

// checkpoint spares the next start the replay of the log. Without it, nothing is lost, but the end is not an orderly
// one: whoever stops the server has to hear that its disk takes no state.
func (s *service) checkpoint(store *raftstore.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), lastCheckpointTimeout)
	defer cancel()
	err := store.Checkpoint(ctx)
	switch {
	case err == nil, errors.Is(err, raftstore.ErrClosed):
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		s.unwritten.Store(true)
		return unorderlyError{"the disk has not taken the last checkpoint", lastCheckpointTimeout,
			raftstore.ExitDiskFailed}
	default:
		return fmt.Errorf("%w\n%w", unorderlyError{"the last checkpoint has failed", 0, raftstore.ExitDiskFailed}, err)
	}
}
