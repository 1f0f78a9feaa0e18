package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"apportion/httpapi/api"
)

// kind is when a request may be sent again.
type kind uint8

const (
	read  kind = iota // always
	write             // always, with the same key
	once              // only if it cannot have had an effect
)

// call is one request.
type call struct {
	kind     kind
	method   string
	path     string
	query    url.Values
	key      string
	content  string // the media type of the body
	body     []byte
	text     *[]byte // where the reply's text goes, nil: nowhere
	replayed *bool

	open   bool   // the body of the reply is read by the caller
	accept string // the media type of the reply, if there are several
	lastID string // of a stream that goes on
	waits  bool   // also if nobody listens: what was there comes back
}

// replyBytesMax bounds a reply. The largest replies, 200 orders with their explanations, are some megabytes.
const replyBytesMax = 256 << 20

// get reads a document.
func get[T any](ctx context.Context, c *Client, path string, options []Option) (*T, error) {
	return send[T](ctx, c, newCall(read, http.MethodGet, path, options), nil)
}

// post sends a write.
func post[T any](ctx context.Context, c *Client, path string, body any, options []Option) (*T, error) {
	return send[T](ctx, c, newCall(write, http.MethodPost, path, options), body)
}

// send sends a request with a body, or without one if it is nil, and decodes the reply.
func send[T any](ctx context.Context, c *Client, call *call, body any) (*T, error) {
	if body != nil {
		var err error
		if call.body, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("client: encode the body: %w", err)
		}
		call.content = "application/json"
	}
	return decoded[T](ctx, c, call)
}

// decoded sends a request and decodes the reply.
func decoded[T any](ctx context.Context, c *Client, call *call) (*T, error) {
	text, err := c.do(ctx, call)
	if err != nil {
		return nil, err
	}
	reply := new(T)
	if err := json.Unmarshal(text, reply); err != nil {
		return nil, fmt.Errorf("client: the reply to %s %s cannot be read: %w", call.method, call.path, err)
	}
	return reply, nil
}

// do sends a request until it has an answer that stays, and returns the text of the reply.
func (c *Client) do(ctx context.Context, call *call) ([]byte, error) {
	a, err := c.exchange(ctx, call)
	if err != nil {
		return nil, err
	}
	return call.keep(&a), nil
}

// exchange sends a request until it has an answer that stays.
func (c *Client) exchange(ctx context.Context, call *call) (answer, error) {
	if call.kind == write && call.key == "" {
		call.key = rand.Text()
	}
	patience := c.config.Patience
	deadline := time.Now().Add(patience)
	unknown := false // an earlier attempt may have had an effect
	nobody := 0      // attempts in a row that reached no server
	for attempt := 0; ; attempt++ {
		at := c.node(ctx)
		a := c.attempt(ctx, at, call)
		if a.err == nil {
			return a, nil
		}
		failed := &Error{Server: c.nodes.urls[at], Key: call.key, Attempts: attempt + 1, Err: a.err}
		if call.kind != read && (a.unknown() || unknown && !a.replayed) {
			unknown = true
			failed.Err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, a.err)
		}
		if nobody++; !a.notSent() {
			nobody = 0
		}
		if !a.again() || call.kind == once && unknown || patience < 0 ||
			c.config.MustListen && !call.waits && nobody >= len(c.nodes.urls) {
			return a, failed
		}
		c.nodes.failed(at)
		pause := pauseFor(attempt, a.retryAfter)
		if time.Now().Add(pause).After(deadline) || c.pause.sleep(ctx, pause) != nil {
			return a, failed
		}
	}
}

// keep hands out what the options asked for.
func (call *call) keep(a *answer) []byte {
	if call.text != nil {
		*call.text = a.text
	}
	if call.replayed != nil {
		*call.replayed = a.replayed
	}
	return a.text
}

// attempt sends a request once.
func (c *Client) attempt(ctx context.Context, at int, call *call) (a answer) {
	if call.open {
		return c.attemptOpen(ctx, at, call)
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	request, err := c.request(ctx, at, call)
	if err != nil {
		return answer{err: err}
	}
	response, err := c.config.HTTP.Do(request)
	if err != nil {
		return answer{err: err}
	}
	a.read(response)
	return a
}

// read reads the whole of a reply.
func (a *answer) read(response *http.Response) {
	defer response.Body.Close()
	a.replayed = response.Header.Get("Idempotency-Replayed") == "true"
	if a.text, a.err = io.ReadAll(io.LimitReader(response.Body, replyBytesMax)); a.err != nil {
		return
	}
	a.status, a.retryAfter = response.StatusCode, retryAfter(response.Header, time.Now())
	if a.status >= http.StatusMultipleChoices {
		a.err = refusal(response.Request.URL, a)
	}
}

// request makes the HTTP request of one attempt.
func (c *Client) request(ctx context.Context, at int, call *call) (*http.Request, error) {
	target := c.nodes.urls[at] + call.path
	if len(call.query) > 0 {
		target += "?" + call.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, call.method, target, bytes.NewReader(call.body))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Content-Type": call.content, "Idempotency-Key": call.key,
		"Accept": call.accept, "Last-Event-ID": call.lastID} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if c.config.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.config.Token)
	}
	return request, nil
}

// refusal is the error of an answer that is no success.
func refusal(at *url.URL, a *answer) error {
	problem := new(api.Problem)
	if json.Unmarshal(a.text, problem) != nil || problem.Code == "" {
		where := *at
		where.RawQuery = ""
		return &notOurs{url: where.String(), status: a.status}
	}
	return problem
}
