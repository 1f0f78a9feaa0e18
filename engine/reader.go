package engine

import (
	"apportion/engine/mem"
	"runtime"
	"slices"
	"sync/atomic"
)

// Reader is the part of an Engine that may be read at any time, from any goroutine: its methods take no lock and do not
// make the writer wait. It has all the memory that they look at, and nothing else.
//
// The writer changes rows in place. Fields that a reader looks at are written atomically; a record changes under its
// sequence lock, and lists and tables are linked last, so that a reader finds only rows that are filled.
type Reader struct {
	appliedIndex   atomic.Uint64
	nowMS          atomic.Int64
	lastEvent      atomic.Uint64
	schema         atomic.Pointer[Schema]
	rules          atomic.Pointer[RuleSet]
	details        atomic.Pointer[locationDetails]
	locationGroups atomic.Pointer[locationGroups]
	webhooks       atomic.Pointer[[]Webhook]
	plansWaiting   atomic.Int64
	stats          stats

	namesText   mem.Texts
	names       mem.Slab[name]
	namesUsed   atomic.Uint32 // rows of names that readers may look at
	upcs        mem.Table     // names by text
	locations   mem.Table     // names by text; a UPC and a location of the same text are two names
	records     mem.Slab[record]
	recordsUsed atomic.Uint32 // rows of records that readers may look at
	segments    mem.Slab[segment]
	futures     mem.Slab[future]
	byKey       mem.Table // records by UPC and location

	listed       mem.Sorted // records and UPCs in order, see listedUPC
	locationSums mem.Slab[locationSums]

	orders       mem.Slab[order]
	byOrderID    mem.Table // orders
	resultsByKey mem.Table // entries of the result log by idempotency key, under resultRow

	// archivedNow holds the orders that left memory since the last freeze, archivedWas those of the frozen checkpoint.
	archivedNow atomic.Pointer[archivedRows]
	archivedWas atomic.Pointer[archivedRows]
}

// AppliedIndex is the log index of the last entry applied.
func (rd *Reader) AppliedIndex() uint64 { return rd.appliedIndex.Load() }

// NowMS is the time of the last entry applied, Unix milliseconds.
func (rd *Reader) NowMS() int64 { return rd.nowMS.Load() }

// LastEvent is the number of the last event that was kept; 0: there was none yet.
func (rd *Reader) LastEvent() EventID { return EventID(rd.lastEvent.Load()) }

// Schema gives the current schema.
func (rd *Reader) Schema() *Schema { return rd.schema.Load() }

func (rd *Reader) text(row uint32) string { return rd.namesText.Get(rd.names.At(row).text) }

// findName looks a UPC or a location up; 0: there is none.
func (rd *Reader) findName(t *mem.Table, text string) uint32 {
	for row, p := t.Probe(mem.HashText(text)).Next(); row != 0; row, p = p.Next() {
		if rd.text(row) == text {
			return row
		}
	}
	return 0
}

// findRecord looks a record up; 0: there is none. Readers confirm the row under its seq.
func (rd *Reader) findRecord(upc, location string) uint32 {
	for row, p := rd.byKey.Probe(mem.HashText2(upc, location)).Next(); row != 0; row, p = p.Next() {
		if rd.isRecord(rd.records.At(row), upc, location) {
			return row
		}
	}
	return 0
}

func (rd *Reader) isRecord(r *record, upc, location string) bool {
	u, l := mem.TextRef(atomic.LoadUint32((*uint32)(&r.upcText))),
		mem.TextRef(atomic.LoadUint32((*uint32)(&r.locationText)))
	return u != 0 && l != 0 && rd.namesText.Get(u) == upc && rd.namesText.Get(l) == location
}

// spinsMax is how often a reader tries a record that is being changed before it lets others run.
const spinsMax = 16

// ReadRecord copies a record into v, all of it as of one moment. It does not allocate once v's slices have
// grown. False: there is no such record.
func (rd *Reader) ReadRecord(upc, location string, v *RecordView) bool {
	for try := 0; ; try++ {
		row := rd.findRecord(upc, location)
		if row == 0 {
			return false
		}
		r := rd.records.At(row)
		seq := atomic.LoadUint32(&r.seq)
		if seq%2 == 0 {
			same := rd.isRecord(r, upc, location)
			if same {
				rd.copyRecord(r, v)
			}
			if atomic.LoadUint32(&r.seq) == seq && same {
				v.UPC, v.Location = rd.text(v.upc), rd.text(v.location)
				return true
			}
		}
		if try%spinsMax == spinsMax-1 {
			runtime.Gosched()
		}
	}
}

// NextRecord copies the record of the lowest row after the given one (0: of all) into v, as ReadRecord does, and gives
// its row; 0: there are no more. Records that are created or deleted meanwhile may be missed.
func (rd *Reader) NextRecord(after uint32, v *RecordView) (row uint32) {
	for row := after + 1; row < rd.recordsUsed.Load(); row++ {
		r := rd.records.At(row)
		upc, location := atomic.LoadUint32(&r.upc), atomic.LoadUint32(&r.location)
		if upc != 0 && location != 0 && rd.ReadRecord(rd.text(upc), rd.text(location), v) {
			return row
		}
	}
	return 0
}

// copyRecord copies what may be changing; the caller checks the record's seq before and after.
func (rd *Reader) copyRecord(r *record, v *RecordView) {
	v.upc, v.location = atomic.LoadUint32(&r.upc), atomic.LoadUint32(&r.location)
	v.Version = atomic.LoadUint64(&r.version)
	v.OnHand = atomic.LoadInt64(&r.onHand)
	v.Allocated = atomic.LoadInt64(&r.allocated)
	v.Pending = atomic.LoadInt64(&r.pending)
	v.SafetyStock = atomic.LoadInt64(&r.safety)
	v.Floor = atomic.LoadInt64(&r.floor)
	v.LTD = atomic.LoadInt64(&r.ltd)
	flags := atomic.LoadUint32(&r.flags)
	v.Due, v.Planned, v.Blocked = flags&recordDue != 0, flags&recordPlanned != 0, flags&recordBlocked != 0
	v.Segments, v.Future = v.Segments[:0], v.Future[:0]
	// A list that changes meanwhile may lead into another record's; the counts end that.
	for row := atomic.LoadUint32(&r.segments); row != 0 && len(v.Segments) < SegmentsPerRecordMax; {
		var next uint32
		v.Segments = append(v.Segments, SegmentView{})
		next = copySegment(rd.segments.At(row), &v.Segments[len(v.Segments)-1])
		row = next
	}
	for row := atomic.LoadUint32(&r.futures); row != 0 && len(v.Future) < FuturesPerRecordMax; {
		f := rd.futures.At(row)
		v.Future = append(v.Future, FutureView{ID: atomic.LoadUint64(&f.seq),
			DeliveryDateMS: atomic.LoadInt64(&f.dueMS),
			Quantity:       atomic.LoadInt64(&f.quantity), TagSet: TagSetID(atomic.LoadUint32((*uint32)(&f.tagSet))),
			Split: atomic.LoadUint32(&f.split) == 1})
		row = atomic.LoadUint32(&f.next)
	}
}

func copySegment(s *segment, v *SegmentView) (next uint32) {
	v.TagSet = TagSetID(atomic.LoadUint32((*uint32)(&s.tagSet)))
	v.OnHand = atomic.LoadInt64(&s.onHand)
	v.Allocated = atomic.LoadInt64(&s.allocated)
	v.Pending = atomic.LoadInt64(&s.pending)
	v.SafetyStock = atomic.LoadInt64(&s.safety)
	v.Floor = atomic.LoadInt64(&s.floor)
	v.LTD = atomic.LoadInt64(&s.ltd)
	return atomic.LoadUint32(&s.next)
}

// KnowsName reports whether a UPC or a location has this name and a record, or had one since the start.
func (rd *Reader) KnowsName(name string) bool {
	return rd.findName(&rd.upcs, name) != 0 || rd.findName(&rd.locations, name) != 0
}

// AppendLocations appends the locations that have a record of the UPC, in order.
func (rd *Reader) AppendLocations(dst []string, upc string) []string {
	name := rd.findName(&rd.upcs, upc)
	if name == 0 {
		return dst
	}
	start := len(dst)
	for row := atomic.LoadUint32(&rd.names.At(name).records); row != 0; {
		r := rd.records.At(row)
		if atomic.LoadUint32(&r.upc) != name {
			// The record went away while we stood on it: begin again.
			dst = dst[:start]
			row = atomic.LoadUint32(&rd.names.At(name).records)
			continue
		}
		dst = append(dst, rd.text(atomic.LoadUint32(&r.location)))
		row = atomic.LoadUint32(&r.nextOfUPC)
	}
	slices.Sort(dst[start:])
	return append(dst[:start], slices.Compact(dst[start:])...)
}

// Refuses reports whether committed stock cannot meet an Allocate, and fills the result with the refusal. Its caller is
// sure to be the leader. It does not allocate once r has grown. False: the command must go through the log, which may
// know an earlier answer or the effect of commands in flight.
//
// Lines are looked at one after the other. One that is refused refuses an order of ModeAll; where all have to be, stock
// that a writer moves meanwhile may be missed at each, so that beside a writer only an order of one line is refused for
// sure.
//
// It is for an Allocate without plans alone: it looks at each line's own segment, where a rule may have named others.
func (rd *Reader) Refuses(key string, c *Allocate, r *Result) bool {
	if c.Backorder || len(c.Lines) > refusedLinesMax || key != "" && rd.mayHaveResult(key) {
		return false
	}
	if c.ExpiresAtMS != 0 && c.ExpiresAtMS <= rd.NowMS() {
		return false // it is refused for this first
	}
	s := rd.Schema()
	r.reset(rd.AppliedIndex())
	r.Kind = KindAllocate
	refused := 0
	for i := range c.Lines {
		code, sure := rd.refusesLine(s, c, i, r)
		if !sure {
			return false
		}
		if code != CodeOK {
			refused++
		}
	}
	if rd.Schema() != s {
		return false // segments may have been merged under other tags meanwhile
	}
	if refused == 0 || c.Mode != ModeAll && refused < len(c.Lines) {
		return false
	}
	// An order that exists may have been answered already. Asked last, since few orders come so far, and the table of
	// all orders is not in the processor's cache.
	if row, _ := rd.byOrderID.Probe(mem.HashText(c.OrderID)).Next(); row != 0 {
		return false
	}
	return c.Mode != ModeAll || refusedAll(r)
}

// refusedLinesMax bounds the lines that Refuses looks at, which it compares with each other.
const refusedLinesMax = 16

// refusesLine answers one line. sure is false when only the log can tell.
func (rd *Reader) refusesLine(s *Schema, c *Allocate, i int, r *Result) (code Code, sure bool) {
	l := &c.Lines[i]
	for j := range i {
		if c.Lines[j].UPC == l.UPC && c.Lines[j].Location == l.Location {
			return 0, false // the lines may draw on one segment
		}
	}
	key, _, code, _ := s.key(l.Tags)
	if code != CodeOK {
		return 0, false
	}
	available, code := rd.availableOf(s, l, key)
	switch {
	case code != CodeOK:
	case available >= l.Quantity || c.Mode == ModePartial && available > 0:
		r.addLine(l.ItemID, l.Quantity)
		return CodeOK, true
	default:
		code = CodeInsufficient
	}
	out := r.addLine(l.ItemID, l.Quantity)
	out.Code, out.Available = code, max(0, available)
	return code, true
}

// availableOf reads the available units of a line's segment.
func (rd *Reader) availableOf(s *Schema, l *AllocateLine, key tagSetKey) (units int64, code Code) {
	id := s.find(key)
	for try := 0; ; try++ {
		row := rd.findRecord(l.UPC, l.Location)
		if row == 0 {
			return 0, CodeUnknownRecord
		}
		r := rd.records.At(row)
		seq := atomic.LoadUint32(&r.seq)
		if seq%2 == 0 {
			same := rd.isRecord(r, l.UPC, l.Location)
			units, code = rd.segmentAvailable(r, id)
			if atomic.LoadUint32(&r.seq) == seq && same {
				return units, code
			}
		}
		if try%spinsMax == spinsMax-1 {
			runtime.Gosched()
		}
	}
}

func (rd *Reader) segmentAvailable(r *record, id TagSetID) (units int64, code Code) {
	if id == 0 {
		return 0, CodeUnknownSegment
	}
	row := atomic.LoadUint32(&r.segments)
	for n := 0; row != 0 && n < SegmentsPerRecordMax; n++ {
		s := rd.segments.At(row)
		if atomic.LoadUint32((*uint32)(&s.tagSet)) == uint32(id) {
			return atomic.LoadInt64(&s.onHand) - atomic.LoadInt64(&s.allocated) - atomic.LoadInt64(&s.pending) -
				atomic.LoadInt64(&s.safety), CodeOK
		}
		row = atomic.LoadUint32(&s.next)
	}
	return 0, CodeUnknownSegment
}

// TagSetID names a full combination of one value per category, as used by segments. Ids are never reused; the schema
// resolves them.
type TagSetID uint32

// SegmentView is a copy of one segment.
type SegmentView struct {
	TagSet      TagSetID
	OnHand      int64
	Allocated   int64
	Pending     int64
	SafetyStock int64
	Floor       int64
	LTD         int64
}

// Available is what can be promised: on hand less allocated, pending and safety stock. It may be negative.
func (v *SegmentView) Available() int64 { return v.OnHand - v.Allocated - v.Pending - v.SafetyStock }

// FutureView is a copy of one delivery that a record waits for.
type FutureView struct {
	ID             uint64 // never used again
	DeliveryDateMS int64  // Unix milliseconds
	Quantity       int64

	// TagSet is the segment that receives it. Split: it is split by percentages on arrival instead, among the
	// segments that differ from TagSet only in distributed categories.
	TagSet TagSetID
	Split  bool
}

// RecordView is a consistent copy of one record: its totals are the sums over its segments. It owns no memory of the
// engine except UPC and Location, which are immutable; the slices are reused by the next read into the same view.
type RecordView struct {
	UPC         string
	Location    string
	Version     uint64 // rises with every change of the record
	OnHand      int64
	Allocated   int64
	Pending     int64
	SafetyStock int64
	Floor       int64
	LTD         int64
	Due         bool // redistributed at the next Refresh or Adjust
	Planned     bool // waits for a rule to say how it is redistributed
	Blocked     bool // no item should be assigned from it, see Block
	Segments    []SegmentView
	Future      []FutureView

	upc, location uint32
}

// Available is what can be promised: on hand less allocated, pending and safety stock. It may be negative.
func (v *RecordView) Available() int64 { return v.OnHand - v.Allocated - v.Pending - v.SafetyStock }

// MergeSegments makes one segment of those that have the same tags in a schema. A new schema can be read before the
// record has been changed to it, and then two segments, that of a value which left and that of the one which took its
// stock, have the tags of one. Merged, they are what the engine makes of them: sums, and the larger floor and ltd.
func (v *RecordView) MergeSegments(schema *Schema) {
	stale := false
	for i := range v.Segments {
		id := schema.Canonical(v.Segments[i].TagSet)
		stale = stale || id != v.Segments[i].TagSet
		v.Segments[i].TagSet = id
	}
	if !stale {
		return
	}
	at := make(map[TagSetID]int, len(v.Segments))
	merged := v.Segments[:0]
	for _, s := range v.Segments {
		i, ok := at[s.TagSet]
		if !ok {
			at[s.TagSet] = len(merged)
			merged = append(merged, s)
			continue
		}
		m := &merged[i]
		m.OnHand += s.OnHand
		m.Allocated += s.Allocated
		m.Pending += s.Pending
		m.SafetyStock += s.SafetyStock
		m.Floor, m.LTD = max(m.Floor, s.Floor), max(m.LTD, s.LTD)
	}
	v.Segments = merged
}

// OrderView is a copy of one order.
type OrderView struct {
	OrderID   string
	Changed   uint64 // log index of the last change
	ChangedMS int64  // its time: that of the newest movement, Unix milliseconds
	Items     []ItemView
}

// ItemView is a copy of one order item.
type ItemView struct {
	ItemID      string
	UPC         string
	Location    string
	TagSet      TagSetID // as the order asked for
	Requested   int64    // 0: it is only known because it came back
	ExpiresAtMS int64    // 0: no reservation
	Lines       []LineView
	Movements   []MovementView
}

// LineView is a copy of one allocation line: the units of an order item from one segment. Allocated + Pending +
// Fulfilled + Released is what was promised in all; Returned is at most Fulfilled, or of an item that is only known
// because it came back.
type LineView struct {
	TagSet    TagSetID
	Allocated int64
	Pending   int64
	Fulfilled int64
	Returned  int64
	Released  int64
}

// MovementKind says what happened to units of an order item.
type MovementKind uint8

// The kinds of movements. The numbers are stored.
const (
	MovementAllocated MovementKind = 1 + iota
	MovementPending
	MovementPendingReleased // stock arrived: pending became allocated
	MovementConfirmed
	MovementReleased
	MovementExpired
	MovementFulfilled
	MovementReturned
	MovementRecordDeleted
	MovementLost // released, and not on hand any more
)

var movementTexts = [...]string{
	MovementAllocated: "allocated", MovementPending: "pending", MovementPendingReleased: "pending-released",
	MovementConfirmed: "confirmed", MovementReleased: "released", MovementExpired: "expired",
	MovementFulfilled: "fulfilled",
	MovementReturned:  "returned", MovementRecordDeleted: "record-deleted", MovementLost: "lost",
}

// String is the kind's stable text, as the API shows it.
func (k MovementKind) String() string {
	if k > 0 && int(k) < len(movementTexts) {
		return movementTexts[k]
	}
	return "unknown-movement"
}

// MovementView is one entry of an order item's history.
type MovementView struct {
	Kind   MovementKind
	TagSet TagSetID
	Units  int64
	Index  uint64 // log index
	TimeMS int64  // the entry's time, Unix milliseconds
	Reason string // of a release: why, if its sender said so
}
