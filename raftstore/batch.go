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
	p       *pending
	err     error // what Append met; Do returns it
}

// pending is the part of a Batch that the proposer shares. A Do that gives up while the entry is on its way leaves it
// to the proposer, and the Batch takes a new one: nobody writes into memory that its caller uses again.
type pending struct {
	commands   []byte // each with commandPrefixBytes of length before it, as in the entry
	ends       []int  // end of each command in commands
	results    []byte
	resultEnds []int // end of each result in results

	orders []uint16 // of Allocates, for underWay

	done  chan error // capacity 1; receives once per Do that was queued
	timer *time.Timer

	// The place in the proposer's queue; guarded by proposer.mu.
	queued     bool
	prev, next *pending
}

func newPending() *pending { return &pending{done: make(chan error, 1)} }

// Reset empties the batch for new commands. Results of before are no longer valid.
func (b *Batch) Reset() {
	b.err = nil
	if b.p == nil || b.p.tooLargeToKeep() {
		b.p = newPending()
		return
	}
	b.p.reset()
}

func (p *pending) reset() {
	p.commands, p.ends = p.commands[:0], p.ends[:0]
	p.results, p.resultEnds = p.results[:0], p.resultEnds[:0]
	p.orders = p.orders[:0]
}

// tooLargeToKeep keeps one huge request from holding its memory for as long as its connection lives.
func (p *pending) tooLargeToKeep() bool {
	return cap(p.commands) > batchKeepBytesMax || cap(p.results) > batchKeepBytesMax
}

// Append adds a command: it is encoded here and now, so neither env nor c is needed afterwards. env may be nil.
//
// For a command on an order that has left memory, Append finds the stored row and encodes it with the command
// (Envelope.Archived, ArchivedAt); callers leave these two fields empty. If that look-up fails, Do returns its error
// and nothing is appended to the log. A command refused with engine.CodeRetry is to be appended anew, so that the
// look-up happens again.
func (b *Batch) Append(env *engine.Envelope, c engine.Command) {
	if b.p == nil {
		b.p = newPending()
	}
	var e engine.Envelope
	if env != nil {
		e = *env
	}
	if b.archive != nil && b.err == nil {
		b.err = b.archive.attach(&e, c)
	}
	b.p.append(&e, c)
	if a, ok := c.(*engine.Allocate); ok {
		b.p.orders = append(b.p.orders, orderSlot(a.OrderID))
	}
}

func (p *pending) append(env *engine.Envelope, c engine.Command) {
	start := len(p.commands)
	p.commands = append(p.commands, make([]byte, commandPrefixBytes)...)
	p.commands = engine.AppendCommand(p.commands, env, c)
	end := len(p.commands)
	commandBytes := end - start - commandPrefixBytes
	binary.LittleEndian.PutUint32(p.commands[start:], uint32(commandBytes))
	p.ends = append(p.ends, end)
}

// Len is the number of commands.
func (b *Batch) Len() int {
	if b.p == nil {
		return 0
	}
	return len(b.p.ends)
}

// Command is the binary form of command i, valid until Reset.
func (b *Batch) Command(i int) []byte {
	start := commandPrefixBytes
	if i > 0 {
		start += b.p.ends[i-1]
	}
	return b.p.commands[start:b.p.ends[i]:b.p.ends[i]]
}

// Result is the encoded engine.Result of command i, valid until Reset. There are results only after a Do that returned
// nil.
func (b *Batch) Result(i int) []byte {
	if b.p == nil || i >= len(b.p.resultEnds) {
		panic(fmt.Sprintf("BUG: raftstore: result %d of a batch without it", i))
	}
	start := 0
	if i > 0 {
		start = b.p.resultEnds[i-1]
	}
	return b.p.results[start:b.p.resultEnds[i]:b.p.resultEnds[i]]
}

// AppendResult gives the next command its result. Store.Do does this; it is exported for stand-ins of Store in tests.
func (b *Batch) AppendResult(result []byte) {
	b.p.appendResult(result)
}

func (p *pending) appendResult(result []byte) {
	p.results = append(p.results, result...)
	p.resultEnds = append(p.resultEnds, len(p.results))
}

// disown leaves the shared part to the proposer, which may still write to it.
func (b *Batch) disown() { b.p = nil }
