package engine

import "encoding/binary"

var whyTexts = [...]string{
	WhyTaken: "taken", WhyUnknownTag: "unknown-tag", WhyUnknownSegment: "unknown-segment",
	WhyNothing: "nothing-available",
	WhyKept:    "kept", WhyFull: "full",
}

// String is the reason's stable text, as the API shows it.
func (w CandidateWhy) String() string {
	if w > 0 && int(w) < len(whyTexts) {
		return whyTexts[w]
	}
	return whyUnknown
}

const whyUnknown = "unknown"

// explain keeps why a planned line was filled as it was, and gives the explanation's number.
func (e *Engine) explain(p *linePlan, takes []take) uint64 {
	b := binary.AppendVarint(e.scratch.entry[:0], e.nowMS.Load())
	b = binary.AppendUvarint(b, e.appliedIndex.Load())
	b = appendText(b, p.plan.Rule)
	b = binary.AppendUvarint(b, uint64(p.plan.Version))
	b = append(b, byte(p.plan.Outcome))
	b = appendText(b, p.plan.Reason)
	b = binary.AppendUvarint(b, p.plan.RecordVersion)
	b = binary.AppendUvarint(b, p.version)
	b = appendUnits(b, p.pending)
	b = binary.AppendUvarint(b, uint64(len(takes)))
	for i := range takes {
		t := &takes[i]
		b = appendTags(b, t.Tags)
		b = appendUnits(b, int64(t.TagSet), t.Keep, t.Max, t.OnHand, t.Allocated, t.Pending, t.SafetyStock, t.Available,
			t.Taken)
		b = append(b, byte(t.Why))
	}
	e.scratch.entry = b
	return e.keep(explanationLog, b)
}

// storedCandidateBytesMin is what a candidate of an explanation has at least.
const storedCandidateBytesMin = 11

// readExplanation reads what explain wrote. The texts alias b.
func readExplanation(b []byte, x *ItemExplanation) error {
	in := reader{b: b}
	x.TimeMS, x.Index = in.varint(), in.uvarint()
	x.Rule, x.Version, x.Outcome, x.Reason = in.text(), in.uint32(), PlanOutcome(in.byte()), in.text()
	x.SeenVersion, x.RecordVersion = in.uvarint(), in.uvarint()
	x.Pending = in.units()
	for range in.count(storedCandidateBytesMin) {
		var c CandidateExplanation
		for range in.count(tagBytesMin) {
			c.Tags = append(c.Tags, Tag{Category: in.text(), Value: in.text()})
		}
		c.TagSet = readTagSet(&in)
		c.Keep, c.Max, c.OnHand, c.Allocated, c.Pending = in.units(), in.units(), in.units(), in.units(), in.units()
		c.SafetyStock, c.Available, c.Taken, c.Why = in.units(), in.units(), in.units(), CandidateWhy(in.byte())
		if c.Why.String() == whyUnknown {
			in.fail("unknown reason")
		}
		x.Candidates = append(x.Candidates, c)
	}
	if x.Outcome != PlanCandidates && x.Outcome != PlanFallback {
		in.fail("no outcome that fills an item")
	}
	return in.end(ErrCorrupt)
}

func checkStoredExplanation(entry []byte) error { return readExplanation(entry, new(ItemExplanation)) }

// Explain says why an order that is in memory was filled as it was. The caller holds the mutex under which Apply is
// called.
func (e *Engine) Explain(orderID string, v *OrderExplanation) bool {
	row, found := e.AppendOrder(nil, orderID)
	if !found {
		return false
	}
	err := e.ExplainOrder(row, v)
	assert(err == nil, "an order in memory cannot be explained")
	return true
}

// ExplainOrder says why an order was filled as it was, from its stored form (AppendOrder, AppendArchived, or a row of
// ArchivedTable) and what is kept of the rules. The caller holds the mutex under which Apply is called; v's texts are
// copies.
func (e *Engine) ExplainOrder(row []byte, v *OrderExplanation) error {
	o, err := readOrder(append([]byte(nil), row...))
	if err != nil {
		return err
	}
	*v = OrderExplanation{OrderID: o.id}
	for i := range o.items {
		s := &o.items[i]
		x := ItemExplanation{ItemID: s.id, UPC: s.upc, Location: s.location, TagSet: s.item.tagSet,
			Requested: s.item.requested}
		switch number, kept := s.item.explanation, &e.logs[explanationLog]; {
		case number == 0:
			x.native(s)
		case number < kept.First() || number >= kept.Next():
			x.Expired = true
		default:
			if err := readExplanation(append([]byte(nil), kept.Get(number)...), &x); err != nil {
				return err
			}
		}
		v.Items = append(v.Items, x)
	}
	return nil
}

// native explains an item for which no rule was asked: its own segment was the one candidate.
func (x *ItemExplanation) native(s *storedItem) {
	for i := range s.moves {
		if m := &s.moves[i]; m.kind == MovementAllocated || m.kind == MovementPending {
			// a spent item may have been allocated anew: the last one counts
			x.Index, x.TimeMS = uint64(m.index), m.timeMS
		}
	}
	for i := range s.lines {
		l := &s.lines[i]
		if l.took+l.waited == 0 {
			continue // it came back, and was not taken from anywhere
		}
		c := CandidateExplanation{TagSet: l.tagSet, Available: l.before, Taken: l.took, Why: WhyTaken}
		if l.took == 0 {
			c.Why = WhyNothing
		}
		x.Pending += l.waited
		x.Candidates = append(x.Candidates, c)
	}
}
