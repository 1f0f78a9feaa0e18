package engine

import (
	"slices"
	"sync/atomic"
)

// DeleteSegments removes the segments of records that have all of the tags, and the deliveries for them. A record of
// which nothing is left goes with the last one. Refused while promises on one of the segments are open.
type DeleteSegments struct {
	Scope
	Tags   []Tag `json:"tags"`
	DryRun bool  `json:"dryRun"`
}

func (c *DeleteSegments) check() *Fault {
	if f := checkScope(&c.Scope); f != nil {
		return f
	}
	if len(c.Tags) == 0 {
		return sizeFault("tags", 0, 1, CategoriesMax)
	}
	return checkTags("tags", c.Tags)
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

// removeTagged takes the segments and deliveries with the tags out of a record, of which nobody holds units.
func (e *Engine) removeTagged(row uint32, tags []Tag) {
	rec, w := e.begin(row)
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
		e.change(rec, &w, gone, delta{onHand: -seg.onHand, safety: -seg.safety})
		atomic.StoreUint32(at, seg.next)
		rec.segmentCount--
		e.counts.forget(gone)
		e.dropSegment(gone)
	}
	for f := rec.futures; f != 0; {
		next := e.futures.At(f).next
		if e.isDeliveryFor(e.futures.At(f), tags) {
			e.removeFuture(rec, f)
		}
		f = next
	}
	e.end(rec, &w)
	if rec.segments == 0 && rec.futures == 0 {
		e.removeRecord(row)
	}
}
