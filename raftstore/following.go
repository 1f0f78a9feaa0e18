package raftstore

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// following is a node's knowledge of how far behind it is. A follower asks the leader, which makes sure that it still
// is one, for the index of the last entry applied there; once that entry is applied here too, this node's state has
// everything that was acknowledged before it asked. So does the leader's, once a majority has confirmed that it still
// led then.
type following struct {
	peers   *peernet.Network
	raft    *raft.Raft
	applied *appliedSignal
	visible func() uint64 // the last entry applied here
	settle  func()        // the node can serve for the first time

	line *peernet.AskConn // to the leader; for ask only

	// freshAtNano is a moment from which everything acknowledged is in the state, in nanoseconds of the monotonic clock
	// since start; 0: none is known.
	freshAtNano atomic.Int64
	start       time.Time
}

// ask asks the leader once and waits until this node has what there was.
func (f *following) ask(stop <-chan struct{}) error {
	address, id := f.raft.LeaderWithID()
	if address == "" {
		return errNoLeader
	}
	if f.raft.State() == raft.Leader {
		return ErrNotLeader // it has just been elected, and will say itself when it is ready
	}
	if f.line == nil || f.line.Address != string(address) || f.line.Node != id {
		f.hangUp()
		f.line = &peernet.AskConn{Peers: f.peers, Address: string(address), Node: id}
	}
	at := f.now()
	behind, err := f.line.Ask(questionIndex)
	if err != nil {
		return fmt.Errorf("%w: the leader %s does not answer: %w", ErrNotLeader, peernet.NodeName(id), err)
	}
	if behind == 0 {
		return fmt.Errorf("%w: %s does not lead any more, or not yet", ErrNotLeader, peernet.NodeName(id))
	}
	if err := f.applied.wait(behind-1, f.visible, time.Now().Add(peernet.QuestionTimeout), stop); err != nil {
		return fmt.Errorf("%w: replaying the log: entry %d of %d", ErrNotLeader, f.visible(), behind-1)
	}
	f.fresh(at)
	f.settle()
	return nil
}

// now is the time on the clock of freshAtNano.
func (f *following) now() time.Duration { return time.Since(f.start) }

// fresh reports whether what was acknowledged before a moment is in the state.
func (f *following) fresh(at time.Duration) {
	for {
		known := f.freshAtNano.Load()
		if int64(at) <= known || f.freshAtNano.CompareAndSwap(known, int64(at)) {
			return
		}
	}
}

func (f *following) hangUp() {
	if f.line != nil {
		f.line.HangUp()
	}
}

// lag is for how long writes may have been acknowledged that this node does not have; known is false if it has never
// had all.
func (f *following) lag() (lag time.Duration, known bool) {
	freshAt := f.freshAtNano.Load()
	return f.now() - time.Duration(freshAt), freshAt != 0
}

// appliedSignal wakes those who wait for an entry to be applied.
type appliedSignal struct {
	waiting atomic.Int32

	mu      sync.Mutex
	changed chan struct{} // closed at the next entry
}

// applied is called after each entry. It costs a load while nobody waits.
func (s *appliedSignal) applied() {
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait returns nil when the index is reached.
func (s *appliedSignal) wait(index uint64, reached func() uint64, deadline time.Time, stop <-chan struct{}) error {
	if reached() >= index {
		return nil
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		s.mu.Lock()
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if reached() >= index {
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return ErrTimeout
		case <-stop:
			return ErrClosed
		}
	}
}
