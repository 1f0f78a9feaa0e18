package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"apportion/raftstore"
)

// A stop has a bound, whatever the disk does: an operator who stops a node because its disk is broken must not have to
// wait for that disk. Acknowledged writes are as safe as after kill -9.
const (
	// drainTimeout bounds the wait for requests in flight, and the wait for another leader before it.
	drainTimeout = 15 * time.Second

	// lastCheckpointTimeout bounds the last checkpoint.
	lastCheckpointTimeout = 20 * time.Second

	// stopTimeout bounds the whole stop. Service managers kill a process after about 90 s.
	stopTimeout = 60 * time.Second

	// stopSilenceMax is the longest wait for a disk that does not answer. stopLook is the pause between two looks.
	stopSilenceMax = 10 * time.Second
	stopLook       = 100 * time.Millisecond
)

// forcedStop is a stop that does not wait any longer.
type forcedStop struct {
	reason string
	waited time.Duration // 0: the reason is not a wait
	status int           // the exit status
}

func (e forcedStop) Error() string {
	after := ""
	if e.waited > 0 {
		after = fmt.Sprint(" after ", e.waited.Round(time.Second))
	}
	return fmt.Sprintf("forced stop%s: %s. No acknowledged write is lost; the next start replays the log", after,
		e.reason)
}

// runBounded is run with a bound on the time that it takes after the end of ctx.
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

// stuck returns a forcedStop once a stop has taken too long, nil before.
func (s *service) stuck(waited time.Duration) error {
	store := s.opened.Load()
	if store != nil {
		if silence := store.DiskAge(); min(silence, waited) > stopSilenceMax {
			return forcedStop{"the disk does not answer", silence, raftstore.ExitDiskFailed}
		}
	}
	switch {
	case store == nil && waited > stopSilenceMax:
		return forcedStop{"the data directory is not open yet", waited, raftstore.ExitDiskFailed}
	case waited <= stopTimeout:
		return nil
	case s.unwritten.Load():
		return forcedStop{"the last checkpoint is not on disk yet", waited, raftstore.ExitDiskFailed}
	default:
		return forcedStop{"requests or the log have not come to an end", waited, 1}
	}
}

// transferLeadership has another node lead before this one stops, so that nobody waits for an election. Requests are
// still answered meanwhile.
func (s *service) transferLeadership(store *raftstore.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := store.TransferLeadership(ctx, ""); err != nil {
		s.logger.Warn("no other node took the leadership; an election will follow", "error", err)
	}
}

// checkpoint spares the next start the replay of the log. Nothing is lost without it, but the stop is a forced one: the
// operator must hear that the disk does not take the state.
func (s *service) checkpoint(store *raftstore.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), lastCheckpointTimeout)
	defer cancel()
	err := store.Checkpoint(ctx)
	switch {
	case err == nil, errors.Is(err, raftstore.ErrClosed):
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		s.unwritten.Store(true)
		return forcedStop{"the last checkpoint is not on disk yet", lastCheckpointTimeout,
			raftstore.ExitDiskFailed}
	default:
		return fmt.Errorf("%w\n%w", forcedStop{"the last checkpoint failed", 0, raftstore.ExitDiskFailed}, err)
	}
}
