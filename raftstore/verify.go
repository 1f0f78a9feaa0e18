package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/datadir"
	"apportion/raftstore/history"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// Summary counts what Verify has checked.
type Summary struct {
	StateIndex   uint64 // the state on disk is of this index
	AppliedIndex uint64 // last entry with commands
	LogEntries   int    // entries after the state, all replayed
	Commands     int    // commands in them
	Problems     int    // calls of report
	Stats        engine.Stats
	Hash         [32]byte
	Took         time.Duration
}

// Verify checks a data directory that no server has open. It reads the state and the log from end to end with their
// checksums, applies the log after the state to a scratch engine, and recomputes every identity and every sum. It also
// reads the kept checkpoints that a start would keep. Each problem is reported by a call of report; the error is for
// what keeps Verify from going on. It writes nothing, so it works on a disk that is full or read-only.
//
// It applies all entries of the log. In a Raft group of one, all of them are committed. In a larger group, the last
// entries of a partitioned node may not be, and are replaced when it comes back; their effect must add up all the same.
func Verify(ctx context.Context, dir string, report func(problem string)) (Summary, error) {
	return verifyFS(ctx, vfs.Default, dir, report)
}

func verifyFS(ctx context.Context, disk vfs.FS, dir string, report func(problem string)) (Summary, error) {
	fs := datadir.ReadOnly(disk)
	v := &verifier{fs: fs, paths: datadir.NewPaths(fs, dir), metrics: newStoreMetrics(metrics.NewSet()),
		start: time.Now()}
	v.report = func(problem string) {
		v.summary.Problems++
		report(problem)
	}
	err := v.run(ctx)
	v.summary.Took = time.Since(v.start)
	return v.summary, err
}

type verifier struct {
	fs      vfs.FS
	paths   datadir.Paths
	metrics *storeMetrics
	report  func(problem string)
	start   time.Time
	summary Summary
	meta    raft.SnapshotMeta // of the state
}

func (v *verifier) run(ctx context.Context) (err error) {
	if err := v.paths.Check(); err != nil {
		return err
	}
	lock, err := v.paths.Acquire()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()

	e := engine.New()
	if err := v.loadState(ctx, e); err != nil {
		return err
	}
	if err := v.replay(ctx, newApplier(e, v.metrics)); err != nil {
		return err
	}
	e.Verify(v.report)
	v.summary.AppliedIndex, v.summary.Stats, v.summary.Hash = e.AppliedIndex(), e.Stats(), e.Hash()
	return nil
}

// logger is silent: all that matters is returned as an error or reported as a problem.
func (v *verifier) logger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func (v *verifier) stateConfig(dir string) statedb.Config {
	return statedb.Config{FS: v.fs, Dir: dir, Logger: v.logger(), OnFatal: func(string) {}, ReadOnly: true}
}

func (v *verifier) loadState(ctx context.Context, e *engine.Engine) (err error) {
	state, err := statedb.Open(v.stateConfig(v.paths.State))
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return nil // a crash interrupted its creation, or the log will show that it is missing
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	meta, ok, err := state.SnapshotMeta()
	if err != nil || !ok {
		return err
	}
	v.meta, v.summary.StateIndex = meta, meta.Index
	if err := state.Load(ctx, e, statedb.LogProgress(v.logger())); err != nil {
		return err
	}
	return state.CheckArchived(ctx, v.report)
}

// replay applies the log after the state.
func (v *verifier) replay(ctx context.Context, a *applier) (err error) {
	log, err := wal.Open(wal.Config{
		Dir: v.paths.Log, FS: v.fs, ReadOnly: true, Logger: v.logger(), OnFatal: func(string) {},
		OnCorruption: func(error) {},
	})
	if err != nil {
		return logError(err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if _, err := log.Verify(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v.report(err.Error())
	}
	first, last, err := logBounds(log)
	if err != nil {
		return err
	}
	noted, _, err := datadir.ReadLogEnd(v.fs, v.paths.LogEnd)
	if err == nil {
		err = datadir.CheckLogEnd(last, v.meta.Index, noted)
	}
	if err != nil {
		v.report(err.Error())
	}
	if adopted, err := statedb.ReadManifest(v.fs, v.paths.State); err != nil || adopted != nil {
		return err // the next start brings the log in line with a state of another node, see truncateLogToState
	}
	if err := checkLogMatchesState(log, v.meta); err != nil {
		v.report(err.Error())
		return nil
	}
	if last == 0 {
		err = history.Verify(ctx, v.stateConfig(v.paths.History), v.meta.Index+1, v.meta.Index, v.report)
	} else {
		err = history.Verify(ctx, v.stateConfig(v.paths.History), first, last, v.report)
	}
	if err != nil {
		return err
	}
	for index := max(first, v.summary.StateIndex+1); index <= last && index > 0; index++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.replayEntry(log, a, index); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) replayEntry(log *wal.Log, a *applier, index uint64) error {
	var l raft.Log
	if err := log.GetLog(index, &l); err != nil {
		return fmt.Errorf("raftstore: log entry %d: %w", index, err)
	}
	v.summary.LogEntries++
	if l.Type != raft.LogCommand {
		return nil
	}
	e, err := decodeEntry(l.Data)
	if err != nil {
		return fmt.Errorf("raftstore: log entry %d: %w", index, err)
	}
	v.summary.Commands += e.count
	a.applyEntry(&l, e).release()
	return nil
}

func logBounds(log *wal.Log) (first, last uint64, err error) {
	first, firstErr := log.FirstIndex()
	last, lastErr := log.LastIndex()
	if err := errors.Join(firstErr, lastErr); err != nil {
		return 0, 0, fmt.Errorf("raftstore: bounds of the log: %w", err)
	}
	return first, last, nil
}
