package httpapi

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"apportion/engine"
	"apportion/raftstore"
)

// call is one request being answered, with all the memory that takes. It comes from a pool, so that a request of a kind
// and size seen before allocates nothing. Nothing of it, and no string of the request, outlives the handler.
type call struct {
	server   *Server
	ctx      *fasthttp.RequestCtx
	conn     *servedConn // nil for one from another node
	begin    time.Time
	deadline time.Time

	route  *route
	method method
	match  match
	path   [pathParamsMax]string // decoded parameters

	forwarded bool // by another node, which did not lead
	elsewhere bool // the store could do nothing, and another node may be able to
	spare     bool // it came on a connection beyond those that are served

	stale  bool // from the query parameters
	maxLag time.Duration
	moveTo string
	after  engine.EventID
	limit  int

	author  string
	version uint32
	verbose bool

	// The body, and what is held of it in Server.bodies. announced is how long it is to be, unread that it was left
	// there.
	received  []byte
	memory    []byte
	held      int
	announced int
	unread    bool

	scan     scanner
	envelope engine.Envelope
	askedMS  int64 // when the rules were asked about the order, Unix milliseconds
	batch    *raftstore.Batch
	result   engine.Result
	commands commandBuffers
	reads    readBuffers

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
	orderChange  engine.OrderChange
	refresh      engine.Refresh
	adjust       engine.Adjust
	transfer     engine.Transfer
	redistribute engine.Redistribute
	deletion     engine.Delete
	category     engine.PutTagCategory
	noCategory   engine.DeleteTagCategory
	rule         ruleBody
	startCount   engine.StartCount
	closeCount   engine.CloseCount
	key          []byte
}

// readBuffers are what reads copy the state into.
type readBuffers struct {
	query     stockQuery
	record    engine.RecordView
	schema    *engine.Schema // the one to show record with
	order     engine.OrderView
	why       engine.OrderExplanation
	locations []string
	names     []string
	sums      []aggregateSum
	events    []engine.Event
	sumOf     map[engine.TagSetID]int // index in sums
}

const (
	contentJSON    = "application/json"
	contentProblem = "application/problem+json"
)

func newCallPool(s *Server) *sync.Pool {
	return &sync.Pool{New: func() any {
		c := &call{server: s, batch: s.store.NewBatch()}
		c.scan.stored = c.stored
		return c
	}}
}

// reset makes a pooled call ready for a request.
func (c *call) reset(ctx *fasthttp.RequestCtx, begin time.Time) {
	c.ctx, c.conn, c.begin = ctx, nil, begin
	c.deadline = begin.Add(c.server.config.RequestTimeout)
	c.route, c.match = nil, match{}
	c.readForwarded(begin)
	c.elsewhere, c.spare = false, false
	c.stale, c.maxLag, c.moveTo, c.after, c.limit = false, -1, "", 0, EventsDefault
	c.author, c.version, c.verbose = "", 0, false
	c.envelope = engine.Envelope{Plans: c.envelope.Plans[:0]}
	c.status, c.content, c.out = http.StatusOK, contentJSON, c.out[:0]
}

// tooLargeToKeep reports whether the call has grown for one huge request and should not go back to the pool.
func (c *call) tooLargeToKeep() bool {
	k, r := &c.commands, &c.reads
	elements := max(cap(k.refresh.Items), cap(k.adjust.Items), cap(k.transfer.Items), cap(k.bulk),
		cap(k.allocate.Lines),
		cap(k.redistribute.UPCs), cap(k.redistribute.Locations), cap(k.deletion.UPCs), cap(k.deletion.Locations),
		cap(c.result.Lines), cap(c.result.Changes), cap(c.result.Blocked),
		cap(r.record.Segments), cap(r.order.Items), cap(r.why.Items), cap(r.locations), cap(r.names), cap(r.sums))
	return elements > scratchElementsMax || max(cap(c.out), cap(c.memory), cap(k.known),
		cap(c.scan.scratch)) > scratchBytesMax
}

// fail answers with a problem that is about the request.
func (c *call) fail(status int, code, detail, field, value string) {
	c.problem(&problem{status: status, code: code, detail: detail, field: field, value: value, offset: -1})
}

// problem answers with a problem document that has no further members.
func (c *call) problem(p *problem) {
	c.openProblem(p)
	c.out = append(c.out, '}')
}

// openProblem begins a problem document; the caller adds members and the closing brace.
func (c *call) openProblem(p *problem) {
	c.status, c.content = p.status, contentProblem
	if p.status == http.StatusServiceUnavailable {
		c.ctx.Response.Header.Set("Retry-After", "1")
	}
	c.out = appendProblem(c.out[:0], p)
	if c.isForeign() {
		c.content = contentJSON
		c.out = appendText(c.out, `,"message":`, foreignMessage(p))
		c.out = appendText(c.out, `,"errorCode":`, p.code) // by which clients know a ticket that was refused
	}
}

// pathText is the raw path of the request, without query and fragment.
func (c *call) pathText() string {
	uri := c.ctx.RequestURI()
	if len(uri) == 0 || uri[0] != '/' { // absolute form: http://host/path
		return alias(c.ctx.URI().PathOriginal())
	}
	if end := bytes.IndexAny(uri, "?#"); end >= 0 {
		uri = uri[:end]
	}
	return alias(uri)
}

// find sets the route, or answers that there is none.
func (c *call) find() bool {
	c.method = methodOf(c.ctx.Method())
	var buffer [pathSegmentsMax]string
	if segments, ok := splitPath(c.pathText(), &buffer); ok {
		if last := len(segments) - 1; last > 0 && segments[last] == "" && c.isForeign() {
			segments = segments[:last] // its clients put a slash at the end of some paths
		}
		c.server.tree.find(c.method, segments, 0, &c.match)
	}
	if c.route = c.match.route; c.route != nil {
		return true
	}
	if allow := allowed(&c.match); allow != "" {
		c.ctx.Response.Header.Set("Allow", allow)
		c.fail(http.StatusMethodNotAllowed, codeMethod, "this path takes other methods, see Allow", "",
			string(c.ctx.Method()))
		return false
	}
	c.fail(http.StatusNotFound, codeNotFound, "there is no such path", "", c.pathText())
	return false
}

// methodOf gives the method of a request; HEAD is GET, of which fasthttp sends the headers only.
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

// allowed is the Allow header of a path, empty for one that does not exist.
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
func (c *call) prepare() bool {
	return c.readPath() && c.readParams() && c.checkLength() && c.checkMediaType() && c.readKey()
}

// readPath decodes the path's parameters.
func (c *call) readPath() bool {
	c.path = [pathParamsMax]string{}
	for i, raw := range c.match.path {
		segment, ascii, ok := decodeSegment(raw)
		if !ok {
			c.fail(http.StatusBadRequest, codeInvalid, "the path is not valid percent-encoded UTF-8 without control "+
				"characters", "path", raw)
			return false
		}
		// a blank comes percent-encoded only; nodes have their names from their own flags
		if (!ascii || raw != segment) && !c.route.lead {
			fault := ""
			if segment, fault = cleanName(segment, c.stored); fault != "" {
				c.fail(http.StatusBadRequest, codeInvalid, fault, "path", raw)
				return false
			}
		}
		c.path[i] = segment
	}
	return true
}

// checkMediaType refuses bodies that are not declared as what the route takes, as they are.
func (c *call) checkMediaType() bool {
	if !c.takesBody() || c.route.body == bodyOptional && c.announced <= 0 && len(c.received) == 0 {
		return true
	}
	header := &c.ctx.Request.Header
	if encoding := header.ContentEncoding(); len(encoding) > 0 && !bytes.EqualFold(encoding, []byte("identity")) {
		c.fail(http.StatusUnsupportedMediaType, codeMediaType, "bodies are read as they are, without Content-Encoding",
			"Content-Encoding", string(encoding))
		return false
	}
	if c.route.foreign {
		return true
	}
	content, expected := header.ContentType(), "Content-Type: application/json is expected"
	if isJSONMediaType(content) {
		return true
	}
	if c.route.body == bodySource {
		if isSourceMediaType(content) {
			return true
		}
		expected = "Content-Type: text/x-lua, text/plain or application/json is expected"
	}
	c.fail(http.StatusUnsupportedMediaType, codeMediaType, expected, "Content-Type", string(content))
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
func (c *call) readKey() bool {
	if !c.route.write {
		return true
	}
	key := c.ctx.Request.Header.Peek("Idempotency-Key")
	if key == nil {
		return true
	}
	ok := len(key) > 0 && len(key) <= IdempotencyKeyBytesMax
	for _, b := range key {
		ok = ok && b > ' ' && b < 0x7f
	}
	if !ok {
		c.fail(http.StatusBadRequest, codeInvalid, "an idempotency key is 1 to 64 visible ASCII characters",
			"Idempotency-Key", string(key))
		return false
	}
	c.envelope.Key = alias(key)
	return true
}
