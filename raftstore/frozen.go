package raftstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/history"
	"apportion/raftstore/statedb"
)

// frozen is a checkpoint in progress: the rows that had changed at one moment. To Raft, it is a snapshot.
type frozen struct {
	c        *checkpointer
	lock     timedLock          // the apply mutex
	rows     *engine.Checkpoint // nil when they are stored or given back
	nowMS    int64              // of the state
	applied  uint64             // last entry with commands in it
	logBytes int64              // log that the checkpoint makes unnecessary
	start    time.Time
}

var _ raft.FSMSnapshot = (*frozen)(nil)

// freeze takes the changed rows as of now.
func (c *checkpointer) freeze() (*frozen, error) {
	f := &frozen{c: c, lock: timedLock{mu: &c.applier.mu, metrics: c.metrics}, start: time.Now()}
	f.lock.Lock()
	defer f.lock.Unlock()
	f.rows, f.nowMS = c.applier.engine.Freeze(), c.applier.engine.NowMS()
	f.applied = f.rows.Index()
	f.logBytes = c.applier.logBytes.Swap(0)
	return f, nil
}

// Persist writes the frozen rows and the snapshot's description into the state database, in one step, and then notes
// the index in the log. Raft truncates the log after that. Should the state be lost or fall back later, the note tells.
func (f *frozen) Persist(sink raft.SnapshotSink) error {
	s, ok := sink.(*snapshotSink)
	if !ok {
		panic(fmt.Sprintf("BUG: raftstore: a snapshot sink of type %T", sink))
	}
	if f.applied > s.meta.Index {
		panic(fmt.Sprintf("BUG: raftstore: state of index %d in a snapshot of index %d", f.applied, s.meta.Index))
	}
	defer f.c.step()()
	if err := f.store(s.meta); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	if err := f.c.note(s.meta.Index); err != nil {
		return errors.Join(fmt.Errorf("raftstore: note the checkpoint in the log: %w", err), sink.Cancel())
	}
	f.c.step()
	f.c.history.Checkpointed(history.Checkpoint{
		Index: s.meta.Index, Term: s.meta.Term, TimeMS: f.nowMS, Applied: f.applied,
	}, f.c.step)
	s.stored = true
	if _, err := sink.Write(appendSnapshotBody(nil, s.meta.Index)); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

// note makes durable, in the log, that there is a state of an index.
func (c *checkpointer) note(index uint64) error {
	defer c.disk.begin(diskNote)()
	return c.log.SetUint64(keyCheckpoint, index)
}

// store writes the rows to tables and ingests these.
func (f *frozen) store(meta raft.SnapshotMeta) error {
	t, err := f.c.db.NewTableWriter(meta, f.c.tableBytes)
	if err != nil {
		return err
	}
	if err := f.drain(t); err != nil {
		return errors.Join(err, t.Discard())
	}
	f.c.step()
	if err := t.Close(); err != nil {
		return err
	}
	f.c.step()
	if err := f.c.db.Ingest(context.Background(), t); err != nil {
		return err
	}
	f.done(meta.Index, t)
	return nil
}

// drain encodes the rows in slices, writes each slice, and rests after it. At full speed, a checkpoint would take a
// processor away from the requests: with two processors at a load of 70 %, they would queue until its end.
func (f *frozen) drain(t *statedb.TableWriter) error {
	var rows engine.Rows
	for more := true; more; {
		begin := time.Now()
		f.c.step()
		rows.Reset()
		more = f.rows.Next(&rows, f.c.sliceBytes, &f.lock)
		f.c.pacer.yield() // to an entry that waits: the scheduler would let us write on for 10 ms
		if err := f.writeRows(&rows, t); err != nil {
			return err
		}
		if f.c.waiting.Load() == 0 && f.c.applier.logBytes.Load() < f.c.logBytesMax {
			f.c.pacer.rest(min(checkpointRestParts*time.Since(begin), checkpointRestMax))
		}
	}
	return nil
}

// writeRows writes a slice, and yields from time to time as drain does.
func (f *frozen) writeRows(rows *engine.Rows, t *statedb.TableWriter) error {
	written := 0
	return rows.Each(func(op engine.RowOp, key, value []byte) error {
		if written++; written%rowsBetweenYields == 0 {
			f.c.pacer.yield()
		}
		return t.Row(op, key, value)
	})
}

// rowsBetweenYields is some ten microseconds of work.
const rowsBetweenYields = 16

// done publishes a checkpoint that is on disk. The archive learns of orders that have left memory before the engine
// forgets them, so that a look-up always finds them.
func (f *frozen) done(index uint64, t *statedb.TableWriter) {
	c := f.c
	if t.Archived {
		c.archive.stored.Store(true)
	}
	c.index.Store(index)
	f.lock.Lock()
	f.rows.Done()
	f.lock.Unlock()
	f.rows = nil

	took := time.Since(f.start)
	c.lastEnd.Store(time.Now().UnixMilli())
	c.metrics.checkpoints.Inc()
	c.metrics.checkpointDuration.Update(took.Seconds())
	c.metrics.checkpointBytes.AddInt64(int64(t.WrittenBytes))
	c.metrics.checkpointRows.Add(t.Rows)
	c.logger.Info("checkpoint", "index", index, "rows", t.Rows, "bytes", t.WrittenBytes, "logBytes", f.logBytes,
		"took", took.Round(time.Millisecond), "longestHold", f.lock.longest.Round(time.Microsecond))
}

// Release gives the rows back if the checkpoint was not stored. Raft always calls it.
func (f *frozen) Release() {
	if f.rows == nil {
		return
	}
	f.c.applier.locked(func(*engine.Engine) { f.rows.Abort() })
	f.c.applier.logBytes.Add(f.logBytes)
	f.rows = nil
}

// timedLock is the apply mutex as a checkpoint takes it: to freeze, to end, and for rows that cannot be encoded beside
// Apply. It measures how long it is held.
type timedLock struct {
	mu       *sync.Mutex
	metrics  *storeMetrics
	lockedAt time.Time
	longest  time.Duration
}

// Lock implements sync.Locker.
func (l *timedLock) Lock() {
	l.mu.Lock()
	l.lockedAt = time.Now()
}

// Unlock implements sync.Locker.
func (l *timedLock) Unlock() {
	held := time.Since(l.lockedAt)
	l.mu.Unlock()
	l.longest = max(l.longest, held)
	l.metrics.held(held)
}
