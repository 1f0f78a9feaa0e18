package backtest

import (
	"slices"

	"apportion/engine"
	"apportion/rules"
)

// Difference is an order that was answered otherwise, at its first such attempt.
type Difference struct {
	OrderID            string
	At                 engine.Moment
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
	engine.CandidateExplanation // TagSet is not set: both replicas number their tag sets

	Reason string // Why in a word; another where Why has none
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
		if full, err := rules.SchemaOf(w.engine.Schema()).Full(l.Tags); err == nil {
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
		c := x.Candidates[i]
		if c.TagSet != 0 {
			c.Tags, c.TagSet = w.engine.Schema().Tags(c.TagSet), 0
		}
		all = append(all, ExplainedCandidate{CandidateExplanation: c, Reason: c.Why.String()})
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
		return []ExplainedCandidate{{CandidateExplanation: engine.CandidateExplanation{Tags: own,
			Available: r.Available}, Reason: r.Code.String()}}
	}
	var record rules.Record
	schema := w.engine.Schema()
	record.Fill(&view, schema, rules.SchemaOf(schema))
	for _, c := range rules.Execute(&rules.Plan{Candidates: plan.Candidates}, l.Quantity, &record).Candidates {
		x := ExplainedCandidate{CandidateExplanation: c, Reason: c.Why.String()}
		if x.Available = max(0, c.Available); c.Taken > 0 {
			x.Taken, x.Why, x.Reason = 0, 0, reasonGivenBack
		}
		all = append(all, x)
	}
	return all
}

// reasonGivenBack: the candidate had units, but not all that the line needed.
const reasonGivenBack = "not-enough"
