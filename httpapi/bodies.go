package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// What fasthttp lets pass of a request's head and others read otherwise. What stands between a client and this server,
// and this server, must not each go by another of two headers.

// singleHeaders are those that this server goes by, so that each may be there once.
var singleHeaders = [...]string{"Authorization", "Content-Type", "Content-Length", "Content-Encoding", "Host",
	"Idempotency-Key", "Expect", "x-vol-tenant"}

// soundHead answers a request whose head is ambiguous, which also ends the connection.
func (req *request) soundHead() bool {
	header := &req.ctx.Request.Header
	detail, value := "", ""
	if version := string(header.Protocol()); version != "HTTP/1.1" && version != "HTTP/1.0" {
		detail, value = "HTTP/1.1 or HTTP/1.0 is expected", version
	} else {
		detail, value = headFault(header.RawHeaders())
	}
	if detail == "" {
		return true
	}
	req.ctx.SetConnectionClose()
	req.fail(http.StatusBadRequest, codeBadRequest, detail, "", value)
	return false
}

// headFault finds what is wrong with headers as they came, line by line; detail is empty if nothing is.
func headFault(raw []byte) (detail, value string) {
	var seen [len(singleHeaders)]bool
	for len(raw) > 0 {
		line := raw
		if end := bytes.IndexByte(raw, '\n'); end >= 0 {
			line, raw = raw[:end], raw[end+1:]
		} else {
			raw = nil
		}
		colon := bytes.IndexByte(line, ':')
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			return "a header of one line is expected", string(line)
		}
		if colon < 0 {
			continue // the blank line at the end
		}
		name := line[:colon]
		if bytes.IndexByte(name, ' ') >= 0 {
			return "the name of a header has no blank", string(name)
		}
		for i, single := range singleHeaders {
			if len(name) == len(single) && name[0]|0x20 == single[0]|0x20 && bytes.EqualFold(name, []byte(single)) {
				if seen[i] {
					return "this header is expected once", single
				}
				seen[i] = true
			}
		}
	}
	return "", ""
}

// How bodies come in. A body of at most bodyPrefetchMax bytes is there when the request is handed over. Of a longer
// one, so much is there at most, and the rest is read here. Such a request is judged as soon as its headers are there,
// so that no memory and no time of the client's is spent on what is refused anyway. What is not refused is read into
// memory that grows as it comes, and what all requests have of it at a time is bounded.

// Memory that fasthttp keeps for the next request is bounded like ours.
func init() { fasthttp.SetBodySizePoolLimit(scratchBytesMax, scratchBytesMax) }

// bodies bounds what there is of the bodies of all requests under way, apart from what fasthttp reads of each.
type bodies struct {
	taken atomic.Int64
	max   int64
}

// errBodies means that bodies takes no more at present.
var errBodies = errors.New("httpapi: the bodies of the requests under way take all the memory that they may")

func (b *bodies) take(bytes int) bool { return take(&b.taken, b.max, int64(bytes)) }

func (b *bodies) give(bytes int) { b.taken.Add(-int64(bytes)) }

// lengthNotTold is what fasthttp says of the length of a body in chunks.
const lengthNotTold = -1

// headerAnnounced is what a header is given that the body was not read, and how long it was to be. Only a request that
// is about to be refused can have it from elsewhere.
const headerAnnounced = "Apportion-Announced"

// judge is called when the headers of a request are there. If the answer does not depend on the body, that is not
// waited for and the connection ends with the answer, which handle comes to again.
func (s *Server) judge(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	announced := header.ContentLength()
	if !isLong(announced) {
		return fasthttp.RequestConfig{}
	}
	ctx, req := s.judged.Get().(*fasthttp.RequestCtx), s.requests.Get().(*request)
	header.CopyTo(&ctx.Request.Header)
	req.reset(ctx, time.Now())
	wanted := false
	sound := s.guard(req, func(req *request) { wanted = req.admitted() && req.takesBody() })
	if !wanted {
		header.Set(headerAnnounced, strconv.Itoa(announced))
		header.Del("Expect")
		header.SetContentLength(0)
		header.SetConnectionClose()
	}
	req.ctx = nil
	if !sound {
		return fasthttp.RequestConfig{}
	}
	s.requests.Put(req)
	ctx.Request.Reset()
	ctx.Response.Reset()
	s.judged.Put(ctx)
	return fasthttp.RequestConfig{}
}

// admitted reads everything but the body, or answers that the request is refused.
func (req *request) admitted() bool {
	req.measure()
	return req.soundHead() && req.find() && req.placed() && req.authorized() && req.prepare()
}

// measure finds out how long the body is to be, and whether judge has had it left unread.
func (req *request) measure() {
	header := &req.ctx.Request.Header
	req.announced, req.unread = header.ContentLength(), false
	if req.announced != 0 || !header.ConnectionClose() {
		return
	}
	if announced, err := strconv.Atoi(string(header.Peek(headerAnnounced))); err == nil {
		req.announced, req.unread = announced, true
	}
}

// takesBody reports whether the route reads a body; the documents of the other API decide by the method.
func (req *request) takesBody() bool {
	return req.route.body != bodyNone || req.route.foreign && req.method != methodGet
}

// checkLength refuses a body that says itself that it is too long.
func (req *request) checkLength() bool {
	if req.announced <= req.server.config.BodyBytesMax || !req.takesBody() {
		return true
	}
	p := req.server.unreadProblem(fasthttp.ErrBodyTooLarge)
	req.problem(&p)
	return false
}

// receive reads the body into req.received, or answers that it could not be read.
func (req *request) receive() bool {
	if !req.takesBody() {
		return true
	}
	stream := req.ctx.Request.BodyStream()
	var err error
	switch {
	case req.unread:
		err = io.ErrUnexpectedEOF
	case stream == nil:
		req.received = req.ctx.PostBody()
	case !isLong(req.announced):
		req.reserve(req.announced)
		req.received = req.memory[:req.announced]
		_, err = io.ReadFull(stream, req.received)
	default:
		err = req.receiveStream(stream)
	}
	if err != nil {
		req.unread = true
		req.server.metrics.unread.Inc()
		p := req.server.unreadProblem(err)
		req.problem(&p)
		return false
	}
	return req.announced != lengthNotTold || req.checkMediaType() // an empty one needs no type
}

// receiveStream reads a body that fasthttp has read the beginning of at most. The client's time to wait for the answer
// begins when the body is there.
func (req *request) receiveStream(stream io.Reader) error {
	config := &req.server.config
	most := req.announced
	if most == lengthNotTold {
		most = config.BodyBytesMax + 1 // one that is read tells of a body that is too long
	}
	for req.received = req.memory[:0]; ; {
		if len(req.received) == req.held {
			if !req.hold(min(most, max(bodyStepBytes, 2*req.held))) {
				return errBodies
			}
			req.received = req.memory[:len(req.received)]
		}
		n, err := stream.Read(req.received[len(req.received):req.held])
		req.received = req.received[:len(req.received)+n]
		switch {
		case len(req.received) > config.BodyBytesMax:
			return fasthttp.ErrBodyTooLarge
		case err == io.EOF && len(req.received) < req.announced:
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			if req.begin = time.Now(); !req.forwarded {
				req.deadline = req.begin.Add(config.RequestTimeout)
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// hold makes room for so many bytes of the body, and keeps what there is. It is false if bodies takes no more.
func (req *request) hold(bytes int) bool {
	bodies := &req.server.bodies
	if bytes <= cap(req.memory) {
		if !bodies.take(bytes - req.held) {
			return false
		}
	} else {
		if !bodies.take(bytes) { // besides what is copied
			return false
		}
		req.reserve(bytes)
		bodies.give(req.held)
	}
	req.held = bytes
	return true
}

// reserve makes c.memory at least so large. What req.received has there is copied.
func (req *request) reserve(bytes int) {
	if bytes > cap(req.memory) {
		req.memory = make([]byte, bytes)
		copy(req.memory, req.received)
	}
}

// leave ends the use of a request whose body was not read. The node that has forwarded a request reads no answer before
// all of it is sent; anybody else has the connection closed, and may send on for a moment.
func (req *request) leave() {
	switch stream := req.ctx.Request.BodyStream(); {
	case req.forwarded && stream != nil:
		// it is the other's affair if that fails
		_, _ = io.CopyN(io.Discard, stream, int64(req.server.config.BodyBytesMax))
	case req.unread:
		req.ctx.SetConnectionClose()
		if req.conn != nil {
			req.conn.unread = true
		}
	}
}

// letGo ends the use of the body.
func (req *request) letGo() {
	if req.held > 0 {
		req.server.bodies.give(req.held)
		req.held = 0
	}
	req.received = nil
}

// unreadProblem is the problem of a request that could not be read.
func (s *Server) unreadProblem(err error) problem {
	p := problem{status: http.StatusBadRequest, code: codeBadRequest, detail: "not a readable HTTP request", offset: -1}
	var buffer *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.Is(err, errBodies):
		p.status, p.code = http.StatusServiceUnavailable, codeBusy
		p.detail = fmt.Sprintf("the bodies of the requests under way take %d bytes, all that they may; nothing was "+
			"changed, send it again", s.bodies.max)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		p.status, p.code = http.StatusRequestEntityTooLarge, codeBodyTooLarge
		p.detail = fmt.Sprintf("the body is larger than %d bytes", s.config.BodyBytesMax)
	case errors.As(err, &buffer):
		p.status, p.code, p.detail = http.StatusRequestHeaderFieldsTooLarge, codeHeadersTooLarge,
			"the headers are too large"
	case errors.As(err, &network) && network.Timeout():
		p.status, p.code, p.detail = http.StatusRequestTimeout, codeTimeout, "the request did not arrive in time"
	}
	return p
}

// fasthttp either reads bodies whole, into memory that it takes as soon as it knows their length, or it has all of them
// read by the handler, which costs each request an allocation and 0.3 us. So there are two of its servers: the first
// reads short bodies, and a connection that sends a longer one is passed on to the second, which serves it from then
// on.

// headerLong marks a request that is to be passed on.
const headerLong = "Apportion-Long"

// noticeLong keeps fasthttp from reading a long body, or one of unknown length.
func noticeLong(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if isLong(header.ContentLength()) {
		header.Set(headerLong, "yes")
		header.Del("Expect")
		header.SetContentLength(0)
	}
	return fasthttp.RequestConfig{}
}

func isLong(bodyBytes int) bool { return bodyBytes > bodyPrefetchMax || bodyBytes == lengthNotTold }

// handleShort answers a request whose body was read, and passes the connection on if it was not.
func (s *Server) handleShort(ctx *fasthttp.RequestCtx) {
	header := &ctx.Request.Header
	if header.ContentLength() != 0 || header.Peek(headerLong) == nil {
		s.handle(ctx)
		return
	}
	conn := ctx.Conn().(*timedConn)
	head := slices.Concat(header.Method(), []byte(" "), header.RequestURI(), []byte(" "), header.Protocol(),
		[]byte("\r\n"), header.RawHeaders())
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(rest net.Conn) { s.passedOn.put(&longConn{conn, io.MultiReader(bytes.NewReader(head), rest)}) })
}

// longConn is a connection of which something was read already.
type longConn struct {
	*timedConn
	in io.Reader
}

// Read implements net.Conn.
func (c *longConn) Read(b []byte) (int, error) { return c.in.Read(b) }

// passedOn is the listener of the second server.
type passedOn struct {
	net.Listener // for its address
	conns        chan net.Conn
	done         chan struct{}
	once         sync.Once
}

func newPassedOn(listener net.Listener) *passedOn {
	return &passedOn{Listener: listener, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *passedOn) put(conn net.Conn) {
	select {
	case l.conns <- conn:
	case <-l.done:
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (l *passedOn) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. The one whose address this has is closed by the first server.
func (l *passedOn) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}
