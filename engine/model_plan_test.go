package engine_test

import (
	"fmt"
	"maps"

	"apportion/engine"
)

// decision is the plan of rules for an Allocate, as its envelope carries it.
type decision struct {
	rulesIndex uint64
	plans      []engine.PlannedLine
	versions   map[place]uint64 // of the records, before the command
}

// of gives the plan of a line; nil: no rule was asked.
func (d *decision) of(line int) *engine.PlannedLine {
	for i := range d.plans {
		if d.plans[i].Line == line {
			return &d.plans[i]
		}
	}
	return nil
}

// explained is why an item was filled as it was.
type explained struct {
	Rule                string
	Version             uint32
	Outcome             engine.PlanOutcome
	Reason              string
	Seen, RecordVersion uint64
	Pending             int64
	Index               uint64
	TimeMS              int64
	Candidates          []whyCandidate
}

type whyCandidate struct {
	from tagSet // nil: no such segment

	Tags, From string // as planned, and as they are now

	Keep, Max, OnHand, Allocated, Pending, SafetyStock, Available, Taken int64

	Why engine.CandidateWhy
}

func ruleOf(c engine.Command) string {
	switch c := c.(type) {
	case *engine.PutRule:
		return c.Name
	case *engine.ActivateRule:
		return c.Name
	case *engine.DeactivateRule:
		return c.Name
	}
	return ""
}

// changeRule tracks the one rule for orders, and the one for records.
func (m *model) changeRule(c engine.Command) engine.Code {
	if ruleOf(c) == redistributeRuleName {
		return m.changeRedistributeRule(c)
	}
	if _, puts := c.(*engine.PutRule); !puts && !m.rule {
		return engine.CodeUnknownRule
	}
	switch c.(type) {
	case *engine.PutRule:
		m.rule = true
		return engine.CodeOK
	case *engine.DeactivateRule:
		if !m.ruleActive {
			return engine.CodeNotActive
		}
	}
	_, m.ruleActive = c.(*engine.ActivateRule)
	m.rulesIndex++
	return engine.CodeOK
}

// filling is what a new item gets.
type filling struct {
	code           engine.Code
	units, pending int64
	available      int64 // reported with a refusal
	parts          []*holding
	candidates     []whyCandidate
}

func (f *filling) take(tags tagSet, units int64) {
	f.units += units
	f.part(tags).allocated += units
}

// wait makes units pending.
func (f *filling) wait(tags tagSet, units int64) {
	f.pending += units
	f.part(tags).pending += units
}

func (f *filling) part(tags tagSet) *holding {
	for _, h := range f.parts {
		if maps.Equal(h.tags, tags) {
			return h
		}
	}
	h := &holding{tags: maps.Clone(tags)}
	f.parts = append(f.parts, h)
	return h
}

// fillNative fills an item from its own segment.
func (m *model) fillNative(c *engine.Allocate, line engine.AllocateLine, tags tagSet) (f filling) {
	p := place{line.UPC, line.Location}
	s := m.records[p].find(tags)
	if s == nil && !c.Backorder {
		f.code = engine.CodeUnknownSegment
		return f
	}
	if s != nil {
		f.available = max(0, m.available(p, s))
	}
	f.take(tags, min(f.available, line.Quantity))
	if before := m.start.records[p].find(tags); before != nil {
		w := m.start.candidate(p, before, f.available, f.units)
		w.Tags, w.Why = fmt.Sprint(line.Tags), engine.WhyTaken
		if f.units == 0 {
			w.Why = engine.WhyNothing
		}
		f.candidates = append(f.candidates, w)
	}
	if c.Backorder {
		f.wait(tags, line.Quantity-f.units)
	}
	short := f.units+f.pending < line.Quantity
	if short && c.Mode != engine.ModePartial || f.units+f.pending == 0 {
		f.code = engine.CodeInsufficient
	}
	return f
}

// fillPlanned fills an item from the candidates of a rule, one after the other.
func (m *model) fillPlanned(c *engine.Allocate, line engine.AllocateLine, tags tagSet, plan *engine.PlannedLine) (
	f filling) {
	p := place{line.UPC, line.Location}
	for _, q := range plan.Candidates {
		w := m.consider(p, q, &f, line.Quantity-f.units)
		w.Tags, w.Keep, w.Max = fmt.Sprint(q.Tags), q.Keep, q.Max
		if w.Taken > 0 {
			f.take(w.from, w.Taken)
		}
		f.candidates = append(f.candidates, w)
	}
	f.available = f.units
	if c.Backorder && f.units < line.Quantity {
		f.wait(tags, line.Quantity-f.units)
	}
	if f.units+f.pending == 0 || f.units+f.pending < line.Quantity && c.Mode != engine.ModePartial {
		f.code = engine.CodeInsufficient
	}
	return f
}

// consider takes from one candidate what it has of the wanted units.
func (m *model) consider(p place, q engine.PlannedCandidate, f *filling, wanted int64) whyCandidate {
	tags, code := m.resolve(q.Tags)
	if code != engine.CodeOK {
		return whyCandidate{Why: engine.WhyUnknownTag}
	}
	before := m.start.records[p].find(tags)
	if before == nil {
		return whyCandidate{Why: engine.WhyUnknownSegment}
	}
	available := m.available(p, m.records[p].find(tags))
	for _, h := range f.parts {
		if maps.Equal(h.tags, tags) {
			available -= h.allocated
		}
	}
	available = max(0, available)
	units := min(wanted, max(0, available-q.Keep))
	if q.Max > 0 && units > q.Max {
		units = q.Max
	}
	w := m.start.candidate(p, before, available, units)
	switch {
	case units > 0:
		w.Why = engine.WhyTaken
	case wanted == 0:
		w.Why = engine.WhyFull
	case available == 0:
		w.Why = engine.WhyNothing
	default:
		w.Why = engine.WhyKept
	}
	return w
}

// candidate has the figures of a segment.
func (m *model) candidate(p place, s *segment, available, taken int64) whyCandidate {
	allocated, pending := m.promised(p, s.tags)
	return whyCandidate{
		from: maps.Clone(s.tags), OnHand: s.onHand, Allocated: allocated, Pending: pending, SafetyStock: s.safetyStock,
		Available: available, Taken: taken,
	}
}

// explain tells why an item was filled as it was.
func (m *model) explain(p place, plan *engine.PlannedLine, f *filling, tags tagSet) explained {
	w := explained{Pending: f.pending, Index: m.index, TimeMS: m.nowMS, Candidates: f.candidates}
	if plan != nil {
		w.Rule, w.Version, w.Outcome, w.Reason = plan.Rule, plan.Version, plan.Outcome, plan.Reason
		w.Seen, w.RecordVersion = plan.RecordVersion, m.decided.versions[p]
		return w
	}
	// Without a rule the engine knows only the available and the taken units, also of a segment that it created.
	why := engine.WhyTaken
	if f.units == 0 {
		why = engine.WhyNothing
	}
	w.Candidates = []whyCandidate{{from: maps.Clone(tags), Available: f.available, Taken: f.units, Why: why}}
	return w
}

// explanation is the engine's expected explanation of an item now.
func (it *item) explanation(nowMS int64) explained {
	w := it.why
	if w.Rule != "" && w.TimeMS+engine.ExplanationAgeMS <= nowMS {
		return explained{}
	}
	w.Candidates = append([]whyCandidate(nil), w.Candidates...)
	for i := range w.Candidates {
		c := &w.Candidates[i]
		if c.from != nil {
			c.From = c.from.String()
		}
		if w.Rule == "" {
			c.Tags = ""
		}
		c.from = nil
	}
	return w
}

// explainedOf spells out the engine's explanation of an item; parts that are no longer kept are empty.
func explainedOf(schema *engine.Schema, x *engine.ItemExplanation) explained {
	if x.Expired {
		return explained{}
	}
	w := explained{
		Rule: x.Rule, Version: x.Version, Outcome: x.Outcome, Reason: x.Reason, Seen: x.SeenVersion,
		RecordVersion: x.RecordVersion, Pending: x.Pending, Index: x.Index, TimeMS: x.TimeMS,
	}
	for _, c := range x.Candidates {
		q := whyCandidate{
			Keep: c.Keep, Max: c.Max, OnHand: c.OnHand, Allocated: c.Allocated, Pending: c.Pending,
			SafetyStock: c.SafetyStock,
			Available:   c.Available, Taken: c.Taken, Why: c.Why,
		}
		if x.Rule != "" {
			q.Tags = fmt.Sprint(c.Tags)
		}
		if c.TagSet != 0 {
			q.From = spell(schema, c.TagSet)
		}
		w.Candidates = append(w.Candidates, q)
	}
	return w
}
