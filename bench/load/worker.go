package load

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"apportion/bench/wire"
)

// worker is one connection with its session.
type worker struct {
	workload *workload
	session  session
	conn     *wire.Conn
	dial     dialer
	waiter   waiter
	out      []byte
	closing  bool // the server announced the close of the connection

	// mu guards conn: the worker replaces it, another goroutine interrupts it. The worker reads it without mu.
	mu sync.Mutex
}

func newWorker(w *workload, s session, conn net.Conn, dial dialer, wait waiter) *worker {
	return &worker{workload: w, session: s, conn: wire.NewConn(conn), dial: dial, waiter: wait}
}

// interrupt ends the wait for a moment, for an answer, or for a server that does not read. Any goroutine may call it.
func (w *worker) interrupt() {
	w.waiter.interrupt()
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.conn.SetDeadline(time.Unix(1, 0)) // fails only on a broken connection
}

// connect gives the worker a connection. The deadline bounds all waits for it.
func (w *worker) connect(conn net.Conn, deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn, w.closing = wire.NewConn(conn), false
	_ = w.conn.SetDeadline(deadline) // fails only on a broken connection, and then its use fails, too
}

// run sends requests until the stretch is over.
func (w *worker) run(ctx context.Context, p *schedule, rec *recorder, connections int) error {
	gap := p.gap(connections)
	next := p.start
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		var due time.Time
		now := time.Now()
		if p.open() {
			var ok bool
			if due, ok = p.claim(now); !ok {
				return nil
			}
		} else {
			if due = next; due.Before(now) {
				due = now
			}
			if !first && !due.Before(p.end) {
				return nil
			}
			next = due.Add(gap)
		}
		free := due.After(now) // a late request is then the client's own delay
		if err := w.waiter.wait(due); err != nil {
			return context.Cause(ctx)
		}
		a, err := w.exchange(p.open(), due)
		if free && p.open() {
			a.late = max(0, a.late)
		} else {
			a.late = -1
		}
		if err != nil {
			return err
		}
		rec.add(&a)
		if a.code == codeConnection || w.closing {
			if err := w.redial(ctx, p); err != nil {
				return err
			}
		}
	}
}

// codeConnection is the outcome of a request if its connection broke.
const codeConnection = "connection-lost"

// exchange sends the session's next request and reads the answer. An error ends the run: the server reports that the
// request itself is wrong.
func (w *worker) exchange(open bool, due time.Time) (a answer, err error) {
	var c call
	w.out, c = w.session.request(w.out[:0])
	a.op, a.work = c.op, c.work
	sent := time.Now()
	a.late = sent.Sub(due)
	if !open {
		due = sent
	}
	_, err = w.conn.Write(w.out)
	var reply wire.Reply
	if err == nil {
		reply, err = w.conn.ReadReply(false)
	}
	a.at = time.Now()
	a.latency = a.at.Sub(due)
	if err != nil {
		a.code, a.effect = codeConnection, unknown
		w.session.answered(unknown)
		return a, nil
	}
	w.closing = reply.Close
	var sound bool
	a.code, a.effect, sound = outcomeOf(&reply)
	a.ok = a.effect == done || w.workload.refusals && a.code == codeInsufficient
	w.session.answered(a.effect)
	if !sound || a.code == codeInsufficient && !a.ok {
		return a, fmt.Errorf("%s was answered with %d: %s", c.op, reply.Status,
			bytes.TrimSpace(reply.Body[:min(len(reply.Body), 500)]))
	}
	return a, nil
}

// codeInsufficient is the refusal for missing stock.
const codeInsufficient = "insufficient"

// outcomeOf reads the outcome of an answer. sound is false if the request itself was wrong.
func outcomeOf(reply *wire.Reply) (code string, e effect, sound bool) {
	if reply.Status == 200 {
		return "ok", done, true
	}
	code = codeOf(reply.Body)
	switch {
	case reply.Status == 409 && code == codeInsufficient, reply.Status == 429:
		return code, notDone, true
	case reply.Status == 503:
		switch code {
		case "busy", "retry", "not-leader", "not-ready", "shutting-down", "too-stale":
			return code, notDone, true
		}
		return code, unknown, true
	case reply.Status >= 500, reply.Status == 408:
		return code, unknown, true
	}
	return code, notDone, false
}

// knownCodes are the frequent codes: codeOf needs no new string for them.
var knownCodes = []string{codeInsufficient, "busy", "retry"}

// codeOf finds the code of a problem document.
func codeOf(body []byte) string {
	_, after, _ := bytes.Cut(body, []byte(`"code":"`))
	code, _, found := bytes.Cut(after, []byte(`"`))
	for _, known := range knownCodes {
		if string(code) == known {
			return known
		}
	}
	if !found || len(code) > 64 {
		return "no-code"
	}
	return string(code)
}

// redial makes a new connection. It tries until the server has had time for a restart.
func (w *worker) redial(ctx context.Context, p *schedule) error {
	_ = w.conn.Close() // broken, or about to be
	for deadline := time.Now().Add(redialTimeout); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		conn, err := w.dial()
		if err == nil {
			w.connect(conn, p.last.Add(requestTimeout))
			return ctx.Err() // checked after connecting: an earlier interrupt missed this connection
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server has not taken a connection for %s: %w", redialTimeout, err)
		}
		if w.waiter.wait(time.Now().Add(redialPause)) != nil {
			return context.Cause(ctx)
		}
	}
}
