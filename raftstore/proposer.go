package raftstore

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
)

// proposer collects queued batches into log entries.
//
// While an entry is in flight, new batches wait in a bounded queue; then the queue becomes the next entry. So the
// busier the store, the larger the entries. An idle store proposes a lone batch at once.
//
// A batch passes through three goroutines. The caller of Do puts it into the queue and sleeps on the batch's channel.
// The proposer's run hands the entry to Raft. The goroutine that applies it hands out the results and wakes the
// callers, which saves two switches on their way. What fails is answered by a goroutine that waits for Raft's future.
//
// The next entry is made after the callers of the last one are awake, so that a caller with a new batch at once may be
// in it. With the next entry first, callers fall into two halves that wait for each other's syncs.
//
// A second entry may be in flight only when much is in the queue. Then Raft writes it while the first is applied. Two
// entries of little each would take two syncs for the work of one.
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
		inFlight    []*inflightEntry // not answered yet, the oldest first
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
	secondEntryBytes int // in the queue before a second entry may be in flight
}

// inflightEntry is an entry on its way through Raft. Raft passes data itself to the state machine of the leader, so its
// address finds the entry of a result.
type inflightEntry struct {
	data    []byte
	batches []*queuedBatch
	future  raft.ApplyFuture
}

// newProposer makes a proposer that answers entries, but makes none before start.
func newProposer(stamper *stamper, lastMS func() int64, metrics *storeMetrics, limits proposerLimits) *proposer {
	return &proposer{
		stamper: stamper, lastMS: lastMS, metrics: metrics, limits: limits,
		wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

// start has the proposer write entries into the log while leads reports that the node may.
func (p *proposer) start(log appender, leads func() bool) {
	p.log, p.leads = log, leads
	go p.run()
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
	p.wakeLocked()
	return nil
}

// wakeLocked wakes run if it may make an entry.
func (p *proposer) wakeLocked() {
	if !p.mayMakeLocked() {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// mayMakeLocked reports whether the next entry may be made now.
func (p *proposer) mayMakeLocked() bool {
	switch len(p.mu.inFlight) {
	case 0:
		return p.mu.first != nil
	case 1:
		return p.mu.queuedBytes >= p.limits.secondEntryBytes
	default:
		return false
	}
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

// run makes entries until close.
func (p *proposer) run() {
	defer close(p.stopped)
	var settling sync.WaitGroup
	defer settling.Wait()
	for {
		f := p.next()
		if f == nil {
			if !p.sleep() {
				return
			}
			continue
		}
		if p.propose(f) {
			settling.Go(func() { p.settle(f) })
		}
	}
}

// next gives the next entry, without its data; nil if none may be made now.
func (p *proposer) next() *inflightEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mayMakeLocked() {
		return nil
	}
	return &inflightEntry{batches: p.takeLocked(make([]*queuedBatch, 0, p.queued.Load()))}
}

// takeLocked moves queued batches into the list, as many as one entry may have.
func (p *proposer) takeLocked(batches []*queuedBatch) []*queuedBatch {
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
func (p *proposer) propose(f *inflightEntry) (proposed bool) {
	if !p.leads() {
		p.answer(f, ErrNotLeader)
		return false
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
	p.setInFlight(f, data)
	f.future = p.log.Apply(data, 0)
	p.metrics.entry(commands, entryBytes)
	return true
}

func (p *proposer) setInFlight(f *inflightEntry, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.data = data
	p.mu.inFlight = append(p.mu.inFlight, f)
}

// handOut gives the batches of an entry that was just applied their results, and wakes the callers. The results of an
// entry that this node did not propose, or that it has given up, are for nobody.
func (p *proposer) handOut(data []byte, results *entryResults) {
	f := p.land(func(f *inflightEntry) bool { return &f.data[0] == &data[0] })
	if f != nil {
		results.distribute(f.batches)
		p.answer(f, nil)
	}
	results.release()
}

// settle waits for the end of an entry. If the entry has failed, its batches get the error.
func (p *proposer) settle(f *inflightEntry) {
	err := proposeError(f.future.Error())
	if p.land(func(other *inflightEntry) bool { return other == f }) != nil {
		if err == nil {
			panic("BUG: raftstore: an entry was applied, and its batches were not answered")
		}
		p.answer(f, err)
	}
}

// land takes an entry out of those in flight and gives it to the caller, who answers it; nil if it is not there.
func (p *proposer) land(is func(*inflightEntry) bool) *inflightEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.mu.inFlight, is)
	if i < 0 {
		return nil
	}
	f := p.mu.inFlight[i]
	p.mu.inFlight = slices.Delete(p.mu.inFlight, i, i+1)
	return f
}

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

// answer wakes the callers of an entry. A caller that has given up has detached its batch, so writing to that batch
// does no harm.
func (p *proposer) answer(f *inflightEntry, err error) {
	for _, b := range f.batches {
		p.inFlight.end(b)
		b.done <- err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wakeLocked()
}

// sleep waits until there may be something to do. It returns false when the proposer is closed, and so its queue is
// empty.
func (p *proposer) sleep() bool {
	<-p.wake
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.mu.closed
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
