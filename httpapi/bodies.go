package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

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
	ctx, c := s.judged.Get().(*fasthttp.RequestCtx), s.calls.Get().(*call)
	header.CopyTo(&ctx.Request.Header)
	c.reset(ctx, time.Now())
	wanted := false
	sound := s.guard(c, func(c *call) { wanted = c.admitted() && c.takesBody() })
	if !wanted {
		header.Set(headerAnnounced, strconv.Itoa(announced))
		header.Del("Expect")
		header.SetContentLength(0)
		header.SetConnectionClose()
	}
	c.ctx = nil
	if !sound {
		return fasthttp.RequestConfig{}
	}
	s.calls.Put(c)
	ctx.Request.Reset()
	ctx.Response.Reset()
	s.judged.Put(ctx)
	return fasthttp.RequestConfig{}
}

// admitted reads everything but the body, or answers that the request is refused.
func (c *call) admitted() bool {
	c.measure()
	return c.soundHead() && c.find() && c.placed() && c.authorized() && c.prepare()
}

// measure finds out how long the body is to be, and whether judge has had it left unread.
func (c *call) measure() {
	header := &c.ctx.Request.Header
	c.announced, c.unread = header.ContentLength(), false
	if c.announced != 0 || !header.ConnectionClose() {
		return
	}
	if announced, err := strconv.Atoi(string(header.Peek(headerAnnounced))); err == nil {
		c.announced, c.unread = announced, true
	}
}

// takesBody reports whether the route reads a body; the documents of the other API decide by the method.
func (c *call) takesBody() bool {
	return c.route.body != bodyNone || c.route.foreign && c.method != methodGet
}

// checkLength refuses a body that says itself that it is too long.
func (c *call) checkLength() bool {
	if c.announced <= c.server.config.BodyBytesMax || !c.takesBody() {
		return true
	}
	p := c.server.unreadProblem(fasthttp.ErrBodyTooLarge)
	c.problem(&p)
	return false
}

// receive reads the body into c.received, or answers that it could not be read.
func (c *call) receive() bool {
	if !c.takesBody() {
		return true
	}
	stream := c.ctx.Request.BodyStream()
	var err error
	switch {
	case c.unread:
		err = io.ErrUnexpectedEOF
	case stream == nil:
		c.received = c.ctx.PostBody()
	case !isLong(c.announced):
		c.reserve(c.announced)
		c.received = c.memory[:c.announced]
		_, err = io.ReadFull(stream, c.received)
	default:
		err = c.receiveStream(stream)
	}
	if err != nil {
		c.unread = true
		c.server.metrics.unread.Inc()
		p := c.server.unreadProblem(err)
		c.problem(&p)
		return false
	}
	return c.announced != lengthNotTold || c.checkMediaType() // an empty one needs no type
}

// receiveStream reads a body that fasthttp has read the beginning of at most. The client's time to wait for the answer
// begins when the body is there.
func (c *call) receiveStream(stream io.Reader) error {
	config := &c.server.config
	most := c.announced
	if most == lengthNotTold {
		most = config.BodyBytesMax + 1 // one that is read tells of a body that is too long
	}
	for c.received = c.memory[:0]; ; {
		if len(c.received) == c.held {
			if !c.hold(min(most, max(bodyStepBytes, 2*c.held))) {
				return errBodies
			}
			c.received = c.memory[:len(c.received)]
		}
		n, err := stream.Read(c.received[len(c.received):c.held])
		c.received = c.received[:len(c.received)+n]
		switch {
		case len(c.received) > config.BodyBytesMax:
			return fasthttp.ErrBodyTooLarge
		case err == io.EOF && len(c.received) < c.announced:
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			if c.begin = time.Now(); !c.forwarded {
				c.deadline = c.begin.Add(config.RequestTimeout)
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// hold makes room for so many bytes of the body, and keeps what there is. It is false if bodies takes no more.
func (c *call) hold(bytes int) bool {
	bodies := &c.server.bodies
	if bytes <= cap(c.memory) {
		if !bodies.take(bytes - c.held) {
			return false
		}
	} else {
		if !bodies.take(bytes) { // besides what is copied
			return false
		}
		c.reserve(bytes)
		bodies.give(c.held)
	}
	c.held = bytes
	return true
}

// reserve makes c.memory at least so large. What c.received has there is copied.
func (c *call) reserve(bytes int) {
	if bytes > cap(c.memory) {
		c.memory = make([]byte, bytes)
		copy(c.memory, c.received)
	}
}

// leave ends the use of a request whose body was not read. The node that has forwarded a request reads no answer before
// all of it is sent; anybody else has the connection closed, and may send on for a moment.
func (c *call) leave() {
	switch stream := c.ctx.Request.BodyStream(); {
	case c.forwarded && stream != nil:
		// it is the other's affair if that fails
		_, _ = io.CopyN(io.Discard, stream, int64(c.server.config.BodyBytesMax))
	case c.unread:
		c.ctx.SetConnectionClose()
		if c.conn != nil {
			c.conn.unread = true
		}
	}
}

// letGo ends the use of the body.
func (c *call) letGo() {
	if c.held > 0 {
		c.server.bodies.give(c.held)
		c.held = 0
	}
	c.received = nil
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
