package engine

import (
	"encoding/binary"
	"math"
)

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

	// Changes lists segments of a Redistribute (available units before and after) or of a CloseCount that is complete
	// (on hand), at most ReportedItemsMax; of a RedistributePlan at most PlannedChangesMax.
	Changes []SegmentChange

	// Segments adds up all changes of a Redistribute by segment, by rank, at most ReportedItemsMax. Of a command of
	// before version 9 it is empty.
	Segments []SegmentTotal

	// Shortfalls lists the items of a counted Refresh that came out below zero, at most ReportedItemsMax.
	Shortfalls []Shortfall

	// Blocked lists the records that keep a Delete, or a schema change, from happening, at most ReportedItemsMax.
	Blocked []BlockedRecord

	// Records lists, with CodeVersionMismatch, the records that have another version, at most ReportedItemsMax. Of a
	// complete CloseCount that has not come to the end it has the last record that it looked at.
	Records []RecordState
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
	// then. For a Fulfill or a Return it means that nothing was left to do; the figures are all that was done before.
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
	Items   int64 // items of the command, or the records that it looked at
	Records int64 // records changed, marked as due, deleted or in the way
	Units   int64 // on hand units moved, removed or in the way

	// Promised counts the allocated and pending units that were released or stand in the way.
	Promised int64
}

// SegmentChange is what a command does, or would do, to one segment.
type SegmentChange struct {
	UPC      string
	Location string
	TagSet   TagSetID
	Before   int64 // units
	After    int64 // units
}

// Shortfall is an item of a counted Refresh that came out below zero: since the count began, Units more have left than
// were counted. On hand is then 0.
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
	*r = Result{Index: index, Lines: r.Lines[:0], Changes: r.Changes[:0], Blocked: r.Blocked[:0],
		Shortfalls: r.Shortfalls[:0], Records: r.Records[:0], Segments: r.Segments[:0]}
}

// refuse sets why a command is not done.
func (r *Result) refuse(code Code, field, value string) {
	r.Code, r.Field, r.Value = code, field, value
}

// A result's layout:
//
//	byte 0   version
//	byte 1   flags: resultRepeated
//	byte 2   kind
//	byte 3   code
//	byte 4   sections: the bits below, one for each part that is not empty
//	         more sections, since version 5
//	         uvarint index
//	         the sections, in the order of their bits
const (
	resultFlagsAt     = 1
	resultKindAt      = 2
	resultHeaderBytes = 5

	resultRepeated = 1 << 0
)

// The sections of a result.
const (
	sectionFault   = 1 << 0 // field text, value text
	sectionLines   = 1 << 1
	sectionStock   = 1 << 2 // items, records, units, promised
	sectionChanges = 1 << 3
	sectionBlocked = 1 << 4
	sectionRule    = 1 << 5 // version, activation
	sectionJob     = 1 << 6 // first, count
	sectionShort   = 1 << 7 // each has item, units; since version 4

	moreRecords  = 1 << 0 // each has item, UPC, location, version and its figures
	moreSegments = 1 << 1 // each has tag set, before, after; since version 6

	sectionsKnown = sectionFault | sectionLines | sectionStock | sectionChanges | sectionBlocked |
		sectionRule | sectionJob | sectionShort
)

// Flags of a line's result.
const (
	lineRepeated = 1 << 0
	lineHasRule  = 1 << 1 // rule, version, reason
)

const (
	lineResultBytesMin = 1 + 1 + textBytesMin + 4 + 1
	partBytesMin       = 3
	changeBytesMin     = 2*textBytesMin + 3
	blockedBytesMin    = 2*textBytesMin + 3
	shortfallBytesMin  = 2
)

// AppendResult appends the binary form of r to dst.
func AppendResult(dst []byte, r *Result) []byte {
	sections, more := resultSections(r), moreSections(r)
	version := byte(resultVersionCommon)
	switch {
	case more&moreSegments != 0:
		version = resultVersion
	case more != 0:
		version = resultVersionRecords
	case sections&sectionShort != 0:
		version = resultVersionShort
	}
	dst = append(dst, version, flagBit(r.Repeated, resultRepeated), byte(r.Kind), byte(r.Code), sections)
	if more != 0 {
		dst = append(dst, more)
	}
	dst = binary.AppendUvarint(dst, r.Index)
	if sections&sectionFault != 0 {
		dst = appendText(dst, r.Field)
		dst = appendText(dst, r.Value)
	}
	if sections&sectionLines != 0 {
		dst = appendLineResults(dst, r.Lines)
	}
	if sections&sectionStock != 0 {
		dst = binary.AppendVarint(dst, r.Stock.Items)
		dst = binary.AppendVarint(dst, r.Stock.Records)
		dst = binary.AppendVarint(dst, r.Stock.Units)
		dst = binary.AppendVarint(dst, r.Stock.Promised)
	}
	if sections&sectionChanges != 0 {
		dst = appendChanges(dst, r.Changes)
	}
	if sections&sectionBlocked != 0 {
		dst = appendBlocked(dst, r.Blocked)
	}
	if sections&sectionRule != 0 {
		dst = binary.AppendUvarint(dst, uint64(r.Rule.Version))
		dst = binary.AppendUvarint(dst, r.Rule.Activation)
	}
	if sections&sectionJob != 0 {
		dst = binary.AppendUvarint(dst, uint64(r.Job.First))
		dst = binary.AppendUvarint(dst, uint64(r.Job.Count))
	}
	if sections&sectionShort != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(r.Shortfalls)))
		for _, s := range r.Shortfalls {
			dst = binary.AppendVarint(binary.AppendUvarint(dst, uint64(s.Item)), s.Units)
		}
	}
	if more&moreRecords != 0 {
		dst = appendRecordStates(dst, r.Records)
	}
	if more&moreSegments != 0 {
		dst = appendTotals(dst, r.Segments)
	}
	return dst
}

func resultSections(r *Result) byte {
	return flagBit(r.Field != "" || r.Value != "", sectionFault) |
		flagBit(len(r.Lines) > 0, sectionLines) |
		flagBit(r.Stock != StockResult{}, sectionStock) |
		flagBit(len(r.Changes) > 0, sectionChanges) |
		flagBit(len(r.Blocked) > 0, sectionBlocked) |
		flagBit(r.Rule != RuleResult{}, sectionRule) |
		flagBit(r.Job != JobResult{}, sectionJob) |
		flagBit(len(r.Shortfalls) > 0, sectionShort)
}

func moreSections(r *Result) byte {
	return flagBit(len(r.Records) > 0, moreRecords) | flagBit(len(r.Segments) > 0, moreSegments)
}

// appendLineResults: each line has flags, code, item, four quantities, parts.
func appendLineResults(dst []byte, lines []LineResult) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(lines)))
	for i := range lines {
		l := &lines[i]
		hasRule := l.Rule != "" || l.RuleVersion != 0 || l.Reason != ""
		dst = append(dst, flagBit(l.Repeated, lineRepeated)|flagBit(hasRule, lineHasRule), byte(l.Code))
		dst = appendText(dst, l.ItemID)
		if hasRule {
			dst = appendText(dst, l.Rule)
			dst = binary.AppendUvarint(dst, uint64(l.RuleVersion))
			dst = appendText(dst, l.Reason)
		}
		dst = appendUvarints(dst, zigzag(l.Requested), zigzag(l.Units), zigzag(l.Pending), zigzag(l.Available))
		if len(l.Parts) == 1 {
			p := &l.Parts[0]
			dst = appendUvarints(dst, 1, uint64(p.TagSet), zigzag(p.Units), zigzag(p.Pending))
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(len(l.Parts)))
		for k := range l.Parts {
			dst = binary.AppendUvarint(dst, uint64(l.Parts[k].TagSet))
			dst = binary.AppendVarint(dst, l.Parts[k].Units)
			dst = binary.AppendVarint(dst, l.Parts[k].Pending)
		}
	}
	return dst
}

// zigzag is a signed number as a varint has it.
func zigzag(n int64) uint64 { return uint64(n<<1) ^ uint64(n>>63) }

// appendUvarints appends four numbers that are mostly small: at once if they are.
func appendUvarints(dst []byte, a, b, c, d uint64) []byte {
	if a|b|c|d < 0x80 {
		return append(dst, byte(a), byte(b), byte(c), byte(d))
	}
	for _, n := range [...]uint64{a, b, c, d} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func appendChanges(dst []byte, changes []SegmentChange) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(changes)))
	for i := range changes {
		c := &changes[i]
		dst = appendText(dst, c.UPC)
		dst = appendText(dst, c.Location)
		dst = binary.AppendUvarint(dst, uint64(c.TagSet))
		dst = binary.AppendVarint(dst, c.Before)
		dst = binary.AppendVarint(dst, c.After)
	}
	return dst
}

func appendBlocked(dst []byte, blocked []BlockedRecord) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(blocked)))
	for i := range blocked {
		b := &blocked[i]
		dst = appendText(dst, b.UPC)
		dst = appendText(dst, b.Location)
		dst = binary.AppendVarint(dst, b.OnHand)
		dst = binary.AppendVarint(dst, b.Allocated)
		dst = binary.AppendVarint(dst, b.Pending)
	}
	return dst
}

// DecodeResult reads the binary form of a result into r, reusing r's slices and those of its lines. The strings alias
// b: they are valid only while b does not change. After an error r's content is undefined.
func DecodeResult(b []byte, r *Result) error {
	in := reader{b: b}
	version := in.byte()
	if err := checkForm(version, resultVersion, ErrBadResult); err != nil {
		return err
	}
	r.Repeated = in.flags(resultRepeated) != 0
	r.Kind = Kind(in.byte())
	r.Code = Code(in.byte())
	sections, more := in.flags(sectionsKnown), byte(0)
	switch {
	case version >= resultVersion:
		more = in.flags(moreRecords | moreSegments)
	case version >= resultVersionRecords:
		more = in.flags(moreRecords)
	}
	r.Index = in.uvarint()
	r.readSections(&in, sections, more)
	return r.checkSections(&in, sections, more)
}

func (r *Result) readSections(in *reader, sections, more byte) {
	r.Field, r.Value, r.Stock, r.Rule, r.Job = "", "", StockResult{}, RuleResult{}, JobResult{}
	r.Lines, r.Changes, r.Blocked, r.Shortfalls = r.Lines[:0], r.Changes[:0], r.Blocked[:0], r.Shortfalls[:0]
	r.Records, r.Segments = r.Records[:0], r.Segments[:0]
	if sections&sectionFault != 0 {
		r.Field, r.Value = in.text(), in.text()
	}
	if sections&sectionLines != 0 {
		r.Lines = resize(r.Lines, in.count(lineResultBytesMin))
		for i := range r.Lines {
			readLineResult(in, &r.Lines[i])
		}
	}
	if sections&sectionStock != 0 {
		r.Stock = StockResult{Items: in.varint(), Records: in.varint(), Units: in.varint(), Promised: in.varint()}
	}
	if sections&sectionChanges != 0 {
		r.Changes = resize(r.Changes, in.count(changeBytesMin))
		for i := range r.Changes {
			r.Changes[i] = SegmentChange{UPC: in.text(), Location: in.text(), TagSet: readTagSet(in),
				Before: in.varint(), After: in.varint()}
		}
	}
	if sections&sectionBlocked != 0 {
		r.Blocked = resize(r.Blocked, in.count(blockedBytesMin))
		for i := range r.Blocked {
			r.Blocked[i] = BlockedRecord{UPC: in.text(), Location: in.text(), OnHand: in.varint(),
				Allocated: in.varint(), Pending: in.varint()}
		}
	}
	if sections&sectionRule != 0 {
		r.Rule = RuleResult{Version: in.uint32(), Activation: in.uvarint()}
	}
	if sections&sectionJob != 0 {
		r.Job = JobResult{First: JobID(in.uvarint()), Count: in.uint32()}
	}
	if sections&sectionShort != 0 {
		r.Shortfalls = resize(r.Shortfalls, in.count(shortfallBytesMin))
		for i := range r.Shortfalls {
			r.Shortfalls[i] = Shortfall{Item: int(in.uint32()), Units: in.varint()}
		}
	}
	if more&moreRecords != 0 {
		r.Records = readRecordStates(in, r.Records)
	}
	if more&moreSegments != 0 {
		r.Segments = readTotals(in, r.Segments)
	}
}

// checkSections ends the decoding: a section that was announced must not have been empty.
func (r *Result) checkSections(in *reader, sections, more byte) error {
	if in.fault == "" && (resultSections(r) != sections || moreSections(r) != more) {
		in.fail("announced section is empty")
	}
	return in.end(ErrBadResult)
}

func readLineResult(in *reader, l *LineResult) {
	flags := in.flags(lineRepeated | lineHasRule)
	l.Repeated = flags&lineRepeated != 0
	l.Code = Code(in.byte())
	l.ItemID = in.text()
	l.Rule, l.RuleVersion, l.Reason = "", 0, ""
	if flags&lineHasRule != 0 {
		l.Rule, l.RuleVersion, l.Reason = in.text(), in.uint32(), in.text()
		if l.Rule == "" && l.RuleVersion == 0 && l.Reason == "" {
			in.fail("announced rule is empty")
		}
	}
	l.Requested = in.varint()
	l.Units = in.varint()
	l.Pending = in.varint()
	l.Available = in.varint()
	l.Parts = resize(l.Parts, in.count(partBytesMin))
	for i := range l.Parts {
		l.Parts[i] = Part{TagSet: readTagSet(in), Units: in.varint(), Pending: in.varint()}
	}
}

func readTagSet(in *reader) TagSetID {
	id := in.uvarint()
	if id > math.MaxUint32 {
		in.fail("tag set out of range")
		return 0
	}
	return TagSetID(id)
}
