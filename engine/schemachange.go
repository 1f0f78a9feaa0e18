package engine

import (
	"slices"
	"strconv"
	"sync/atomic"
)

// apply creates or replaces a category.
func (c *PutTagCategory) apply(e *Engine, envelope *Envelope, r *Result) {
	old := e.Schema()
	if envelope.IfSeen && envelope.Seen != old.CategoryHash(c.Name) {
		r.refuse(CodeRetry, "name", c.Name)
		return
	}
	at := old.position(c.Name)
	if at < 0 && len(old.categories) == CategoriesMax {
		r.refuse(CodeTooMany, "name", strconv.Itoa(CategoriesMax))
		return
	}
	category := Category{Name: c.Name, Rounding: c.Rounding}
	if at >= 0 {
		category.names = slices.Clone(old.categories[at].names)
	}
	category.define(c.Values, func(name string) (uint16, bool) {
		if at < 0 {
			return 0, false
		}
		return old.categories[at].id(name)
	})
	next := &Schema{index: e.appliedIndex.Load(), categories: slices.Clone(old.categories)}
	if at < 0 {
		at = len(next.categories)
		next.categories = append(next.categories, Category{})
	}
	next.categories[at] = category
	if code, field, value := next.check(); code != CodeOK {
		r.refuse(code, field, value)
		return
	}
	moves := removedValues(old, at, &category, c.MoveTo)
	if !e.unused(old, at, moves, r) {
		return
	}
	e.countMoved(old, at, moves, r)
	e.replaceSchema(old, next, func(key tagSetKey) tagSetKey {
		if at == len(old.categories) {
			return key.with(at, category.dflt)
		}
		if to, moved := moves[key.at(at)]; moved {
			return key.with(at, to.id)
		}
		return key
	})
	e.emit(&Event{Kind: EventSchemaChanged, Name: c.Name})
}

// define sets the values; a value that existed keeps its number.
func (c *Category) define(values []Value, existing func(name string) (uint16, bool)) {
	for _, v := range values {
		v.Name = string([]byte(v.Name))
		id, ok := existing(v.Name)
		if !ok {
			id = uint16(len(c.names))
			c.names = append(c.names, v.Name)
		}
		c.Values = append(c.Values, v)
		c.ids = append(c.ids, id)
	}
	c.Name = string([]byte(c.Name))
	c.index()
}

// check counts what the categories amount to, and names a limit that they pass.
func (s *Schema) check() (code Code, field, value string) {
	distributed, limited := 0, false
	s.combinations = 0
	for i := range s.categories {
		c := &s.categories[i]
		if len(c.names) >= 1<<16-1 {
			return CodeTooMany, "values", "more than 65,534 values over the category's life"
		}
		if !c.Distributed() {
			continue
		}
		distributed++
		limited = limited || slices.ContainsFunc(c.Values, Value.limited)
		s.combinations = max(1, s.combinations) * len(c.Values)
	}
	switch {
	case distributed > DistributedCategoriesMax:
		return CodeTooMany, "values.percent", strconv.Itoa(distributed) + " categories with percents"
	case s.combinations > DistributedCombinationsMax:
		return CodeTooMany, "values", strconv.Itoa(s.combinations) + " combinations of values with percents"
	case limited && distributed > 1:
		return CodeInvalid, "values.min", "min and max need the only category with percents"
	}
	return CodeOK, "", ""
}

// valueMove is where the stock of a value that leaves the schema goes.
type valueMove struct {
	id    uint16
	named bool // by the command; without it, the value must be unused
}

// removedValues gives, for each value that the new definition lacks, where its segments go: an unused one's, empty as
// they are, to the default value's.
func removedValues(old *Schema, at int, category *Category, named []Move) map[uint16]valueMove {
	if at >= len(old.categories) {
		return nil
	}
	moves := make(map[uint16]valueMove)
	for _, id := range old.categories[at].ids {
		if slices.Contains(category.ids, id) {
			continue
		}
		move := valueMove{id: category.dflt}
		for _, m := range named {
			if m.From == category.names[id] {
				to, ok := category.id(m.To)
				assert(ok, "moveTo names no value")
				move = valueMove{id: to, named: true}
			}
		}
		moves[id] = move
	}
	return moves
}

// unused reports whether no segment of the values that leave without a named move holds anything; otherwise it refuses.
func (e *Engine) unused(s *Schema, at int, moves map[uint16]valueMove, r *Result) bool {
	inWay := func(id TagSetID) bool {
		move, leaves := moves[s.sets.At(uint32(id)).key.at(at)]
		return leaves && !move.named
	}
	if len(moves) == 0 {
		return true
	}
	for row := uint32(1); row < e.records.Used(); row++ {
		if rec := e.records.At(row); rec.flags&recordLive != 0 {
			e.countUse(rec, inWay, r)
		}
	}
	if r.Stock.Records == 0 {
		return true
	}
	r.refuse(CodeInUse, "values", strconv.FormatInt(r.Stock.Records, 10)+" records")
	return false
}

// countMoved adds to a result what the segments of the values that leave hold.
func (e *Engine) countMoved(s *Schema, at int, moves map[uint16]valueMove, r *Result) {
	leaves := func(id TagSetID) bool {
		_, leaves := moves[s.sets.At(uint32(id)).key.at(at)]
		return leaves
	}
	for row := uint32(1); row < e.records.Used() && len(moves) > 0; row++ {
		if rec := e.records.At(row); rec.flags&recordLive != 0 {
			e.countUse(rec, leaves, r)
		}
	}
	r.Blocked = r.Blocked[:0]
}

// countUse adds to a result what the record holds in segments that are in the way.
func (e *Engine) countUse(rec *record, inWay func(TagSetID) bool, r *Result) {
	used := false
	for row := rec.segments; row != 0; row = e.segments.At(row).next {
		seg := e.segments.At(row)
		if !inWay(seg.tagSet) || seg.onHand|seg.allocated|seg.pending|seg.safety == 0 {
			continue
		}
		used = true
		r.Stock.Units += seg.onHand
		r.Stock.Promised += seg.allocated + seg.pending
	}
	for row := rec.futures; row != 0; row = e.futures.At(row).next {
		f := e.futures.At(row)
		used = used || f.split == 0 && inWay(e.Schema().canonical(f.tagSet))
	}
	if used {
		r.Stock.Records++
		e.block(rec, r)
	}
}

// apply removes a category; segments that differed only in it become one.
func (c *DeleteTagCategory) apply(e *Engine, _ *Envelope, r *Result) {
	old := e.Schema()
	at := old.position(c.Name)
	if at < 0 {
		r.refuse(CodeUnknownCategory, "name", c.Name)
		return
	}
	category := &old.categories[at]
	stays, named := category.dflt, c.MoveTo != ""
	if named {
		id, ok := category.id(c.MoveTo)
		if !ok {
			r.refuse(CodeUnknownValue, "moveTo", c.MoveTo)
			return
		}
		stays = id
	}
	moves := make(map[uint16]valueMove)
	for _, id := range category.ids {
		if id != stays {
			moves[id] = valueMove{id: stays, named: named}
		}
	}
	if !e.unused(old, at, moves, r) {
		return
	}
	e.countMoved(old, at, moves, r)
	next := &Schema{index: e.appliedIndex.Load(), categories: slices.Delete(slices.Clone(old.categories), at, at+1)}
	next.check()
	e.replaceSchema(old, next, func(key tagSetKey) tagSetKey {
		return key.without(at)
	})
	e.emit(&Event{Kind: EventSchemaChanged, Name: c.Name})
}

// replaceSchema publishes a schema whose tag sets are the old one's under new keys. Sets that become equal are one from
// now on, and so are their segments.
func (e *Engine) replaceSchema(old, next *Schema, rekey func(tagSetKey) tagSetKey) {
	merged := false
	for row := uint32(1); row < old.sets.Used(); row++ {
		set := old.sets.At(row)
		same := next.sets.Add()
		assert(same == row, "tag sets are numbered without gaps")
		fresh := tagSet{key: rekey(set.key), alias: set.alias}
		if fresh.alias == 0 {
			fresh.alias = next.find(fresh.key)
			merged = merged || fresh.alias != 0
		}
		next.put(row, fresh)
	}
	e.schema.Store(next)
	e.changes.schema = true
	if !merged {
		return
	}
	for row := uint32(1); row < e.records.Used(); row++ {
		if rec := e.records.At(row); rec.flags&recordLive != 0 {
			e.mergeSegments(row, rec)
		}
	}
}

// mergeSegments brings a record's segments under the tag sets that took their sets' place.
func (e *Engine) mergeSegments(row uint32, rec *record) {
	s := e.Schema()
	stale := false
	for seg := rec.segments; seg != 0 && !stale; seg = e.segments.At(seg).next {
		stale = s.sets.At(uint32(e.segments.At(seg).tagSet)).alias != 0
	}
	if !stale {
		return
	}
	_, w := e.begin(row)
	at := &rec.segments
	for *at != 0 {
		seg := e.segments.At(*at)
		id := s.canonical(seg.tagSet)
		if id == seg.tagSet {
			at = &seg.next
			continue
		}
		into := e.findSegment(rec, id)
		if into == 0 {
			atomic.StoreUint32((*uint32)(&seg.tagSet), uint32(id))
			at = &seg.next
			continue
		}
		from := *at
		e.mergeInto(rec, &w, into, from)
		atomic.StoreUint32(at, seg.next)
		rec.segmentCount--
		e.counts.forget(from)
		e.dropSegment(from)
	}
	e.end(rec, &w)
}

// mergeInto moves everything of one segment of a record into another one. The larger floor and ltd stay: which of the
// two has the older tag set, and so keeps its row, must not show.
func (e *Engine) mergeInto(rec *record, w *window, into, from uint32) {
	target, source := e.segments.At(into), e.segments.At(from)
	if len(e.counts.open) > 0 && e.counts.at(rec.location) >= 0 {
		e.counts.bases[into] = e.counts.base(into, target.onHand) + e.counts.base(from, source.onHand)
	}
	floor, ltd := max(target.floor, source.floor), max(target.ltd, source.ltd)
	atomic.StoreInt64(&source.floor, 0)
	d := delta{onHand: source.onHand, allocated: source.allocated, pending: source.pending, safety: source.safety}
	e.mergeWaiting(target, source)
	e.change(rec, w, into, d)
	e.change(rec, w, from, delta{onHand: -d.onHand, allocated: -d.allocated, pending: -d.pending, safety: -d.safety})
	atomic.StoreInt64(&target.floor, floor)
	atomic.StoreInt64(&target.ltd, ltd)
}

// mergeWaiting joins two queues of pending lines, the oldest order item first.
func (e *Engine) mergeWaiting(target, source *segment) {
	a, b := target.waiting, source.waiting
	source.waiting, source.waitLast = 0, 0
	target.waiting, target.waitLast = 0, 0
	for a != 0 || b != 0 {
		row := a
		if a == 0 || b != 0 && e.lineSeq(b) < e.lineSeq(a) {
			row = b
			b = e.lines.At(b).waitNext
		} else {
			a = e.lines.At(a).waitNext
		}
		e.wait(target, row)
	}
}

func (e *Engine) lineSeq(row uint32) uint64 { return e.items.At(e.lines.At(row).item).seq }
