package api

// Moment is a place in the log.
type Moment struct {
	Index uint64 `json:"index"`
	Time  string `json:"time,omitempty"`
}

// History tells what of the past a backtest can replay.
type History struct {
	AsOf          uint64   `json:"asOf"`
	Enabled       bool     `json:"enabled"`
	From          Moment   `json:"from"`
	To            Moment   `json:"to"`
	WindowSeconds int64    `json:"windowSeconds"`
	BytesMax      int64    `json:"bytesMax"`
	Bytes         int64    `json:"bytes"`
	Checkpoints   []Moment `json:"checkpoints"`
	RefusalsFrom  Moment   `json:"refusalsFrom"` // of orders that were refused before the log
}

// Bound is a place in the log to begin or to end at: a log index, or a time. A body may have an index as a number.
type Bound string

// StartBacktest is the body that starts a backtest.
type StartBacktest struct {
	Version        *int64  `json:"version,omitempty"` // the newest by default
	Source         *Source `json:"source,omitempty"`  // in place of a stored version
	Hook           *string `json:"hook,omitempty"`    // the first one of the version by default
	Scope          *Scope  `json:"scope,omitempty"`
	OnError        *string `json:"onError,omitempty"`
	FailuresMax    *int64  `json:"failuresMax,omitempty"`
	From           *Bound  `json:"from,omitempty"` // the oldest kept state by default
	To             *Bound  `json:"to,omitempty"`   // the end of the log by default
	DifferencesMax *int64  `json:"differencesMax,omitempty"`
}

// BacktestList has the last backtests, the oldest first and without their reports.
type BacktestList struct {
	Backtests []Backtest `json:"backtests"`
}

// BacktestState is how far a backtest is.
type BacktestState string

// The states of a backtest.
const (
	BacktestRunning   BacktestState = "running"
	BacktestDone      BacktestState = "done"
	BacktestCancelled BacktestState = "cancelled"
	BacktestFailed    BacktestState = "failed"
)

// Backtest is a backtest with its report, which is null before the end and in lists.
type Backtest struct {
	ID       string           `json:"id"`
	Rule     string           `json:"rule"`
	Version  uint32           `json:"version,omitempty"` // missing for a source that is not stored
	Hook     string           `json:"hook"`
	Scope    Scope            `json:"scope"`
	OnError  string           `json:"onError"`
	State    BacktestState    `json:"state"`
	Error    string           `json:"error"`
	From     Moment           `json:"from"`
	To       Moment           `json:"to"`
	Started  string           `json:"started"`
	Seconds  float64          `json:"seconds"`
	Progress BacktestProgress `json:"progress"`
	Report   *BacktestReport  `json:"report"`
}

// BacktestProgress is how much of its period a backtest has replayed.
type BacktestProgress struct {
	Index             uint64  `json:"index"`
	Percent           float64 `json:"percent"`
	Commands          int64   `json:"commands"`
	CommandsPerSecond float64 `json:"commandsPerSecond"`
}

// BacktestReport compares the orders of a period as decided with the candidate.
type BacktestReport struct {
	From               Moment              `json:"from"`
	To                 Moment              `json:"to"`
	Commands           int64               `json:"commands"`
	Orders             int64               `json:"orders"`
	Lines              int64               `json:"lines"`
	UnitsAsked         int64               `json:"unitsAsked"`
	Refusals           BacktestRefusals    `json:"refusals"`
	AsDecided          BacktestTotals      `json:"asDecided"`
	Candidate          BacktestTotals      `json:"candidate"`
	Segments           []SegmentComparison `json:"segments"`
	OrdersThatDiffer   int64               `json:"ordersThatDiffer"`
	Differences        []OrderComparison   `json:"differences"`
	ChangesAdapted     int64               `json:"changesAdapted"`
	OtherAnswersDiffer int64               `json:"otherAnswersDiffer"`
	Suspended          *BacktestSuspension `json:"suspended"`
}

// BacktestRefusals counts the orders that were refused before the log.
type BacktestRefusals struct {
	Recorded int64  `json:"recorded"`
	LeftOut  int64  `json:"leftOut"` // of the recorded ones, since there are too many
	Lost     int64  `json:"lost"`    // not recorded
	Gaps     int64  `json:"gaps"`    // places where an unknown number was not recorded
	From     Moment `json:"from"`
}

// BacktestTotals are the sums of one side.
type BacktestTotals struct {
	Orders               OutcomeCounts `json:"orders"`
	Lines                OutcomeCounts `json:"lines"`
	UnitsAllocated       int64         `json:"unitsAllocated"`
	UnitsPending         int64         `json:"unitsPending"`
	RuleLines            int64         `json:"ruleLines"`
	RuleFailures         int64         `json:"ruleFailures"`
	RecordsRedistributed int64         `json:"recordsSpread"`
	UnitsRedistributed   int64         `json:"unitsSpread"`
}

// OutcomeCounts counts orders, or lines, by outcome. Split ones are among those filled or filled in part.
type OutcomeCounts struct {
	Filled  int64 `json:"filled"`
	Partial int64 `json:"partial"`
	Refused int64 `json:"refused"`
	Split   int64 `json:"split"`
}

// SegmentComparison compares the units of one segment, over all records.
type SegmentComparison struct {
	Tags      Tags         `json:"tags"`
	AsDecided SegmentUnits `json:"asDecided"`
	Candidate SegmentUnits `json:"candidate"`
}

// SegmentUnits are the units allocated from a segment, and those left in it at the end.
type SegmentUnits struct {
	Allocated int64 `json:"allocated"`
	Stranded  int64 `json:"stranded"`
}

// OrderComparison is an order that the candidate would have answered otherwise.
type OrderComparison struct {
	OrderID   string            `json:"orderId"`
	Index     uint64            `json:"index"`
	Time      string            `json:"time"`
	AsDecided []ItemExplanation `json:"asDecided"`
	Candidate []ItemExplanation `json:"candidate"`
}

// BacktestSuspension is where the candidate would have been suspended.
type BacktestSuspension struct {
	Moment
	Reason string `json:"reason"`
}
