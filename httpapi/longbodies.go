package httpapi

import (
	"bytes"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/valyala/fasthttp"
)

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
