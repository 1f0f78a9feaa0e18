package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/history"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// checkpointer brings the state database up to the log. A checkpoint has three steps. It freezes the set of changed
// rows, on Raft's state machine goroutine, between two entries. It encodes these rows slice by slice, while entries are
// applied, and writes them to SSTables. It ingests the finished tables at once.
//
// A checkpoint that fails before the ingest leaves the database as it was, and its rows count as changed again. The
// next attempt writes new files, so it never trusts what a failed sync may have lost. A failed ingest that leaves the
// database itself in doubt ends the process (OnFatal).
//
// Raft starts each checkpoint: the checkpointer asks it for a snapshot, and Raft calls freeze and frozen.Persist.
type checkpointer struct {
	db      *statedb.DB
	applier *applier
	archive *archive
	disk    *diskWatch
	metrics *storeMetrics
	logger  *slog.Logger

	// The next fields are set before the first checkpoint, when what they name is open.
	log     *wal.Log
	history *history.Keeper
	raft    snapshotter

	sliceBytes  int
	tableBytes  int
	logBytesMax int64
	interval    time.Duration
	pacer       pacer

	index   atomic.Uint64 // the state database holds the effect of all entries up to this one
	waiting atomic.Int32  // callers that wait for a checkpoint, which then does not rest
	wake    chan struct{} // capacity 1: there may be enough log for a checkpoint
	lastEnd atomic.Int64  // when the last checkpoint ended, Unix milliseconds; 0: none since the start

	failures failures
}

// snapshotter asks Raft for a snapshot, and waits for it.
type snapshotter interface{ takeSnapshot() error }

// pacer lets other goroutines go first. Tests and simulations have their own.
type pacer interface {
	yield()                   // to goroutines that can run
	rest(pause time.Duration) // to all who need the processor
}

// schedulerPacer leaves it to the Go scheduler.
type schedulerPacer struct{}

func (schedulerPacer) yield()                   { runtime.Gosched() }
func (schedulerPacer) rest(pause time.Duration) { time.Sleep(pause) }

// newCheckpointer returns the checkpointer of a state database that is of a log index.
func (s *Store) newCheckpointer(index uint64) *checkpointer {
	c := &checkpointer{
		db: s.state, applier: s.applier, archive: s.archive, disk: &s.disk, metrics: s.metrics, logger: s.cfg.Logger,
		sliceBytes: s.cfg.checkpointSliceBytes, tableBytes: s.cfg.stateTableBytes,
		logBytesMax: s.cfg.checkpointLogBytes, interval: s.cfg.CheckpointInterval, pacer: schedulerPacer{},
		wake: make(chan struct{}, 1),
	}
	c.index.Store(index)
	return c
}

// nodeSnapshotter takes snapshots of a Raft node.
type nodeSnapshotter struct {
	node *raft.Raft
	stop <-chan struct{}
}

// takeSnapshot implements snapshotter. Raft refuses during a leadership transfer, which ends soon: then it is retried.
func (n nodeSnapshotter) takeSnapshot() error {
	for begin := time.Now(); ; {
		err := n.node.Snapshot().Error()
		if !errors.Is(err, raft.ErrLeadershipTransferInProgress) || time.Since(begin) > transferHangMax {
			return err
		}
		select {
		case <-time.After(snapshotRetry):
		case <-n.stop:
			return ErrClosed
		}
	}
}

// checkpointIndex is the log index of the state on disk.
func (c *checkpointer) checkpointIndex() uint64 { return c.index.Load() }

// step marks the start of a disk step, and ends the step before. The caller calls end after the last step.
func (c *checkpointer) step() (end func()) { return c.disk.begin(diskState) }

// wakeUp is called when the log has grown; it does not block.
func (c *checkpointer) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run makes checkpoints until stop is closed. After a failure it waits for the timer, however much the log grows: more
// attempts do not help a full disk.
func (c *checkpointer) run(stop <-chan struct{}) {
	timer := time.NewTimer(c.pause(nil))
	defer timer.Stop()
	var err error
	for {
		due := false
		select {
		case <-stop:
			return
		case <-timer.C:
			due = c.dirty()
		case <-c.wake:
			if err != nil {
				continue
			}
		}
		err = nil
		if due || c.applier.logBytes.Load() >= c.logBytesMax {
			err = c.checkpoint()
		}
		timer.Reset(c.pause(err))
	}
}

// pause is the time until the next look. With a negative interval, only the size of the log causes a checkpoint.
func (c *checkpointer) pause(err error) time.Duration {
	switch {
	case err != nil:
		return checkpointRetryInterval
	case c.interval < 0:
		return raftNever
	default:
		return c.interval
	}
}

// dirty reports whether any row has changed since the last checkpoint.
func (c *checkpointer) dirty() (dirty bool) {
	c.applier.locked(func(e *engine.Engine) { dirty = e.DirtyRows() > 0 })
	return dirty
}

// checkpoint makes one checkpoint now.
func (c *checkpointer) checkpoint() error {
	err := c.raft.takeSnapshot()
	switch {
	case err == nil, errors.Is(err, raft.ErrNothingNewToSnapshot):
		if failed := c.failures.end(); failed > 0 {
			c.logger.Info("checkpoints succeed again", "failed", failed)
		}
		return nil
	case errors.Is(err, raft.ErrRaftShutdown):
		return ErrClosed
	}
	c.metrics.checkpointErrors.Inc()
	failed, since := c.failures.add(err)
	c.logger.Error(
		"checkpoint failed: free disk space, or check the disk and the data directory. Nothing is lost, but "+
			"until a checkpoint succeeds, the log grows and a start takes longer", "error", err, "failed", failed,
		"since", since.Round(time.Second))
	return err
}

// failures counts the checkpoints that have failed since the last one that succeeded.
type failures struct {
	mu    sync.Mutex
	times int
	since time.Time // of the first failure
	last  error
}

// add counts a failure.
func (f *failures) add(err error) (times int, since time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times == 0 {
		f.since = time.Now()
	}
	f.times++
	f.last = err
	return f.times, time.Since(f.since)
}

// end is called when a checkpoint succeeded, and reports how many had failed before it.
func (f *failures) end() (times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	times, f.times, f.last = f.times, 0, nil
	return times
}

// err is nil unless the last checkpoint failed.
func (f *failures) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times == 0 {
		return nil
	}
	return fmt.Errorf("raftstore: %d checkpoints have failed in a row, for %s: %w", f.times, time.Since(f.since).
		Round(time.Second), f.last)
}

// count is the number of failures in a row.
func (f *failures) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times
}
