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

// Heads that fasthttp accepts and proxies may read otherwise. A proxy before this server and this server must not act
// on two different headers of one name (request smuggling).

// singleHeaders are the headers that this server acts on. Each may be there once.
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

// headFault finds what is wrong with raw headers, line by line; detail is empty if nothing is.
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

// How bodies come in. A body of at most bodyPrefetchMax bytes is read before the request is handed over. Of a longer
// body at most so much is read then, and the rest here. Such a request is judged as soon as its headers are there, so
// that a request that is refused anyway costs neither memory nor the client's time. The rest is read into memory that
// grows as it comes, and the memory of all requests together is bounded.

// The memory that fasthttp keeps for the next request is bounded like ours.
func init() { fasthttp.SetBodySizePoolLimit(scratchBytesMax, scratchBytesMax) }

// bodies bounds the memory of the bodies of all requests in flight, without what fasthttp reads of each.
type bodies struct {
	taken atomic.Int64
	max   int64
}

// errBodies means that there is no memory for more bodies at present.
var errBodies = errors.New("httpapi: the bodies of the requests in flight take all the memory that they may")

func (b *bodies) take(bytes int) bool { return take(&b.taken, b.max, int64(bytes)) }

func (b *bodies) give(bytes int) { b.taken.Add(-int64(bytes)) }

// lengthNotTold is fasthttp's length of a body in chunks.
const lengthNotTold = -1

// headerAnnounced marks a request whose body was left unread, and holds the body's length. A client can send this
// header too: then its request is refused anyway.
const headerAnnounced = "Apportion-Announced"

// judge is called when the headers of a request are there. If the answer does not depend on the body, it leaves the
// body unread: handle finds the same answer again, and the connection ends with it.
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

// admitted reads everything but the body. If the request is refused, it answers and returns false.
func (req *request) admitted() bool {
	req.measure()
	return req.soundHead() && req.find() && req.placed() && req.authorized() && req.prepare()
}

// measure finds the announced length of the body, and whether judge has left it unread.
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

// takesBody reports whether the route reads a body; in the other API the method decides.
func (req *request) takesBody() bool {
	return req.route.body != bodyNone || req.route.foreign && req.method != methodGet
}

// checkLength refuses a body whose announced length is too large.
func (req *request) checkLength() bool {
	if req.announced <= req.server.config.BodyBytesMax || !req.takesBody() || req.route.body == bodyFile {
		return true
	}
	p := req.server.unreadProblem(fasthttp.ErrBodyTooLarge)
	req.problem(&p)
	return false
}

// receive reads the body into req.received, or answers that it could not be read.
func (req *request) receive() bool {
	switch {
	case !req.takesBody():
		return true
	case req.route.body == bodyFile:
		return req.receiveFile()
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

// receiveStream reads a body; fasthttp has read its beginning at most. The request's time begins when the body
// is there.
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

// hold makes room for so many bytes of the body, and keeps what is there. It is false if there is no memory for more
// bodies.
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

// reserve makes req.memory at least so large, and copies req.received into it.
func (req *request) reserve(bytes int) {
	if bytes > cap(req.memory) {
		req.memory = make([]byte, bytes)
		copy(req.memory, req.received)
	}
}

// fileBody is a body that is read while it comes. Each read has the time that other requests have for the whole.
type fileBody struct {
	req   *request
	in    io.Reader
	read  int64
	ended bool
	err   error
}

// Read implements io.Reader.
func (b *fileBody) Read(p []byte) (int, error) {
	req := b.req
	_ = req.ctx.Conn().SetReadDeadline(time.Now().Add(req.server.config.ReadTimeout)) // or the read fails
	n, err := b.in.Read(p)
	b.read += int64(n)
	b.ended = err == io.EOF
	if b.ended && int64(req.announced) > b.read {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// begun reports whether some of the file was read, so that it cannot be sent to another node any more.
func (b *fileBody) begun() bool { return b.read > 0 }

// receiveFile makes the body ready to be read, or answers that it could not be.
func (req *request) receiveFile() bool {
	b := &req.file
	*b = fileBody{req: req, in: req.ctx.Request.BodyStream()}
	if b.in == nil {
		b.in = bytes.NewReader(req.ctx.PostBody())
	}
	if req.unread {
		req.server.metrics.unread.Inc()
		p := req.server.unreadProblem(io.ErrUnexpectedEOF)
		req.problem(&p)
	}
	return !req.unread
}

// leave ends a request whose body was not read. A node that has forwarded a request reads no answer before it has sent
// everything; any other client has its connection closed, and may send on for a moment.
func (req *request) leave() {
	switch stream := req.ctx.Request.BodyStream(); {
	case req.forwarded && stream != nil:
		// a failure is the sender's to handle
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
		p.detail = fmt.Sprintf("the bodies of the requests in flight take %d bytes, all that they may; nothing was "+
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

// fasthttp either reads bodies whole, into memory that it takes as soon as it knows their length, or it lets the
// handler read all of them, which costs each request an allocation and 0.3 us. So there are two servers: the first
// reads short bodies, and passes a connection that sends a longer one on to the second, which serves it from then on.

// headerLong marks a request that the server passes on.
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

// longConn is a connection that was partly read already.
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

// Close implements net.Listener. The first server closes the listener whose address this one has.
func (l *passedOn) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}
