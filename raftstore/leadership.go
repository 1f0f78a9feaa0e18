package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
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

// leadership tracks whether this node leads and has applied everything that was committed before its term. Raft
// reports a new leader before that: a read could then miss what an earlier leader has acknowledged.
type leadership struct {
	raft     raftNode
	notify   <-chan bool  // from Raft: true when the node becomes the leader, false when it steps down
	notReady func() error // why the node does not serve; nil if it does
	check    func() error // the last check before the node serves; an error keeps it from serving
	begin    func()       // what a leader puts into the log before it serves
	fatal    func(msg string)
	logger   *slog.Logger
	settled  chan struct{} // closed by settle
	settling sync.Once
	isAlone  bool // there are no other nodes to wait for

	// term is the term in which this node leads, has caught up and has passed check; 0: none.
	term atomic.Uint64

	// isolated: this node talks to nobody, so that the other nodes elect a new leader.
	isolated atomic.Bool

	// stopping: this node is about to stop and must not lead any more.
	stopping atomic.Bool

	// refusal is the last error of check; nil: there was none.
	refusal atomic.Pointer[error]
}

// valid reports whether the node leads, has caught up and is not isolated, as far as it knows. In a group of one nobody
// else can have been elected since, so that is all that a linearizable read needs. With several voters such a read
// needs a leader check besides.
func (l *leadership) valid() bool {
	term := l.term.Load()
	return term != 0 && !l.isolated.Load() && !l.stopping.Load() && l.raft.State() == raft.Leader &&
		l.raft.CurrentTerm() == term
}

// ready returns nil once the node serves. Until then the error says what the node is waiting for.
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
	if l.isolated.Load() || l.stopping.Load() {
		return fmt.Errorf("%w: isolated: the log's disk does not answer, or this node is about to stop", ErrNotLeader)
	}
	if l.raft.State() != raft.Leader {
		if _, leader := l.raft.LeaderWithID(); leader != "" {
			return fmt.Errorf("%w: following %s", ErrNotLeader, peernet.NodeName(leader))
		}
		if !l.isAlone {
			return errNoLeader
		}
		return fmt.Errorf("%w: waiting to be elected", ErrNotLeader)
	}
	return fmt.Errorf("%w: replaying the log: entry %d of %d", ErrNotLeader, l.raft.AppliedIndex(), l.raft.LastIndex())
}

// run handles Raft's notices until stop is closed.
func (l *leadership) run(stop <-chan struct{}) {
	var caughtUp <-chan error
	var term uint64
	refused := false // this node leads but does not serve
	var transfer hungTransfer
	progress := time.NewTicker(progressInterval)
	defer progress.Stop()
	for {
		select {
		case <-stop:
			l.term.Store(0)
			return
		case leads := <-l.notify:
			l.term.Store(0)
			caughtUp, refused, transfer = nil, false, hungTransfer{}
			if leads {
				term = l.raft.CurrentTerm()
				caughtUp = l.catchUp()
			}
		case err := <-caughtUp:
			caughtUp = nil
			if errors.Is(err, raft.ErrLeadershipTransferInProgress) {
				l.onHungTransfer(&transfer)
				continue
			}
			refused = l.onCaughtUp(term, err)
		case <-progress.C:
			if transfer.retry {
				transfer.retry, caughtUp = false, l.catchUp()
			}
			if refused && !l.isAlone {
				refused = l.onCaughtUp(term, nil) // the cause may have been removed
			}
			if err := l.notReady(); err != nil {
				l.logger.Info("not ready", "why", err)
			}
		}
	}
}

// hungTransfer is a leadership transfer that this node began in an earlier term and that has not ended. Raft takes no
// entry until it has.
type hungTransfer struct {
	since time.Time
	retry bool // catch up again
}

// onHungTransfer has catching up retried. A leadership transfer can hang for ever
// (https://github.com/hashicorp/raft/issues/696, as of v1.8.0). The cluster would keep following a leader that cannot
// commit, so the process exits.
func (l *leadership) onHungTransfer(t *hungTransfer) {
	t.retry = true
	if t.since.IsZero() {
		t.since = time.Now()
	}
	if age := time.Since(t.since); age > transferHangMax {
		l.fatal(fmt.Sprintf("raftstore: this node leads but cannot commit, since an earlier leadership transfer has "+
			"not "+
			"ended for %s; it exits, so that the other nodes elect a new leader", age.Round(time.Second)))
	}
}

// catchUp waits on its own goroutine until all entries up to now are applied, and begin's. Raft may never answer if it
// shuts down at the wrong moment; then the goroutine stays behind.
func (l *leadership) catchUp() <-chan error {
	done := make(chan error, 1)
	barrier := l.raft.Barrier(0)
	go func() {
		err := barrier.Error()
		if err == nil && l.begin != nil && l.check() == nil {
			l.begin()
		}
		done <- err
	}()
	return done
}

// onCaughtUp has the node serve, unless check refuses it. A node that is refused transfers its leadership.
func (l *leadership) onCaughtUp(term uint64, err error) (refused bool) {
	if err != nil {
		if !errors.Is(err, raft.ErrRaftShutdown) {
			l.logger.Warn("this new leader could not catch up with the log; waiting for the next election", "error",
				err)
		}
		return false
	}
	defer l.settle()
	if err := l.check(); err != nil {
		l.refusal.Store(&err)
		l.logger.Error("this node leads but does not serve", "error", err)
		if !l.isAlone {
			l.transfer()
		}
		return true
	}
	l.refusal.Store(nil)
	l.term.Store(term)
	return false
}

// transfer asks Raft for a leadership transfer to any other node. It does not wait: if the transfer fails, it is tried
// again.
func (l *leadership) transfer() {
	future := l.raft.LeadershipTransfer()
	go func() {
		if err := future.Error(); err != nil && !errors.Is(err, raft.ErrRaftShutdown) {
			l.logger.Warn("the leadership transfer failed; trying again", "error", err)
		}
	}()
}

// settle is called when the node can serve, or cannot lead and knows why. Only the first call counts.
func (l *leadership) settle() { l.settling.Do(func() { close(l.settled) }) }
