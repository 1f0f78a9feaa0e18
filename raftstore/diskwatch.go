package raftstore

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// A leader with a disk that does not answer stores nothing, so nothing is committed. But Raft goes on sending its
// heartbeats, and the cluster would follow it for ever. So such a leader isolates itself until its disk has answered,
// and the other nodes elect a new leader. A node that is about to stop isolates itself too: a leader, if the leadership
// transfer has failed; a follower, so that it is not elected.

// diskWatch knows which disk operations are in flight, and since when.
type diskWatch struct {
	start time.Time
	since [diskOperations]atomic.Int64 // nanoseconds of the monotonic clock since start; 0: none is in flight
}

// diskOperation is a kind of disk operation. At most one operation of each kind is in flight, except truncations, where
// only the latest counts.
type diskOperation int

const (
	diskStore diskOperation = iota
	diskTruncate
	diskVote // Raft's term and vote
	diskNote // the index of a checkpoint, noted in the log
	diskClose

	// The following operations are not the log's: a database may take its time for them.
	diskState  // a step of a checkpoint
	diskLogEnd // the note of the log's end
	diskOperations
)

// begin marks an operation as in flight until end is called.
func (w *diskWatch) begin(op diskOperation) (end func()) {
	w.since[op].Store(max(1, int64(time.Since(w.start))))
	return func() { w.since[op].Store(0) }
}

// logAge is the age of the log's oldest operation in flight, age that of the oldest of all; 0 if there is none.
func (w *diskWatch) logAge() time.Duration { return w.oldest(diskState) }
func (w *diskWatch) age() time.Duration    { return w.oldest(diskOperations) }

// oldest is the age of the oldest operation of a kind before end.
func (w *diskWatch) oldest(end diskOperation) (oldest time.Duration) {
	for op := range end {
		if since := w.since[op].Load(); since != 0 {
			oldest = max(oldest, time.Since(w.start)-time.Duration(since))
		}
	}
	return oldest
}

// watchedLog is Raft's log with its writes watched.
type watchedLog struct {
	*logStore
	disk *diskWatch
}

var (
	_ raft.LogStore          = watchedLog{}
	_ raft.MonotonicLogStore = watchedLog{}
)

// StoreLog implements raft.LogStore.
func (l watchedLog) StoreLog(log *raft.Log) error {
	defer l.disk.begin(diskStore)()
	return l.logStore.StoreLog(log)
}

// StoreLogs implements raft.LogStore.
func (l watchedLog) StoreLogs(logs []*raft.Log) error {
	defer l.disk.begin(diskStore)()
	return l.logStore.StoreLogs(logs)
}

// DeleteRange implements raft.LogStore.
func (l watchedLog) DeleteRange(first, last uint64) error {
	defer l.disk.begin(diskTruncate)()
	return l.logStore.DeleteRange(first, last)
}

// watchedStable is what Raft stores beside the log, with its writes watched.
type watchedStable struct {
	raft.StableStore
	disk *diskWatch
}

// Set implements raft.StableStore.
func (s watchedStable) Set(key, value []byte) error {
	defer s.disk.begin(diskVote)()
	return s.StableStore.Set(key, value)
}

// SetUint64 implements raft.StableStore.
func (s watchedStable) SetUint64(key []byte, value uint64) error {
	defer s.disk.begin(diskVote)()
	return s.StableStore.SetUint64(key, value)
}

// DiskAge is the age of the oldest disk operation in flight: of the log, or a step of a checkpoint. It is 0 if there is
// none. It may be called while the store is being closed.
func (s *Store) DiskAge() time.Duration { return s.disk.age() }

// watchDisk isolates a leader until its disk answers, and a node that is about to stop for good.
func (s *Store) watchDisk(stop <-chan struct{}) {
	ticker := time.NewTicker(diskWatchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		age, stopping, isolated := s.disk.logAge(), s.leadership.stopping.Load(), s.leadership.isolated.Load()
		isAlone := len(s.voters()) < 2
		switch {
		case !isolated && !isAlone && stopping:
			s.cfg.Logger.Info("this node is about to stop: it isolates itself, so that the other nodes elect a new " +
				"leader, and not this node")
			s.setIsolated(true)
		case !isolated && !isAlone && s.raft.State() == raft.Leader && age > s.cfg.StallTimeout:
			s.cfg.Logger.Error("the log's disk does not answer: this leader isolates itself, so that the other nodes "+
				"elect a new leader", "since", age.Round(time.Millisecond), "stallTimeout", s.cfg.StallTimeout)
			s.metrics.stalls.Inc()
			s.setIsolated(true)
		case isolated && !stopping && age == 0:
			s.cfg.Logger.Info("the log's disk answers again: this node talks to the other nodes again")
			s.setIsolated(false)
		}
	}
}

// setIsolated cuts this node off from the other nodes, or ends that. An isolated leader does not serve.
func (s *Store) setIsolated(isolated bool) {
	s.leadership.isolated.Store(isolated)
	s.peers.Isolate(isolated)
}
