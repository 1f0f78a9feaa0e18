package raftstore

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// A leader whose disk does not answer stores nothing, and nothing is committed, but its heartbeats go on: the others
// would follow it for ever. So it falls silent until the disk has answered; the others elect another leader meanwhile.
// A node that is about to end does the same: a leader that could not hand over, and a follower so that nobody has it
// lead.

// stall is since when operations of the log have been under way.
type stall struct {
	start time.Time
	since [diskOperations]atomic.Int64 // nanoseconds of the monotonic clock since start; 0: none is
}

// diskOperation is what waits for the disk; of each, one is under way at a time, but for truncations, of which the last
// one counts.
type diskOperation int

const (
	diskStore diskOperation = iota
	diskTruncate
	diskVote // Raft's term and vote
	diskNote // the note of a checkpoint
	diskClose

	// What follows is not of the log: a database may take its time for it.
	diskState  // a step of a checkpoint
	diskLogEnd // the note of the log's end
	diskOperations
)

// stallLog notes the writes of the log.
type stallLog struct {
	*logStore
	stall *stall
}

var (
	_ raft.LogStore          = stallLog{}
	_ raft.MonotonicLogStore = stallLog{}
)

// StoreLog implements raft.LogStore.
func (l stallLog) StoreLog(log *raft.Log) error {
	defer l.stall.begin(diskStore)()
	return l.logStore.StoreLog(log)
}

// StoreLogs implements raft.LogStore.
func (l stallLog) StoreLogs(logs []*raft.Log) error {
	defer l.stall.begin(diskStore)()
	return l.logStore.StoreLogs(logs)
}

// DeleteRange implements raft.LogStore.
func (l stallLog) DeleteRange(first, last uint64) error {
	defer l.stall.begin(diskTruncate)()
	return l.logStore.DeleteRange(first, last)
}

// stallStable notes the writes of what Raft keeps beside the log.
type stallStable struct {
	raft.StableStore
	stall *stall
}

// Set implements raft.StableStore.
func (l stallStable) Set(key, value []byte) error {
	defer l.stall.begin(diskVote)()
	return l.StableStore.Set(key, value)
}

// SetUint64 implements raft.StableStore.
func (l stallStable) SetUint64(key []byte, value uint64) error {
	defer l.stall.begin(diskVote)()
	return l.StableStore.SetUint64(key, value)
}

func (s *stall) begin(op diskOperation) (end func()) {
	s.since[op].Store(max(1, int64(time.Since(s.start))))
	return func() { s.since[op].Store(0) }
}

// logLasts is for how long the oldest operation of the log that is under way has been, lasts the same of any.
func (s *stall) logLasts() time.Duration { return s.longest(diskState) }
func (s *stall) lasts() time.Duration    { return s.longest(diskOperations) }

func (s *stall) longest(end diskOperation) (longest time.Duration) {
	for op := range end {
		if since := s.since[op].Load(); since != 0 {
			longest = max(longest, time.Since(s.start)-time.Duration(since))
		}
	}
	return longest
}

// DiskSilence is for how long the disk has not answered: the age of the oldest operation of the log, or step of a
// checkpoint, that is under way, 0 if none is. It may be asked while the store is being closed.
func (s *Store) DiskSilence() time.Duration { return s.stall.lasts() }

// runStall silences a leader whose disk does not answer, until it does, and a node that has retired.
func (s *Store) runStall(stop <-chan struct{}) {
	ticker := time.NewTicker(stallLook)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		lasts, retired, silent := s.stall.logLasts(), s.leadership.retired.Load(), s.leadership.silent.Load()
		isAlone := len(s.voters()) < 2
		switch {
		case !silent && !isAlone && retired:
			s.cfg.Logger.Info("this node is about to end: it falls silent, so that the others elect another leader, " +
				"and not this one")
			s.silence(true)
		case !silent && !isAlone && s.raft.State() == raft.Leader && lasts > s.cfg.StallTimeout:
			s.cfg.Logger.Error("the log's disk does not answer: this leader falls silent, so that another one is "+
				"elected", "since", lasts.Round(time.Millisecond))
			s.metrics.stalls.Inc()
			s.silence(true)
		case silent && !retired && lasts == 0:
			s.cfg.Logger.Info("the log's disk answers again")
			s.silence(false)
		}
	}
}

// silence cuts this node off from the others, or ends that. A node that is cut off takes nothing as a leader.
func (s *Store) silence(silent bool) {
	s.leadership.silent.Store(silent)
	s.peers.mute(silent)
}
