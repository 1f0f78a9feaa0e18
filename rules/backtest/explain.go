package backtest

import (
	"slices"

	"apportion/engine"
	"apportion/rules"
)

// Difference is an order with two different answers, at its first such attempt.
type Difference struct {
	OrderID            string
	At                 engine.Moment
	Decided, Candidate []Explained
}

// Explained is one line of an order and why it got its answer.
type Explained struct {
	ItemID    string
	UPC       string
	Location  string
	Tags      []engine.Tag // as ordered
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

// ExplainedCandidate is what became of one candidate. On the native path the only candidate is the line's own segment,
// with Available and Taken alone. For a refused line the figures are those after the command.
type ExplainedCandidate struct {
	engine.CandidateExplanation // without TagSet, which means something else on each replica

	Reason string // Why in a word; another where Why has none
}

// explain explains each line of an order.
func (rep *replica) explain(c *engine.Allocate, a *answer) []Explained {
	filled := rep.engine.Explain(c.OrderID, &rep.why)
	lines := make([]Explained, 0, len(c.Lines))
	for i := range c.Lines {
		l, r := &c.Lines[i], a.line(i)
		x := Explained{ItemID: l.ItemID, UPC: l.UPC, Location: l.Location, Tags: slices.Clone(l.Tags),
			Requested: l.Quantity,
			Code:      r.Code}
		if full, err := rules.SchemaOf(rep.engine.Schema()).Full(l.Tags); err == nil {
			x.Tags = full
		}
		if plan := a.plan(i); plan != nil {
			x.Rule, x.Version, x.Outcome, x.Reason = plan.Rule, plan.Version, plan.Outcome, plan.Reason
		}
		if r.Code == engine.CodeOK {
			x.Taken, x.Pending = r.Units, r.Pending
			if at := rep.item(l.ItemID); filled && at != nil {
				x.Candidates = rep.candidates(at)
			}
		} else {
			x.Candidates = rep.refused(l, &r, a.plan(i), x.Tags)
		}
		lines = append(lines, x)
	}
	return lines
}

// item finds an item in the last explanation.
func (rep *replica) item(itemID string) *engine.ItemExplanation {
	for i := range rep.why.Items {
		if rep.why.Items[i].ItemID == itemID {
			return &rep.why.Items[i]
		}
	}
	return nil
}

// candidates are those of a filled item, from the engine's explanation.
func (rep *replica) candidates(x *engine.ItemExplanation) (all []ExplainedCandidate) {
	for i := range x.Candidates {
		c := x.Candidates[i]
		if c.TagSet != 0 {
			c.Tags, c.TagSet = rep.engine.Schema().Tags(c.TagSet), 0
		}
		all = append(all, ExplainedCandidate{CandidateExplanation: c, Reason: c.Why.String()})
	}
	return all
}

// refused are the candidates of a refused line, which the engine does not keep.
func (rep *replica) refused(l *engine.AllocateLine, r *engine.LineResult, plan *engine.PlannedLine, own []engine.Tag) (
	all []ExplainedCandidate) {
	var view engine.RecordView
	if r.Code == engine.CodeUnknownRecord || !rep.engine.ReadRecord(l.UPC, l.Location, &view) {
		return nil
	}
	if plan == nil || plan.Outcome != engine.PlanCandidates {
		if plan != nil && plan.Outcome != engine.PlanFallback {
			return nil // no candidate was looked at
		}
		return []ExplainedCandidate{{CandidateExplanation: engine.CandidateExplanation{Tags: own,
			Available: r.Available}, Reason: r.Code.String()}}
	}
	var record rules.Record
	schema := rep.engine.Schema()
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

// reasonGivenBack: the candidate had units, but the candidates together had too few.
const reasonGivenBack = "not-enough"
