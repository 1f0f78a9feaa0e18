package httpapi

import (
	"errors"
	"net/http"

	"apportion/engine"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
)

// The codes of problems that the engine does not know. Like the engine's codes they are part of the API.
const (
	codeBadJSON         = strictjson.CodeBadJSON
	codeWrongType       = strictjson.CodeWrongType
	codeUnknownField    = strictjson.CodeUnknownField
	codeDuplicateField  = strictjson.CodeDuplicateField
	codeMissingField    = strictjson.CodeMissingField
	codeUnknownParam    = "unknown-parameter"
	codeBadRequest      = "bad-request"
	codeUnauthorized    = "unauthorized"
	codeNotFound        = "not-found"
	codeMethod          = "method-not-allowed"
	codeTimeout         = "request-timeout"
	codeBodyTooLarge    = "body-too-large"
	codeMediaType       = "unsupported-media-type"
	codeHeadersTooLarge = "headers-too-large"
	codeInternal        = "internal"
	codeBusy            = "busy"
	codeNotLeader       = "not-leader"
	codeNotReady        = "not-ready"
	codeShuttingDown    = "shutting-down"
	codeOutcomeUnknown  = "outcome-unknown"
	codeRuleSyntax      = "rule-syntax"
	codeRuleTest        = "rule-test-failed"

	codeBadRows       = "bad-rows"
	codeTooStale      = "too-stale"
	codeUnknownMember = "unknown-member"
	codeLastVoter     = "last-voter"
	codeNoPeers       = "no-peers"

	codeMemberExists   = "member-exists"
	codeMemberNotThere = "member-not-there"

	codeNoHistory        = "no-history"
	codeBacktestBusy     = "backtest-busy"
	codeBacktestTooLarge = "backtest-too-large"
	codeUnknownBacktest  = "unknown-backtest"
)

// The codes of the engine that this package uses too.
var (
	codeInvalid   = engine.CodeInvalid.String()
	codeDuplicate = engine.CodeDuplicate.String()
	codeRetry     = engine.CodeRetry.String()
)

// problem is an answer that tells what is wrong: a problem document of RFC 9457.
type problem struct {
	status int
	code   string
	detail string
	field  string
	value  string
	offset int // in the body; -1: not about a place in the body

	rows []rowFault // the bad rows of the body
}

// problemTypePrefix and the code make the type of a problem.
const problemTypePrefix = "urn:apportion:problem:"

// appendProblem appends the members of p without the closing brace: orders and deletes add members.
func appendProblem(dst []byte, p *problem) []byte {
	dst = append(dst, `{"type":"`+problemTypePrefix...)
	dst = append(dst, p.code...)
	dst = append(dst, `","title":"`...)
	dst = append(dst, http.StatusText(p.status)...)
	dst = append(dst, `","status":`...)
	dst = strictjson.AppendInt(dst, int64(p.status))
	dst = append(dst, `,"code":"`...)
	dst = append(dst, p.code...)
	dst = append(dst, '"')
	dst = appendFault(dst, p)
	if p.offset >= 0 {
		dst = append(dst, `,"offset":`...)
		dst = strictjson.AppendInt(dst, int64(p.offset))
	}
	return appendRows(dst, p.rows)
}

// appendRows appends the faults of bad rows.
func appendRows(dst []byte, rows []rowFault) []byte {
	if len(rows) == 0 {
		return dst
	}
	dst = append(dst, `,"errors":[`...)
	for i := range rows {
		dst = append(strictjson.Comma(dst, i), `{"code":"`...)
		dst = append(append(dst, rows[i].Code...), '"')
		p := faultProblem(&rows[i].Fault)
		dst = append(appendFault(dst, &p), '}')
	}
	return append(dst, ']')
}

// appendFault appends the members of a fault.
func appendFault(dst []byte, p *problem) []byte {
	dst = append(dst, `,"detail":`...)
	dst = strictjson.AppendString(dst, p.detail)
	dst = append(dst, `,"field":`...)
	dst = strictjson.AppendString(dst, strictjson.Cut(p.field, strictjson.FieldBytesMax))
	dst = append(dst, `,"value":`...)
	return strictjson.AppendString(dst, strictjson.Cut(p.value, strictjson.ValueBytesMax))
}

// faultProblem is the problem of a body that could not be read.
func faultProblem(f *strictjson.Fault) problem {
	return problem{
		status: http.StatusBadRequest,
		code:   f.Code,
		detail: f.Detail,
		field:  f.Field,
		value:  f.Value,
		offset: f.Offset,
	}
}

// codeStatus is the HTTP status of each refusal of the engine.
var codeStatus = [256]int{
	engine.CodeOK:              http.StatusOK,
	engine.CodeInvalid:         http.StatusBadRequest,
	engine.CodeKeyReused:       http.StatusConflict,
	engine.CodeRetry:           http.StatusServiceUnavailable,
	engine.CodeUnknownCategory: http.StatusBadRequest,
	engine.CodeUnknownValue:    http.StatusBadRequest,
	engine.CodeDuplicate:       http.StatusBadRequest,
	engine.CodeUnknownOrder:    http.StatusNotFound,
	engine.CodeUnknownItem:     http.StatusNotFound,
	engine.CodeItemConflict:    http.StatusConflict,
	engine.CodeUnknownRecord:   http.StatusNotFound,
	engine.CodeUnknownSegment:  http.StatusNotFound,
	engine.CodeUnknownCount:    http.StatusNotFound,
	engine.CodeCountOpen:       http.StatusConflict,
	engine.CodeExpired:         http.StatusConflict,
	engine.CodeNotReserved:     http.StatusConflict,
	engine.CodeInsufficient:    http.StatusConflict,
	engine.CodeExceedsLeft:     http.StatusConflict,
	engine.CodeOnHandBelowZero: http.StatusConflict,
	engine.CodeInUse:           http.StatusConflict,
	engine.CodeTooMany:         http.StatusConflict,
	engine.CodeUnavailable:     http.StatusConflict,
	engine.CodeUnknownRule:     http.StatusNotFound,
	engine.CodeRuleConflict:    http.StatusConflict,
	engine.CodeRuleRefused:     http.StatusConflict,
	engine.CodeRuleFailed:      http.StatusConflict,
	engine.CodeNotActive:       http.StatusConflict,
	engine.CodeNothingLeft:     http.StatusConflict,
	engine.CodeUnknownWebhook:  http.StatusNotFound,
	engine.CodeVersionMismatch: http.StatusConflict,
}

// codeDetails tells what each code of the engine means, and what a client can do, on the routes of both APIs.
var codeDetails = [256]string{
	engine.CodeInvalid: "the value is outside its limits",
	engine.CodeKeyReused: "the Idempotency-Key was sent with another request, which differs in this field: use a " +
		"new key",
	engine.CodeRetry:       "the state changed while the request was planned; nothing was changed: send it again",
	engine.CodeUnknownRule: "there is no such rule, or no such version of it",
	engine.CodeRuleConflict: "another rule is active for some of the same lines, and neither scope is the more " +
		"specific " +
		"one: narrow this scope, or deactivate the other rule",
	engine.CodeRuleRefused: "the rule refused the line: see its reason",
	engine.CodeRuleFailed: "the rule failed or is suspended, and was activated to refuse its lines then: see the " +
		"reason; mend the rule, or deactivate it",
	engine.CodeNotActive:       "the rule is not active for this hook and scope",
	engine.CodeUnknownCategory: "there is no such tag category; names are case-sensitive",
	engine.CodeUnknownValue:    "the tag category has no such value; names are case-sensitive",
	engine.CodeDuplicate:       "an earlier item of the request sets the same: send each once",
	engine.CodeUnknownOrder:    "there is no such order",
	engine.CodeUnknownItem:     "the order has no such item",
	engine.CodeItemConflict: "the order item exists and differs in this field: repeat what was sent before, or use " +
		"another item id",
	engine.CodeUnknownRecord:  "the UPC has no record at the location: a refresh makes one",
	engine.CodeUnknownSegment: "the record has no segment with these tags: a refresh makes one",
	engine.CodeUnknownCount:   "the location has no open count of this name: start it first",
	engine.CodeCountOpen:      "the location has an open count: close it first",
	engine.CodeExpired:        "the time lies in the past, or the reservation has ended",
	engine.CodeNotReserved:    "the order item is not a reservation, so there is nothing to confirm",
	engine.CodeInsufficient:   "fewer units are available than the line asks for",
	engine.CodeExceedsLeft:    "the order item has fewer units left than that",
	engine.CodeOnHandBelowZero: "on hand would fall below zero: send a smaller adjust, or a refresh with what was " +
		"counted",
	engine.CodeInUse:          "stock or promises stand in the way",
	engine.CodeTooMany:        "a limit is reached: see docs/data-model.md",
	engine.CodeUnavailable:    "the line was not tried, since another line of the order was refused",
	engine.CodeNothingLeft:    "nothing is left of the item: see the reason of its line",
	engine.CodeUnknownWebhook: "there is no such webhook: put it first",
	engine.CodeVersionMismatch: "the record has another version: mismatches has it as it is now; decide again, and " +
		"send that version",
}

// leftDetails tells why nothing is left of a line, by the reason of the line.
var leftDetails = map[string]string{
	engine.MovementAllocated.String():     "it has not been shipped",
	engine.MovementPending.String():       "all of it waits for stock",
	engine.MovementFulfilled.String():     "it has been shipped",
	engine.MovementReturned.String():      "it came back",
	engine.MovementExpired.String():       "its reservation has ended",
	engine.MovementReleased.String():      "it was released",
	engine.MovementRecordDeleted.String(): "its record was deleted, and with it what was promised",
	engine.MovementLost.String():          "it was given up as lost",
}

// resultProblem is the problem of a refusal of the engine.
func resultProblem(r *engine.Result) problem {
	return problem{
		status: refusalStatus(r.Kind, r.Code),
		code:   r.Code.String(),
		detail: refusalDetail(r.Kind, r.Code),
		field:  r.Field,
		value:  r.Value,
		offset: -1,
	}
}

// refusalDetail tells what a refusal means. For CodeInUse it tells what to do.
func refusalDetail(kind engine.Kind, code engine.Code) string {
	if code == engine.CodeInvalid && kind == engine.KindPutWebhook {
		return "a new webhook needs a secret: whsec_ and the base64 form of 24 to 64 random bytes"
	}
	if code == engine.CodeInUse {
		switch kind {
		case engine.KindPutTagCategory, engine.KindDeleteTagCategory:
			return "the value that is removed has stock or promises: name in moveTo the value that takes them over"
		case engine.KindDelete:
			return "records have open promises: release them first, or send force to release them with the records"
		case engine.KindDeleteSegments:
			return "segments have open promises: release them first"
		case engine.KindDeleteRule:
			return "the rule is active: deactivate it first"
		}
	}
	return codeDetails[code]
}

// refusalStatus is the HTTP status of a refusal. The record or segment of an allocate line is not the resource of the
// URL: if it is missing, that is a conflict like missing stock.
func refusalStatus(kind engine.Kind, code engine.Code) int {
	switch {
	case kind == engine.KindAllocate && (code == engine.CodeUnknownRecord || code == engine.CodeUnknownSegment):
		return http.StatusConflict
	case kind == engine.KindDeleteTagCategory && code == engine.CodeUnknownCategory:
		return http.StatusNotFound
	}
	return codeStatus[code]
}

// storeProblem is the problem of a write or a read barrier that the store could not do. internal: the server itself has
// failed, and the error belongs into its log.
func storeProblem(err error) (p problem, internal bool) {
	p = problem{status: http.StatusServiceUnavailable, offset: -1}
	switch {
	case errors.Is(err, raftstore.ErrQueueFull), errors.Is(err, raftstore.ErrTimeout):
		p.code, p.detail = codeBusy, "too many requests are waiting; nothing was changed: send it again"
	case errors.Is(err, raftstore.ErrNotLeader):
		p.code, p.detail = codeNotLeader, "this node is not the leader, and there is none that could be asked; "+
			"nothing was changed: send it again"
	case errors.Is(err, raftstore.ErrClosed):
		p.code, p.detail = codeShuttingDown, "the server is shutting down; nothing was changed: ask another node, "+
			"or send it again"
	case errors.Is(err, raftstore.ErrTooLarge):
		p.status = http.StatusRequestEntityTooLarge
		p.code, p.detail = codeBodyTooLarge, "the request is too large for one log entry: split it"
	case errors.Is(err, raftstore.ErrOutcomeUnknown):
		p.code, p.detail = codeOutcomeUnknown, "the request may or may not take effect: send it again with the same "+
			"Idempotency-Key"
	default:
		p.status = http.StatusInternalServerError
		p.code, p.detail = codeInternal, "the server failed: its log says why"
		return p, true
	}
	return p, false
}
