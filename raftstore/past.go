package raftstore

import (
	"context"

	"apportion/engine"
	"apportion/raftstore/history"
)

// What callers of a Store see of package history.
type (
	History   = history.View
	Recording = history.Recording
)

// The errors of a Recording.
var (
	ErrNoHistory      = history.ErrNotKept
	ErrHistoryDamaged = history.ErrDamaged
	ErrHistoryGone    = history.ErrReleased
)

// openHistory finds the kept checkpoints and the refused orders of earlier runs.
func (s *Store) openHistory(context.Context) (err error) {
	first, last, err := logBounds(s.log)
	if err != nil {
		return err
	}
	s.history, err = history.Open(history.Config{
		FS: s.cfg.FS, Dir: s.paths.History, State: s.state, CheckpointIndex: s.checkpoints.checkpointIndex(),
		Log: s.log, First: first, Last: last,
		AgeMS: max(0, s.cfg.HistoryAge.Milliseconds()), BytesMax: s.cfg.HistoryBytes,
		NowMS: s.cfg.Clock.NowMS(), SegmentBytes: s.cfg.refusedSegmentBytes,
		Logger: s.cfg.Logger, Metrics: s.cfg.Metrics, OnFatal: s.cfg.OnFatal, OpenFiles: s.cfg.OpenFilesMax,
		Decode: decodeCommands,
	})
	if err != nil {
		return err
	}
	s.checkpoints.history = s.history
	s.onClose(s.history.Close)
	return nil
}

// decodeCommands reads the time and the commands of a log entry.
func decodeCommands(data []byte, e *engine.Entry) error {
	left, err := decodeEntry(data)
	if err != nil {
		return err
	}
	e.TimeMS, e.Commands = left.stampMS, e.Commands[:0]
	for range left.count {
		e.Commands = append(e.Commands, left.next())
	}
	return nil
}

// History says what can be replayed.
func (s *Store) History() History {
	return s.history.View(engine.Moment{Index: s.AppliedIndex(), TimeMS: s.engine.NowMS()})
}

// OpenRecording opens what was recorded up to now, from the last kept checkpoint on that is not after the index and not
// after the time (Unix milliseconds). ErrNoHistory if there is none.
func (s *Store) OpenRecording(index uint64, timeMS int64) (*Recording, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	return s.history.Record(s.AppliedIndex(), index, timeMS)
}
