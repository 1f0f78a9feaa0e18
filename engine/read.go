package engine

import (
	"runtime"
	"slices"
	"sync/atomic"
)

// spinsMax is how often a reader tries a record that is being changed before it lets others run.
const spinsMax = 16

// ReadRecord copies a record into v, all of it as of one moment. It takes no lock, may be called at any time and does
// not allocate once v's slices have grown. False: there is no such record.
func (e *Engine) ReadRecord(upc, location string, v *RecordView) bool {
	for try := 0; ; try++ {
		row := e.findRecord(upc, location)
		if row == 0 {
			return false
		}
		r := e.records.at(row)
		seq := atomic.LoadUint32(&r.seq)
		if seq%2 == 0 {
			same := e.isRecord(r, upc, location)
			if same {
				e.copyRecord(r, v)
			}
			if atomic.LoadUint32(&r.seq) == seq && same {
				v.UPC, v.Location = e.text(v.upc), e.text(v.location)
				return true
			}
		}
		if try%spinsMax == spinsMax-1 {
			runtime.Gosched()
		}
	}
}

// NextRecord copies the record of the lowest row after the given one (0: of all) into v, as ReadRecord does, and gives
// its row; 0: there are no more. It may be called at any time; records that are created or deleted meanwhile may be
// missed.
func (e *Engine) NextRecord(after uint32, v *RecordView) (row uint32) {
	for row := after + 1; row < e.recordsUsed.Load(); row++ {
		r := e.records.at(row)
		upc, location := atomic.LoadUint32(&r.upc), atomic.LoadUint32(&r.location)
		if upc != 0 && location != 0 && e.ReadRecord(e.text(upc), e.text(location), v) {
			return row
		}
	}
	return 0
}

// copyRecord copies what may be changing; the caller checks the record's seq before and after.
func (e *Engine) copyRecord(r *record, v *RecordView) {
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
		next = copySegment(e.segments.at(row), &v.Segments[len(v.Segments)-1])
		row = next
	}
	for row := atomic.LoadUint32(&r.futures); row != 0 && len(v.Future) < FuturesPerRecordMax; {
		f := e.futures.at(row)
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

// KnowsName reports whether a UPC or a location has this name and a record, or had one since the start. It may be
// called at any time.
func (e *Engine) KnowsName(name string) bool {
	return e.findName(&e.upcs, name) != 0 || e.findName(&e.locations, name) != 0
}

// AppendLocations appends the locations that have a record of the UPC, in order. It may be called at any time.
func (e *Engine) AppendLocations(dst []string, upc string) []string {
	name := e.findName(&e.upcs, upc)
	if name == 0 {
		return dst
	}
	start := len(dst)
	for row := atomic.LoadUint32(&e.names.at(name).records); row != 0; {
		r := e.records.at(row)
		if atomic.LoadUint32(&r.upc) != name {
			// The record went away while we stood on it: begin again.
			dst = dst[:start]
			row = atomic.LoadUint32(&e.names.at(name).records)
			continue
		}
		dst = append(dst, e.text(atomic.LoadUint32(&r.location)))
		row = atomic.LoadUint32(&r.nextOfUPC)
	}
	slices.Sort(dst[start:])
	return append(dst[:start], slices.Compact(dst[start:])...)
}

// AppendUPCs appends up to limit UPCs that have a record at the location, in the order of the records' rows, starting
// with the records' row from, and gives the row to go on from, 0 at the end. It may be called at any time; a record
// that is deleted and created anew meanwhile may be given twice.
func (e *Engine) AppendUPCs(dst []string, location string, from uint32, limit int) (upcs []string, next uint32) {
	name := e.findName(&e.locations, location)
	if name == 0 {
		return dst, 0
	}
	used := e.recordsUsed.Load()
	for row := max(from, 1); row < used; row++ {
		r := e.records.at(row)
		if atomic.LoadUint32(&r.location) != name {
			continue
		}
		if upc := atomic.LoadUint32(&r.upc); upc != 0 {
			if limit == 0 {
				return dst, row
			}
			dst = append(dst, e.text(upc))
			limit--
		}
	}
	return dst, 0
}

// Refuses reports whether committed stock cannot meet an Allocate, and fills the result with the refusal. It may be
// called at any time, by a node that is sure to be the leader, takes no lock and does not allocate once r has grown.
// False: the command must go through the log, which may know an earlier answer or the effect of commands still on their
// way.
//
// Lines are looked at one after the other. One that is refused refuses an order of ModeAll; where all have to be, stock
// that a writer moves meanwhile may be missed at each, so that beside a writer only an order of one line is refused for
// sure.
//
// It is for an Allocate without plans alone: it looks at each line's own segment, where a rule may have named others.
func (e *Engine) Refuses(key string, c *Allocate, r *Result) bool {
	if c.Backorder || len(c.Lines) > refusedLinesMax || key != "" && e.results.mayHave(key) {
		return false
	}
	if c.ExpiresAtMS != 0 && c.ExpiresAtMS <= e.NowMS() {
		return false // it is refused for this first
	}
	s := e.Schema()
	r.reset(e.AppliedIndex())
	r.Kind = KindAllocate
	refused := 0
	for i := range c.Lines {
		code, sure := e.refusesLine(s, c, i, r)
		if !sure {
			return false
		}
		if code != CodeOK {
			refused++
		}
	}
	if e.Schema() != s {
		return false // segments may have been merged under other tags meanwhile
	}
	if refused == 0 || c.Mode != ModeAll && refused < len(c.Lines) {
		return false
	}
	// An order that exists may have been answered already. Asked last, since few orders come so far, and the table of
	// all orders is not in the processor's cache.
	if row, _ := e.byOrderID.probe(hashText(c.OrderID)).next(); row != 0 {
		return false
	}
	return c.Mode != ModeAll || refusedAll(r)
}

// refusedLinesMax bounds the lines that Refuses looks at, which it compares with each other.
const refusedLinesMax = 16

// refusesLine answers one line. sure is false when only the log can tell.
func (e *Engine) refusesLine(s *Schema, c *Allocate, i int, r *Result) (code Code, sure bool) {
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
	available, code := e.availableOf(s, l, key)
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
func (e *Engine) availableOf(s *Schema, l *AllocateLine, key tagSetKey) (units int64, code Code) {
	id := s.find(key)
	for try := 0; ; try++ {
		row := e.findRecord(l.UPC, l.Location)
		if row == 0 {
			return 0, CodeUnknownRecord
		}
		r := e.records.at(row)
		seq := atomic.LoadUint32(&r.seq)
		if seq%2 == 0 {
			same := e.isRecord(r, l.UPC, l.Location)
			units, code = e.segmentAvailable(r, id)
			if atomic.LoadUint32(&r.seq) == seq && same {
				return units, code
			}
		}
		if try%spinsMax == spinsMax-1 {
			runtime.Gosched()
		}
	}
}

func (e *Engine) segmentAvailable(r *record, id TagSetID) (units int64, code Code) {
	if id == 0 {
		return 0, CodeUnknownSegment
	}
	row := atomic.LoadUint32(&r.segments)
	for n := 0; row != 0 && n < SegmentsPerRecordMax; n++ {
		s := e.segments.at(row)
		if atomic.LoadUint32((*uint32)(&s.tagSet)) == uint32(id) {
			return atomic.LoadInt64(&s.onHand) - atomic.LoadInt64(&s.allocated) - atomic.LoadInt64(&s.pending) -
				atomic.LoadInt64(&s.safety), CodeOK
		}
		row = atomic.LoadUint32(&s.next)
	}
	return 0, CodeUnknownSegment
}

// ReadOrder copies an order that is in memory. The caller holds the mutex under which Apply is called; whoever shares
// it with others takes AppendOrder under it, and decodes outside.
func (e *Engine) ReadOrder(orderID string, v *OrderView) bool {
	row, found := e.AppendOrder(nil, orderID)
	if !found {
		return false
	}
	err := DecodeArchivedOrder(row, v)
	assert(err == nil, "an order in memory cannot be read in its stored form")
	return true
}
