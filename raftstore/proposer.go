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

// proposer collects queued batches into log entries.
//
// One entry is in flight at a time. While it is written, new batches wait in a bounded queue; then the queue becomes
// the next entry. So the busier the store, the larger the entries, and no timer is needed: an idle store proposes a
// lone batch at once.
//
// A batch passes through two goroutines. The caller of Do puts it into the queue and sleeps on the batch's channel. The
// proposer's run hands the entry to Raft, takes the results from the future and wakes the callers.
//
// run wakes the callers of an entry and yields to them before it makes the next entry, so that a caller with a new
// batch at once is in it. With the next entry first, callers fall into two halves that wait for each other's syncs:
// with 64 callers in one process 31 commands shared a sync instead of 45, at the same processor time per sync.
type proposer struct {
	log     appender
	stamper *stamper
	lastMS  func() int64 // stamp of the last applied entry
	leads   func() bool  // reports whether the node leads and has caught up; see propose
	metrics *storeMetrics
	limits  proposerLimits

	wake    chan struct{} // capacity 1: there may be something in the queue
	stopped chan struct{} // closed when run has returned

	// queued counts the batches in the queue; written under mu, read by anyone.
	queued atomic.Int64

	inFlight inFlightOrders

	mu struct {
		sync.Mutex
		first, last *queuedBatch
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

// inflightEntry is the entry in flight: its batches, and then its outcome.
type inflightEntry struct {
	batches []*queuedBatch
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
	queued := b.queued
	if err := p.checkSize(queued); err != nil {
		return err
	}
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		return ErrTimeout
	}
	if err := p.enqueue(queued); err != nil {
		return err
	}
	err := p.await(deadline, queued)
	if errors.Is(err, ErrOutcomeUnknown) {
		b.detach()
	}
	return err
}

func (p *proposer) checkSize(b *queuedBatch) error {
	if len(b.commands) > p.limits.entryBytes-entryHeaderBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b.commands),
			p.limits.entryBytes-entryHeaderBytes)
	}
	if len(b.ends) > p.limits.entryCommands {
		return fmt.Errorf("%w: %d commands, at most %d", ErrTooLarge, len(b.ends), p.limits.entryCommands)
	}
	return nil
}

func (p *proposer) enqueue(b *queuedBatch) error {
	b.results, b.resultEnds = b.results[:0], b.resultEnds[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return ErrClosed
	}
	if p.queued.Load() >= int64(p.limits.queueBatches) || p.mu.queuedBytes+len(b.commands) > p.limits.queueBytes {
		p.metrics.queueFull.Inc()
		return ErrQueueFull
	}
	p.inFlight.begin(b)
	p.pushLocked(b)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// await sleeps until the batch is answered or the deadline has passed.
func (p *proposer) await(deadline time.Time, b *queuedBatch) error {
	if deadline.IsZero() {
		return <-b.done
	}
	b.armTimer(time.Until(deadline))
	defer b.timer.Stop()
	select {
	case err := <-b.done:
		return err
	case <-b.timer.C:
		return p.giveUp(b)
	}
}

func (q *queuedBatch) armTimer(d time.Duration) {
	if q.timer == nil {
		q.timer = time.NewTimer(d)
		return
	}
	q.timer.Reset(d)
}

// giveUp takes a batch out of the queue. A batch in flight is left to its entry, unless its answer has just come.
func (p *proposer) giveUp(b *queuedBatch) error {
	if p.unqueue(b) {
		return ErrTimeout
	}
	select {
	case err := <-b.done:
		return err
	default:
		return fmt.Errorf("%w: the deadline passed while the entry was in flight", ErrOutcomeUnknown)
	}
}

// unqueue takes a batch out of the queue. It returns false if the batch is not there any more.
func (p *proposer) unqueue(b *queuedBatch) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !b.isQueued {
		return false
	}
	p.removeLocked(b)
	p.inFlight.end(b)
	return true
}

// run proposes entries until close.
func (p *proposer) run() {
	defer close(p.stopped)
	var f inflightEntry
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
		p.answer(&f)
		runtime.Gosched()
	}
}

// take moves queued batches into the list, as many as one entry may have.
func (p *proposer) take(batches []*queuedBatch) []*queuedBatch {
	p.mu.Lock()
	defer p.mu.Unlock()
	entryBytes, commands := entryHeaderBytes, 0
	for b := p.mu.first; b != nil; b = p.mu.first {
		entryBytes += len(b.commands)
		commands += len(b.ends)
		over := entryBytes > p.limits.entryBytesTarget || commands > p.limits.entryCommands
		if over && len(batches) > 0 {
			break
		}
		p.removeLocked(b)
		batches = append(batches, b)
	}
	return batches
}

// propose hands the batches to Raft as one entry. The entry's memory is not reused: Raft may keep it.
//
// The node may have lost leadership and won it again since the batches were queued. Until it has applied the entries of
// the leaders between, its stamp could be before theirs; then the batches are refused.
func (p *proposer) propose(f *inflightEntry) {
	if !p.leads() {
		f.future = notLeading{}
		return
	}
	entryBytes, commands := entryHeaderBytes, 0
	for _, b := range f.batches {
		entryBytes += len(b.commands)
		commands += len(b.ends)
	}
	data := make([]byte, 0, entryBytes)
	data = appendEntryHeader(data, p.stamper.next(p.lastMS()), commands)
	for _, b := range f.batches {
		data = append(data, b.commands...)
	}
	durable.Seal(data)
	f.future = p.log.Apply(data, 0)
	p.metrics.entry(commands, entryBytes)
}

// await waits until the entry is applied, or has failed.
func (f *inflightEntry) await() {
	f.results, f.err = nil, proposeError(f.future.Error())
	if f.err == nil {
		f.results = f.future.Response().(*entryResults)
	}
	f.future = nil
}

// notLeading is the future of an entry that was not handed to Raft, since the node does not lead.
type notLeading struct{}

var _ raft.ApplyFuture = notLeading{}

func (notLeading) Error() error  { return raft.ErrNotLeader }
func (notLeading) Response() any { return nil }
func (notLeading) Index() uint64 { return 0 }

// proposeError separates Raft's errors after which nothing was appended from all others.
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

// answer gives every batch of an entry its results and wakes its caller. A caller that has given up has detached its
// batch, so writing to that batch does no harm.
func (p *proposer) answer(f *inflightEntry) {
	if f.results != nil {
		f.results.distribute(f.batches)
		f.results.release()
	}
	for _, b := range f.batches {
		p.inFlight.end(b)
		b.done <- f.err
	}
	clear(f.batches)
	f.batches, f.results, f.err = f.batches[:0], nil, nil
}

// sleep waits for a batch in the queue. It returns false when the proposer is closed and the queue is empty.
func (p *proposer) sleep() bool {
	<-p.wake
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.mu.closed || p.mu.first != nil
}

// close refuses new batches, answers queued ones with ErrClosed, and waits for the entry in flight, at most for
// timeout: a hanging log must not keep the process from ending.
func (p *proposer) close(timeout time.Duration) {
	p.mu.Lock()
	p.mu.closed = true
	for b := p.mu.first; b != nil; b = p.mu.first {
		p.removeLocked(b)
		p.inFlight.end(b)
		b.done <- ErrClosed
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

func (p *proposer) pushLocked(b *queuedBatch) {
	b.isQueued, b.prev, b.next = true, p.mu.last, nil
	if p.mu.last == nil {
		p.mu.first = b
	} else {
		p.mu.last.next = b
	}
	p.mu.last = b
	p.mu.queuedBytes += len(b.commands)
	p.queued.Add(1)
}

// removeLocked takes a batch out of the queue.
func (p *proposer) removeLocked(b *queuedBatch) {
	if !b.isQueued {
		panic("BUG: raftstore: removing a batch that is not in the queue")
	}
	if b.prev == nil {
		p.mu.first = b.next
	} else {
		b.prev.next = b.next
	}
	if b.next == nil {
		p.mu.last = b.prev
	} else {
		b.next.prev = b.prev
	}
	b.isQueued, b.prev, b.next = false, nil, nil
	p.mu.queuedBytes -= len(b.commands)
	p.queued.Add(-1)
}
