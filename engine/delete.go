package engine

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// Scope selects records: those whose UPC is among UPCs and whose location is among Locations; an empty list does not
// restrict. All must be set when both lists are empty, against accidents.
type Scope struct {
	UPCs      []string `json:"upcs"`
	Locations []string `json:"locations"`
	All       bool     `json:"all"`
}

func checkScope(s *Scope) *Fault {
	if len(s.UPCs) == 0 && len(s.Locations) == 0 && !s.All {
		return &Fault{"all", "false", "a list of UPCs or of locations is expected, or all: true for every record"}
	}
	if f := checkNames("upcs", s.UPCs, UPCBytesMax); f != nil {
		return f
	}
	return checkNames("locations", s.Locations, LocationBytesMax)
}

func checkNames(list string, names []string, bytesMax int) *Fault {
	if f := checkSize(list, len(names), 0, ScopeNamesMax); f != nil {
		return f
	}
	for i, name := range names {
		if !IsText(name, bytesMax) {
			return textFault(fmt.Sprintf("%s[%d]", list, i), name, bytesMax)
		}
	}
	return nil
}

// The flags of a scope. Each command knows some.
const (
	scopeAll    = 1 << 0
	scopeDryRun = 1 << 1
	scopeNow    = 1 << 2 // Redistribute
	scopeForce  = 1 << 3 // Delete
)

// appendScope: flags, UPCs, locations.
func appendScope(dst []byte, s *Scope, flags byte) []byte {
	dst = append(dst, flags|flagBit(s.All, scopeAll))
	dst = appendTexts(dst, s.UPCs)
	return appendTexts(dst, s.Locations)
}

func (r *bodyReader) readScope(scope *Scope, known byte) (flags byte) {
	flags = r.flags(known)
	scope.All = flags&scopeAll != 0
	scope.UPCs = r.readTexts(scope.UPCs)
	scope.Locations = r.readTexts(scope.Locations)
	return flags
}

func digestScope(dst []byte, s *Scope) []byte {
	dst = digestTexts(dst, s.UPCs)
	dst = digestTexts(dst, s.Locations)
	return digestBool(dst, s.All)
}

// inScope gives the records that a scope selects, in order of their rows.
func (e *Engine) inScope(c *Scope) []uint32 {
	rows := e.scratch.rows[:0]
	locations := make(map[uint32]bool, len(c.Locations))
	for _, l := range c.Locations {
		if row := e.findName(&e.locations, l); row != 0 {
			locations[row] = true
		}
	}
	want := func(row uint32) {
		if len(c.Locations) == 0 || locations[e.records.At(row).location] {
			rows = append(rows, row)
		}
	}
	if len(c.UPCs) == 0 {
		for row := uint32(1); row < e.records.Used(); row++ {
			if e.records.At(row).flags&recordLive != 0 {
				want(row)
			}
		}
	}
	for _, upc := range c.UPCs {
		if name := e.findName(&e.upcs, upc); name != 0 {
			for row := e.names.At(name).records; row != 0; row = e.records.At(row).nextOfUPC {
				want(row)
			}
		}
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	e.scratch.rows = rows
	return rows
}

// Delete removes records. Refused while promises are open, unless Force is set: then the promises are released.
type Delete struct {
	Scope
	DryRun bool `json:"dryRun"`
	Force  bool `json:"force"`
}

func (*Delete) Kind() Kind { return KindDelete }

func (c *Delete) check() *Fault { return checkScope(&c.Scope) }

// appendBody: scope with flags.
func (c *Delete) appendBody(dst []byte) []byte {
	return appendScope(dst, &c.Scope, flagBit(c.Force, scopeForce)|flagBit(c.DryRun, scopeDryRun))
}

func (c *Delete) readBody(r *bodyReader) {
	flags := r.readScope(&c.Scope, scopeAll|scopeDryRun|scopeForce)
	c.Force, c.DryRun = flags&scopeForce != 0, flags&scopeDryRun != 0
}

func (c *Delete) digest(dst []byte) []byte {
	return digestBool(digestBool(digestScope(dst, &c.Scope), c.DryRun), c.Force)
}

// apply removes records, or lists those that have open promises.
func (c *Delete) apply(e *Engine, _ *Envelope, r *Result) {
	rows := e.inScope(&c.Scope)
	for _, row := range rows {
		rec := e.records.At(row)
		r.Stock.Records++
		r.Stock.Units += rec.onHand
		r.Stock.Promised += rec.allocated + rec.pending
		if rec.allocated+rec.pending > 0 && !c.Force {
			r.Code = CodeInUse
			e.block(rec, r)
		}
	}
	if c.DryRun || r.Code != CodeOK || len(rows) == 0 {
		return
	}
	e.edges.off = true
	if r.Stock.Promised > 0 {
		e.releasePromises(rows)
	}
	for _, row := range rows {
		e.removeRecord(row)
	}
	e.emit(&Event{Kind: EventRecordsDeleted, Units: r.Stock.Units, Limit: r.Stock.Records})
}

// block lists a record that prevents the command.
func (e *Engine) block(rec *record, r *Result) {
	if len(r.Blocked) < ReportedItemsMax {
		r.Blocked = append(r.Blocked, BlockedRecord{UPC: e.text(rec.upc), Location: e.text(rec.location),
			OnHand: rec.onHand, Allocated: rec.allocated, Pending: rec.pending})
	}
}

// releasePromises releases what order items hold of records that go away. rows is sorted.
func (e *Engine) releasePromises(rows []uint32) {
	for row := uint32(1); row < e.items.Used(); row++ {
		it := e.items.At(row)
		if it.seq == 0 || !e.isOpen(it) {
			continue
		}
		record := e.recordOf(it)
		if _, found := slices.BinarySearch(rows, record); found {
			e.releaseAll(row, MovementRecordDeleted)
		}
	}
}

// DeleteSegments removes the segments that have all of the tags, and the deliveries for them. A record goes with its
// last segment and delivery. Refused while promises on one of the segments are open.
type DeleteSegments struct {
	Scope
	Tags   []Tag `json:"tags"`
	DryRun bool  `json:"dryRun"`
}

func (*DeleteSegments) Kind() Kind { return KindDeleteSegments }

func (c *DeleteSegments) check() *Fault {
	if f := checkScope(&c.Scope); f != nil {
		return f
	}
	if len(c.Tags) == 0 {
		return sizeFault("tags", 0, 1, CategoriesMax)
	}
	return checkTags("tags", c.Tags)
}

func (*DeleteSegments) since() (form, meaning byte) { return commandVersionMore, commandVersionMore }

// appendBody: scope with flags, tags.
func (c *DeleteSegments) appendBody(dst []byte) []byte {
	return appendTags(appendScope(dst, &c.Scope, flagBit(c.DryRun, scopeDryRun)), c.Tags)
}

func (c *DeleteSegments) readBody(r *bodyReader) {
	c.DryRun = r.readScope(&c.Scope, scopeAll|scopeDryRun)&scopeDryRun != 0
	c.Tags = r.readTags()
}

func (c *DeleteSegments) digest(dst []byte) []byte {
	return digestBool(digestTagList(digestScope(dst, &c.Scope), c.Tags), c.DryRun)
}

func (c *DeleteSegments) apply(e *Engine, _ *Envelope, r *Result) {
	if _, _, code, tag := e.Schema().key(c.Tags); code != CodeOK {
		refuseTag(r, code, "tags", c.Tags[tag])
		return
	}
	rows := slices.DeleteFunc(e.inScope(&c.Scope), func(row uint32) bool { return !e.hasTagged(row, c.Tags) })
	for _, row := range rows {
		rec := e.records.At(row)
		onHand, allocated, pending := e.taggedUnits(rec, c.Tags)
		r.Stock.Records++
		r.Stock.Units += onHand
		r.Stock.Promised += allocated + pending
		if allocated+pending > 0 {
			r.Code = CodeInUse
			e.block(rec, r)
		}
	}
	if c.DryRun || r.Code != CodeOK || len(rows) == 0 {
		return
	}
	e.edges.off = true
	for _, row := range rows {
		e.removeTagged(row, c.Tags)
	}
	e.emit(&Event{Kind: EventRecordsDeleted, Units: r.Stock.Units, Limit: r.Stock.Records})
}

// hasTagged reports whether a record has a segment or a delivery with the tags.
func (e *Engine) hasTagged(row uint32, tags []Tag) bool {
	rec := e.records.At(row)
	for seg := rec.segments; seg != 0; seg = e.segments.At(seg).next {
		if e.Schema().Matches(e.segments.At(seg).tagSet, tags) {
			return true
		}
	}
	for f := rec.futures; f != 0; f = e.futures.At(f).next {
		if e.isDeliveryFor(e.futures.At(f), tags) {
			return true
		}
	}
	return false
}

// isDeliveryFor reports whether a delivery is for segments with the tags only. One that is split on arrival is for all
// values of the distributed categories.
func (e *Engine) isDeliveryFor(f *future, tags []Tag) bool {
	return e.Schema().MatchesDelivery(f.tagSet, f.split != 0, tags)
}

// MatchesDelivery reports whether a delivery is only for what has the tags; one that is split on arrival is for all
// values of the categories with percentages.
func (s *Schema) MatchesDelivery(id TagSetID, split bool, tags []Tag) bool {
	if !s.Matches(id, tags) {
		return false
	}
	return !split || !slices.ContainsFunc(tags, func(t Tag) bool {
		c, ok := s.Category(t.Category)
		return ok && c.Distributed()
	})
}

func (e *Engine) taggedUnits(rec *record, tags []Tag) (onHand, allocated, pending int64) {
	for row := rec.segments; row != 0; row = e.segments.At(row).next {
		if seg := e.segments.At(row); e.Schema().Matches(seg.tagSet, tags) {
			onHand += seg.onHand
			allocated += seg.allocated
			pending += seg.pending
		}
	}
	return onHand, allocated, pending
}

// removeTagged removes a record's segments and deliveries with the tags. No order holds units of them.
func (e *Engine) removeTagged(row uint32, tags []Tag) {
	rec, w := e.openRecord(row)
	for at := &rec.segments; *at != 0; {
		gone := *at
		seg := e.segments.At(gone)
		if !e.Schema().Matches(seg.tagSet, tags) {
			at = &seg.next
			continue
		}
		assert(seg.allocated == 0 && seg.pending == 0 && seg.waiting == 0,
			"a segment goes that somebody holds units of")
		atomic.StoreInt64(&seg.floor, 0)
		e.addUnits(rec, &w, gone, unitDelta{onHand: -seg.onHand, safety: -seg.safety})
		atomic.StoreUint32(at, seg.next)
		rec.segmentCount--
		e.counts.forget(rec.location, gone)
		e.dropSegment(gone)
	}
	for f := rec.futures; f != 0; {
		next := e.futures.At(f).next
		if e.isDeliveryFor(e.futures.At(f), tags) {
			e.removeFuture(rec, f)
		}
		f = next
	}
	e.closeRecord(rec, &w)
	if rec.segments == 0 && rec.futures == 0 {
		e.removeRecord(row)
	}
}
