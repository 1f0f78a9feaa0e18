package engine

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// PlanOutcome is what asking a rule about an order line came to. The numbers are stored and never reused.
type PlanOutcome uint8

// The outcomes.
const (
	PlanCandidates PlanOutcome = 1 // the rule named candidates
	PlanRefused    PlanOutcome = 2 // the rule refused the line: CodeRuleRefused
	PlanFallback   PlanOutcome = 3 // the rule failed or is suspended: the line's own segment, as if there were no rule
	PlanRejected   PlanOutcome = 4 // the rule failed or is suspended: CodeRuleFailed
)

// PlannedLine is what a rule decided about one line of an Allocate, before the log. Apply takes from the candidates in
// their order, against the state as it is then.
type PlannedLine struct {
	Line          int // index in Allocate.Lines
	Rule          string
	Version       uint32
	RecordVersion uint64 // of the record that the rule saw; 0: there was none
	Outcome       PlanOutcome
	Reason        string // of a refusal or a failure
	Candidates    []PlannedCandidate
}

// PlannedCandidate is a segment that a line may be filled from.
type PlannedCandidate struct {
	Tags []Tag
	Keep int64 // units that stay available in the segment
	Max  int64 // units taken at most; 0: no max
}

var planOutcomeTexts = [...]string{
	PlanCandidates: "candidates", PlanRefused: "refused", PlanFallback: "fallback", PlanRejected: "rejected",
}

// String is the outcome's stable text, as the API shows it.
func (o PlanOutcome) String() string {
	if o > 0 && int(o) < len(planOutcomeTexts) {
		return planOutcomeTexts[o]
	}
	return "native"
}

const (
	plannedBytesMin   = 1 + textBytesMin + 1 + 1 + 1 + textBytesMin + 1
	candidateBytesMin = 1 + 1 + 1
)

// appendPlans: each has line, rule, version, the record's version, outcome, reason, candidates of tags, keep and max.
func appendPlans(dst []byte, plans []PlannedLine) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(plans)))
	for i := range plans {
		p := &plans[i]
		dst = binary.AppendUvarint(dst, uint64(p.Line))
		dst = appendText(dst, p.Rule)
		dst = binary.AppendUvarint(dst, uint64(p.Version))
		dst = binary.AppendUvarint(dst, p.RecordVersion)
		dst = append(dst, byte(p.Outcome))
		dst = appendText(dst, p.Reason)
		dst = binary.AppendUvarint(dst, uint64(len(p.Candidates)))
		for k := range p.Candidates {
			c := &p.Candidates[k]
			dst = appendTags(dst, c.Tags)
			dst = binary.AppendVarint(dst, c.Keep)
			dst = binary.AppendVarint(dst, c.Max)
		}
	}
	return dst
}

func (s *commandScratch) readPlans() {
	r := &s.in
	s.env.RulesIndex = r.uvarint()
	s.plans = resize(s.plans, r.count(plannedBytesMin))
	for i := range s.plans {
		p := &s.plans[i]
		p.Line = int(r.uint32())
		p.Rule = r.text()
		p.Version = r.uint32()
		p.RecordVersion = r.uvarint()
		p.Outcome = PlanOutcome(r.byte())
		p.Reason = r.text()
		p.Candidates = resize(p.Candidates, r.count(candidateBytesMin))
		for k := range p.Candidates {
			p.Candidates[k] = PlannedCandidate{Tags: r.readTags(), Keep: r.varint(), Max: r.varint()}
		}
	}
	s.env.Plans = s.plans
	if s.env.RulesIndex == 0 && len(s.plans) == 0 {
		r.fail("announced rules are empty")
	}
}

// checkPlans checks the form of what rules decided. Tags are the schema's to judge.
func checkPlans(c *Allocate, plans []PlannedLine) *Fault {
	last := -1
	for i := range plans {
		p := &plans[i]
		fault := func(field string, n int64) *Fault {
			return &Fault{fmt.Sprintf("plans[%d].%s", i, field), strconv.FormatInt(n, 10), "no plan of a rule"}
		}
		switch {
		case p.Line <= last || p.Line >= len(c.Lines):
			return fault("line", int64(p.Line))
		case p.Outcome < PlanCandidates || p.Outcome > PlanRejected:
			return fault("outcome", int64(p.Outcome))
		case !IsText(p.Rule, RuleNameBytesMax) || !isOptionalText(p.Reason, RuleReasonBytesMax):
			return fault("rule", int64(len(p.Rule)))
		case len(p.Candidates) > CandidatesMax || len(p.Candidates) > 0 && p.Outcome != PlanCandidates:
			return fault("candidates", int64(len(p.Candidates)))
		}
		for k := range p.Candidates {
			if q := &p.Candidates[k]; q.Keep < 0 || q.Keep > RecordUnitsMax || q.Max < 0 || q.Max > RecordUnitsMax ||
				checkTags("tags", q.Tags) != nil {
				return fault("candidates", int64(k))
			}
		}
		last = p.Line
	}
	return nil
}

// take is what became of a candidate of a planned line.
type take struct {
	segment uint32
	CandidateExplanation
}

// planRuled is planLine for a line about which a rule was asked.
func (e *Engine) planRuled(c *Allocate, l *AllocateLine, p *linePlan, out *LineResult) {
	out.Rule, out.RuleVersion, out.Reason = p.plan.Rule, p.plan.Version, p.plan.Reason
	p.from = uint32(len(e.scratch.takes))
	switch p.plan.Outcome {
	case PlanRefused:
		p.code = CodeRuleRefused
	case PlanRejected:
		p.code = CodeRuleFailed
	case PlanFallback:
		e.planLine(c, l, p, out)
		if p.segment != 0 {
			e.addTake(&PlannedCandidate{Tags: l.Tags}, p.tagSet, p.segment, p.before, l.Quantity)
		}
	default:
		e.planCandidates(c, l, p, out)
	}
	p.to = uint32(len(e.scratch.takes))
	if p.record != 0 {
		p.version = e.records.At(p.record).version
	}
	out.Code = p.code
}

// planCandidates takes from the candidates in their order. A refused line gives back what it took.
func (e *Engine) planCandidates(c *Allocate, l *AllocateLine, p *linePlan, out *LineResult) {
	if p.record = e.findPrefetched(l.UPC, l.Location); p.record == 0 {
		p.code = CodeUnknownRecord
		return
	}
	left := l.Quantity
	for i := range p.plan.Candidates {
		left -= e.takeFrom(p, &p.plan.Candidates[i], left)
	}
	p.units = l.Quantity - left
	switch {
	case left > 0 && c.Backorder && !e.reservePending(&stockTarget{record: p.record, key: p.key}, l.UPC, l.Location,
		left):
		p.code = CodeTooMany
	case left > 0 && c.Backorder:
		e.planPending(p, left)
	case left > 0 && (c.Mode != ModePartial || p.units == 0):
		p.code = CodeInsufficient
	case p.tagSet == 0 && !e.reserveTagSet():
		p.code = CodeTooMany
	}
	if p.code == CodeOK {
		return
	}
	out.Available = p.units
	takes := e.scratch.takes[p.from:]
	for i := range takes {
		if t := &takes[i]; t.Taken > 0 {
			*e.scratch.sums.At(t.segment) -= t.Taken
		}
	}
}

// planPending makes units wait in the line's own segment. A rule may have left stock there: it belongs to the waiting
// units, not to later lines of the command.
func (e *Engine) planPending(p *linePlan, units int64) {
	p.pending = units
	if p.tagSet == 0 {
		return
	}
	if own := e.findSegment(e.records.At(p.record), p.tagSet); own != 0 {
		*e.scratch.sums.At(own) += units
	}
}

// reserveTagSet reports whether the schema has room for the tags that an item asked for, even if other segments fill
// it.
func (e *Engine) reserveTagSet() bool {
	e.scratch.capacity.sets++
	return int(e.Schema().sets.Used())+e.scratch.capacity.sets <= TagSetsMax
}

// takeFrom records what a candidate gives of the units still wanted, and returns it.
func (e *Engine) takeFrom(p *linePlan, c *PlannedCandidate, left int64) int64 {
	key, _, code, _ := e.Schema().key(c.Tags)
	if code != CodeOK {
		e.scratch.takes = append(e.scratch.takes, take{CandidateExplanation: passedOver(c, WhyUnknownTag)})
		return 0
	}
	set, segment := e.Schema().find(key), uint32(0)
	if set != 0 {
		segment = e.findSegment(e.records.At(p.record), set)
	}
	if segment == 0 {
		e.scratch.takes = append(e.scratch.takes, take{CandidateExplanation: passedOver(c, WhyUnknownSegment)})
		return 0
	}
	units := e.addTake(c, set, segment, e.unclaimed(segment), left)
	*e.scratch.sums.At(segment) += units
	return units
}

func passedOver(c *PlannedCandidate, why CandidateWhy) CandidateExplanation {
	return CandidateExplanation{Tags: c.Tags, Keep: c.Keep, Max: c.Max, Why: why}
}

// addTake records what a segment had and gave, and returns what it gave.
func (e *Engine) addTake(c *PlannedCandidate, set TagSetID, segment uint32, available, left int64) int64 {
	s := e.segments.At(segment)
	t := take{segment: segment, CandidateExplanation: CandidateExplanation{
		Tags: c.Tags, TagSet: set, Keep: c.Keep, Max: c.Max, OnHand: s.onHand, Allocated: s.allocated,
		Pending: s.pending, SafetyStock: s.safety, Available: available,
	}}
	t.Taken, t.Why = c.Take(available, left)
	e.scratch.takes = append(e.scratch.takes, t)
	return t.Taken
}

// Take is what a candidate gives of its segment's available units to a line that still wants some: what is available
// less Keep, at most Max.
func (c *PlannedCandidate) Take(available, wanted int64) (units int64, why CandidateWhy) {
	switch {
	case wanted == 0:
		return 0, WhyFull
	case available <= 0:
		return 0, WhyNothing
	case available <= c.Keep:
		return 0, WhyKept
	}
	units = min(wanted, available-c.Keep)
	if c.Max > 0 {
		units = min(units, c.Max)
	}
	return units, WhyTaken
}

// commitPlanned carries out a planned line: one allocation line for each segment that gives, and one of the item's own
// segment for units that wait. The order was touched.
func (e *Engine) commitPlanned(orderRow uint32, c *Allocate, i int, out *LineResult) {
	l, p := &c.Lines[i], &e.scratch.lines[i]
	takes := e.scratch.takes[p.from:p.to]
	rec, w := e.openRecord(p.record)
	if p.tagSet == 0 {
		p.tagSet = e.tagSetOf(p.key)
	}
	itemRow := e.newItem(orderRow, p, rec, p.tagSet, c, l)
	pending := p.pending
	for k := range takes {
		t := &takes[k]
		units := takenOf(takes, k)
		if t.Taken == 0 || units == 0 {
			continue
		}
		part := line{tagSet: t.TagSet, allocated: units, before: t.Available}
		if t.TagSet == p.tagSet {
			part.pending, pending = pending, 0
		}
		e.commitPart(rec, &w, itemRow, t.segment, part, out)
	}
	if pending > 0 {
		own := e.findSegment(rec, p.tagSet)
		if own == 0 {
			own = e.addSegment(rec, p.tagSet)
		}
		e.commitPart(rec, &w, itemRow, own, line{tagSet: p.tagSet, pending: pending}, out)
	}
	e.orders.At(orderRow).open++
	e.items.At(itemRow).explanation = e.explain(p, takes)
	e.closeRecord(rec, &w)
}

// takenOf adds up what the segment of candidate k gives to the line. A line may name a segment more than once: the sum
// stands at the first candidate that gives, and is 0 at the others.
func takenOf(takes []take, k int) (units int64) {
	for i := range takes {
		if takes[i].segment == takes[k].segment && takes[i].Taken > 0 {
			if i < k {
				return 0
			}
			units += takes[i].Taken
		}
	}
	return units
}

// commitPart promises units of one segment to an item.
func (e *Engine) commitPart(rec *record, w *recordEdit, itemRow, segment uint32, part line, out *LineResult) {
	part.took, part.waited = part.allocated, part.pending
	lineRow, ln := e.createLine(itemRow)
	part.item = ln.item
	*ln = part
	e.addUnits(rec, w, segment, unitDelta{allocated: part.took, pending: part.waited})
	if part.waited > 0 {
		e.queuePending(e.segments.At(segment), lineRow)
		w.waiting = true // they get what the rule has left in the segment
	}
	e.addMovement(itemRow, MovementAllocated, part.tagSet, part.took)
	e.addMovement(itemRow, MovementPending, part.tagSet, part.waited)
	out.Parts = append(out.Parts, Part{TagSet: part.tagSet, Units: part.took, Pending: part.waited})
}
