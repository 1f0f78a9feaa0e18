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
			// a spent item may have been allocated again: the last one counts
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

// OrderExplanation says, item by item, why an order was filled as it was. Its memory is used again by the next read.
type OrderExplanation struct {
	OrderID string
	Items   []ItemExplanation
}

// ItemExplanation says why an order item was filled as it was: kept data of the moment in which it was, not a second
// run.
type ItemExplanation struct {
	ItemID    string
	UPC       string
	Location  string
	TagSet    TagSetID // that the order asked for
	Requested int64
	Pending   int64  // what was left to wait for stock
	Index     uint64 // log index of the allocation; 0: no longer known
	TimeMS    int64  // its entry's time, Unix milliseconds

	// Expired reports whether a rule was asked, but what it said is no longer kept.
	Expired bool

	// Rule is empty on the native path. The one candidate is then the item's own segment, with TagSet, Available, Taken
	// and Why; its other figures are not kept.
	Rule    string
	Version uint32
	Outcome PlanOutcome
	Reason  string

	// SeenVersion is the version of the record that the rule saw, RecordVersion that before the command. If they
	// differ, the stock has changed in between, and the plan was executed on what there was then.
	SeenVersion   uint64
	RecordVersion uint64

	Candidates []CandidateExplanation
}

// CandidateExplanation says what became of one candidate. The figures are the segment's before the command, Available
// less what the command's earlier lines and candidates took, and never below 0.
type CandidateExplanation struct {
	Tags   []Tag    // as planned
	TagSet TagSetID // 0: the schema, or the record, had no such segment
	Keep   int64
	Max    int64 // 0: no max

	OnHand      int64
	Allocated   int64
	Pending     int64
	SafetyStock int64
	Available   int64

	Taken int64
	Why   CandidateWhy
}

// CandidateWhy says what became of a candidate. The numbers are stored and never reused.
type CandidateWhy uint8

// What became of a candidate.
const (
	WhyTaken          CandidateWhy = 1 // it gave all that was still wanted, or all that it had or may
	WhyUnknownTag     CandidateWhy = 2 // the schema has no such category or value
	WhyUnknownSegment CandidateWhy = 3 // the record has no such segment
	WhyNothing        CandidateWhy = 4 // the segment has nothing available
	WhyKept           CandidateWhy = 5 // what is available is kept back
	WhyFull           CandidateWhy = 6 // the item was full already
)
