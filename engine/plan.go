package engine

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
