package httpapi

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// deadlines keeps the deadlines of all connections of a listener. fasthttp sets three of them for each request; as
// timers of the runtime they cost 3 % of a small request. Here they are numbers that somebody looks at now and then, so
// a deadline may be late by deadlineTick. It ends the read or write that it finds under way, and is of no meaning
// between two.
type deadlines struct {
	net.Listener
	start time.Time

	mu     sync.Mutex
	conns  map[*timedConn]struct{}
	closed bool
	ended  chan struct{} // closed when the listener is, and the last connection
}

// newDeadlines takes a listener over, and looks after its connections until it and they are closed.
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

// late reports whether a request is in flight whose deadline has passed. busy is looked at first: a request that begins
// later has a deadline that was set before it.
func (u *timedUse) late(at int64) bool {
	if !u.busy.Load() {
		return false
	}
	by := u.by.Load()
	return by != 0 && by <= at
}

// moment is a time as a number that is not 0, 0 for no time.
func (d *deadlines) moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, int64(t.Sub(d.start)))
}

// timedConn is a connection whose deadlines are kept in deadlines. A deadline that ended a read or write ends all later
// ones too: the use of such a connection is over.
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
