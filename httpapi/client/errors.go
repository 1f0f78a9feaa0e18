package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"apportion/httpapi/api"
)

// A request that a server refused fails with an *api.Problem: errors.As finds it.

// ErrOutcomeUnknown: the write may have taken effect, or may still. Send it again with the same key, which the Error
// has, or read what came of it.
var ErrOutcomeUnknown = errors.New("it is not known whether the write took effect")

// Error is the error of every request. It wraps an *api.Problem, ErrOutcomeUnknown, or what the network said.
type Error struct {
	Server   string // the URL of the last one that was asked
	Key      string // the idempotency key of a write
	Attempts int
	Err      error
}

// Error gives the cause in words.
func (e *Error) Error() string {
	var problem *api.Problem
	if errors.As(e.Err, &problem) && !errors.Is(e.Err, ErrOutcomeUnknown) {
		return problem.Error()
	}
	text := e.Err.Error()
	var refused *net.OpError
	if errors.As(e.Err, &refused) && refused.Op == "dial" {
		text = fmt.Sprintf("no server at %s (%v)", e.Server, refused.Err)
	}
	if e.Attempts > 1 {
		text += fmt.Sprintf(", after %d attempts", e.Attempts)
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// notOurs is the error for an answer that no server of Apportion gives.
type notOurs struct {
	url    string
	status int
}

func (e *notOurs) Error() string {
	return fmt.Sprintf("%s answers %d %s: is it an apportion server?", e.url, e.status, http.StatusText(e.status))
}

// answer is what one attempt gave.
type answer struct {
	text       []byte
	replayed   bool
	status     int // 0: no answer
	err        error
	retryAfter time.Duration

	header http.Header // of a reply whose body is open
	body   *openBody
}

// again reports whether the same request may succeed later, maybe at another node.
func (a *answer) again() bool {
	switch a.status {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return a.err != nil
	}
	return false
}

// nothingDone lists the codes of 503 that say that nothing was changed.
var nothingDone = map[string]bool{"retry": true, "busy": true, "not-leader": true, "not-ready": true,
	"shutting-down": true, "too-stale": true, "request-timeout": true}

// unknown reports whether a write may have taken effect, or may still.
func (a *answer) unknown() bool {
	if a.err == nil {
		return false
	}
	var problem *api.Problem
	if errors.As(a.err, &problem) {
		return a.status >= http.StatusInternalServerError && !nothingDone[problem.Code]
	}
	return !a.notSent() && (a.status == 0 || a.status >= http.StatusInternalServerError)
}

// notSent reports whether nobody listened.
func (a *answer) notSent() bool {
	var network *net.OpError
	return errors.As(a.err, &network) && network.Op == "dial"
}
