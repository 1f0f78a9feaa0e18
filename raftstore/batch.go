package raftstore

import (
	"encoding/binary"
	"fmt"
	"time"

	"apportion/engine"
)

// Batch is the commands of one request on their way into the log, and their results on the way back. All commands of a
// batch are in one log entry, in their order: no other command comes between them.
//
// A Batch belongs to one goroutine at a time; keep it and reuse it. Get one from Store.NewBatch. (The zero Batch works
// too, for tests, but does not find orders that have left memory.)
type Batch struct {
	archive *archive // nil in the zero Batch
	queued  *queuedBatch
	err     error // of Append; Do returns it
}

// queuedBatch is the part of a Batch that the proposer shares. A Do that gives up while the entry is in flight leaves
// it to the proposer, and the Batch takes a new one: nobody writes into memory that the caller reuses.
type queuedBatch struct {
	commands   []byte // each with commandPrefixBytes of length before it, as in the entry
	ends       []int  // end of each command in commands
	results    []byte
	resultEnds []int // end of each result in results

	orders []uint16 // slots of the allocated orders in inFlightOrders

	done  chan error // capacity 1; receives once per Do that was queued
	timer *time.Timer

	// The position in the proposer's queue; guarded by proposer.mu.
	isQueued   bool
	prev, next *queuedBatch
}

func newQueuedBatch() *queuedBatch { return &queuedBatch{done: make(chan error, 1)} }

// Reset empties the batch for new commands. Its earlier results become invalid.
func (b *Batch) Reset() {
	b.err = nil
	if b.queued == nil || b.queued.tooLargeToKeep() {
		b.queued = newQueuedBatch()
		return
	}
	b.queued.reset()
}

func (q *queuedBatch) reset() {
	q.commands, q.ends = q.commands[:0], q.ends[:0]
	q.results, q.resultEnds = q.results[:0], q.resultEnds[:0]
	q.orders = q.orders[:0]
}

// tooLargeToKeep keeps one huge request from holding its memory for the life of its connection.
func (q *queuedBatch) tooLargeToKeep() bool {
	return cap(q.commands) > batchKeepBytesMax || cap(q.results) > batchKeepBytesMax
}

// Append encodes a command into the batch. The caller may reuse the memory of env and c afterwards; env may be nil.
//
// For a command on an order that has left memory, Append finds the stored row and encodes it with the command
// (Envelope.Archived, ArchivedAt); callers leave these two fields empty. If that look-up fails, Do returns the error
// and proposes nothing. A command that was refused with engine.CodeRetry needs a new Append, which repeats the look-up.
func (b *Batch) Append(env *engine.Envelope, c engine.Command) {
	if b.queued == nil {
		b.queued = newQueuedBatch()
	}
	var e engine.Envelope
	if env != nil {
		e = *env
	}
	if b.archive != nil && b.err == nil {
		b.err = b.archive.attach(&e, c)
	}
	b.queued.append(&e, c)
	if a, ok := c.(*engine.Allocate); ok {
		b.queued.orders = append(b.queued.orders, orderSlot(a.OrderID))
	}
}

func (q *queuedBatch) append(env *engine.Envelope, c engine.Command) {
	start := len(q.commands)
	q.commands = append(q.commands, make([]byte, commandPrefixBytes)...)
	q.commands = engine.AppendCommand(q.commands, env, c)
	end := len(q.commands)
	commandBytes := end - start - commandPrefixBytes
	binary.LittleEndian.PutUint32(q.commands[start:], uint32(commandBytes))
	q.ends = append(q.ends, end)
}

// Len is the number of commands.
func (b *Batch) Len() int {
	if b.queued == nil {
		return 0
	}
	return len(b.queued.ends)
}

// Command is the encoded form of command i, valid until Reset.
func (b *Batch) Command(i int) []byte {
	start := commandPrefixBytes
	if i > 0 {
		start += b.queued.ends[i-1]
	}
	return b.queued.commands[start:b.queued.ends[i]:b.queued.ends[i]]
}

// Result is the encoded engine.Result of command i, valid until Reset. There are results only after a Do that returned
// nil.
func (b *Batch) Result(i int) []byte {
	if b.queued == nil || i >= len(b.queued.resultEnds) {
		panic(fmt.Sprintf("BUG: raftstore: the batch has no result %d", i))
	}
	start := 0
	if i > 0 {
		start = b.queued.resultEnds[i-1]
	}
	return b.queued.results[start:b.queued.resultEnds[i]:b.queued.resultEnds[i]]
}

// AppendResult gives the next command its result. Store.Do does this; it is exported for stand-ins of Store in tests.
func (b *Batch) AppendResult(result []byte) {
	b.queued.appendResult(result)
}

func (q *queuedBatch) appendResult(result []byte) {
	q.results = append(q.results, result...)
	q.resultEnds = append(q.resultEnds, len(q.results))
}

// detach leaves the shared part to the proposer, which may still write to it.
func (b *Batch) detach() { b.queued = nil }
