package httpapi

import (
	"errors"
	"net/http"

	"apportion/engine"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
)

// The codes of problems that the engine knows nothing of. Like the engine's they are part of the API.
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

// The engine's codes that this package gives too.
var (
	codeInvalid   = engine.CodeInvalid.String()
	codeDuplicate = engine.CodeDuplicate.String()
	codeRetry     = engine.CodeRetry.String()
)

// problem is an answer that says what is wrong, as RFC 9457 has it.
type problem struct {
	status int
	code   string
	detail string
	field  string
	value  string
	offset int // in the body; -1: not about a place in the body

	rows []rowFault // each bad row of the body, if that is what is wrong
}

// problemTypePrefix and the code make the type of a problem.
const problemTypePrefix = "urn:apportion:problem:"

// appendProblem appends the members of p, without the closing brace: what an order or a delete adds comes after them.
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

// appendRows appends what is wrong with each bad row.
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

// appendFault appends the members that name what is at fault.
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
}

// codeDetails tells people what the engine's codes mean.
var codeDetails = [256]string{
	engine.CodeInvalid:     "a value is outside its limits",
	engine.CodeKeyReused:   "the idempotency key was used with another request",
	engine.CodeRetry:       "the state moved under the request; nothing was changed, send it again",
	engine.CodeUnknownRule: "no such rule, or no such version of it",
	engine.CodeRuleConflict: "another rule is active for lines that this one would be for too, and neither scope " +
		"is the more specific one",
	engine.CodeRuleRefused:     "the rule refused the line, see its reason",
	engine.CodeRuleFailed:      "the rule failed, or is suspended, and its lines are refused then, see the reason",
	engine.CodeNotActive:       "the rule is not active there",
	engine.CodeUnknownCategory: "no such tag category",
	engine.CodeUnknownValue:    "no such value in the tag category",
	engine.CodeDuplicate:       "two items of the request set the same thing",
	engine.CodeUnknownOrder:    "no such order",
	engine.CodeUnknownItem:     "the order has no such item",
	engine.CodeItemConflict:    "the order item exists with another content",
	engine.CodeUnknownRecord:   "the UPC has no record at the location",
	engine.CodeUnknownSegment:  "the record has no such segment",
	engine.CodeUnknownCount:    "the location has no open count of that name",
	engine.CodeCountOpen:       "the location has an open count already",
	engine.CodeExpired:         "the reservation's end, or the delivery date, lies in the past",
	engine.CodeNotReserved:     "the order item is no reservation",
	engine.CodeInsufficient:    "fewer units are available than the line asks for",
	engine.CodeExceedsLeft:     "more units than the order item has left",
	engine.CodeOnHandBelowZero: "on hand would fall below zero: correct it by a refresh or a smaller adjust",
	engine.CodeInUse:           "stock or promises stand in the way",
	engine.CodeTooMany:         "a limit is reached",
	engine.CodeUnavailable:     "the command was refused for other lines",
	engine.CodeNothingLeft:     "nothing is left of it for this, see the reason of its lines",
}

// leftDetails tells people what the reasons of lines that have nothing left mean.
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

// refusalDetail says what a refusal means, and of CodeInUse what to do about it.
func refusalDetail(kind engine.Kind, code engine.Code) string {
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

// refusalStatus is the HTTP status of a refusal. The record or segment of an allocate line is no resource of the URL:
// that it is missing is one more way of not being able to promise.
func refusalStatus(kind engine.Kind, code engine.Code) int {
	switch {
	case kind == engine.KindAllocate && (code == engine.CodeUnknownRecord || code == engine.CodeUnknownSegment):
		return http.StatusConflict
	case kind == engine.KindDeleteTagCategory && code == engine.CodeUnknownCategory:
		return http.StatusNotFound
	}
	return codeStatus[code]
}

// storeProblem is the problem of a write or a read barrier that the store could not do. The second value says that it
// is not the client's or the load's doing, and is to be logged.
func storeProblem(err error) (p problem, internal bool) {
	p = problem{status: http.StatusServiceUnavailable, offset: -1}
	switch {
	case errors.Is(err, raftstore.ErrQueueFull), errors.Is(err, raftstore.ErrTimeout):
		p.code, p.detail = codeBusy, "too many requests are waiting; nothing was changed, send it again"
	case errors.Is(err, raftstore.ErrNotLeader):
		p.code, p.detail = codeNotLeader, "this node does not lead; nothing was changed"
	case errors.Is(err, raftstore.ErrClosed):
		p.code, p.detail = codeShuttingDown, "the server is shutting down; nothing was changed"
	case errors.Is(err, raftstore.ErrTooLarge):
		p.status = http.StatusRequestEntityTooLarge
		p.code, p.detail = codeBodyTooLarge, "the request is too large for one log entry; split it"
	case errors.Is(err, raftstore.ErrOutcomeUnknown):
		p.code, p.detail = codeOutcomeUnknown, "the request may or may not take effect; send it again with the same "+
			"Idempotency-Key"
	default:
		p.status = http.StatusInternalServerError
		p.code, p.detail = codeInternal, "the server failed"
		return p, true
	}
	return p, false
}
