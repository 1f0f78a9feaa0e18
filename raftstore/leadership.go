package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// raftNode is what leadership needs of *raft.Raft.
type raftNode interface {
	State() raft.RaftState
	CurrentTerm() uint64
	LeaderWithID() (raft.ServerAddress, raft.ServerID)
	AppliedIndex() uint64
	LastIndex() uint64
	Barrier(timeout time.Duration) raft.Future
	LeadershipTransfer() raft.Future
}

// leadership follows whether this node leads and has applied everything that was committed before its term. Raft
// reports a new leader before that; a read answered then could miss what an earlier leader has acknowledged.
type leadership struct {
	raft     raftNode
	notify   <-chan bool  // from Raft: the node leads, or does so no more
	notReady func() error // why the node does not serve, nil if it does
	check    func() error // the last word before the node serves; an error keeps it from serving
	fatal    func(msg string)
	logger   *slog.Logger
	settled  chan struct{} // closed by settle
	settling sync.Once
	isAlone  bool // there are no other nodes to wait for

	// term is the term in which this node leads, has caught up and was checked; 0: none.
	term atomic.Uint64

	// silent reports whether the others are left to elect another leader.
	silent atomic.Bool

	// retired reports whether this node is about to end and is not to lead any more.
	retired atomic.Bool

	// refusal is what check said last; nil: nothing.
	refusal atomic.Pointer[error]
}

// valid reports whether the node leads, has caught up and is not silent, as far as it knows. In a group of one, nobody
// else can have been elected meanwhile, so it is also the proof that a read needs. With several voters that takes a
// round to the others.
func (l *leadership) valid() bool {
	term := l.term.Load()
	return term != 0 && !l.silent.Load() && !l.retired.Load() && l.raft.State() == raft.Leader &&
		l.raft.CurrentTerm() == term
}

// ready is nil once the node serves, or says what it is waiting for.
func (l *leadership) ready() error {
	if l.valid() {
		return nil
	}
	if refusal := l.refusal.Load(); refusal != nil {
		return *refusal
	}
	if l.raft.State() == raft.Shutdown {
		return ErrClosed
	}
	if l.silent.Load() || l.retired.Load() {
		return fmt.Errorf("%w: silent, since the disk does not answer or the end is near", ErrNotLeader)
	}
	if l.raft.State() != raft.Leader {
		if _, leader := l.raft.LeaderWithID(); leader != "" {
			return fmt.Errorf("%w: following %s", ErrNotLeader, nodeName(leader))
		}
		if !l.isAlone {
			return errNoLeader
		}
		return fmt.Errorf("%w: the election is under way", ErrNotLeader)
	}
	return fmt.Errorf("%w: replaying the log: entry %d of %d", ErrNotLeader, l.raft.AppliedIndex(), l.raft.LastIndex())
}

// run follows Raft's notices until stop is closed.
func (l *leadership) run(stop <-chan struct{}) {
	var caughtUp <-chan error
	var term uint64
	refused := false // this node leads, and may not
	var hangs hang
	progress := time.NewTicker(progressInterval)
	defer progress.Stop()
	for {
		select {
		case <-stop:
			l.term.Store(0)
			return
		case leads := <-l.notify:
			l.term.Store(0)
			caughtUp, refused, hangs = nil, false, hang{}
			if leads {
				term = l.raft.CurrentTerm()
				caughtUp = l.catchUp()
			}
		case err := <-caughtUp:
			caughtUp = nil
			if errors.Is(err, raft.ErrLeadershipTransferInProgress) {
				l.onHang(&hangs)
				continue
			}
			refused = l.onCaughtUp(term, err)
		case <-progress.C:
			if hangs.again {
				hangs.again, caughtUp = false, l.catchUp()
			}
			if refused && !l.isAlone {
				refused = l.onCaughtUp(term, nil) // what was wrong may have been set right
			}
			if err := l.notReady(); err != nil {
				l.logger.Info("not ready", "why", err)
			}
		}
	}
}

// hang is a hand-over that this node has begun in an earlier term and that has not ended. Raft takes no entry until it
// has.
type hang struct {
	since time.Time
	again bool // to catch up is to be tried again
}

// onHang has it tried again. A hand-over can hang for ever (https://github.com/hashicorp/raft/issues/696, as of
// v1.8.0); since the others follow a leader that is no use, such a node had better go.
func (l *leadership) onHang(h *hang) {
	h.again = true
	if h.since.IsZero() {
		h.since = time.Now()
	}
	if lasts := time.Since(h.since); lasts > handOverHangMax {
		l.fatal(fmt.Sprintf("raftstore: this node leads and can do nothing, since a hand-over that it began before "+
			"has not ended for %s; it ends, so that another one leads",
			lasts.Round(time.Second)))
	}
}

// catchUp waits, on a goroutine of its own, until all entries up to now are applied. If Raft shuts down at the wrong
// moment it never answers; then the goroutine is left behind.
func (l *leadership) catchUp() <-chan error {
	done := make(chan error, 1)
	barrier := l.raft.Barrier(0)
	go func() { done <- barrier.Error() }()
	return done
}

// onCaughtUp has the node serve, unless it is refused. It must not keep others from leading then.
func (l *leadership) onCaughtUp(term uint64, err error) (refused bool) {
	if err != nil {
		if !errors.Is(err, raft.ErrRaftShutdown) {
			l.logger.Warn("could not catch up with the log; waiting for the next election", "error", err)
		}
		return false
	}
	defer l.settle()
	if err := l.check(); err != nil {
		l.refusal.Store(&err)
		l.logger.Error("this node leads but does not serve", "error", err)
		if !l.isAlone {
			l.handOver()
		}
		return true
	}
	l.refusal.Store(nil)
	l.term.Store(term)
	return false
}

// handOver asks Raft to have another node lead. It does not wait for that: if nothing comes of it, it is asked again.
func (l *leadership) handOver() {
	transfer := l.raft.LeadershipTransfer()
	go func() {
		if err := transfer.Error(); err != nil && !errors.Is(err, raft.ErrRaftShutdown) {
			l.logger.Warn("no other node took the lead", "error", err)
		}
	}()
}

// settle is called when the node can serve, or cannot lead and says why, for the first time.
func (l *leadership) settle() { l.settling.Do(func() { close(l.settled) }) }
