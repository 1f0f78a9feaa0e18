package stream

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"
)

// stream is one open response.
type stream struct {
	of     *Streams
	conn   net.Conn
	source Source
	gone   chan struct{} // closed when the client has closed the connection
	buffer []byte

	mu      sync.Mutex
	hurried bool // the server stops
}

// run sends the head and then what the source has, until the stream ends.
func (st *stream) run() {
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		st.listen()
	}()
	defer func() { <-listening }()
	defer st.conn.Close() // which ends listen
	if !st.write(appendHead(nil, time.Now())) {
		return
	}
	beat := time.NewTicker(Heartbeat)
	defer beat.Stop()
	old := time.NewTimer(AgeMax + rand.N(ageSpread))
	defer old.Stop()
	for {
		out, idle, err := st.source.Next(st.buffer[:0])
		st.buffer = out
		if len(out) > 0 && !st.write(out) {
			return
		}
		if err != nil {
			st.fail(err)
			return
		}
		wake := st.source.Wake()
		if !idle {
			wake = ready
		}
		select {
		case <-wake:
		case <-beat.C:
			if !st.beat(idle) {
				return
			}
		case <-old.C:
			return
		case <-st.gone:
			return
		case <-st.of.closing:
			return
		}
	}
}

// ready is always ready.
var ready = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// listen reads what the client sends, which is nothing, until it has gone.
func (st *stream) listen() {
	defer close(st.gone)
	var ignored [64]byte
	for {
		if _, err := st.conn.Read(ignored[:]); err != nil {
			return
		}
	}
}

// beat sends a heartbeat: a comment, and the reader's place if the source has one. It reports whether to go on.
func (st *stream) beat(idle bool) bool {
	out, err := st.source.Beat(append(st.buffer[:0], comment+"\n"...))
	st.buffer = out
	if err != nil {
		st.fail(err)
		return false
	}
	if !st.write(append(out, '\n')) {
		return false
	}
	if idle && cap(st.buffer) > keptBytesMax {
		st.buffer = nil
	}
	return true
}

// fail sends a problem as the last event.
func (st *stream) fail(err error) {
	var p *Problem
	if errors.As(err, &p) {
		st.write(AppendData(AppendType(nil, "problem"), p.JSON))
	}
}

// write sends bytes within the stall timeout. It reports whether the stream goes on.
func (st *stream) write(b []byte) bool {
	st.mu.Lock()
	deadline := time.Now().Add(st.of.config.StallTimeout)
	if st.hurried {
		deadline = time.Now().Add(closeTime)
	}
	_ = st.conn.SetWriteDeadline(deadline) // a connection that is gone fails the write
	st.mu.Unlock()
	_, err := st.conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		st.cut()
	}
	return err == nil
}

// cut notes a reader that has stopped reading, unless it had no time to read.
func (st *stream) cut() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.hurried && st.of.config.OnCut != nil {
		st.of.config.OnCut()
	}
}

// hurry bounds everything that is still written.
func (st *stream) hurry() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.hurried = true
	_ = st.conn.SetWriteDeadline(time.Now().Add(closeTime))
}
