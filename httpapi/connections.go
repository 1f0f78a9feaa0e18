package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"apportion/httpapi/strictjson"
)

// connections bounds the connections of a listener. The first Config.ConnectionsMax have a place; those beyond are
// spare. A spare connection gets a place as soon as one is free. Until then it gets one answer, soon: monitors the
// usual one, all others 503, so that a full server is not taken for a dead one. Connections beyond the spare ones are
// turned away unread.
type connections struct {
	net.Listener
	log           *slog.Logger
	max, spareMax int64

	placed, spare atomic.Int64
	turnedAway    func()
	nextWarning   time.Time // of the goroutine that accepts
}

func (s *Server) newConnections(listener net.Listener) *connections {
	placesMax := int64(s.config.ConnectionsMax)
	return &connections{Listener: listener, log: s.log, max: placesMax, spareMax: min(ConnectionsSpare, 1+placesMax/8),
		turnedAway: s.metrics.turnedAway.Inc}
}

// Accept implements net.Listener. It waits for errors that may pass, so an error means that the listener has ended.
func (l *connections) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err != nil && !passes(err):
			return nil, err
		case err != nil:
			l.warn("connections cannot be accepted; trying again", "error", err)
			time.Sleep(acceptPause)
		case take(&l.placed, l.max, 1):
			return &servedConn{Conn: conn, of: l}, nil
		case take(&l.spare, l.spareMax, 1):
			l.warn("all connections are in use: what comes now is answered with 503, but for health checks",
				"connections", l.max)
			c := &servedConn{Conn: conn, of: l}
			c.spare.Store(true)
			_ = conn.SetReadDeadline(time.Now().Add(spareTimeout)) // a connection that is gone needs no deadline
			return c, nil
		default:
			l.turnedAway()
			turnAway(conn)
		}
	}
}

// passes reports whether an error of accepting may pass, as when no file descriptor is free or a client has gone. An
// error of the listener itself does not pass.
func passes(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && !slices.Contains([]syscall.Errno{syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK},
		number)
}

// take takes n more of max.
func take(taken *atomic.Int64, max, n int64) bool {
	if taken.Add(n) <= max {
		return true
	}
	taken.Add(-n)
	return false
}

func (l *connections) warn(message string, args ...any) {
	if now := time.Now(); now.After(l.nextWarning) {
		l.nextWarning = now.Add(warningPause)
		l.log.Warn(message, args...)
	}
}

// turnAway answers a connection without reading from it. The answer fits into the buffers of a new connection, so it
// never waits for the client.
func turnAway(conn net.Conn) {
	_ = conn.SetWriteDeadline(time.Now().Add(acceptPause))
	_, _ = conn.Write(turnedAwayAnswer)
	_ = conn.Close()
}

// tooManyConnections is the problem of a request on a spare connection.
var tooManyConnections = problem{status: http.StatusServiceUnavailable, code: codeBusy, offset: -1,
	detail: "all connections of this server are in use; nothing was changed, send it again"}

var turnedAwayAnswer = func() []byte {
	body := append(appendProblem(nil, &tooManyConnections), '}')
	head := []byte("HTTP/1.1 503 Service Unavailable\r\nContent-Type: " + contentProblem +
		"\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: ")
	return append(append(strictjson.AppendInt(head, int64(len(body))), "\r\n\r\n"...), body...)
}()

// servedConn is a connection with a place or a spare one. All methods but Close are for the goroutine that serves it.
type servedConn struct {
	net.Conn
	of     *connections
	spare  atomic.Bool
	closed atomic.Bool

	// unread reports whether the client may still be sending a request that is answered already.
	unread bool
}

// connOf is the connection of a request; nil for one that another node has forwarded.
func connOf(ctx *fasthttp.RequestCtx) *servedConn {
	timed, ok := ctx.Conn().(interface{ served() *servedConn })
	if !ok {
		return nil
	}
	return timed.served()
}

func (c *timedConn) served() *servedConn {
	served, _ := c.Conn.(*servedConn)
	return served
}

// place has a spare connection take a place, and reports whether it has one.
func (c *servedConn) place() bool {
	if !c.spare.Load() {
		return true
	}
	if !take(&c.of.placed, c.of.max, 1) {
		return false
	}
	c.spare.Store(false)
	c.of.spare.Add(-1)
	_ = c.Conn.SetReadDeadline(time.Time{}) // what deadlines keeps counts from here on
	return true
}

// boundSendBuffer bounds what the system holds of what was sent and not received.
func (c *servedConn) boundSendBuffer(bytes int) {
	if conn, ok := c.Conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = conn.SetWriteBuffer(bytes) // without it, the system's own bound holds
	}
}

// Close implements net.Conn.
func (c *servedConn) Close() error {
	if c.unread {
		c.linger()
	}
	if !c.closed.Swap(true) {
		taken := &c.of.placed
		if c.spare.Load() {
			taken = &c.of.spare
		}
		taken.Add(-1)
	}
	return c.Conn.Close()
}

// linger ends the reply and discards for a moment what the client still sends. A connection that is closed at once
// would be reset, and the client would read the reset instead of the reply.
func (c *servedConn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytesMax)
}

// deadlines keeps the deadlines of all connections of a listener. fasthttp sets three for each request; as timers of
// the runtime they cost 3 % of a small request. Here they are numbers that one goroutine checks every deadlineTick, so
// a deadline may be that late. It ends the read or write in progress, and does nothing between two.
type deadlines struct {
	net.Listener
	start time.Time

	mu     sync.Mutex
	conns  map[*timedConn]struct{}
	closed bool
	ended  chan struct{} // closed when the listener is, and the last connection
}

// newDeadlines takes a listener over, and watches its connections until it and they are closed.
func newDeadlines(listener net.Listener) *deadlines {
	d := &deadlines{Listener: listener, start: time.Now(), conns: make(map[*timedConn]struct{}),
		ended: make(chan struct{})}
	go d.run()
	return d
}

// Accept implements net.Listener.
func (d *deadlines) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &timedConn{Conn: conn, deadlines: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed { // while the connection was on its way here
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	d.conns[c] = struct{}{}
	return c, nil
}

// Close implements net.Listener.
func (d *deadlines) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		d.endLocked()
	}
	return d.Listener.Close()
}

func (d *deadlines) endLocked() {
	if d.closed && len(d.conns) == 0 {
		close(d.ended)
	}
}

func (d *deadlines) run() {
	ticker := time.NewTicker(deadlineTick)
	defer ticker.Stop()
	for {
		select {
		case <-d.ended:
			return
		case <-ticker.C:
			d.look(time.Now())
		}
	}
}

// look ends the reads and writes whose deadline has passed.
func (d *deadlines) look(now time.Time) {
	at := d.moment(now)
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		if c.reads.late(at) {
			_ = c.Conn.SetReadDeadline(longAgo) // a connection that is gone needs no deadline
		}
		if c.writes.late(at) {
			_ = c.Conn.SetWriteDeadline(longAgo)
		}
	}
}

var longAgo = time.Unix(1, 0)

// timedUse is one direction of a connection.
type timedUse struct {
	busy atomic.Bool  // a request is in flight
	by   atomic.Int64 // its deadline, nanoseconds since the start, 0: none
}

// late reports whether a request is in flight whose deadline has passed. It loads busy first: a request that begins
// later has set its deadline before.
func (u *timedUse) late(at int64) bool {
	if !u.busy.Load() {
		return false
	}
	by := u.by.Load()
	return by != 0 && by <= at
}

// moment is a time as a nonzero number, 0 for no time.
func (d *deadlines) moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, int64(t.Sub(d.start)))
}

// timedConn is a connection whose deadlines are kept in deadlines. After a deadline has ended a read or write, all
// later ones end too: the connection is no longer usable.
type timedConn struct {
	net.Conn
	deadlines     *deadlines
	reads, writes timedUse
}

// Read implements net.Conn.
func (c *timedConn) Read(b []byte) (int, error) {
	c.reads.busy.Store(true)
	defer c.reads.busy.Store(false)
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *timedConn) Write(b []byte) (int, error) {
	c.writes.busy.Store(true)
	defer c.writes.busy.Store(false)
	return c.Conn.Write(b)
}

// SetDeadline implements net.Conn.
func (c *timedConn) SetDeadline(t time.Time) error {
	at := c.deadlines.moment(t)
	c.reads.by.Store(at)
	c.writes.by.Store(at)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *timedConn) SetReadDeadline(t time.Time) error {
	c.reads.by.Store(c.deadlines.moment(t))
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *timedConn) SetWriteDeadline(t time.Time) error {
	c.writes.by.Store(c.deadlines.moment(t))
	return nil
}

// Close implements net.Conn.
func (c *timedConn) Close() error {
	d := c.deadlines
	d.mu.Lock()
	if _, open := d.conns[c]; open {
		delete(d.conns, c)
		d.endLocked()
	}
	d.mu.Unlock()
	return c.Conn.Close()
}
