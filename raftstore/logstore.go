package raftstore

import (
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"apportion/wal"
)

// logStore is the log as Raft sees it. What Raft has cut is gone for Raft, though more of it may be on disk, for
// history: otherwise a leader would send a follower that was away for long a day of log rather than a checkpoint. Which
// entries were cut is known in memory only; after a start Raft sees all that are there, until it cuts again.
//
// Raft is told to keep nothing behind a snapshot, and what stays there for followers that were away for a moment is
// decided here, since Raft counts entries only, and one may have some megabytes.
type logStore struct {
	*wal.Log
	history  logNeeds
	trailing uint64 // entries that stay for followers
	bytesMax int64  // what these may take on disk

	// base is the entry of which the state on disk was at the start, as far as the log does not have it itself, as
	// after a checkpoint of another node was taken over. Raft asks for its term only: the entry behind it continues it.
	base raft.SnapshotMeta

	cut atomic.Uint64 // Raft sees no entry up to this one; written under mu

	mu struct {
		sync.Mutex
		held uint64 // entries from this one on are not cut; 0: none is held
	}
}

// logNeeds is what history needs of the log.
type logNeeds interface {
	// needed returns the index of the oldest checkpoint that is kept or replayed, and that of the state on disk. The
	// log after the first of them stays.
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
	if cut := s.cut.Load(); cut >= last {
		first = 0 // nothing is left, which is how Raft knows an empty log
	} else if cut >= first {
		first = cut + 1
	}
	return first, err
}

// LastIndex implements raft.LogStore.
func (s *logStore) LastIndex() (uint64, error) {
	last, err := s.Log.LastIndex()
	if s.cut.Load() >= last {
		last = 0
	}
	return last, err
}

// GetLog implements raft.LogStore.
func (s *logStore) GetLog(index uint64, out *raft.Log) error {
	if index == s.base.Index && index > 1 { // entry 1 has none before it, so it could be sent as it is here
		*out = raft.Log{Index: index, Term: s.base.Term, Type: raft.LogNoop}
		return nil
	}
	if index <= s.cut.Load() {
		return raft.ErrLogNotFound
	}
	return s.Log.GetLog(index, out)
}

// DeleteRange cuts the front of the log, behind a checkpoint: for Raft as far as no follower may want it, on disk as
// far as no kept state needs what follows it. Any other deletion is done as it is asked for.
func (s *logStore) DeleteRange(lo, hi uint64) error {
	first, err := s.FirstIndex()
	if err != nil {
		return err
	}
	needed, covered := s.history.Needed()
	if lo > first || hi > covered {
		return s.Log.DeleteRange(lo, hi)
	}
	stored, last, err := logBounds(s.Log)
	if err != nil {
		return err
	}
	hi = s.hide(s.trail(hi, last))
	return s.Log.DeleteRange(stored, min(hi, needed))
}

// trail is where to cut so that some entries stay, but not too many bytes of them.
func (s *logStore) trail(hi, last uint64) uint64 {
	to := min(hi, last-min(last, s.trailing))
	for to < hi && s.TableBytes(to+1) > s.bytesMax {
		to += (hi - to + 1) / 2
	}
	return to
}

// hide takes the entries up to hi from Raft, but for those that are held, and returns the last one that went.
func (s *logStore) hide(hi uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.held > 0 {
		hi = min(hi, s.mu.held-1)
	}
	s.cut.Store(max(s.cut.Load(), hi))
	return hi
}

// hold keeps all entries that are there from being cut, until keepFrom says which are needed.
func (s *logStore) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.held = s.cut.Load() + 1
}

// keepFrom keeps the entries from an index on from being cut; 0 keeps none.
func (s *logStore) keepFrom(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.held = index
}

// has reports whether Raft can tell what follows an entry: whether it sees that entry.
func (s *logStore) has(index uint64) bool {
	var entry raft.Log
	return s.GetLog(index, &entry) == nil
}
