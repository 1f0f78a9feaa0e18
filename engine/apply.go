package engine

import (
	"errors"
	"sync/atomic"

	"apportion/engine/mem"
)

// scratch is memory that Apply uses again for each command.
type scratch struct {
	command  commandScratch
	prefetch prefetcher
	result   Result
	encoded  []byte
	entry    []byte // of a kept log
	digest   []byte
	stock    []stockTarget
	lines    []linePlan
	strict   bool                       // the order change, or the count, is of version 6 or later
	reason   string                     // of the order change
	takes    []take                     // of the candidates of all lines
	summed   bool                       // sums has what earlier lines of the command took
	sums     mem.HashMap[uint32, int64] // units by segment, over the lines of a command
	capacity capacity
	seen     mem.HashMap[uint64, int32] // items of a command by a hash of what makes them equal
	group    tagGroupScratch
	rows     []uint32
	touched  touched // with invariants
	lineRows []uint32
	targets  []targetPart
	totals   segmentTotals // of the command
	location uint32        // of the record loaded last
	closing  []segmentOnHand
}

// Apply applies one command of the log entry at index, stamped nowMS (Unix milliseconds), and appends the Result in
// binary form to dst. Commands of one entry share index and time. The engine keeps no reference to command.
func (e *Engine) Apply(index uint64, nowMS int64, command, dst []byte) []byte {
	e.Advance(index, nowMS)
	r := &e.scratch.result
	r.reset(index)
	e.scratch.command.in.lists.useSchema(e.Schema())
	e.scratch.prefetch.step(e.scratch.command.in.lists)
	c, envelope, err := e.scratch.command.decode(command)
	if err != nil {
		if errors.Is(err, ErrNewerVersion) {
			// A newer node may have applied it; answering here would make the replicas differ.
			panic("FATAL: engine: the log holds a command " + err.Error() + "; upgrade this node")
		}
		r.refuse(CodeInvalid, "command", err.Error())
		return AppendResult(dst, r)
	}
	r.Kind = c.Kind()
	f := e.scratch.command.check(c)
	if f == nil && envelope.Job != nil {
		f = checkJob(envelope.Job)
	}
	if f != nil {
		r.refuse(CodeInvalid, f.Field, f.Value)
		return AppendResult(dst, r)
	}
	if e.isFull() && commands[r.Kind].grows {
		r.refuse(CodeTooMany, "state", "the state of this group is full")
		return AppendResult(dst, r)
	}
	if envelope.Key == "" {
		e.run(c, envelope, r)
		return AppendResult(dst, r)
	}
	return e.applyKeyed(c, envelope, r, dst)
}

// isFull reports whether one more command might not find the rows it needs: it may take reservedRows of each kind.
func (e *Engine) isFull() bool {
	used := e.records.Used() | e.segments.Used() | e.futures.Used() | e.names.Used() |
		e.orders.Used() | e.items.Used() | e.lines.Used() | e.moves.Used()
	if used < fewRows {
		return false
	}
	return max(e.records.Count(), e.segments.Count(), e.futures.Count(), e.names.Count(),
		e.orders.Count(), e.items.Count(), e.lines.Count(), e.moves.Count()) > mem.SlabRowsMax-reservedRows
}

// reservedRows is what one command takes at most: a refresh that splits each item over the largest group.
const reservedRows = RefreshItemsMax * DistributedCombinationsMax

// fewRows is a power of two of rows that leave room for any command, so that one comparison does for all slabs.
const fewRows = mem.SlabRowsMax / 2

const _ = uint(mem.SlabRowsMax - reservedRows - fewRows)

// applyKeyed answers a command with an idempotency key: from the kept result, or by applying it and keeping the result.
func (e *Engine) applyKeyed(c Command, envelope *Envelope, r *Result, dst []byte) []byte {
	if f := checkKey(envelope.Key); f != nil {
		r.refuse(CodeInvalid, f.Field, f.Value)
		return AppendResult(dst, r)
	}
	if number, ok := e.findResult(envelope.Key); ok {
		kept := e.result(number)
		if field := kept.difference(c, e.scratch.command.body); field != "" {
			r.refuse(CodeKeyReused, field, envelope.Key)
			return AppendResult(dst, r)
		}
		return AppendRepeated(dst, kept.result)
	}
	e.run(c, envelope, r)
	start := len(dst)
	dst = AppendResult(dst, r)
	if r.Code != CodeRetry {
		e.keepResult(envelope.Key, c, dst[start:])
	}
	return dst
}

// run carries out a command and keeps its outcome as a job if the envelope asks for one.
func (e *Engine) run(c Command, envelope *Envelope, r *Result) {
	e.scratch.reason = ""
	c.apply(e, envelope, r)
	e.tellEdges()
	if envelope.Job != nil && r.Code != CodeRetry {
		e.keepJob(c, envelope.Job, r)
	}
	if mem.Invariants {
		e.recount()
	}
}

// Expire has no fields: its entry's time makes everything happen that is due by then (reservations, deliveries,
// counts).
type Expire struct{}

func (*Expire) Kind() Kind { return KindExpire }

func (*Expire) check() *Fault { return nil }

func (*Expire) appendBody(dst []byte) []byte { return dst }

func (*Expire) readBody(*bodyReader) {}

func (*Expire) digest(dst []byte) []byte { return dst }

// apply has nothing to do: what is due at the entry's time happens before any command.
func (*Expire) apply(*Engine, *Envelope, *Result) {}

// Advance carries out what is due at an entry: reservations end, deliveries arrive, counts close, old rows leave.
// Apply calls it; for an entry without commands the caller does. Indexes and times must not fall.
func (e *Engine) Advance(index uint64, nowMS int64) {
	applied := e.appliedIndex.Load()
	if index == applied && nowMS == e.nowMS.Load() {
		return
	}
	assert(index >= applied, "the log index went back")
	assert(nowMS >= e.nowMS.Load(), "the log's time went back")
	e.nowMS.Store(nowMS)
	e.appliedIndex.Store(index)
	e.expireReservations()
	e.receiveArrivals()
	e.closeOldCounts()
	e.tellEdges()
	e.evictClosedOrders()
	e.dropOld()
	if mem.Invariants {
		e.recount()
	}
}

// NextDueMS gives the earliest time at which Advance will do something that readers can see, Unix milliseconds. The
// caller holds the mutex under which Apply is called.
func (e *Engine) NextDueMS() (int64, bool) {
	due, ok := e.counts.nextDueMS()
	for _, h := range []*mem.DueHeap{&e.expiries, &e.arrivals} {
		if h.Len() > 0 && (!ok || h.Top().AtMS < due) {
			due, ok = h.Top().AtMS, true
		}
	}
	return due, ok
}

// PrefetchCommandsMax is how many commands Prefetch looks at, at most: what they need has to stay in the processor's
// cache until they are applied.
const PrefetchCommandsMax = 64

// prefetchCommandsMin is the fewest commands for which looking ahead pays.
const prefetchCommandsMin = 4

// prefetcher is the memory of Prefetch.
type prefetcher struct {
	paths []prefetchPath // one for each command
	next  int            // the path of the command that Apply comes to next, if it is given them in order
	found uint32         // record of the command at hand, 0: not known
	sink  uint64         // keeps the loads from being left out
}

// prefetchPath is how far one order line has been followed.
type prefetchPath struct {
	order, key uint64   // hashes
	list       *tagList // of the line, nil: not known
	record     uint32
	segment    uint32
}

// Prefetch loads what the commands of one entry are about to look at: slots of the indexes, records, segments. A
// command alone waits for each of these loads before it knows the next address, and most of them miss the caches. Many
// commands side by side wait for them together. It changes nothing, and a command that it does not understand is left
// to Apply. It is for the goroutine that calls Apply, just before it does, with the same commands in the same order.
// What it found is a hint that Apply checks: for other commands it only is of no use.
func (e *Engine) Prefetch(commands [][]byte) {
	w := &e.scratch.prefetch
	w.paths, w.next = w.paths[:0], 0
	if len(commands) < prefetchCommandsMin || e.segments.Used() == 0 {
		return
	}
	for _, c := range commands[:min(len(commands), PrefetchCommandsMax)] {
		w.add(c, e.scratch.command.in.lists)
	}
	e.prefetchSlots(w)
	e.prefetchRecords(w)
	e.prefetchSegments(w)
}

// step goes on to the next command's path, and has the command's tag list tried first.
func (w *prefetcher) step(lists *tagLists) {
	w.found = 0
	if w.next < len(w.paths) {
		p := &w.paths[w.next]
		w.found = p.record
		if p.list != nil && p.list.schema == lists.schema {
			lists.last = p.list
		}
		w.next++
	}
}

// findPrefetched is findRecord for a line of the command at hand.
func (e *Engine) findPrefetched(upc, location string) uint32 {
	if row := e.scratch.prefetch.found; row != 0 && e.isRecord(e.records.At(row), upc, location) {
		return row
	}
	return e.findRecord(upc, location)
}

// add begins a command's path: at the first line of an Allocate, or nowhere.
func (w *prefetcher) add(command []byte, lists *tagLists) {
	w.paths = resize(w.paths, len(w.paths)+1)
	p := &w.paths[len(w.paths)-1]
	*p = prefetchPath{}
	r := reader{b: command}
	if r.byte() != commandVersionCommon || Kind(r.byte()) != KindAllocate {
		return
	}
	flags := r.byte()
	if flags&^commandHasKey != 0 {
		return
	}
	if flags&commandHasKey != 0 {
		r.bytes()
	}
	flags = r.byte()
	r.byte()
	orderID := r.text()
	if flags&allocExpires != 0 {
		r.uvarint()
	}
	if lines := r.uvarint(); lines == 0 {
		return
	}
	r.bytes()
	upc, location := r.text(), r.text()
	r.uvarint()
	if r.fault == "" {
		p.order, p.key = mem.HashText(orderID), mem.HashText2(upc, location)
		p.list, _ = lists.find(r.b[r.at:])
	}
}

// prefetchSlots loads the first slot of each key in both indexes, and finds the records. The loads that wait for memory
// are in loops of their own that do nothing else: so the processor has as many of them under way as it can.
func (e *Engine) prefetchSlots(w *prefetcher) {
	var orders, keys [PrefetchCommandsMax]*uint64
	n := len(w.paths)
	for i := range w.paths {
		p := &w.paths[i]
		orders[i], keys[i] = e.byOrderID.Slot(p.order), e.byKey.Slot(p.key)
	}
	sink := uint64(0)
	for _, slot := range orders[:n] {
		sink ^= atomic.LoadUint64(slot)
	}
	for _, slot := range keys[:n] {
		sink ^= atomic.LoadUint64(slot)
	}
	w.sink ^= sink
	for i := range w.paths {
		if p := &w.paths[i]; p.key != 0 {
			p.record, _ = e.byKey.Probe(p.key).Next()
		}
	}
}

// prefetchRecords loads the records, then their UPCs.
func (e *Engine) prefetchRecords(w *prefetcher) {
	sink := uint64(0)
	for i := range w.paths {
		p := &w.paths[i]
		r := e.records.At(p.record)
		p.segment = r.segments
		sink ^= uint64(r.ltd) // the record's last line of the cache
	}
	for i := range w.paths {
		if upc := e.records.At(w.paths[i].record).upcText; upc != 0 {
			sink ^= uint64(e.namesText.Get(upc)[0])
		}
	}
	w.sink ^= sink
}

// prefetchSegments follows the lists of segments of all records side by side, each to the segment that the line names.
func (e *Engine) prefetchSegments(w *prefetcher) {
	for range prefetchSegmentsMax {
		moved := uint32(0)
		for i := range w.paths {
			p := &w.paths[i]
			s := e.segments.At(p.segment)
			if next := s.next; p.list == nil || p.list.set != s.tagSet {
				p.segment = next
				moved |= next
			}
		}
		if moved == 0 {
			return
		}
	}
}

// prefetchSegmentsMax is how many segments of a record are loaded.
const prefetchSegmentsMax = 4
