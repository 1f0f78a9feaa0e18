package engine

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
