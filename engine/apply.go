package engine

import (
	"cmp"
	"errors"
	"slices"
)

// scratch is memory that Apply uses again for each command.
type scratch struct {
	command  commandScratch
	warm     warmer
	result   Result
	encoded  []byte
	entry    []byte // of a kept log
	digest   []byte
	stock    []stockTarget
	lines    []linePlan
	strict   bool   // the order change, or the count, is of version 6 or later
	takes    []take // of the candidates of all lines
	summed   bool   // sums has what earlier lines of the command took
	sums     sums
	room     room
	seen     seenSet
	group    groupScratch
	rows     []uint32
	lineRows []uint32
	targets  []targetPart
	location uint32 // of the record loaded last
}

// Apply applies one command of the log entry at index, stamped nowMS (Unix milliseconds), and appends the Result in
// binary form to dst. Commands of one entry share index and time. The engine keeps no reference to command.
func (e *Engine) Apply(index uint64, nowMS int64, command, dst []byte) []byte {
	e.Advance(index, nowMS)
	r := &e.scratch.result
	r.reset(index)
	e.scratch.command.in.lists.of(e.Schema())
	e.scratch.warm.step(e.scratch.command.in.lists)
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
	used := e.records.used | e.segments.used | e.futures.used | e.names.used | e.orders.used | e.items.used |
		e.lines.used |
		e.moves.used
	if used < fewRows {
		return false
	}
	return max(e.records.count(), e.segments.count(), e.futures.count(), e.names.count(), e.orders.count(),
		e.items.count(),
		e.lines.count(), e.moves.count()) > slabRowsMax-reservedRows
}

// reservedRows is what one command takes at most: a refresh that splits each item over the largest group.
const reservedRows = RefreshItemsMax * DistributedCombinationsMax

// fewRows is a power of two of rows that leave room for any command, so that one comparison does for all slabs.
const fewRows = slabRowsMax / 2

const _ = uint(slabRowsMax - reservedRows - fewRows)

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

// run does a command and keeps its outcome as a job, if that is wanted.
func (e *Engine) run(c Command, envelope *Envelope, r *Result) {
	c.apply(e, envelope, r)
	if envelope.Job != nil && r.Code != CodeRetry {
		e.keepJob(c, envelope.Job, r)
	}
}

// Advance makes happen what is due at an entry: reservations end, deliveries arrive, counts close, old rows leave.
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
	e.evictClosedOrders()
	e.dropOld()
}

// NextDueMS gives the earliest time at which Advance will do something that readers can see, Unix milliseconds. The
// caller holds the mutex under which Apply is called.
func (e *Engine) NextDueMS() (int64, bool) {
	due, ok := e.counts.nextDueMS()
	for _, h := range []*dueHeap{&e.expiries, &e.arrivals} {
		if h.len() > 0 && (!ok || h.top().atMS < due) {
			due, ok = h.top().atMS, true
		}
	}
	return due, ok
}

// dueHeap is a min-heap by time, then by order of creation.
type dueHeap struct {
	a    []due
	next int // length at which stale rows are dropped
}

// dueHeapRowsMin is the length below which stale rows are not worth a look.
const dueHeapRowsMin = 1024

// due is a row with a time. A row may have changed or gone since; whoever takes it from the heap checks.
type due struct {
	atMS int64
	seq  uint64
	row  uint32
}

func (d due) before(o due) bool { return d.atMS < o.atMS || d.atMS == o.atMS && d.seq < o.seq }
func compareDue(a, b due) int   { return cmp.Or(cmp.Compare(a.atMS, b.atMS), cmp.Compare(a.seq, b.seq)) }
func (h *dueHeap) len() int     { return len(h.a) }
func (h *dueHeap) top() due     { return h.a[0] }

// push adds a row. When the heap has doubled since, it first drops the rows that are not due any more, so that what is
// set and taken back again and again does not stay until its time.
func (h *dueHeap) push(d due, stillDue func(due) bool) {
	if len(h.a) >= max(h.next, dueHeapRowsMin) {
		h.a = slices.DeleteFunc(h.a, func(d due) bool { return !stillDue(d) })
		slices.SortFunc(h.a, compareDue) // a sorted list is a heap
		h.next = 2 * len(h.a)
	}
	h.a = append(h.a, d)
	for i := len(h.a) - 1; i > 0 && h.a[i].before(h.a[(i-1)/2]); i = (i - 1) / 2 {
		h.a[i], h.a[(i-1)/2] = h.a[(i-1)/2], h.a[i]
	}
}

func (h *dueHeap) pop() due {
	top, last := h.a[0], len(h.a)-1
	h.a[0] = h.a[last]
	h.a = h.a[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && h.a[child].before(h.a[least]) {
				least = child
			}
		}
		if least == i {
			return top
		}
		h.a[i], h.a[least] = h.a[least], h.a[i]
		i = least
	}
}

// sums adds up units per segment over the lines of one command, so that two lines on one segment are seen together.
type sums struct {
	slots []sumSlot
	stamp uint32
	used  int
}

type sumSlot struct {
	stamp uint32
	row   uint32
	units int64
}

// start forgets all sums and makes room for n segments; more are possible.
func (s *sums) start(n int) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	s.stamp++
	s.used = 0
	if size > len(s.slots) || s.stamp == 0 {
		s.slots, s.stamp = make([]sumSlot, max(size, len(s.slots))), 1
	}
}

// grow makes room for twice as many segments. An order as a whole may touch more than its command has lines.
func (s *sums) grow() {
	old := s.slots
	s.slots, s.used = make([]sumSlot, 2*len(old)), 0
	for _, slot := range old {
		if slot.stamp == s.stamp {
			*s.of(slot.row) = slot.units
		}
	}
}

// of gives the sum of a segment's row, 0 at first. It is valid until the next call.
func (s *sums) of(row uint32) *int64 {
	if 2*s.used >= len(s.slots) {
		s.grow()
	}
	for at := row * 0x9e3779b1; ; at++ {
		slot := &s.slots[at&uint32(len(s.slots)-1)]
		if slot.stamp != s.stamp {
			*slot = sumSlot{stamp: s.stamp, row: row}
			s.used++
			return &slot.units
		}
		if slot.row == row {
			return &slot.units
		}
	}
}

// seenSet finds, among the items of one command, those with an equal hash.
type seenSet struct {
	slots []seenSlot
	stamp uint32
}

type seenSlot struct {
	hash  uint64
	stamp uint32
	item  uint32
}

func (s *seenSet) start(n int) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	s.stamp++
	if size > len(s.slots) || s.stamp == 0 {
		s.slots, s.stamp = make([]seenSlot, max(size, len(s.slots))), 1
	}
}

func (s *seenSet) add(hash uint64, item int) {
	for at := hash; ; at++ {
		if slot := &s.slots[at&uint64(len(s.slots)-1)]; slot.stamp != s.stamp {
			*slot = seenSlot{hash: hash, stamp: s.stamp, item: uint32(item)}
			return
		}
	}
}

// seenProbe walks the items with one hash.
type seenProbe struct{ hash, at uint64 }

func (s *seenSet) probe(hash uint64) seenProbe { return seenProbe{hash: hash, at: hash} }

func (p *seenProbe) next(s *seenSet) (item int, ok bool) {
	for {
		slot := &s.slots[p.at&uint64(len(s.slots)-1)]
		if slot.stamp != s.stamp {
			return 0, false
		}
		p.at++
		if slot.hash == p.hash {
			return int(slot.item), true
		}
	}
}
