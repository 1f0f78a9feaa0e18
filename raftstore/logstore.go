package raftstore

import (
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"apportion/wal"
)

// logStore is the log as Raft sees it. Entries that Raft has truncated are gone for Raft, but may stay on disk for
// history. If Raft saw them, a leader would send a follower that was away for long a day of log rather than a
// checkpoint. Which entries are hidden is known in memory only: after a start, Raft sees all entries until it truncates
// again.
//
// Raft is told to retain no entries behind a snapshot. logStore decides how many stay for followers that were away for
// a moment, since Raft counts entries only, and one may have some megabytes.
type logStore struct {
	*wal.Log
	history  logNeeds
	trailing uint64 // entries retained for followers
	bytesMax int64  // bound on their bytes on disk

	// base is the entry that the state on disk was taken at, if the log itself does not contain it (after installing
	// another node's checkpoint). Raft asks for its term only, to append the next entry.
	base raft.SnapshotMeta

	truncatedTo atomic.Uint64 // Raft sees no entry up to this one; written under mu

	mu struct {
		sync.Mutex
		pinned uint64 // entries from this one on are not truncated; 0: none is pinned
	}
}

// logNeeds tells which entries history needs.
type logNeeds interface {
	// Needed returns the index of the oldest checkpoint that is kept or replayed, and the index of the state on disk.
	// The log after the first of them stays on disk.
	Needed() (oldest, state uint64)
}

var (
	_ raft.LogStore          = (*logStore)(nil)
	_ raft.MonotonicLogStore = (*logStore)(nil)
)

func newLogStore(log *wal.Log, history logNeeds, bytesMax int64, state raft.SnapshotMeta) (*logStore, error) {
	s := &logStore{Log: log, history: history, bytesMax: bytesMax}
	first, last, err := logBounds(log)
	if err != nil {
		return nil, err
	}
	if last == 0 || state.Index < first {
		s.base = state
	}
	return s, nil
}

// FirstIndex implements raft.LogStore.
func (s *logStore) FirstIndex() (uint64, error) {
	first, last, err := logBounds(s.Log)
	if to := s.truncatedTo.Load(); to >= last {
		first = 0 // an empty log, to Raft
	} else if to >= first {
		first = to + 1
	}
	return first, err
}

// LastIndex implements raft.LogStore.
func (s *logStore) LastIndex() (uint64, error) {
	last, err := s.Log.LastIndex()
	if s.truncatedTo.Load() >= last {
		last = 0
	}
	return last, err
}

// GetLog implements raft.LogStore.
func (s *logStore) GetLog(index uint64, out *raft.Log) error {
	if index == s.base.Index && index > 1 { // Raft sends entry 1 as it is, since no entry precedes it
		*out = raft.Log{Index: index, Term: s.base.Term, Type: raft.LogNoop}
		return nil
	}
	if index <= s.truncatedTo.Load() {
		return raft.ErrLogNotFound
	}
	return s.Log.GetLog(index, out)
}

// DeleteRange truncates the front of the log behind a checkpoint: for Raft as far as no follower may want it, on disk
// as far as history does not need it. Any other deletion is passed on unchanged.
func (s *logStore) DeleteRange(lo, hi uint64) error {
	first, err := s.FirstIndex()
	if err != nil {
		return err
	}
	needed, state := s.history.Needed()
	if lo > first || hi > state {
		return s.Log.DeleteRange(lo, hi)
	}
	stored, last, err := logBounds(s.Log)
	if err != nil {
		return err
	}
	hi = s.hideFromRaft(s.retain(hi, last))
	return s.Log.DeleteRange(stored, min(hi, needed))
}

// retain returns the entry to truncate up to, so that trailing entries stay, but at most bytesMax of them.
func (s *logStore) retain(hi, last uint64) uint64 {
	to := min(hi, last-min(last, s.trailing))
	for to < hi && s.TableBytes(to+1) > s.bytesMax {
		to += (hi - to + 1) / 2
	}
	return to
}

// hideFromRaft hides the entries up to hi from Raft, except pinned ones, and returns the last one that it hid.
func (s *logStore) hideFromRaft(hi uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.pinned > 0 {
		hi = min(hi, s.mu.pinned-1)
	}
	s.truncatedTo.Store(max(s.truncatedTo.Load(), hi))
	return hi
}

// PinAll pins all entries that Raft sees, until pin says which are needed.
func (s *logStore) PinAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.pinned = s.truncatedTo.Load() + 1
}

// Pin pins the entries from an index on: they are not truncated.
func (s *logStore) Pin(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.pinned = index
}

// Unpin lets all entries be truncated again.
func (s *logStore) Unpin() { s.Pin(0) }

// Has reports whether Raft sees an entry, and so can continue after it.
func (s *logStore) Has(index uint64) bool {
	var entry raft.Log
	return s.GetLog(index, &entry) == nil
}
