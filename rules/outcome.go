package rules

import "apportion/engine"

// Outcome is what a plan does to a record.
type Outcome struct {
	// Candidates are in the plan's order, with full tags, or with the rule's if the schema does not know them. TagSet
	// is not set.
	Candidates []engine.CandidateExplanation
	Taken      int64
	Missing    int64
}

// Execute shows what a plan does to a record, for an item of quantity units, as the engine does it. It changes nothing.
func Execute(plan *Plan, quantity int64, r *Record) Outcome {
	o := Outcome{Missing: quantity}
	taken := map[int]int64{} // by segment
	for i := range plan.Candidates {
		c := &plan.Candidates[i]
		row := engine.CandidateExplanation{Tags: c.Tags, Keep: c.Keep, Max: c.Max, Why: engine.WhyUnknownTag}
		if full, err := r.Schema.Full(c.Tags); err == nil {
			row.Tags, row.Why = full, engine.WhyUnknownSegment
			if at := r.find(full); at >= 0 {
				s := &r.Segments[at]
				row.OnHand, row.Allocated = s.OnHand, s.Allocated
				row.Pending, row.SafetyStock = s.Pending, s.SafetyStock
				row.Available = s.Available() - taken[at]
				row.Taken, row.Why = c.Take(row.Available, o.Missing)
				taken[at] += row.Taken
			}
		}
		o.Taken += row.Taken
		o.Missing -= row.Taken
		o.Candidates = append(o.Candidates, row)
	}
	return o
}
