package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/history"
	"apportion/raftstore/statedb"
)

// checkpointer brings the state database up to the log. A checkpoint has three steps: freeze, on Raft's state machine
// goroutine between two entries, takes the set of changed rows as of now; the rows are then encoded slice by slice,
// beside the entries that are being applied, and written to SSTables; the finished tables are ingested at once.
//
// A checkpoint that fails before the ingest leaves the database as it was and gives the rows back as changed; it is
// tried again with new files, so nothing that a failed sync may have lost is ever trusted. A failure while ingesting
// that leaves the database's own state in doubt ends the process (OnFatal).
type checkpointer struct {
	applier      *applier
	state        *statedb.DB
	metrics      *storeMetrics
	logger       *slog.Logger
	onArchived   func() // rows of orders that have left memory were written
	sliceBytes   int
	tableBytes   int
	logBytesMax  int64
	interval     time.Duration
	takeSnapshot func() error             // has Raft take a snapshot, which calls freeze and Persist
	note         func(index uint64) error // makes it durable, in the log, that there is a state of this index
	// a step that waits for the disk begins, in place of the one before; end is of the last one
	step  func() (end func())
	keep  func(k history.Checkpoint) // offers the state on disk to the history
	yield func()                     // lets others go first; runtime.Gosched, but for tests
	rest  func(time.Duration)        // leaves the processor to others; time.Sleep, but for tests

	hurries atomic.Int32 // somebody waits for a checkpoint, which does not rest then

	covered atomic.Uint64 // the state database holds the effect of all entries up to this one
	wake    chan struct{} // capacity 1: there may be enough log for a checkpoint
	lastEnd atomic.Int64  // when the last checkpoint ended, Unix milliseconds; 0: none since the start

	failing failing
}

// coveredIndex is the log index of the state on disk.
func (c *checkpointer) coveredIndex() uint64 { return c.covered.Load() }

// wakeUp is called when the log has grown; it does not block.
func (c *checkpointer) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run makes checkpoints until stop is closed. After a failure it waits for the timer, however much the log grows: a
// full disk is not helped by attempts.
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

// pause is how long to wait for the next look. A negative interval leaves checkpoints to the log's size.
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

func (c *checkpointer) dirty() (dirty bool) {
	c.applier.locked(func(e *engine.Engine) { dirty = e.DirtyRows() > 0 })
	return dirty
}

// checkpoint makes one checkpoint now.
func (c *checkpointer) checkpoint() error {
	err := c.takeSnapshot()
	switch {
	case err == nil, errors.Is(err, raft.ErrNothingNewToSnapshot):
		if failed := c.failing.end(); failed > 0 {
			c.logger.Info("checkpoints succeed again", "failed", failed)
		}
		return nil
	case errors.Is(err, raft.ErrRaftShutdown):
		return ErrClosed
	}
	c.metrics.checkpointErrors.Inc()
	failed, since := c.failing.add(err)
	c.logger.Error("checkpoint failed: give the disk space, or look at its state and at the data directory. Until "+
		"one succeeds, the log "+
		"grows and a start takes longer; nothing is lost", "error", err, "failed", failed, "since",
		since.Round(time.Second))
	return err
}

// failing is what checkpoints have come to since the last one that succeeded.
type failing struct {
	mu    sync.Mutex
	times int
	since time.Time // of the first failure
	last  error
}

// add counts a failure.
func (f *failing) add(err error) (times int, since time.Duration) {
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
func (f *failing) end() (times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	times, f.times, f.last = f.times, 0, nil
	return times
}

// err is nil unless the last checkpoint failed.
func (f *failing) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times == 0 {
		return nil
	}
	return fmt.Errorf("raftstore: %d checkpoints have failed in a row, for %s: %w", f.times, time.Since(f.since).
		Round(time.Second), f.last)
}

// count is the number of failures in a row.
func (f *failing) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times
}

// freeze takes the changed rows as of now.
func (c *checkpointer) freeze() (*frozen, error) {
	f := &frozen{checkpointer: c, start: time.Now()}
	f.Lock()
	defer f.Unlock()
	f.rows, f.nowMS = c.applier.engine.Freeze(), c.applier.engine.NowMS()
	f.logBytes = c.applier.logBytes.Swap(0)
	return f, nil
}

// frozen is a checkpoint under way; to Raft, it is the snapshot.
type frozen struct {
	*checkpointer
	rows     *engine.Checkpoint // nil once it is done or given back
	nowMS    int64              // of the state
	logBytes int64              // log that the checkpoint makes unnecessary
	start    time.Time
	lockedAt time.Time
	holdMax  time.Duration
}

var _ raft.FSMSnapshot = (*frozen)(nil)

// Persist writes the frozen rows and the snapshot's description into the state database, in one step, and then notes in
// the log that it did. Raft cuts the log after that: should the state be lost or fall back later, the note is what
// tells.
func (f *frozen) Persist(sink raft.SnapshotSink) error {
	s, ok := sink.(*snapshotSink)
	if !ok {
		panic(fmt.Sprintf("BUG: raftstore: a snapshot sink of type %T", sink))
	}
	if f.rows.Index() > s.meta.Index {
		panic(fmt.Sprintf("BUG: raftstore: state of index %d in a snapshot of index %d", f.rows.Index(), s.meta.Index))
	}
	defer f.step()()
	state := history.Checkpoint{Index: s.meta.Index, Term: s.meta.Term, TimeMS: f.nowMS, Applied: f.rows.Index()}
	if err := f.store(s.meta); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	if err := f.note(s.meta.Index); err != nil {
		return errors.Join(fmt.Errorf("raftstore: note the checkpoint in the log: %w", err), sink.Cancel())
	}
	f.step()
	f.keep(state)
	s.stored = true
	if _, err := sink.Write(appendSnapshotBody(nil, s.meta.Index)); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (f *frozen) store(meta raft.SnapshotMeta) error {
	t, err := f.state.NewTableWriter(meta, f.tableBytes)
	if err != nil {
		return err
	}
	if err := f.drain(t); err != nil {
		return errors.Join(err, t.Discard())
	}
	f.step()
	if err := t.Close(); err != nil {
		return err
	}
	f.step()
	if err := f.state.Ingest(context.Background(), t); err != nil {
		return err
	}
	f.done(meta.Index, t)
	return nil
}

// drain encodes the rows in slices and writes each slice. It rests after each: a checkpoint that works as fast as it
// can takes a processor away from the requests, and at a load of 70 % with two of them, they queue for as long as it
// takes.
func (f *frozen) drain(t *statedb.TableWriter) error {
	var rows engine.Rows
	for more := true; more; {
		begin := time.Now()
		f.step()
		rows.Reset()
		more = f.rows.Next(&rows, f.sliceBytes, f)
		f.yield() // an entry that waits goes first: the scheduler would let us write on for 10 ms
		if err := f.writeRows(&rows, t); err != nil {
			return err
		}
		if f.hurries.Load() == 0 && f.applier.logBytes.Load() < f.logBytesMax {
			f.rest(min(checkpointRestParts*time.Since(begin), checkpointRestMax))
		}
	}
	return nil
}

// Lock takes the apply mutex for the checkpoint, to freeze, to end, and for the rows that cannot be encoded beside
// Apply. The holds are timed.
func (f *frozen) Lock() {
	f.applier.mu.Lock()
	f.lockedAt = time.Now()
}

// Unlock is the end of a hold.
func (f *frozen) Unlock() {
	held := time.Since(f.lockedAt)
	f.applier.mu.Unlock()
	f.holdMax = max(f.holdMax, held)
	f.metrics.held(held)
}

// writeRows gives way to other goroutines now and then, as drain does.
func (f *frozen) writeRows(rows *engine.Rows, t *statedb.TableWriter) error {
	written := 0
	return rows.Each(func(op engine.RowOp, key, value []byte) error {
		if written++; written%rowsBetweenYields == 0 {
			f.yield()
		}
		return t.Row(op, key, value)
	})
}

// rowsBetweenYields is some ten microseconds of work.
const rowsBetweenYields = 16

// done publishes a checkpoint that is on disk. Orders among its rows that have left memory are found in the database
// before the engine forgets them: onArchived comes before Done.
func (f *frozen) done(index uint64, t *statedb.TableWriter) {
	if t.Archived {
		f.onArchived()
	}
	f.covered.Store(index)
	f.Lock()
	f.rows.Done()
	f.Unlock()
	f.rows = nil

	took := time.Since(f.start)
	f.lastEnd.Store(time.Now().UnixMilli())
	f.metrics.checkpoints.Inc()
	f.metrics.checkpointDuration.Update(took.Seconds())
	f.metrics.checkpointBytes.AddInt64(int64(t.WrittenBytes))
	f.metrics.checkpointRows.Add(t.Rows)
	f.logger.Info("checkpoint", "index", index, "rows", t.Rows, "bytes", t.WrittenBytes, "logBytes", f.logBytes,
		"took", took.Round(time.Millisecond), "longestHold", f.holdMax.Round(time.Microsecond))
}

// Release gives the rows back if the checkpoint was not stored; Raft always calls it.
func (f *frozen) Release() {
	if f.rows == nil {
		return
	}
	f.applier.locked(func(*engine.Engine) { f.rows.Abort() })
	f.applier.logBytes.Add(f.logBytes)
	f.rows = nil
}
