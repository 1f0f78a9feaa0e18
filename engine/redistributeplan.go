package engine

import (
	"apportion/engine/mem"
	"strconv"
	"sync/atomic"
)

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

// RedistributeItem is what is to be done to a record that waits for a plan.
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

// RedistributePlan carries out what rules decided about records that wait for a plan. A record that has changed since,
// or no longer waits, is passed over: it is to be planned anew. Only the leader proposes it.
type RedistributePlan struct {
	Items []RedistributeItem `json:"items"`
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

// setPlanned has an opened record wait for a plan, or wait no more.
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

// redistributeRecord splits a record by percent, or has it wait for what its rule says.
func (e *Engine) redistributeRecord(row uint32, r *Result) {
	a, asked := e.redistributeRuleOf(row)
	switch {
	case asked, a != nil && a.OnError == FallbackReject:
		rec, w := e.begin(row)
		e.setDue(rec, false)
		e.setPlanned(row, asked)
		e.end(rec, &w)
	default:
		if r != nil {
			e.listChanges(row, r)
		}
		e.splitRecord(row)
	}
}

// apply does the items in their order.
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

// redistributeItem does one item, and says what it came to.
func (e *Engine) redistributeItem(row uint32, it *RedistributeItem, r *Result) {
	before := r.Stock.Units
	kind, reason := EventRecordRedistributed, it.Reason
	if it.Action == RedistributeToTargets {
		if fault := e.resolveTargets(row, it); fault != "" {
			kind, reason = EventRedistributeKept, fault
		}
	}
	rec, w := e.begin(row)
	e.setPlanned(row, false)
	if it.Action == RedistributeToTargets && kind == EventRecordRedistributed {
		e.moveTargets(rec, &w, it, r)
	}
	e.end(rec, &w)
	switch it.Action {
	case RedistributeByPercent:
		kind = EventRedistributeFellBack
		e.listChanges(row, r)
		e.splitRecord(row)
	case RedistributeKeep:
		kind = EventRedistributeKept
	}
	if it.Rule != "" {
		e.emit(&Event{Kind: kind, UPC: it.UPC, Location: it.Location, Name: it.Rule, Limit: int64(it.RuleVersion),
			Units: r.Stock.Units - before, Reason: reason})
	}
}

// targetPart is a target with its segment, 0 for one that is to be created.
type targetPart struct {
	key     tagSetKey
	segment uint32
}

// resolveTargets finds the segments of an item's targets into scratch.targets, and says what is wrong with them: the
// plan is data like any other, and must not make units appear, vanish, or break a promise.
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

// moveTargets moves on hand units between the segments in scratch.targets. A segment that the record lacks is created
// when it is to have units.
func (e *Engine) moveTargets(rec *record, w *window, it *RedistributeItem, r *Result) {
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
		e.change(rec, w, part.segment, delta{onHand: after - before})
		r.Stock.Units += max(0, after-before)
		if len(r.Changes) < ReportedItemsMax {
			r.Changes = append(r.Changes, SegmentChange{UPC: e.text(rec.upc), Location: e.text(rec.location),
				TagSet: id,
				Before: before, After: after})
		}
	}
}
