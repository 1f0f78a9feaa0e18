package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"apportion/engine"
)

// Outcome is what became of one attempt.
type Outcome struct {
	Delivered bool
	Status    int    // of the answer; 0: there was none
	Error     string // why it was not delivered
	Duration  time.Duration

	retryAfter time.Duration // what the receiver asks for; 0: nothing
}

// gone reports whether the receiver wants nothing more.
func (o *Outcome) gone() bool { return o.Status == http.StatusGone }

// post sends a message once.
func (s *Sender) post(ctx context.Context, w *engine.Webhook, m *message) (o Outcome) {
	bounded, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	begin := time.Now()
	o.Status, o.retryAfter, o.Error = s.exchange(bounded, w, m, begin)
	o.Duration = time.Since(begin)
	o.Delivered = o.Error == ""
	if o.Delivered || ctx.Err() == nil {
		s.metrics.count(&o)
	}
	return o
}

// exchange sends the request and reads the answer.
func (s *Sender) exchange(ctx context.Context, w *engine.Webhook, m *message, now time.Time) (status int,
	retryAfter time.Duration, fault string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(m.body))
	if err != nil {
		return 0, 0, "the URL cannot be used"
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "apportion")
	m.sign(req.Header, w, now)
	answer, err := s.client.Do(req)
	if err != nil {
		return 0, 0, faultText(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, answerBytesMax) // the status says it all
	switch status = answer.StatusCode; {
	case status >= 200 && status < 300:
		return status, 0, ""
	case status >= 300 && status < 400:
		fault = fmt.Sprintf("answered %d; redirects are not followed", status)
	default:
		fault = fmt.Sprintf("answered %d", status)
	}
	return status, parseRetryAfter(answer.Header.Get("Retry-After"), now), fault
}

// parseRetryAfter reads the pause that a receiver asks for: seconds, or a date.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(retryAfterMax/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(0, date.Sub(now)), retryAfterMax)
	}
	return 0
}

// faultText is what a client may see of an error: no URL, which may hold a token.
func faultText(err error) string {
	if errors.Is(err, ssrf.ErrProhibitedIP) {
		return errPrivate.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "the name of the host cannot be found: " + dns.Err
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	text := strings.ToValidUTF8(err.Error(), "?")
	if len(text) > errorBytesMax {
		text = strings.ToValidUTF8(text[:errorBytesMax], "") + "…"
	}
	return text
}
