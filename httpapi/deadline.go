package httpapi

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// deadlines keeps the deadlines of all connections of a listener. fasthttp sets three of them for each request; as timers
// of the runtime they cost 3 % of a small request. Here they are numbers that somebody looks at now and then, so a
// deadline may be late by deadlineTick.
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
	d := &deadlines{Listener: listener, start: time.Now(), conns: make(map[*timedConn]struct{}), ended: make(chan struct{})}
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
		if passed(&c.readBy, at) {
			_ = c.Conn.SetReadDeadline(now) // a connection that is gone needs no deadline
		}
		if passed(&c.writeBy, at) {
			_ = c.Conn.SetWriteDeadline(now)
		}
	}
}

func passed(by *atomic.Int64, at int64) bool {
	deadline := by.Load()
	return deadline != 0 && deadline <= at
}

// moment is a time as a number that is not 0, 0 for no time.
func (d *deadlines) moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, int64(t.Sub(d.start)))
}

// timedConn is a connection whose deadlines are kept in deadlines. One that was missed stays: the connection's use is over.
type timedConn struct {
	net.Conn
	deadlines *deadlines

	readBy, writeBy atomic.Int64 // nanoseconds since the start, 0: none
}

// SetDeadline implements net.Conn.
func (c *timedConn) SetDeadline(t time.Time) error {
	at := c.deadlines.moment(t)
	c.readBy.Store(at)
	c.writeBy.Store(at)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *timedConn) SetReadDeadline(t time.Time) error {
	c.readBy.Store(c.deadlines.moment(t))
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *timedConn) SetWriteDeadline(t time.Time) error {
	c.writeBy.Store(c.deadlines.moment(t))
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
