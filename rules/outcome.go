package rules

import "apportion/engine"

// Why says what became of a candidate.
type Why uint8

// What became of a candidate.
const (
	WhyTaken          Why = iota // it gave all that was still wanted, or all that it may
	WhyUnknownSegment            // the record has no such segment
	WhyNothing                   // the segment has nothing available
	WhyKept                      // what is available is kept back
	WhyFull                      // the item was full already
	WhyUnknownTag                // the schema has no such category or value
)

var whyTexts = [...]string{"taken", "unknown-segment", "nothing-available", "kept", "full", "unknown-tag"}

// String is the name in explanations.
func (w Why) String() string { return whyTexts[w] }

// CandidateOutcome is what one candidate gave, with its segment's figures as seen before.
type CandidateOutcome struct {
	Tags      []engine.Tag // full, or as the rule gave them if the schema does not know them
	Taken     int64
	Why       Why
	OnHand    int64
	Allocated int64
	Pending   int64
	Safety    int64
	Available int64 // before this candidate, so less what earlier ones took of the same segment
}

// Outcome is what a plan does to a record.
type Outcome struct {
	Candidates []CandidateOutcome
	Taken      int64
	Missing    int64
}

// Execute takes quantity units from the candidates in order, as the engine will: from each what is available less Keep,
// at most Max; a candidate that the schema or the record does not know is passed over. It changes nothing.
func Execute(plan *Plan, quantity int64, r *Record) Outcome {
	o := Outcome{Missing: quantity}
	taken := map[int]int64{}
	for i := range plan.Candidates {
		c := &plan.Candidates[i]
		full, err := r.Schema.Full(c.Tags)
		if err != nil {
			o.Candidates = append(o.Candidates, CandidateOutcome{Tags: c.Tags, Why: WhyUnknownTag})
			continue
		}
		row := CandidateOutcome{Tags: full}
		at := r.find(full)
		if at < 0 {
			row.Why = WhyUnknownSegment
			o.Candidates = append(o.Candidates, row)
			continue
		}
		s := &r.Segments[at]
		row.OnHand, row.Allocated, row.Pending, row.Safety = s.OnHand, s.Allocated, s.Pending, s.SafetyStock
		row.Available = s.Available() - taken[at]
		row.Taken, row.Why = take(row.Available, c, o.Missing)
		taken[at] += row.Taken
		o.Taken += row.Taken
		o.Missing -= row.Taken
		o.Candidates = append(o.Candidates, row)
	}
	return o
}

func take(available int64, c *Candidate, wanted int64) (int64, Why) {
	switch {
	case wanted == 0:
		return 0, WhyFull
	case available <= 0:
		return 0, WhyNothing
	case available <= c.Keep:
		return 0, WhyKept
	}
	units := min(wanted, available-c.Keep)
	if c.Max > 0 {
		units = min(units, c.Max)
	}
	return units, WhyTaken
}
