package raftstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/datadir"
	"apportion/raftstore/history"
	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
	"apportion/raftstore/transfer"
	"apportion/wal"
)

// Store is one Raft group on this node: the engine in memory, the log and the state on disk, and the workers that keep
// them together. All its methods may be called from any goroutine.
type Store struct {
	cfg     Config
	paths   datadir.Paths
	metrics *storeMetrics
	stamper *stamper

	engine      *engine.Engine
	applier     *applier
	state       *statedb.DB
	log         *wal.Log
	logEnd      *datadir.LogEnd
	raftLog     *logStore
	archive     *archive
	checkpoints *checkpointer
	history     *history.Keeper
	exports     exports
	identity    *peernet.Identity
	raft        *raft.Raft
	heard       func(raft.ServerID) (at time.Time, heard bool) // when a node last answered this one
	leadership  *leadership

	// For a group of several only; nil in a group of one.
	peers    *peernet.Network
	reads    *readIndex
	sender   *transfer.Sender   // sends checkpoints to other nodes
	receiver *transfer.Receiver // downloads one from the leader

	disk     diskWatch
	proposer *proposer
	ticker   *ticker

	closed  atomic.Bool
	stop    chan struct{} // closed by Close: the workers end
	workers sync.WaitGroup

	// undo is what Close does, last first; each step of Open adds its opposite.
	undo []func() error
}

// Open opens the store in cfg.Dir, and creates one in an empty directory. It loads the state, with a progress line each
// second, and starts the Raft node. It does not wait for the replay of the log behind the state: see Ready and
// WaitReady.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Store{
		cfg: cfg, paths: datadir.NewPaths(cfg.FS, cfg.Dir), metrics: newStoreMetrics(cfg.Metrics),
		stop:    make(chan struct{}),
		stamper: newStamper(cfg.Clock, cfg.Logger), disk: diskWatch{start: time.Now()},
	}
	steps := []func(context.Context) error{
		s.lockDirectory,
		s.installDownload,
		s.openState,
		s.loadState,
		s.checkLogEnd,
		s.openLog,
		s.truncateLogToState,
		s.checkLogMatchesState,
		s.loadIdentity,
		s.listenForPeers,
		s.listenFirst,
		s.bootstrap,
		s.openHistory,
		s.openRaftLog,
		s.startTransfers,
		s.startRaft,
		s.keepIdentity,
		s.startWorkers,
	}
	for _, step := range steps {
		err := ctx.Err()
		if err == nil {
			err = step(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, s.unwind())
		}
	}
	s.registerGauges(cfg.Metrics)
	return s, nil
}

// Close stops the store. Queued batches get ErrClosed; Close waits for the entry in flight. It writes nothing but the
// note of the log's end: the next Open replays the log behind the last checkpoint, as after a crash. Call Checkpoint
// first for a quick next start.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return ErrClosed
	}
	s.checkpoints.waiting.Add(1)
	return s.unwind()
}

// unwind undoes the steps of Open, the last first.
func (s *Store) unwind() error {
	var faults []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		faults = append(faults, s.undo[i]())
	}
	s.undo = nil
	return errors.Join(faults...)
}

func (s *Store) onClose(f func() error) { s.undo = append(s.undo, f) }

func (s *Store) lockDirectory(context.Context) error {
	if err := s.paths.Create(); err != nil {
		return err
	}
	lock, err := s.paths.Acquire()
	if err != nil {
		return err
	}
	s.onClose(lock.Close)
	return nil
}

func (s *Store) openState(context.Context) error {
	state, err := statedb.Open(statedb.Config{
		FS: s.cfg.FS, Dir: s.paths.State, IngestDir: s.paths.Ingest, Logger: s.cfg.Logger, OnFatal: s.cfg.OnFatal,
		OpenFiles: s.cfg.OpenFilesMax,
	})
	if err != nil {
		return err
	}
	s.state = state
	s.onClose(state.Close)
	s.onClose(s.exports.close)
	return nil
}

// loadState loads the state on disk into the engine.
func (s *Store) loadState(ctx context.Context) error {
	s.engine = engine.New()
	s.applier = newApplier(s.engine, s.metrics)
	s.archive = &archive{applier: s.applier, state: s.state}
	meta, ok, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	s.checkpoints = s.newCheckpointer(meta.Index)
	if !ok {
		return nil
	}
	if err := s.state.Load(ctx, s.engine, statedb.LogProgress(s.cfg.Logger)); err != nil {
		return err
	}
	if applied := s.engine.AppliedIndex(); applied > meta.Index {
		return fmt.Errorf("%w: rows of index %d in a state of index %d", ErrInconsistent, applied, meta.Index)
	}
	s.applier.visibleIndex.Store(s.engine.AppliedIndex())
	stored, err := s.state.HasArchived()
	s.archive.stored.Store(stored)
	return err
}

// checkLogEnd refuses a log that ends before the noted entry, unless the state has that entry's effect: then the log
// may have been truncated after it. It comes before the log is opened for writing, since Pebble would remove what it
// cannot read.
func (s *Store) checkLogEnd(context.Context) error {
	meta, _, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	end, damaged, err := datadir.OpenLogEnd(datadir.LogEndConfig{
		FS: s.cfg.FS, Path: s.paths.LogEnd, Logger: s.cfg.Logger, Applied: s.applier.visibleIndex.Load,
		Step: func() (end func()) { return s.disk.begin(diskLogEnd) },
	})
	if err != nil {
		return err
	}
	if damaged != nil {
		s.cfg.Logger.Error("the note of the log's end is damaged, so this start cannot see whether the log has lost "+
			"its "+
			"end; the next note replaces it", "error", damaged)
	}
	if noted := end.LastNoted(); noted > meta.Index {
		if !s.exists(s.paths.Log) {
			return fmt.Errorf("%w: the log is missing, but entry %d of it was acknowledged", ErrInconsistent, noted)
		}
		if err := s.checkLogHas(noted, meta); err != nil {
			return err
		}
	}
	s.logEnd = end
	s.applier.onApplied = end.WakeUp
	s.onClose(end.Close)
	return nil
}

// checkLogHas opens the log and looks for the noted entry. Other faults of the log are reported first, unless the state
// was just downloaded: then the log does not match it yet.
func (s *Store) checkLogHas(noted uint64, meta raft.SnapshotMeta) error {
	adopted, err := statedb.ReadManifest(s.cfg.FS, s.paths.State)
	if err != nil {
		return err
	}
	log, err := wal.Open(wal.Config{
		Dir: s.paths.Log, FS: s.cfg.FS, ReadOnly: true, Logger: s.cfg.Logger, OnFatal: s.cfg.OnFatal,
		OnCorruption: func(error) {},
	})
	if err != nil {
		return logError(err)
	}
	_, last, err := logBounds(log)
	if err == nil && adopted == nil {
		err = checkLogMatchesState(log, meta)
	}
	if err == nil {
		err = datadir.CheckLogEnd(last, meta.Index, noted)
	}
	return errors.Join(err, log.Close())
}

func (s *Store) openLog(context.Context) error {
	log, err := wal.Open(wal.Config{
		Dir: s.paths.Log, FS: s.cfg.FS, Logger: s.cfg.Logger, OnFatal: s.cfg.OnFatal, OnSync: s.metrics.synced,
		MemTableBytes: s.cfg.logMemTableBytes, OpenFilesMax: s.cfg.OpenFilesMax,
	})
	if err != nil {
		return logError(err)
	}
	s.log, s.checkpoints.log = log, log
	s.onClose(func() error {
		defer s.disk.begin(diskClose)()
		return log.Close()
	})
	return nil
}

// logError marks damage of the log as ErrCorrupt.
func logError(err error) error {
	if errors.Is(err, wal.ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// startWorkers starts the goroutines beside Raft. At the end the proposer is stopped before Raft, so that the entry in
// flight is answered, and the others after Raft, since they may be waiting for it.
func (s *Store) startWorkers(context.Context) error {
	s.ticker.do = s.Do
	s.proposer.start(s.raft, s.leadership.valid)
	workers := []func(<-chan struct{}){s.leadership.run, s.checkpoints.run, s.ticker.run, s.logEnd.Run,
		s.history.Run, engine.ProvidePages}
	if s.peers != nil {
		workers = append(workers, s.reads.workers()...)
		workers = append(workers, s.keepJoining, s.watchDisk, s.sender.Run, s.receiver.Run)
	}
	for _, run := range workers {
		s.workers.Go(func() { run(s.stop) })
	}
	s.onClose(func() error {
		close(s.stop)
		s.proposer.close(closeTimeout)
		if s.peers != nil {
			return s.peers.HangUp() // the workers may be waiting for an answer
		}
		return nil
	})
	if s.peers != nil {
		s.peers.Run()
	}
	return nil
}
