package raftstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/datadir"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// process is one run of a simulated node, from a start to a crash. Its Store is opened by those steps of Open that
// start no goroutines. Steps of the simulation replace the Store's goroutines and call the same methods. simRaft
// replaces Raft.
type process struct {
	w     *world
	id    int
	disk  *simDisk
	clock *simClock
	store *Store
	fsm   *fsm
	snaps *snapshots
	raft  *simRaft

	flights    []*inflightEntry // of the proposer
	checkpoint *coroutine
	tick       *Batch // a tick without an answer yet
	fatal      string // the reason why the process has ended itself
}

// simClock is a node's clock. The wall clock has a skew that may change. The monotonic clock is correct.
type simClock struct {
	w       *world
	skewMS  int64
	startMS int64
}

func (c *simClock) NowMS() int64 { return c.w.nowMS + c.skewMS }
func (c *simClock) Monotonic() time.Duration {
	return time.Duration(c.w.nowMS-c.startMS) * time.Millisecond
}

// processEnd is the panic of OnFatal: nothing of the process runs after it.
type processEnd struct{ msg string }

// newProcess prepares a start from the disk.
func newProcess(w *world, id int, mem *vfs.MemFS, skewMS int64) *process {
	p := &process{w: w, id: id, disk: newSimDisk(mem), clock: &simClock{w: w, skewMS: skewMS, startMS: w.nowMS}}
	cfg := Config{
		Dir: "/data/store", NodeID: fmt.Sprint("node", id), FS: p.disk, Logger: slog.New(slog.DiscardHandler),
		Metrics: testMetrics(), Clock: p.clock, random: w.random, CheckpointInterval: -1, observe: p.observe,
		OnFatal: func(msg string) { panic(processEnd{msg}) },

		checkpointSliceBytes: 1 + w.rng.IntN(w.plan.sliceBytesMax), stateTableBytes: 1 + w.rng.IntN(8000),
		checkpointLogBytes: 1 + w.rng.Int64N(3000),
		HistoryAge:         w.plan.historyAge, entryBytesTarget: w.plan.entryBytes,
		queueBatchesMax: w.plan.queueBatches,
	}.withDefaults()
	p.store = &Store{
		cfg: cfg, paths: datadir.NewPaths(cfg.FS, cfg.Dir), metrics: newStoreMetrics(cfg.Metrics),
		stop:    make(chan struct{}),
		stamper: newStamper(cfg.Clock, cfg.Logger),
	}
	return p
}

// start opens the store as Open does.
func (p *process) start() error {
	s := p.store
	steps := []func(context.Context) error{
		s.lockDirectory, s.installDownload, p.openState, s.loadState, p.checkLoaded, s.checkLogEnd, s.openLog,
		s.truncateLogToState,
		s.checkLogMatchesState, s.loadIdentity,
		s.bootstrap,
		s.openHistory, s.openRaftLog, p.startRaft,
	}
	for _, step := range steps {
		if err := step(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// openState is Store.openState without compactions, because their time depends on the scheduler.
func (p *process) openState(context.Context) error {
	s := p.store
	state, err := statedb.Open(statedb.Config{
		FS: s.cfg.FS, Dir: s.paths.State, IngestDir: s.paths.Ingest, Logger: s.cfg.Logger, OnFatal: s.cfg.OnFatal,
		NoCompactions: true,
	})
	if err != nil {
		return err
	}
	s.state = state
	s.onClose(state.Close)
	return nil
}

// checkLoaded demands that the loaded state is that of its index.
func (p *process) checkLoaded(context.Context) error {
	if !p.disk.crashed() {
		p.w.audit.loaded(p.id, p.store.checkpoints.checkpointIndex(), p.store.engine)
	}
	return nil
}

// startRaft stands for Store.startRaft and Store.startWorkers.
func (p *process) startRaft(context.Context) error {
	s := p.store
	s.applier.logBytesMax, s.applier.onLogBytes = s.cfg.checkpointLogBytes, s.checkpoints.wakeUp
	s.applier.locked(func(*engine.Engine) { s.applier.lookAtDueLocked() })
	s.proposer = newProposer(s.stamper, s.engine.NowMS, s.metrics, proposerLimits{
		queueBatches: s.cfg.queueBatchesMax, queueBytes: s.cfg.queueBytesMax,
		entryBytesTarget: s.cfg.entryBytesTarget, entryBytes: entryBytesMax, entryCommands: entryCommandsMax,
		secondEntryBytes: simSecondEntryBytes,
	})
	p.fsm = &fsm{
		applier: s.applier, checkpoints: s.checkpoints, observe: s.cfg.observe, handOut: p.handOut,
		fatal: s.cfg.OnFatal,
	}
	p.snaps = &snapshots{state: s.state, checkpoints: s.checkpoints, log: s.log}
	s.checkpoints.raft, s.checkpoints.pacer = p, simPacer(func() {})
	r, err := newSimRaft(p)
	if err != nil {
		return err
	}
	p.raft = r
	p.w.bind(p)
	s.proposer.log, s.proposer.leads = r, r.serves
	s.ticker = &ticker{
		dueMS: s.applier.dueMS.Load, nowMS: s.stamper.nowMS, logger: s.cfg.Logger, wake: make(chan struct{}, 1),
		leads: r.serves, do: p.queueTick,
	}
	return nil
}

// observe sees each entry just before it is applied.
func (p *process) observe(log *raft.Log) {
	if !p.disk.crashed() {
		p.w.audit.observe(p.id, log)
	}
}

// submit is Store.Do up to the caller's wait.
func (p *process) submit(b *Batch) error {
	if !p.raft.serves() {
		return ErrNotLeader
	}
	if err := p.store.proposer.checkSize(b.queued); err != nil {
		return err
	}
	return p.store.proposer.enqueue(b.queued)
}

// simSecondEntryBytes is so small that often two entries are in flight.
const simSecondEntryBytes = 300

// propose is one round of the proposer, as far as it goes without waiting.
func (p *process) propose() bool {
	pr := p.store.proposer
	if len(p.flights) > 0 {
		f := p.flights[0]
		if f.future.(*simFuture).done {
			p.flights = p.flights[1:]
			if !p.disk.crashed() { // else nobody hears of it
				pr.settle(f)
			}
			return true
		}
	}
	f := pr.next()
	if f == nil {
		return false
	}
	if pr.propose(f) {
		p.flights = append(p.flights, f)
	}
	return true
}

// handOut shows the results of an entry to the audit, and then hands them out. A leader's entry comes from the log, but
// the proposer compares the memory of the proposed entry.
func (p *process) handOut(data []byte, results *entryResults) {
	if p.disk.crashed() {
		results.release()
		return
	}
	r := p.raft
	p.w.audit.applied(p.id, &raft.Log{Index: r.fsmIndex, Data: data}, results, p.store.engine)
	if len(r.futures) > 0 && r.futures[0].index == r.fsmIndex {
		data = r.futures[0].data
	}
	p.store.proposer.handOut(data, results)
}

// queueTick stands for Store.Do in the ticker. The ticker waits for one tick before it makes the next.
func (p *process) queueTick(_ time.Time, b *Batch) error {
	err := p.submit(b)
	if err == nil {
		p.tick = &Batch{queued: b.queued}
		b.detach()
	}
	return err
}

// ticks is one round of the ticker.
func (p *process) ticks() bool {
	if p.tick != nil {
		select {
		case <-p.tick.queued.done:
			p.tick = nil
		default:
			return false
		}
	}
	if !p.store.ticker.due() {
		return false
	}
	p.store.ticker.tick()
	return true
}

// noteLogEnd is one round of the goroutine that records the end of the log.
func (p *process) noteLogEnd() bool {
	end := p.store.logEnd
	before := end.LastNoted()
	err := end.Write()
	if err == nil && p.w.chance(50) {
		err = end.Sync()
	}
	if err != nil && !p.disk.crashed() {
		p.w.failf("node %d: %v", p.id, err)
	}
	if end.LastNoted() > before {
		p.w.counts.Notes++
	}
	return end.LastNoted() > before
}

// simPacer yields to the simulation, and never sleeps.
type simPacer func()

func (p simPacer) yield()           { p() }
func (simPacer) rest(time.Duration) {}

// beginCheckpoint starts the common work of the checkpointer's goroutine and Raft's snapshot goroutine.
func (p *process) beginCheckpoint() {
	p.checkpoint = newCoroutine(func(yield func()) {
		p.store.checkpoints.pacer = simPacer(yield)
		err := p.store.checkpoints.checkpoint()
		switch {
		case p.disk.crashed():
		case errors.Is(err, errorfs.ErrInjected):
			p.w.counts.FailedCheckpoints++
			p.w.tracef("node %d: a checkpoint failed", p.id)
		case err != nil:
			p.w.failf("node %d: checkpoint: %v", p.id, err)
		default:
			p.w.counts.Checkpoints++
		}
	})
}

// stepCheckpoint continues the checkpoint until it yields.
func (p *process) stepCheckpoint() {
	if !p.checkpoint.resume() {
		p.checkpoint = nil
	}
}

// takeSnapshot is Raft's part of a snapshot.
func (p *process) takeSnapshot() error {
	r := p.raft
	index, term := r.fsmIndex, r.fsmTerm
	if index == 0 {
		return raft.ErrNothingNewToSnapshot
	}
	snapshot, err := p.fsm.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Release()
	sink, err := p.snaps.Create(raft.SnapshotVersionMax, index, term, raft.Configuration{}, 1, nil)
	if err != nil {
		return err
	}
	if err := snapshot.Persist(sink); err != nil {
		return err
	}
	p.w.tracef("node %d has a checkpoint of %d", p.id, index)
	return r.compact(index, term)
}

// end releases the resources of the process. No one uses its disk any more: later writes to it are lost.
func (p *process) end() {
	if p.checkpoint != nil {
		quietly(p.checkpoint.finish)
	}
	quietly(func() {
		if err := p.store.unwind(); errors.Is(err, wal.ErrFailed) {
			closeFailedLog(p.store.log)
		}
	})
}

// quietly runs f and ignores an end of the process in it.
func quietly(f func()) {
	defer func() {
		switch r := recover().(type) {
		case nil, processEnd:
		default:
			panic(r)
		}
	}()
	f()
}

// closeFailedLog closes the database of a failed log. The log leaves it open, because its process ends. Here, its
// memtables and goroutines would stay until the last seed. Pebble may report the failed sync once more.
func closeFailedLog(log *wal.Log) {
	field := reflect.ValueOf(log).Elem().FieldByName("db")
	db := *(**pebble.DB)(unsafe.Pointer(field.UnsafeAddr()))
	_ = db.Close()
}

// coroutine is a function that can stop in its middle and continue later, without a scheduler's decisions.
type coroutine struct {
	next func() (struct{}, bool)
	stop func()
}

func newCoroutine(f func(yield func())) *coroutine {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		left := false
		f(func() {
			if !left {
				left = !yield(struct{}{})
			}
		})
	})
	return &coroutine{next: next, stop: stop}
}

// resume returns false after the end of the function.
func (c *coroutine) resume() bool {
	_, more := c.next()
	return more
}

// finish runs the function to its end.
func (c *coroutine) finish() { c.stop() }

// simFuture is the outcome of an entry that was proposed to simRaft.
type simFuture struct {
	index uint64
	data  []byte
	done  bool
	err   error
}

var _ raft.ApplyFuture = (*simFuture)(nil)

func (f *simFuture) Error() error {
	if !f.done {
		panic("BUG: simulation: a future was waited for")
	}
	return f.err
}

func (f *simFuture) Response() any { return nil }
func (f *simFuture) Index() uint64 { return f.index }

// wantsCheckpoint reports whether there is enough log for a checkpoint, like the signal to the checkpointer's
// goroutine.
func (p *process) wantsCheckpoint() bool {
	select {
	case <-p.store.checkpoints.wake:
		return p.store.applier.logBytes.Load() >= p.store.checkpoints.logBytesMax
	default:
		return false
	}
}
