package raftstore

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// A leader whose disk does not answer stores nothing, and nothing is committed, but its heartbeats go on: the others would
// follow it for ever. So it falls silent until the disk has answered; the others elect another leader meanwhile.

// stall is since when a write of the log has been under way.
type stall struct {
	sinceNano atomic.Int64 // Unix; 0: none is
}

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
	defer l.stall.begin()()
	return l.logStore.StoreLog(log)
}

// StoreLogs implements raft.LogStore.
func (l stallLog) StoreLogs(logs []*raft.Log) error {
	defer l.stall.begin()()
	return l.logStore.StoreLogs(logs)
}

func (s *stall) begin() (end func()) {
	s.sinceNano.Store(time.Now().UnixNano())
	return s.end
}

func (s *stall) end() { s.sinceNano.Store(0) }

// lasts is for how long the write that is under way has been.
func (s *stall) lasts() time.Duration {
	since := s.sinceNano.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.Unix(0, since))
}

// DiskSilence is for how long the log's disk has not answered: the age of the write that is under way, 0 if none is.
func (s *Store) DiskSilence() time.Duration { return s.stall.lasts() }

// runStall silences a leader whose disk does not answer, until it does.
func (s *Store) runStall(stop <-chan struct{}) {
	ticker := time.NewTicker(stallLook)
	defer ticker.Stop()
	muted := false
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		lasts := s.stall.lasts()
		switch {
		case !muted && lasts > s.cfg.StallTimeout && s.raft.State() == raft.Leader:
			muted = true
			s.cfg.Logger.Error("the log's disk does not answer: this leader falls silent, so that another one is elected", "since", lasts.Round(time.Millisecond))
			s.metrics.stalls.Inc()
			s.peers.mute(true)
		case muted && lasts == 0:
			muted = false
			s.cfg.Logger.Info("the log's disk answers again")
			s.peers.mute(false)
		}
	}
}
