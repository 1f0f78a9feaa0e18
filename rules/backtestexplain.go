package rules

import (
	"slices"

	"apportion/engine"
)

// Difference is an order that was answered otherwise, at its first such attempt.
type Difference struct {
	OrderID            string
	At                 Moment
	Decided, Candidate []Explained
}

// Explained is why a line was answered as it was.
type Explained struct {
	ItemID    string
	UPC       string
	Location  string
	Tags      []engine.Tag // that the order asked for
	Requested int64
	Taken     int64
	Pending   int64
	Code      engine.Code // of a refusal

	// Rule is empty on the native path.
	Rule    string
	Version uint32
	Outcome engine.PlanOutcome
	Reason  string

	Candidates []ExplainedCandidate
}

// ExplainedCandidate is what became of one candidate, in the engine's words. On the native path the one candidate is
// the line's own segment, of which only Available and Taken are known. For a line that was refused the figures are
// those after the command.
type ExplainedCandidate struct {
	Tags                                    []engine.Tag
	Keep, Max                               int64
	OnHand, Allocated, Pending, SafetyStock int64
	Available, Taken                        int64
	Why                                     string
}

// explain says for each line of a command why it was answered as it was.
func (w *world) explain(c *engine.Allocate, a *answer) []Explained {
	filled := w.engine.Explain(c.OrderID, &w.why)
	lines := make([]Explained, 0, len(c.Lines))
	for i := range c.Lines {
		l, r := &c.Lines[i], a.line(i)
		x := Explained{ItemID: l.ItemID, UPC: l.UPC, Location: l.Location, Tags: slices.Clone(l.Tags),
			Requested: l.Quantity,
			Code:      r.Code}
		if full, err := SchemaOf(w.engine.Schema()).Full(l.Tags); err == nil {
			x.Tags = full
		}
		if plan := a.plan(i); plan != nil {
			x.Rule, x.Version, x.Outcome, x.Reason = plan.Rule, plan.Version, plan.Outcome, plan.Reason
		}
		if r.Code == engine.CodeOK {
			x.Taken, x.Pending = r.Units, r.Pending
			if at := w.item(l.ItemID); filled && at != nil {
				x.Candidates = w.candidates(at)
			}
		} else {
			x.Candidates = w.refused(l, &r, a.plan(i), x.Tags)
		}
		lines = append(lines, x)
	}
	return lines
}

// item finds an item in what was explained last.
func (w *world) item(itemID string) *engine.ItemExplanation {
	for i := range w.why.Items {
		if w.why.Items[i].ItemID == itemID {
			return &w.why.Items[i]
		}
	}
	return nil
}

// candidates are those of an item that was filled: what is kept of it.
func (w *world) candidates(x *engine.ItemExplanation) (all []ExplainedCandidate) {
	for i := range x.Candidates {
		from := &x.Candidates[i]
		to := ExplainedCandidate{Tags: from.Tags, Keep: from.Keep, Max: from.Max, OnHand: from.OnHand,
			Allocated: from.Allocated,
			Pending:   from.Pending, SafetyStock: from.SafetyStock, Available: from.Available, Taken: from.Taken,
			Why: from.Why.String()}
		if from.TagSet != 0 {
			to.Tags = w.engine.Schema().Tags(from.TagSet)
		}
		all = append(all, to)
	}
	return all
}

// refused are the candidates of a line of which nothing was kept.
func (w *world) refused(l *engine.AllocateLine, r *engine.LineResult, plan *engine.PlannedLine, own []engine.Tag) (
	all []ExplainedCandidate) {
	var view engine.RecordView
	if r.Code == engine.CodeUnknownRecord || !w.engine.ReadRecord(l.UPC, l.Location, &view) {
		return nil
	}
	if plan == nil || plan.Outcome != engine.PlanCandidates {
		if plan != nil && plan.Outcome != engine.PlanFallback {
			return nil // nothing was looked at
		}
		return []ExplainedCandidate{{Tags: own, Available: r.Available, Why: r.Code.String()}}
	}
	var record Record
	schema := w.engine.Schema()
	record.Fill(&view, schema, SchemaOf(schema))
	p := Plan{}
	for _, c := range plan.Candidates {
		p.Candidates = append(p.Candidates, Candidate{Tags: c.Tags, Keep: c.Keep, Max: c.Max})
	}
	outcome := Execute(&p, l.Quantity, &record)
	for i, o := range outcome.Candidates {
		x := ExplainedCandidate{Tags: o.Tags, Keep: p.Candidates[i].Keep, Max: p.Candidates[i].Max, OnHand: o.OnHand,
			Allocated: o.Allocated,
			Pending:   o.Pending, SafetyStock: o.Safety, Available: max(0, o.Available), Why: o.Why.String()}
		if o.Taken > 0 {
			x.Why = whyGivenBack
		}
		all = append(all, x)
	}
	return all
}

// whyGivenBack: the candidate had units, but not all that the line needed.
const whyGivenBack = "not-enough"
