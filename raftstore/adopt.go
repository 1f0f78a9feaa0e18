package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
)

// How a fetched checkpoint becomes the state, at a start. Each step is durable before the next begins and may be done
// again, so a crash at any point leaves a directory that the next start makes one whole state of, the old or the new:
//
//  1. state/ becomes replaced/, then incoming/ becomes state/. If only the first is done, there is no state/, and it is
//     taken back.
//  2. replaced/ is removed.
//  3. The log, and Raft's term, are brought in line. The list of files, which came along into state/, says that this is
//     still to be done.

// adoptIncoming does the first two steps, before the state is opened.
func (s *Store) adoptIncoming(context.Context) error {
	fetched, err := statedb.ReadManifest(s.cfg.FS, s.paths.Incoming)
	if err != nil {
		s.cfg.Logger.Error("what was fetched of a checkpoint is of no use", "error", err)
		fetched = nil
	}
	if err := s.undoSwap(); err != nil || fetched == nil {
		return err
	}
	index, err := s.stateIndex()
	if err != nil {
		return err
	}
	if fetched.Index <= index {
		s.cfg.Logger.Info("a fetched checkpoint is older than the state, and goes", "index", fetched.Index, "state",
			index)
		return s.removeDir(s.paths.Incoming)
	}
	s.cfg.Logger.Info("a fetched checkpoint becomes the state", "index", fetched.Index, "before", index)
	return s.swapIn()
}

// undoSwap deals with what a crash has left in the middle of a swap, which is then done again, or at its end.
func (s *Store) undoSwap() error {
	switch hasState, hasReplaced := s.exists(s.paths.State), s.exists(s.paths.Replaced); {
	case !hasReplaced:
		return nil
	case hasState:
		return s.removeDir(s.paths.Replaced)
	default:
		return s.rename(s.paths.Replaced, s.paths.State)
	}
}

func (s *Store) swapIn() error {
	if s.exists(s.paths.State) {
		if err := s.rename(s.paths.State, s.paths.Replaced); err != nil {
			return err
		}
	}
	if err := s.rename(s.paths.Incoming, s.paths.State); err != nil {
		return err
	}
	return s.removeDir(s.paths.Replaced)
}

// stateIndex is that of the state on disk, which nobody has open; 0: there is none.
func (s *Store) stateIndex() (uint64, error) {
	if !s.exists(s.paths.State) {
		return 0, nil
	}
	meta, _, err := statedb.ReadSnapshotMeta(statedb.Config{
		FS: s.cfg.FS, Dir: s.paths.State, Logger: s.cfg.Logger, OnFatal: s.cfg.OnFatal, ReadOnly: true,
	})
	return meta.Index, err
}

func (s *Store) exists(path string) bool {
	_, err := s.cfg.FS.Stat(path)
	return !errors.Is(err, fs.ErrNotExist) // in doubt it is there, and whoever opens it says what is wrong
}

// rename and removeDir are durable when they return.
func (s *Store) rename(from, to string) error {
	if err := errors.Join(s.cfg.FS.Rename(from, to), durable.SyncDir(s.cfg.FS, s.paths.Dir)); err != nil {
		return fmt.Errorf("raftstore: rename %s to %s: %w", from, to, err)
	}
	return nil
}

func (s *Store) removeDir(path string) error {
	if err := errors.Join(s.cfg.FS.RemoveAll(path), durable.SyncDir(s.cfg.FS, s.paths.Dir)); err != nil {
		return fmt.Errorf("raftstore: remove %s: %w", path, err)
	}
	return nil
}

// alignLog is the third step, when state and log are open. A log that has the entry of which the state is, of the same
// term, goes on behind it: this node has promised to keep what follows. Any other log ends before that entry, or is one
// that was never committed from somewhere before it on; nothing of it is needed. What was kept of the past is continued
// by no log, or mixes tables of two databases under one name.
func (s *Store) alignLog(context.Context) error {
	adopted, err := statedb.ReadManifest(s.cfg.FS, s.paths.State)
	if err != nil || adopted == nil {
		return err
	}
	meta, _, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	if err := s.log.SetUint64(keyCheckpoint, meta.Index); err != nil {
		return fmt.Errorf("raftstore: note the checkpoint in the log: %w", err)
	}
	if err := s.enterTerm(meta.Term); err != nil {
		return err
	}
	first, last, err := logBounds(s.log)
	if err != nil {
		return err
	}
	var entry raft.Log
	err = s.log.GetLog(meta.Index, &entry)
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		return logError(err)
	}
	if continues := err == nil && entry.Term == meta.Term; !continues {
		if err := s.log.DeleteRange(first, last); err != nil {
			return fmt.Errorf("raftstore: cut the log before a fetched checkpoint: %w", err)
		}
	}
	if err := s.removeDir(s.paths.History); err != nil {
		return err
	}
	path := s.cfg.FS.PathJoin(s.paths.State, statedb.ManifestName)
	if err := errors.Join(s.cfg.FS.Remove(path), durable.SyncDir(s.cfg.FS, s.paths.State)); err != nil {
		return fmt.Errorf("raftstore: take a fetched checkpoint over: %w", err)
	}
	return nil
}

// enterTerm has Raft begin in a term, or in the later one that it knows. The files come by another way than Raft's
// messages, and may be of a leader of whose term it has not heard. It has given no vote in that term.
func (s *Store) enterTerm(term uint64) error {
	known, err := s.log.GetUint64(keyCurrentTerm)
	if err == nil && known < term {
		err = s.log.SetUint64(keyCurrentTerm, term)
	}
	if err != nil {
		return fmt.Errorf("raftstore: enter term %d of a fetched checkpoint: %w", term, err)
	}
	return nil
}
