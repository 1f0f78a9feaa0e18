package engine

import (
	"apportion/engine/mem"
	"sync/atomic"
)

// Flags of a record.
const (
	recordLive    uint32 = 1 << iota
	recordDue            // redistributed at its next Refresh or Adjust
	recordPlanned        // waits for a rule to say how it is redistributed
	recordBlocked        // no item should be assigned from it
)

// record is one UPC at one location. Fields that readers look at are written atomically, under an odd seq.
type record struct {
	seq          uint32 // a sequence lock: odd while the writer changes the record or its segments
	flags        uint32
	upc          uint32      // row in Engine.names
	upcText      mem.TextRef // the UPC's text, at hand for lookups
	location     uint32      // row in Engine.names
	locationText mem.TextRef // as upcText
	segments     uint32      // first segment; the rest by segment.next, in the order of their creation
	futures      uint32      // first delivery; the rest by future.next
	nextOfUPC    uint32      // next record of the same UPC
	segmentCount uint32
	version      uint64
	onHand       int64 // totals over the segments
	allocated    int64
	pending      int64
	safety       int64
	floor        int64
	ltd          int64
}

// segment is the part of a record with one tag set.
type segment struct {
	onHand    int64
	allocated int64
	pending   int64
	safety    int64
	floor     int64
	ltd       int64
	tagSet    TagSetID
	next      uint32 // next segment of the record
	waiting   uint32 // first allocation line with pending units, the oldest order item first
	waitLast  uint32
}

func (s *segment) available() int64 { return s.onHand - s.allocated - s.pending - s.safety }
func (r *record) available() int64  { return r.onHand - r.allocated - r.pending - r.safety }

// future is one delivery that a record waits for.
type future struct {
	dueMS    int64 // Unix milliseconds; readers see 0 in a dropped row
	quantity int64
	seq      uint64 // order of creation
	record   uint32
	next     uint32
	tagSet   TagSetID
	split    uint32 // 1: split over tagSet's group on arrival
}

// name is a UPC or a location. Names are never dropped, so readers may look at them at any time.
type name struct {
	text    mem.TextRef
	records uint32 // of a UPC: its first record; the rest by record.nextOfUPC. Of a location: its sums, nameOfLocation
}

// order is the head of an order.
type order struct {
	id       mem.TextRef
	items    uint32 // first item; the rest by item.next, in the order of their creation
	itemLast uint32
	count    uint32 // items
	open     uint32 // items with allocated or pending units
	live     uint32 // 1: the row is in use
	hash     uint64 // of the order id
	changed  uint64 // log index of the last change
}

// item is one order item.
type item struct {
	id        mem.TextRef
	order     uint32
	next      uint32
	lines     uint32 // first allocation line; the rest by line.next
	moves     uint32 // first movement; the rest by movement.next
	moveLast  uint32
	moveCount uint32
	upc       uint32 // row in Engine.names
	location  uint32 // row in Engine.names
	record    uint32 // where the record was last seen; it may be gone
	tagSet    TagSetID
	requested int64  // 0: it is only known because it came back
	expiresMS int64  // Unix milliseconds; 0: no reservation
	seq       uint64 // order of creation, over all orders; 0: the row is free

	explanation uint64 // number of what a rule said, 0: none was asked
}

// line is the units of one order item from one segment.
// took + waited = allocated + pending + fulfilled + released.
type line struct {
	item      uint32
	next      uint32
	waitNext  uint32 // next line with pending units in the same segment
	waitPrev  uint32
	tagSet    TagSetID
	_         uint32
	took      int64 // units allocated at first
	waited    int64 // units pending at first
	allocated int64
	pending   int64
	fulfilled int64
	returned  int64
	released  int64
	before    int64 // available when the units were taken
}

// movement is one entry of an order item's history.
type movement struct {
	next   uint32
	tagSet TagSetID
	units  int64
	index  uint64
	timeMS int64
	kind   MovementKind
	reason mem.TextRef // of a release
}

// Engine is the state of one Raft group. Its own methods are for one goroutine at a time; those of its Reader are for
// all.
type Engine struct {
	Reader

	ordersText mem.Texts
	items      mem.Slab[item]
	lines      mem.Slab[line]
	moves      mem.Slab[movement]
	itemIndex  itemIndex

	itemSeq   uint64 // last item.seq given
	futureSeq uint64 // last future.seq given
	expiries  mem.DueHeap
	arrivals  mem.DueHeap
	recent    mem.Recent     // orders by the index of their last change
	changed   changedRecords // records by their last change
	edges     edges
	closed    mem.Queue[closedOrder] // closed orders by the index of their last change, to leave memory
	counts    stockCounts
	plans     mem.Bitset // records that wait for a plan

	logs [keptLogs]keptLog

	loading bool // rows of a checkpoint come in
	changes changes
	scratch scratch
}

// New gives an empty engine.
func New() *Engine {
	e := &Engine{}
	e.schema.Store(&Schema{})
	e.rules.Store(&RuleSet{})
	e.changes.rules = e.Rules()
	e.scratch.command.in.lists = new(tagLists)
	e.archivedNow.Store(newArchivedRows())
	for id := range e.logs {
		e.logs[id].Start(1)
		e.logs[id].saved = e.logs[id].span()
	}
	return e
}

// intern finds or adds a UPC or a location.
func (e *Engine) intern(t *mem.Table, text string) uint32 {
	if row := e.findName(t, text); row != 0 {
		return row
	}
	row := e.names.Add()
	n := e.names.At(row)
	*n = name{text: e.namesText.Add(text)}
	if t == &e.locations {
		sums := e.locationSums.Add()
		*e.locationSums.At(sums) = locationSums{}
		n.records = sums | nameOfLocation
	}
	e.namesUsed.Store(e.names.Used())
	t.Add(mem.HashText(text), row)
	if t == &e.upcs {
		e.stats.upcs.Add(1)
		e.list(row | listedUPC)
	}
	return row
}

func (e *Engine) recordHash(row uint32) uint64 {
	r := e.records.At(row)
	return mem.HashText2(e.text(r.upc), e.text(r.location))
}

// findSegment gives the record's segment of a tag set; 0: there is none.
func (e *Engine) findSegment(r *record, id TagSetID) uint32 {
	for row := r.segments; row != 0; {
		s := e.segments.At(row)
		if s.tagSet == id {
			return row
		}
		row = s.next
	}
	return 0
}

// createRecord adds a record without segments. The caller then opens it with begin.
func (e *Engine) createRecord(upc, location string) uint32 {
	row := e.records.Add()
	e.touchRecord(row)
	r := e.records.At(row)
	u, l := e.intern(&e.upcs, upc), e.intern(&e.locations, location)
	e.fillRecord(r, u, l, recordLive)
	e.linkRecord(row, mem.HashText2(upc, location))
	return row
}

// fillRecord makes a row a new record. A reader that still looks at the row's last owner sees seq move on.
func (e *Engine) fillRecord(r *record, upc, location, flags uint32) {
	atomic.AddUint32(&r.seq, 1)
	atomic.StoreUint32(&r.upc, upc)
	atomic.StoreUint32((*uint32)(&r.upcText), uint32(e.names.At(upc).text))
	atomic.StoreUint32(&r.location, location)
	atomic.StoreUint32((*uint32)(&r.locationText), uint32(e.names.At(location).text))
	atomic.StoreUint32(&r.flags, flags)
	atomic.StoreUint32(&r.segments, 0)
	atomic.StoreUint32(&r.futures, 0)
	atomic.StoreUint64(&r.version, 0)
	for _, field := range []*int64{&r.onHand, &r.allocated, &r.pending, &r.safety, &r.floor, &r.ltd} {
		atomic.StoreInt64(field, 0)
	}
	r.segmentCount = 0
	atomic.AddUint32(&r.seq, 1)
}

// linkRecord makes a filled record findable.
func (e *Engine) linkRecord(row uint32, hash uint64) {
	r := e.records.At(row)
	upc := e.names.At(r.upc)
	atomic.StoreUint32(&r.nextOfUPC, upc.records)
	atomic.StoreUint32(&upc.records, row)
	e.byKey.Add(hash, row)
	e.recordsUsed.Store(e.records.Used())
	e.stats.records.Add(1)
	e.addToLocation(r, 1, r.onHand)
	e.list(row)
}

// removeRecord takes a record with its segments and deliveries away.
func (e *Engine) removeRecord(row uint32) {
	e.touchRecord(row)
	r := e.records.At(row)
	if r.flags&recordPlanned != 0 {
		e.queuePlan(row, false)
	}
	e.byKey.Remove(e.recordHash(row), row)
	e.unlinkOfUPC(r, row)
	e.unlist(row)
	e.addToLocation(r, -1, -r.onHand)
	e.noteDeleted(row)
	atomic.AddUint32(&r.seq, 1)
	for s := r.segments; s != 0; {
		next := e.segments.At(s).next
		e.counts.forget(r.location, s)
		e.dropSegment(s)
		s = next
	}
	for f := r.futures; f != 0; {
		next := e.futures.At(f).next
		e.dropFuture(f)
		f = next
	}
	atomic.StoreUint32(&r.flags, 0)
	atomic.StoreUint32(&r.upc, 0)
	atomic.StoreUint32((*uint32)(&r.upcText), 0)
	atomic.StoreUint32(&r.segments, 0)
	atomic.StoreUint32(&r.futures, 0)
	atomic.AddUint32(&r.seq, 1)
	e.records.Drop(row)
	e.stats.records.Add(-1)
}

func (e *Engine) unlinkOfUPC(r *record, row uint32) {
	at := &e.names.At(r.upc).records
	for *at != row {
		at = &e.records.At(*at).nextOfUPC
	}
	atomic.StoreUint32(at, r.nextOfUPC)
}

// createSegment adds an empty segment at the end of an opened record's list.
func (e *Engine) createSegment(r *record, id TagSetID) uint32 {
	row := e.segments.Add()
	e.fillSegment(e.segments.At(row), &segment{tagSet: id})
	at := &r.segments
	for *at != 0 {
		at = &e.segments.At(*at).next
	}
	atomic.StoreUint32(at, row)
	r.segmentCount++
	e.stats.segments.Add(1)
	return row
}

func (e *Engine) dropSegment(row uint32) {
	assert(!e.edges.rows.Has(row), "a segment goes whose edge is to be told")
	e.segments.Drop(row)
	e.stats.segments.Add(-1)
}

// fillSegment overwrites a row that a reader may still look at.
func (e *Engine) fillSegment(s, with *segment) {
	atomic.StoreInt64(&s.onHand, with.onHand)
	atomic.StoreInt64(&s.allocated, with.allocated)
	atomic.StoreInt64(&s.pending, with.pending)
	atomic.StoreInt64(&s.safety, with.safety)
	atomic.StoreInt64(&s.floor, with.floor)
	atomic.StoreInt64(&s.ltd, with.ltd)
	atomic.StoreUint32((*uint32)(&s.tagSet), uint32(with.tagSet))
	atomic.StoreUint32(&s.next, with.next)
	s.waiting, s.waitLast = with.waiting, with.waitLast
}

// ProvidePages has the kernel provide the memory that states will use next, until stop is closed. Without it Apply does
// so by itself, and waits for the kernel.
func ProvidePages(stop <-chan struct{}) { mem.ProvidePages(stop) }

// MemoryBytes is the memory that the state takes, but for schema, rules, locations and what a command needs while it is
// done. The caller holds the mutex under which Apply is called.
func (e *Engine) MemoryBytes() int64 {
	c := &e.changes
	bytes := e.namesText.MemoryBytes() + e.ordersText.MemoryBytes() +
		e.names.MemoryBytes() + e.records.MemoryBytes() + e.segments.MemoryBytes() + e.futures.MemoryBytes() +
		e.orders.MemoryBytes() + e.items.MemoryBytes() + e.lines.MemoryBytes() + e.moves.MemoryBytes() +
		e.upcs.MemoryBytes() + e.locations.MemoryBytes() + e.byKey.MemoryBytes() + e.byOrderID.MemoryBytes() +
		e.resultsByKey.MemoryBytes() + e.archivedNow.Load().memoryBytes() +
		c.records.MemoryBytes() + c.orders.MemoryBytes() + e.plans.MemoryBytes() +
		e.expiries.MemoryBytes() + e.arrivals.MemoryBytes() + e.closed.MemoryBytes() +
		e.recent.MemoryBytes() + e.listed.MemoryBytes() + e.locationSums.MemoryBytes() +
		e.changed.rows.MemoryBytes() + e.edges.rows.MemoryBytes()
	for id := range e.logs {
		bytes += e.logs[id].MemoryBytes()
	}
	if was := e.archivedWas.Load(); was != nil {
		bytes += was.memoryBytes()
	}
	return bytes + e.counts.memoryBytes()
}

// stats are figures that may be read at any time.
type stats struct {
	records, segments, upcs, orders, items, evicted, futures atomic.Int64

	kept [keptLogs]atomic.Int64 // entries
}

// Stats are the sizes of the state.
type Stats struct {
	Records    int64
	Segments   int64
	UPCs       int64
	Futures    int64 // deliveries waited for
	Orders     int64 // in memory
	OrderItems int64 // in memory
	Evicted    int64 // orders that have left memory since the start of the log
	Results    int64 // kept for idempotency keys
	Events     int64

	Explanations int64 // kept, of lines for which a rule was asked
	Jobs         int64
}

// Stats gives the sizes of the state.
func (rd *Reader) Stats() Stats {
	s := &rd.stats
	return Stats{
		Records: s.records.Load(), Segments: s.segments.Load(), UPCs: s.upcs.Load(), Futures: s.futures.Load(),
		Orders: s.orders.Load(), OrderItems: s.items.Load(), Evicted: s.evicted.Load(),
		Results: s.kept[resultLog].Load(), Events: s.kept[eventLog].Load(), Explanations: s.kept[explanationLog].Load(),
		Jobs: s.kept[jobLog].Load(),
	}
}
