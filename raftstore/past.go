package raftstore

import (
	"context"

	"apportion/engine"
)

// Moment is a place in the log.
type Moment = engine.Moment

// openHistory finds the kept checkpoints and the refused orders of earlier runs.
func (s *Store) openHistory(context.Context) (err error) {
	first, last, err := logBounds(s.log)
	if err != nil {
		return err
	}
	s.history, err = openHistory(historyConfig{
		fs: s.cfg.FS, dir: s.paths.history, state: s.state, covered: s.checkpoints.coveredIndex(),
		log: s.log, first: first, last: last,
		ageMS: max(0, s.cfg.HistoryAge.Milliseconds()), bytesMax: s.cfg.HistoryBytes,
		nowMS: s.cfg.Clock.NowMS(), segmentBytes: s.cfg.refusedSegmentBytes,
		logger: s.cfg.Logger, metrics: s.cfg.Metrics, onFatal: s.cfg.OnFatal, openFiles: s.cfg.OpenFilesMax,
		decode: decodeCommands,
	})
	if err != nil {
		return err
	}
	s.checkpoints.keep = func(k keptState) { s.history.checkpointed(k, s.checkpoints.step) }
	s.onClose(s.history.close)
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
	return s.history.view(Moment{Index: s.AppliedIndex(), TimeMS: s.engine.NowMS()})
}

// OpenRecording opens what was recorded up to now, from the last kept checkpoint on that is not after the index and not
// after the time (Unix milliseconds). ErrNoHistory if there is none.
func (s *Store) OpenRecording(index uint64, timeMS int64) (*Recording, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	return s.history.record(s.AppliedIndex(), index, timeMS)
}
