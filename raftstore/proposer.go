package raftstore

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
)

// proposer gathers the batches that wait into log entries.
//
// One entry is on its way at a time. While it is written, new batches wait in a bounded queue; when it is done, what
// waits becomes the next entry. So the busier the store, the larger the entries, and no timer is needed: an idle store
// proposes a lone batch at once.
//
// A batch passes through two goroutines: the one that called Do, which puts it into the queue and sleeps on the batch's
// own channel, and run, which hands the entry to Raft, takes the results from the future and wakes the callers.
//
// The callers of an entry are woken, and run yields to them, before the next entry is made: whoever comes back at once
// is in it. The other way round, the next entry first, callers fall into two halves that wait for each other's syncs:
// with 64 callers in one process 31 commands shared a sync instead of 45, at the same cost of processor time per sync.
type proposer struct {
	log     appender
	stamper *stamper
	lastMS  func() int64 // stamp of the last applied entry
	leads   func() bool  // the node leads and has caught up; see propose
	metrics *storeMetrics
	limits  proposerLimits

	wake    chan struct{} // capacity 1: there may be something in the queue
	stopped chan struct{} // closed when run has returned

	// queued counts the batches in the queue; written under mu, read by anyone.
	queued atomic.Int64

	orders underWay

	mu struct {
		sync.Mutex
		first, last *pending
		queuedBytes int
		closed      bool
	}
}

// appender is the part of raft.Raft that the proposer needs.
type appender interface {
	Apply(command []byte, timeout time.Duration) raft.ApplyFuture
}

type proposerLimits struct {
	queueBatches     int
	queueBytes       int
	entryBytesTarget int
	entryBytes       int
	entryCommands    int
}

// flight is one entry on its way: the batches in it, and what became of it.
type flight struct {
	batches []*pending
	future  raft.ApplyFuture
	results *entryResults
	err     error
}

func newProposer(log appender, stamper *stamper, lastMS func() int64, metrics *storeMetrics,
	limits proposerLimits) *proposer {
	return &proposer{
		log: log, stamper: stamper, lastMS: lastMS, leads: func() bool {
			return true
		}, metrics: metrics, limits: limits,
		wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

// do puts the batch into the queue and waits for its results; a zero deadline waits for ever.
func (p *proposer) do(deadline time.Time, b *Batch) error {
	w := b.p
	if err := p.checkSize(w); err != nil {
		return err
	}
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		return ErrTimeout
	}
	if err := p.enqueue(w); err != nil {
		return err
	}
	err := p.await(deadline, w)
	if errors.Is(err, ErrOutcomeUnknown) {
		b.disown()
	}
	return err
}

func (p *proposer) checkSize(w *pending) error {
	if len(w.commands) > p.limits.entryBytes-entryHeaderBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(w.commands),
			p.limits.entryBytes-entryHeaderBytes)
	}
	if len(w.ends) > p.limits.entryCommands {
		return fmt.Errorf("%w: %d commands, at most %d", ErrTooLarge, len(w.ends), p.limits.entryCommands)
	}
	return nil
}

func (p *proposer) enqueue(w *pending) error {
	w.results, w.resultEnds = w.results[:0], w.resultEnds[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return ErrClosed
	}
	if p.queued.Load() >= int64(p.limits.queueBatches) || p.mu.queuedBytes+len(w.commands) > p.limits.queueBytes {
		p.metrics.queueFull.Inc()
		return ErrQueueFull
	}
	p.orders.begin(w)
	p.pushLocked(w)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// await sleeps until the batch is answered or the deadline has passed.
func (p *proposer) await(deadline time.Time, w *pending) error {
	if deadline.IsZero() {
		return <-w.done
	}
	w.armTimer(time.Until(deadline))
	defer w.timer.Stop()
	select {
	case err := <-w.done:
		return err
	case <-w.timer.C:
		return p.giveUp(w)
	}
}

func (w *pending) armTimer(d time.Duration) {
	if w.timer == nil {
		w.timer = time.NewTimer(d)
		return
	}
	w.timer.Reset(d)
}

// giveUp takes a batch out of the queue, or leaves it to its entry, unless the answer has just come.
func (p *proposer) giveUp(w *pending) error {
	if p.unqueue(w) {
		return ErrTimeout
	}
	select {
	case err := <-w.done:
		return err
	default:
		return fmt.Errorf("%w: the deadline passed while the entry was on its way", ErrOutcomeUnknown)
	}
}

// unqueue is false if the batch is not in the queue any more.
func (p *proposer) unqueue(w *pending) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !w.queued {
		return false
	}
	p.removeLocked(w)
	p.orders.end(w)
	return true
}

// run proposes entries until close.
func (p *proposer) run() {
	defer close(p.stopped)
	var f flight
	for {
		f.batches = p.take(f.batches[:0])
		if len(f.batches) == 0 {
			if !p.sleep() {
				return
			}
			continue
		}
		p.propose(&f)
		f.await()
		p.settle(&f)
		runtime.Gosched()
	}
}

// take empties the queue into batches, as far as one entry goes.
func (p *proposer) take(batches []*pending) []*pending {
	p.mu.Lock()
	defer p.mu.Unlock()
	entryBytes, commands := entryHeaderBytes, 0
	for w := p.mu.first; w != nil; w = p.mu.first {
		entryBytes += len(w.commands)
		commands += len(w.ends)
		over := entryBytes > p.limits.entryBytesTarget || commands > p.limits.entryCommands
		if over && len(batches) > 0 {
			break
		}
		p.removeLocked(w)
		batches = append(batches, w)
	}
	return batches
}

// propose hands the batches to Raft as one entry. The entry's memory is not reused: Raft may keep it.
//
// Leadership may have been lost, and won again, since the batches were queued. Until the node has applied what others
// have led meanwhile, it cannot make a stamp that is not before theirs; then the batches are refused.
func (p *proposer) propose(f *flight) {
	if !p.leads() {
		f.future = notLeading{}
		return
	}
	entryBytes, commands := entryHeaderBytes, 0
	for _, w := range f.batches {
		entryBytes += len(w.commands)
		commands += len(w.ends)
	}
	data := make([]byte, 0, entryBytes)
	data = appendEntryHeader(data, p.stamper.next(p.lastMS()), commands)
	for _, w := range f.batches {
		data = append(data, w.commands...)
	}
	durable.Seal(data)
	f.future = p.log.Apply(data, 0)
	p.metrics.entry(commands, entryBytes)
}

// await waits until the entry is applied, or has failed.
func (f *flight) await() {
	f.results, f.err = nil, proposeError(f.future.Error())
	if f.err == nil {
		f.results = f.future.Response().(*entryResults)
	}
	f.future = nil
}

// notLeading is the future of an entry that was not handed to Raft.
type notLeading struct{}

var _ raft.ApplyFuture = notLeading{}

func (notLeading) Error() error  { return raft.ErrNotLeader }
func (notLeading) Response() any { return nil }
func (notLeading) Index() uint64 { return 0 }

// proposeError sorts Raft's errors into those that say that nothing was appended, and all others.
func proposeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return ErrNotLeader
	default:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
}

// settle gives every batch of an entry its results and wakes its caller. A caller that has given up has left its batch
// behind, so it does no harm to write to that one too.
func (p *proposer) settle(f *flight) {
	if f.results != nil {
		f.results.distribute(f.batches)
		f.results.release()
	}
	for _, w := range f.batches {
		p.orders.end(w)
		w.done <- f.err
	}
	clear(f.batches)
	f.batches, f.results, f.err = f.batches[:0], nil, nil
}

// sleep waits for something in the queue; false: the proposer is closed and the queue is empty.
func (p *proposer) sleep() bool {
	<-p.wake
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.mu.closed || p.mu.first != nil
}

// close refuses new batches, answers those that wait with ErrClosed, and waits for the entry on its way, but not longer
// than timeout: a log that hangs must not keep the process from ending.
func (p *proposer) close(timeout time.Duration) {
	p.mu.Lock()
	p.mu.closed = true
	for w := p.mu.first; w != nil; w = p.mu.first {
		p.removeLocked(w)
		p.orders.end(w)
		w.done <- ErrClosed
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.stopped:
	case <-timer.C:
	}
}

func (p *proposer) pushLocked(w *pending) {
	w.queued, w.prev, w.next = true, p.mu.last, nil
	if p.mu.last == nil {
		p.mu.first = w
	} else {
		p.mu.last.next = w
	}
	p.mu.last = w
	p.mu.queuedBytes += len(w.commands)
	p.queued.Add(1)
}

// removeLocked takes a batch out of the queue.
func (p *proposer) removeLocked(w *pending) {
	if !w.queued {
		panic("BUG: raftstore: a batch that is not in the queue was to be taken out of it")
	}
	if w.prev == nil {
		p.mu.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		p.mu.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued, w.prev, w.next = false, nil, nil
	p.mu.queuedBytes -= len(w.commands)
	p.queued.Add(-1)
}
