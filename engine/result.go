package engine

import "strconv"

// Result is the answer to one command. Apply gives it in binary form (AppendResult), which is also what is kept for an
// idempotency key; DecodeResult reads it back. Which parts are filled depends on the command's kind.
type Result struct {
	Kind Kind
	Code Code

	// Repeated reports whether this is the answer to an earlier command with the same idempotency key.
	Repeated bool

	// Index is the log index at which the command took effect.
	Index uint64

	// Field and Value name what is at fault when Code is not CodeOK, as a path into the request:
	// "items[3].tags.Channel".
	Field string
	Value string

	// Lines answers an order command, line by line in the command's order.
	Lines []LineResult

	// Stock is the summary of a stock or schema command.
	Stock StockResult

	// Rule says which version of a rule a rule command was about.
	Rule RuleResult

	// Job says under which number the outcome is kept, if the command came with a JobInfo.
	Job JobResult

	// Changes lists segments of a Redistribute (before and after), at most ReportedItemsMax.
	Changes []SegmentChange

	// Shortfalls lists the items of a counted Refresh that came out below zero, at most ReportedItemsMax.
	Shortfalls []Shortfall

	// Blocked lists the records that keep a Delete, or a schema change, from happening, at most ReportedItemsMax.
	Blocked []BlockedRecord
}

// JobResult names the jobs First to First+Count-1.
type JobResult struct {
	First JobID
	Count uint32 // 0: none was kept
}

// LineResult is the answer to one line of an order command.
type LineResult struct {
	ItemID string
	Code   Code

	// Repeated reports whether the order item had been allocated before by an equal line; the figures are those of
	// then. Of a Fulfill or a Return it says that nothing is left to be done; the figures are all that was done before.
	Repeated bool

	// Requested is what the line asked for, in units. Units is what the command moved: allocated, confirmed, released,
	// fulfilled or restocked. Pending is what it made pending, confirmed as pending or released from pending.
	Requested int64
	Units     int64
	Pending   int64

	// Available is, for a refused line, what there was: the segment's available units, what the item had left, or of
	// CodeOnHandBelowZero what of it can ship.
	Available int64

	// Parts says which segments the units belong to.
	Parts []Part

	// Rule and RuleVersion say which rule decided, if one was asked; Reason is why it refused the line, or how it
	// failed. Of a change of an order, Reason is what became of the units of an item that has nothing left: a
	// MovementKind's text.
	Rule        string
	RuleVersion uint32
	Reason      string
}

// Part is the share of one segment in a LineResult.
type Part struct {
	TagSet  TagSetID
	Units   int64
	Pending int64
}

// StockResult counts what a stock or schema command did, or what stands in its way.
type StockResult struct {
	Items   int64 // items of the command
	Records int64 // records changed, marked as due, deleted or in the way
	Units   int64 // on hand units moved, removed or in the way

	// Promised counts the allocated and pending units that were released or stand in the way.
	Promised int64
}

// SegmentChange is what a redistribution does, or would do, to one segment.
type SegmentChange struct {
	UPC      string
	Location string
	TagSet   TagSetID
	Before   int64 // available units
	After    int64 // available units
}

// Shortfall is an item of a counted Refresh of which more has gone since the count began than was counted: Units more.
// On hand is 0 then.
type Shortfall struct {
	Item  int // in Refresh.Items
	Units int64
}

// BlockedRecord is a record with stock or open promises that a command would have removed.
type BlockedRecord struct {
	UPC       string
	Location  string
	OnHand    int64
	Allocated int64
	Pending   int64
}

// RuleResult says which version of a rule, and which activation, a rule command was about; 0: none.
type RuleResult struct {
	Version    uint32
	Activation uint64
}

// lineNames has the names of a command's first lines, so that a usual refusal allocates nothing.
var lineNames = func() (names [refusedLinesMax]string) {
	for i := range names {
		names[i] = "lines[" + strconv.Itoa(i) + "]"
	}
	return names
}()

func lineName(i int) string {
	if i < len(lineNames) {
		return lineNames[i]
	}
	return "lines[" + strconv.Itoa(i) + "]"
}

func linePath(i int, field string) string { return lineName(i) + "." + field }

// addLine adds an empty line to a result, using the memory of an earlier one.
func (r *Result) addLine(itemID string, requested int64) *LineResult {
	n := len(r.Lines)
	if n == cap(r.Lines) {
		r.Lines = append(r.Lines, LineResult{})
	} else {
		r.Lines = r.Lines[:n+1]
	}
	l := &r.Lines[n]
	parts := l.Parts[:0]
	*l = LineResult{}
	l.ItemID, l.Requested, l.Parts = itemID, requested, parts
	return l
}

// reset makes a result empty, keeping its memory.
func (r *Result) reset(index uint64) {
	lines, changes, blocked, shortfalls := r.Lines[:0], r.Changes[:0], r.Blocked[:0], r.Shortfalls[:0]
	*r = Result{}
	r.Index, r.Lines, r.Changes, r.Blocked, r.Shortfalls = index, lines, changes, blocked, shortfalls
}

// refuse sets why a command is not done.
func (r *Result) refuse(code Code, field, value string) {
	r.Code, r.Field, r.Value = code, field, value
}
