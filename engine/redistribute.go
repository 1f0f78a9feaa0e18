package engine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"apportion/engine/mem"
)

// Redistribute splits available units again by percentages: at each record's next Refresh or Adjust, or Now.
type Redistribute struct {
	Scope
	Now    bool `json:"now"`
	DryRun bool `json:"dryRun"`
}

func (*Redistribute) Kind() Kind { return KindRedistribute }

func (c *Redistribute) check() *Fault { return checkScope(&c.Scope) }

// since: only since that version does the result have totals by segment.
func (c *Redistribute) since() (form, meaning byte) {
	if c.Now || c.DryRun {
		return commandVersionCommon, commandVersionTotals
	}
	return commandVersionCommon, commandVersionCommon
}

// appendBody: scope with flags.
func (c *Redistribute) appendBody(dst []byte) []byte {
	return appendScope(dst, &c.Scope, flagBit(c.Now, scopeNow)|flagBit(c.DryRun, scopeDryRun))
}

func (c *Redistribute) readBody(r *bodyReader) {
	flags := r.readScope(&c.Scope, scopeAll|scopeDryRun|scopeNow)
	c.Now, c.DryRun = flags&scopeNow != 0, flags&scopeDryRun != 0
}

func (c *Redistribute) digest(dst []byte) []byte {
	return digestBool(digestBool(digestScope(dst, &c.Scope), c.Now), c.DryRun)
}

// apply marks records as due, splits them now, or only reports what a split would do.
func (c *Redistribute) apply(e *Engine, envelope *Envelope, r *Result) {
	rows := e.inScope(&c.Scope)
	r.Stock.Records = int64(len(rows))
	if !c.Now && !c.DryRun {
		for _, row := range rows {
			rec, w := e.openRecord(row)
			e.setDue(rec, true)
			e.closeRecord(rec, &w)
		}
		e.emit(&Event{Kind: EventRedistributed, Limit: r.Stock.Records})
		return
	}
	e.scratch.totals.clear() // plans add to it too
	for _, row := range rows {
		if !c.DryRun {
			e.redistributeRecord(row, r)
			e.tellEdges() // it may be all records
		} else if a, _ := e.redistributeRuleOf(row); a == nil || a.Suspended && a.OnError == FallbackDefault {
			e.listChanges(row, r, ReportedItemsMax)
		}
	}
	if envelope.means(commandVersionTotals) {
		r.Segments = e.scratch.totals.appendByRank(r.Segments, e.Schema())
	}
	if !c.DryRun {
		e.emit(&Event{Kind: EventRedistributed, Units: r.Stock.Units, Limit: r.Stock.Records})
	}
}

// listChanges adds to a result, and to scratch.totals, what a redistribution of the record does to its segments.
func (e *Engine) listChanges(row uint32, r *Result, listedMax int) {
	if e.Schema().combinations == 0 {
		return
	}
	rec := e.records.At(row)
	sc := &e.scratch.group
	e.startGroups(rec)
	for g := e.nextGroup(rec, row); g != nil; g = e.nextGroup(rec, row) {
		e.planGroup(rec, g, e.loadGroup(rec, g))
		for i := range g.sets {
			before := sc.current[i]
			after := sc.onHand[i] - sc.allocated[i] - sc.safety[i] - sc.pending[i]
			if after == before {
				continue
			}
			r.Stock.Units += max(0, after-before)
			e.scratch.totals.add(g.sets[i], before, after)
			if len(r.Changes) < listedMax {
				r.Changes = append(r.Changes, SegmentChange{UPC: e.text(rec.upc), Location: e.text(rec.location),
					TagSet: g.sets[i], Before: before, After: after})
			}
		}
	}
}

// SegmentTotal is the available units of a segment in many records, before and after.
type SegmentTotal struct {
	TagSet TagSetID
	Before int64
	After  int64
}

// segmentTotals adds up available units by segment. The index is the tag set.
type segmentTotals []SegmentTotal

func (s *segmentTotals) add(id TagSetID, before, after int64) {
	*s = append(*s, make([]SegmentTotal, max(0, int(id)+1-len(*s)))...)
	t := &(*s)[id]
	t.TagSet, t.Before, t.After = id, t.Before+before, t.After+after
}

func (s *segmentTotals) clear() {
	clear(*s)
	*s = (*s)[:0]
}

// appendByRank appends the segments with units before or after to dst, at most ReportedItemsMax, and by rank: in the
// first category by the order of its values, and so on.
func (s segmentTotals) appendByRank(dst []SegmentTotal, schema *Schema) []SegmentTotal {
	for _, t := range s {
		if t.Before != 0 || t.After != 0 {
			dst = append(dst, t)
		}
	}
	slices.SortFunc(dst, func(a, b SegmentTotal) int { return schema.compareRank(a.TagSet, b.TagSet) })
	return dst[:min(len(dst), ReportedItemsMax)]
}

// compareRank compares two tag sets by the order of the schema's categories and of their values.
func (s *Schema) compareRank(a, b TagSetID) int {
	rank := func(id TagSetID, at int) int {
		return slices.Index(s.categories[at].ids, s.sets.At(uint32(s.canonical(id))).key.at(at))
	}
	for at := range s.categories {
		if by := cmp.Compare(rank(a, at), rank(b, at)); by != 0 {
			return by
		}
	}
	return 0
}

const totalBytesMin = 3

func appendTotals(dst []byte, totals []SegmentTotal) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(totals)))
	for _, t := range totals {
		dst = binary.AppendUvarint(dst, uint64(t.TagSet))
		dst = binary.AppendVarint(binary.AppendVarint(dst, t.Before), t.After)
	}
	return dst
}

func readTotals(in *reader, totals []SegmentTotal) []SegmentTotal {
	totals = resize(totals, in.count(totalBytesMin))
	for i := range totals {
		totals[i] = SegmentTotal{TagSet: readTagSet(in), Before: in.varint(), After: in.varint()}
	}
	return totals
}

// redistributeRuleOf gives the activation that decides about a record, nil for the percentages. asked is false if it is
// suspended.
func (e *Engine) redistributeRuleOf(row uint32) (a *Activation, asked bool) {
	set := e.Rules()
	if !set.Asked(HookRedistribute) {
		return nil, false
	}
	r := e.records.At(row)
	a = set.Find(HookRedistribute, e.Schema(), e.text(r.location), e.text(r.upc), nil)
	return a, a != nil && !a.Suspended
}

// redistributeRecord splits a record by percent, or makes it wait for its rule's plan.
func (e *Engine) redistributeRecord(row uint32, r *Result) {
	a, asked := e.redistributeRuleOf(row)
	switch {
	case asked, a != nil && a.OnError == FallbackReject:
		rec, w := e.openRecord(row)
		e.setDue(rec, false)
		e.setPlanned(row, asked)
		e.closeRecord(rec, &w)
	default:
		if r != nil {
			e.listChanges(row, r, ReportedItemsMax)
		}
		e.splitRecord(row)
	}
}

// PlanWanted is a record that waits for a rule to say how it is redistributed.
type PlanWanted struct{ UPC, Location string }

// PlansWaiting is the number of records that wait for a plan.
func (rd *Reader) PlansWaiting() int64 { return rd.plansWaiting.Load() }

// NextPlans appends records that wait for a plan, at most limit, in the order of their rows after a cursor (0: from the
// first on), and gives the cursor to go on from, 0 behind the last. The caller holds the mutex under which Apply is
// called.
func (e *Engine) NextPlans(after uint32, limit int, dst []PlanWanted) ([]PlanWanted, uint32) {
	for row := e.plans.Next(after); row != 0; row = e.plans.Next(row) {
		if limit == 0 {
			return dst, after
		}
		rec := e.records.At(row)
		dst = append(dst, PlanWanted{UPC: e.text(rec.upc), Location: e.text(rec.location)})
		after, limit = row, limit-1
	}
	return dst, 0
}

// setPlanned makes an opened record wait for a plan, or wait no more.
func (e *Engine) setPlanned(row uint32, on bool) {
	r := e.records.At(row)
	if on == (r.flags&recordPlanned != 0) {
		return
	}
	atomic.StoreUint32(&r.flags, r.flags^recordPlanned)
	e.queuePlan(row, on)
}

// queuePlan keeps the queue in step with a record's flag.
func (e *Engine) queuePlan(row uint32, on bool) {
	if on {
		e.plans.Add(row)
	} else {
		e.plans.Remove(row)
	}
	e.plansWaiting.Store(int64(e.plans.Len()))
}

// RedistributeAction is what a redistribution by rule came to. The numbers are stored and never reused.
type RedistributeAction uint8

// The actions.
const (
	RedistributeToTargets RedistributeAction = 1 // the rule said what each segment is to have
	RedistributeByPercent RedistributeAction = 2 // by percent: the rule failed, or none is active any more
	RedistributeKeep      RedistributeAction = 3 // the record stays as it is: the rule said so, or failed
)

// SegmentTarget is what one segment is to have available.
type SegmentTarget struct {
	Tags      []Tag `json:"tags"`
	Available int64 `json:"available"`
}

// RedistributeItem is what a plan does to one record that waits for it.
type RedistributeItem struct {
	UPC           string             `json:"upc"`
	Location      string             `json:"location"`
	RecordVersion uint64             `json:"recordVersion"` // of the record that the rule saw
	Rule          string             `json:"rule"`          // empty: none is active any more
	RuleVersion   uint32             `json:"ruleVersion"`
	Action        RedistributeAction `json:"action"`
	Reason        string             `json:"reason"` // why it stays as it is, or how the rule failed
	Targets       []SegmentTarget    `json:"targets"`
}

// RedistributePlan carries out what rules decided about records that wait for a plan. It skips a record that has
// changed since or no longer waits: the leader plans it again. Only the leader proposes it.
type RedistributePlan struct {
	Items []RedistributeItem `json:"items"`
}

func (*RedistributePlan) Kind() Kind { return KindRedistributePlan }

func (c *RedistributePlan) check() *Fault {
	if f := checkSize("items", len(c.Items), 1, RedistributeItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkRedistributeItem(&c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func checkRedistributeItem(it *RedistributeItem) *Fault {
	switch {
	case !IsText(it.UPC, UPCBytesMax):
		return textFault("upc", it.UPC, UPCBytesMax)
	case !IsText(it.Location, LocationBytesMax):
		return textFault("location", it.Location, LocationBytesMax)
	case !isOptionalText(it.Rule, RuleNameBytesMax):
		return textFault("rule", it.Rule, RuleNameBytesMax)
	case !isOptionalText(it.Reason, RuleReasonBytesMax):
		return textFault("reason", it.Reason, RuleReasonBytesMax)
	case it.Action < RedistributeToTargets || it.Action > RedistributeKeep:
		return numberFault("action", int64(it.Action), int64(RedistributeToTargets), int64(RedistributeKeep))
	case len(it.Targets) > SegmentsPerRecordMax, (len(it.Targets) > 0) != (it.Action == RedistributeToTargets):
		return sizeFault("targets", len(it.Targets), 0, SegmentsPerRecordMax)
	}
	for k := range it.Targets {
		t := &it.Targets[k]
		if f := checkTags(fmt.Sprintf("targets[%d].tags", k), t.Tags); f != nil {
			return f
		}
		if t.Available < 0 || t.Available > RecordUnitsMax {
			return numberFault(fmt.Sprintf("targets[%d].available", k), t.Available, 0, RecordUnitsMax)
		}
	}
	return nil
}

const (
	redistributeItemBytesMin = 2*textBytesMin + 1 + textBytesMin + 1 + 1 + textBytesMin + 1
	segmentTargetBytesMin    = 1 + 1
)

// appendBody: each item has UPC, location, record version, rule, rule version, action, reason, targets of
// tags and units.
func (c *RedistributePlan) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Items)))
	for i := range c.Items {
		it := &c.Items[i]
		dst = appendText(appendText(dst, it.UPC), it.Location)
		dst = binary.AppendUvarint(dst, it.RecordVersion)
		dst = appendText(dst, it.Rule)
		dst = binary.AppendUvarint(dst, uint64(it.RuleVersion))
		dst = append(dst, byte(it.Action))
		dst = appendText(dst, it.Reason)
		dst = binary.AppendUvarint(dst, uint64(len(it.Targets)))
		for k := range it.Targets {
			dst = binary.AppendVarint(appendTags(dst, it.Targets[k].Tags), it.Targets[k].Available)
		}
	}
	return dst
}

func (c *RedistributePlan) readBody(r *bodyReader) {
	c.Items = resize(c.Items, r.count(redistributeItemBytesMin))
	for i := range c.Items {
		it := &c.Items[i]
		it.UPC, it.Location, it.RecordVersion = r.text(), r.text(), r.uvarint()
		it.Rule, it.RuleVersion = r.text(), r.uint32()
		it.Action, it.Reason = RedistributeAction(r.byte()), r.text()
		it.Targets = resize(it.Targets, r.count(segmentTargetBytesMin))
		for k := range it.Targets {
			it.Targets[k] = SegmentTarget{Tags: r.readTags(), Available: r.varint()}
		}
	}
}

func (c *RedistributePlan) digest(dst []byte) []byte { return digestList(dst, c.Items) }

func (it *RedistributeItem) hash() uint64 {
	h := mem.HashJoin(mem.HashText2(it.UPC, it.Location), it.RecordVersion)
	h = mem.HashJoin(mem.HashJoin(h, mem.HashText(it.Rule)), uint64(it.RuleVersion))
	h = mem.HashJoin(mem.HashJoin(h, uint64(it.Action)), mem.HashText(it.Reason))
	for i := range it.Targets {
		h = mem.HashJoin(mem.HashJoin(h, hashTags(it.Targets[i].Tags)), uint64(it.Targets[i].Available))
	}
	return h
}

// apply carries out the items in their order.
func (c *RedistributePlan) apply(e *Engine, envelope *Envelope, r *Result) {
	if envelope.RulesIndex != e.Rules().sequence {
		r.refuse(CodeRetry, "rules", strconv.FormatUint(envelope.RulesIndex, 10))
		return
	}
	r.Stock.Items = int64(len(c.Items))
	for i := range c.Items {
		it := &c.Items[i]
		row := e.findRecord(it.UPC, it.Location)
		if row == 0 {
			continue
		}
		if rec := e.records.At(row); rec.flags&recordPlanned == 0 || rec.version != it.RecordVersion {
			continue
		}
		r.Stock.Records++
		e.redistributeItem(row, it, r)
	}
}

// redistributeItem carries out one item and emits what became of it.
func (e *Engine) redistributeItem(row uint32, it *RedistributeItem, r *Result) {
	before := r.Stock.Units
	kind, reason := EventRecordRedistributed, it.Reason
	if it.Action == RedistributeToTargets {
		if fault := e.resolveTargets(row, it); fault != "" {
			kind, reason = EventRedistributeKept, fault
		}
	}
	rec, w := e.openRecord(row)
	e.setPlanned(row, false)
	if it.Action == RedistributeToTargets && kind == EventRecordRedistributed {
		e.moveTargets(rec, &w, it, r)
	}
	e.closeRecord(rec, &w)
	switch it.Action {
	case RedistributeByPercent:
		kind = EventRedistributeFellBack
		e.listChanges(row, r, PlannedChangesMax)
		e.splitRecord(row)
	case RedistributeKeep:
		kind = EventRedistributeKept
	}
	if it.Rule != "" {
		e.emit(&Event{Kind: kind, UPC: it.UPC, Location: it.Location, Name: it.Rule, Limit: int64(it.RuleVersion),
			Units: r.Stock.Units - before, Reason: reason})
	}
}

// targetPart is a target with its segment, 0 if the record lacks it.
type targetPart struct {
	key     tagSetKey
	segment uint32
}

// resolveTargets finds the segments of an item's targets, into scratch.targets, and gives their fault if there is one:
// a plan must not make units appear or vanish, or break a promise.
func (e *Engine) resolveTargets(row uint32, it *RedistributeItem) (fault string) {
	s, rec := e.Schema(), e.records.At(row)
	parts := e.scratch.targets[:0]
	seen := &e.scratch.seen
	seen.Start(len(it.Targets))
	sum, segments, sets := int64(0), 0, 0
	for i := range it.Targets {
		t := &it.Targets[i]
		key, _, code, _ := s.key(t.Tags)
		if code != CodeOK {
			return "a target has tags that the schema does not know"
		}
		part := targetPart{key: key}
		h := key.hash()
		p := seen.Probe(h)
		for k := seen.Next(&p); k != nil; k = seen.Next(&p) {
			if parts[*k].key == key {
				return "two targets are for the same segment"
			}
		}
		*seen.Add(h) = int32(i)
		id := s.find(key)
		if id != 0 {
			part.segment = e.findSegment(rec, id)
		} else if t.Available > 0 {
			sets++
		}
		if part.segment != 0 {
			sum -= e.segments.At(part.segment).available()
		} else if t.Available > 0 {
			segments++
		}
		sum += t.Available
		parts = append(parts, part)
	}
	e.scratch.targets = parts
	switch {
	case sum != 0:
		return "the targets do not add up to what is available"
	case int(rec.segmentCount)+segments > SegmentsPerRecordMax,
		e.segments.Count()+segments > mem.SlabRowsMax-reservedRows,
		int(s.sets.Used())+sets > TagSetsMax:
		return "there is no room for the targets' segments"
	}
	return ""
}

// moveTargets moves on hand units between the segments in scratch.targets. A missing segment is created if its target
// is more than 0.
func (e *Engine) moveTargets(rec *record, w *recordEdit, it *RedistributeItem, r *Result) {
	for i := range it.Targets {
		part, after := &e.scratch.targets[i], it.Targets[i].Available
		if part.segment == 0 && after == 0 {
			continue
		}
		id := e.tagSetOf(part.key)
		if part.segment == 0 {
			part.segment = e.addSegment(rec, id)
		}
		before := e.segments.At(part.segment).available()
		if before == after {
			continue
		}
		e.addUnits(rec, w, part.segment, unitDelta{onHand: after - before})
		r.Stock.Units += max(0, after-before)
		if len(r.Changes) < PlannedChangesMax {
			r.Changes = append(r.Changes, SegmentChange{UPC: e.text(rec.upc), Location: e.text(rec.location),
				TagSet: id, Before: before, After: after})
		}
	}
}
