package httpapi

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"apportion/engine"
	"apportion/httpapi/kibo"
	"apportion/httpapi/stockfile"
	"apportion/httpapi/stockquery"
	"apportion/httpapi/strictjson"
	"apportion/rules"
)

// request is one HTTP request being answered, with all the memory that it needs. It comes from a pool: a request of a
// kind and size seen before allocates nothing. Neither it nor any of its strings outlives the handler.
type request struct {
	server   *Server
	ctx      *fasthttp.RequestCtx
	conn     *servedConn // nil for one from another node
	begin    time.Time
	deadline time.Time

	route  *route
	method method
	match  match
	path   [pathParamsMax]string // decoded parameters

	forwarded     bool // by another node, which did not lead
	retryOnLeader bool // the store could do nothing, and another node may be able to
	spare         bool // it came on a connection beyond those that are served

	stale  bool // from the query parameters
	maxLag time.Duration
	moveTo string
	after  engine.EventID
	from   engine.EventID
	limit  int
	list   listParams
	feed   feedParams

	author  string
	version uint32
	verbose bool

	// The body, and how much of it counts in Server.bodies. announced is its announced length; unread: judge left it
	// unread.
	received  []byte
	memory    []byte
	held      int
	announced int
	unread    bool

	file    fileBody // a body that is read while it comes
	imports stockfile.ImportOptions

	scan      bodyReader
	key       string // the client's idempotency key, empty for none
	keys      []byte // those of the proposals, made of key
	proposals []rules.Proposal
	run       rules.Run
	commands  commandBuffers
	reads     readBuffers

	// The answer.
	status  int
	content string // media type
	out     []byte
}

// commandBuffers are the commands that bodies are read into.
type commandBuffers struct {
	allocate     engine.Allocate
	bulk         []engine.Allocate
	answers      []bulkAnswer
	known        []byte // answers for orders of many
	asOf         uint64 // what those answers stand on
	orderChange  engine.OrderChange
	refresh      engine.Refresh
	adjust       engine.Adjust
	transfer     engine.Transfer
	redistribute engine.Redistribute
	block        engine.Block
	deletion     engine.Delete
	noCategory   engine.DeleteTagCategory
	startCount   engine.StartCount
	closeCount   engine.CloseCount
}

// readBuffers are what reads copy the state into.
type readBuffers struct {
	query     stockQuery
	record    engine.RecordView
	order     engine.OrderView
	why       engine.OrderExplanation
	locations []string
	keys      []engine.RecordKey
	sums      stockquery.Sums
	events    []engine.Event
}

const (
	contentJSON    = "application/json"
	contentProblem = "application/problem+json"
)

func newRequestPool(s *Server) *sync.Pool {
	return &sync.Pool{New: func() any {
		req := &request{server: s}
		req.run.Batch = s.runner.NewBatch()
		req.scan.stored = req.stored
		return req
	}}
}

// reset makes a pooled request ready for the next one.
func (req *request) reset(ctx *fasthttp.RequestCtx, begin time.Time) {
	req.ctx, req.conn, req.begin = ctx, nil, begin
	req.deadline = begin.Add(req.server.config.RequestTimeout)
	req.route, req.match = nil, match{}
	req.readForwarded(begin)
	req.retryOnLeader, req.spare = false, false
	req.stale, req.maxLag, req.moveTo, req.after, req.limit = false, -1, "", 0, EventsDefault
	req.from, req.author, req.version, req.verbose = 0, "", 0, false
	req.list, req.feed = listParams{}, feedParams{}
	req.key, req.run.Apart = "", false
	req.file, req.imports = fileBody{}, stockfile.ImportOptions{}
	clear(req.proposals)
	req.status, req.content, req.out = http.StatusOK, contentJSON, req.out[:0]
}

// tooLargeToKeep reports whether one huge body has made the request too large for the pool.
func (req *request) tooLargeToKeep() bool {
	k, r := &req.commands, &req.reads
	elements := max(cap(k.refresh.Items), cap(k.adjust.Items), cap(k.transfer.Items), cap(k.block.Items), cap(k.bulk),
		cap(req.proposals),
		cap(k.allocate.Lines),
		cap(k.redistribute.UPCs), cap(k.redistribute.Locations), cap(k.deletion.UPCs), cap(k.deletion.Locations),
		cap(req.result().Lines), cap(req.result().Changes), cap(req.result().Blocked),
		cap(r.record.Segments), cap(r.order.Items), cap(r.why.Items), cap(r.locations), cap(r.keys), r.sums.Cap())
	return elements > scratchElementsMax || max(cap(req.out), cap(req.memory), cap(k.known), cap(req.keys),
		req.scan.MemoryBytes()) > scratchBytesMax
}

// fail answers with a problem that is about the request.
func (req *request) fail(status int, code, detail, field, value string) {
	req.problem(&problem{status: status, code: code, detail: detail, field: field, value: value, offset: -1})
}

// problem answers with a problem document that has no further members.
func (req *request) problem(p *problem) {
	req.openProblem(p)
	req.out = append(req.out, '}')
}

// openProblem begins a problem document; the caller adds members and the closing brace.
func (req *request) openProblem(p *problem) {
	req.status, req.content = p.status, contentProblem
	if p.status == http.StatusServiceUnavailable {
		req.ctx.Response.Header.Set("Retry-After", "1")
	}
	req.out = appendProblem(req.out[:0], p)
	if req.isForeign() {
		req.content = contentJSON
		req.out = strictjson.AppendText(req.out, `,"message":`, foreignMessage(p))
		// clients recognize a refused ticket by it
		req.out = strictjson.AppendText(req.out, `,"errorCode":`, p.code)
	}
}

// pathText is the raw path of the request, without query and fragment.
func (req *request) pathText() string {
	uri := req.ctx.RequestURI()
	if len(uri) == 0 || uri[0] != '/' { // absolute form: http://host/path
		return strictjson.Alias(req.ctx.URI().PathOriginal())
	}
	for _, mark := range []byte("?#") { // bytes.IndexAny would make a table of the marks first
		if end := bytes.IndexByte(uri, mark); end >= 0 {
			uri = uri[:end]
		}
	}
	return strictjson.Alias(uri)
}

// find sets the route, or answers that there is none.
func (req *request) find() bool {
	req.method = methodOf(req.ctx.Method())
	var buffer [pathSegmentsMax]string
	if segments, ok := splitPath(req.pathText(), &buffer); ok {
		if last := len(segments) - 1; last > 0 && segments[last] == "" && req.isForeign() {
			segments = segments[:last] // its clients put a slash at the end of some paths
		}
		req.server.tree.find(req.method, segments, 0, &req.match)
	}
	if req.route = req.match.route; req.route != nil {
		return true
	}
	if allow := allowed(&req.match); allow != "" {
		req.ctx.Response.Header.Set("Allow", allow)
		req.fail(http.StatusMethodNotAllowed, codeMethod, "this path takes other methods, see Allow", "",
			string(req.ctx.Method()))
		return false
	}
	req.fail(http.StatusNotFound, codeNotFound, "there is no such path", "", req.pathText())
	return false
}

// methodOf gives the method of a request. HEAD is GET: fasthttp sends only the headers of its reply.
func methodOf(word []byte) method {
	for i, known := range methodWords {
		if string(word) == known {
			return method(i)
		}
	}
	if string(word) == "HEAD" {
		return methodGet
	}
	return methodOther
}

// allowed is the Allow header of a path, empty if there is no such path.
func allowed(m *match) (list string) {
	for i, ok := range m.allow {
		if !ok {
			continue
		}
		if list != "" {
			list += ", "
		}
		list += methodWords[i]
		if method(i) == methodGet {
			list += ", HEAD"
		}
	}
	return list
}

// prepare reads everything but the body: path parameters, query parameters, headers.
func (req *request) prepare() bool {
	return req.readPath() && req.readParams() && req.checkLength() && req.checkMediaType() && req.readKey()
}

// readPath decodes the path's parameters.
func (req *request) readPath() bool {
	req.path = [pathParamsMax]string{}
	for i, raw := range req.match.path {
		segment, ascii, ok := decodeSegment(raw)
		if !ok {
			req.fail(http.StatusBadRequest, codeInvalid, "the path is not valid percent-encoded UTF-8 without control "+
				"characters", "path", raw)
			return false
		}
		// a blank comes only percent-encoded; names of nodes come from their own flags
		if (!ascii || raw != segment) && !req.route.nodes {
			fault := ""
			if segment, fault = cleanName(segment, req.stored); fault != "" {
				req.fail(http.StatusBadRequest, codeInvalid, fault, "path", raw)
				return false
			}
		}
		req.path[i] = segment
	}
	return true
}

// checkMediaType refuses a body of another media type than the route takes, and an encoded one.
func (req *request) checkMediaType() bool {
	if !req.takesBody() || req.route.body == bodyOptional && req.announced <= 0 && len(req.received) == 0 {
		return true
	}
	header := &req.ctx.Request.Header
	if encoding := header.ContentEncoding(); len(encoding) > 0 && !bytes.EqualFold(encoding, []byte("identity")) {
		req.fail(http.StatusUnsupportedMediaType, codeMediaType,
			"bodies are read as they are, without Content-Encoding",
			"Content-Encoding", string(encoding))
		return false
	}
	if req.route.foreign {
		return true
	}
	content, expected := header.ContentType(), "Content-Type: application/json is expected"
	if req.route.body == bodyFile {
		return req.checkFileType(content)
	}
	if isJSONMediaType(content) {
		return true
	}
	if req.route.body == bodySource {
		if isSourceMediaType(content) {
			return true
		}
		expected = "Content-Type: text/x-lua, text/plain or application/json is expected"
	}
	req.fail(http.StatusUnsupportedMediaType, codeMediaType, expected, "Content-Type", string(content))
	return false
}

var sourceMediaTypes = []string{"text/x-lua", "application/x-lua", "text/plain"}

// isSourceMediaType reports whether a body is a rule's source as it is.
func isSourceMediaType(content []byte) bool {
	return slices.ContainsFunc(sourceMediaTypes, func(known string) bool { return isMediaType(content, known) })
}

func isJSONMediaType(content []byte) bool {
	return string(content) == contentJSON || isMediaType(content, contentJSON)
}

// isMediaType reports whether content is a media type, in UTF-8.
func isMediaType(content []byte, known string) bool {
	media, parameter, _ := bytes.Cut(content, []byte(";"))
	if !bytes.EqualFold(bytes.TrimSpace(media), []byte(known)) {
		return false
	}
	parameter = bytes.TrimSpace(parameter)
	return len(parameter) == 0 || bytes.EqualFold(parameter, []byte("charset=utf-8")) ||
		bytes.EqualFold(parameter, []byte(`charset="utf-8"`))
}

// readKey reads the idempotency key of a write.
func (req *request) readKey() bool {
	if !req.route.write {
		return true
	}
	key := req.ctx.Request.Header.Peek("Idempotency-Key")
	if key == nil {
		return true
	}
	ok := len(key) > 0 && len(key) <= IdempotencyKeyBytesMax
	for _, b := range key {
		ok = ok && b > ' ' && b < 0x7f
	}
	if !ok {
		req.fail(http.StatusBadRequest, codeInvalid, "an idempotency key is 1 to 64 visible ASCII characters",
			"Idempotency-Key", string(key))
		return false
	}
	req.key = strictjson.Alias(key)
	return true
}

// What is expected of some parameters.
var (
	maxLagExpected      = fmt.Sprintf("a number of seconds from 0 to %d is expected", maxLagSecondsMax)
	eventsLimitExpected = fmt.Sprintf("a number from 1 to %d is expected", EventsMax)
	authorExpected      = fmt.Sprintf("at most %d bytes of text without control characters are expected",
		engine.RuleAuthorBytesMax)
)

// readParams reads the query parameters. It refuses parameters that the route does not have, and so misspelled ones.
func (req *request) readParams() bool {
	if req.route.foreign || bytes.IndexByte(req.ctx.RequestURI(), '?') < 0 {
		return true
	}
	var seen paramSet
	for key, value := range req.ctx.QueryArgs().All() {
		param, code, detail := paramWords[string(key)], codeInvalid, ""
		switch {
		case param&req.route.params == 0:
			code, detail = codeUnknownParam, "this path has no such query parameter"
		case param&seen != 0:
			detail = "the query parameter is given twice"
		default:
			detail = req.readParam(param, string(value))
		}
		if detail != "" {
			req.fail(http.StatusBadRequest, code, detail, string(key), string(value))
			return false
		}
		seen |= param
	}
	if seen&paramMaxLag != 0 && !req.stale {
		req.fail(http.StatusBadRequest, codeInvalid, "maxLagSeconds is for reads with consistency=stale",
			"maxLagSeconds",
			"")
		return false
	}
	return true
}

// readParam reads one query parameter. If its value is wrong, it returns what is expected.
func (req *request) readParam(param paramSet, value string) (expected string) {
	ok := false
	switch param {
	case paramConsistency:
		req.stale = value == "stale"
		ok, expected = req.stale || value == "linearizable", "stale or linearizable is expected"
	case paramMaxLag:
		seconds, err := strconv.ParseFloat(value, 64)
		req.maxLag = time.Duration(seconds * float64(time.Second))
		ok = err == nil && seconds >= 0 && seconds <= maxLagSecondsMax
		expected = maxLagExpected
	case paramMoveTo:
		req.moveTo, expected = cleanName(value, req.stored)
		if value == "" {
			expected = "the value of the category that takes over the stock is expected"
		}
		return expected
	case paramAfter:
		if req.route.params&paramWaitSeconds != 0 { // of the feed whose cursors are no numbers
			req.feed.after = value
			return ""
		}
		if value == afterNow {
			req.after = afterLast
			return ""
		}
		after, err := strconv.ParseUint(value, 10, 64)
		// Numbers of events have at most 63 bits, and so has the reply's next.
		req.after = engine.EventID(min(after, math.MaxInt64))
		ok, expected = err == nil || value == "", "the number of an event is expected, next of an earlier reply, or now"
	case paramFrom:
		from, err := strconv.ParseUint(value, 10, 63)
		req.from = engine.EventID(from)
		ok, expected = err == nil && from > 0, "the number of the first event to send again is expected, from 1 on"
	case paramLimit:
		limit, err := strconv.Atoi(value)
		req.limit = limit
		ok = err == nil && limit >= 1 && limit <= EventsMax
		expected = eventsLimitExpected
	case paramAuthor:
		req.author = value
		_, plain := strictjson.PlainText(value)
		ok = plain && len(value) <= engine.RuleAuthorBytesMax
		expected = authorExpected
	case paramVerbose:
		req.verbose = value == "" || value == "true"
		ok, expected = req.verbose || value == "false", "true or false is expected"
	case paramVersion:
		version, err := strconv.ParseUint(value, 10, 32)
		req.version = uint32(version)
		ok, expected = err == nil && version > 0, "the number of a version is expected, from 1 on"
	case paramTypes, paramTags, paramLocations, paramUPCPrefix, paramWaitSeconds:
		return req.readFeedParam(param, value)
	case paramAction, paramCount, paramDryRun, paramAllOrNothing, paramComplete, paramReason, paramReference:
		return req.readImportParam(param, value)
	default:
		return req.readListParam(param, value)
	}
	if ok {
		return ""
	}
	return expected
}

// stored reports whether something with this exact name is kept. Names that were kept before package names gave names a
// form stay valid: what they name can be read, shipped and deleted. It is called only for names without that form.
func (req *request) stored(name string) bool {
	e := req.server.reader
	_, place := e.Location(name)
	_, group := e.LocationGroup(name)
	_, rule := e.Rules().Rule(name)
	return e.KnowsName(name) || place || group || rule || inSchema(e.Schema(), name) || inScope(e.Rules(), name) ||
		req.storedOrder(name, "") || req.storedOrder(kibo.CartOrderID(name), "") || req.storedOrder(req.path[0], name)
}

func inSchema(schema *engine.Schema, name string) bool {
	return slices.ContainsFunc(schema.Categories(), func(c engine.Category) bool {
		return c.Name == name || slices.ContainsFunc(c.Values, func(v engine.Value) bool { return v.Name == name })
	})
}

// inScope reports whether a rule is active at a location of this name.
func inScope(set *engine.RuleSet, location string) bool {
	return slices.ContainsFunc(set.Active(), func(a *engine.Activation) bool {
		return slices.Contains(a.Scope.Locations, location)
	})
}

// storedOrder reports whether there is an order, with an item if one is named. An order that cannot be read now counts
// as there: its command will report the error.
func (req *request) storedOrder(orderID, itemID string) bool {
	var v engine.OrderView
	found, err := req.server.store.ReadOrder(orderID, &v)
	return err != nil || found && (itemID == "" || slices.ContainsFunc(v.Items, func(it engine.ItemView) bool {
		return it.ItemID == itemID
	}))
}
