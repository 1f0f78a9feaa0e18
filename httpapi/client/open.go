package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// openBody is the body of a reply that the caller reads, for any time in all; but no read may take longer than silence.
type openBody struct {
	body    io.ReadCloser
	silence time.Duration
	late    *time.Timer // ends the request
	cancel  context.CancelCauseFunc
}

var errSilent = errors.New("the server has been silent for too long")

// attemptOpen is attempt for a reply whose body is left open if it is no problem.
func (c *Client) attemptOpen(ctx context.Context, at int, call *call) (a answer) {
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(c.config.Timeout, func() { cancel(errSilent) })
	defer late.Stop()
	request, err := c.request(ctx, at, call)
	if err != nil {
		cancel(nil)
		return answer{err: err}
	}
	response, err := c.config.HTTP.Do(request)
	if err != nil {
		cancel(nil)
		return answer{err: err}
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		a.read(response)
		cancel(nil)
		return a
	}
	a.header = response.Header
	a.body = &openBody{body: response.Body, silence: c.config.Timeout, late: late, cancel: cancel}
	return a
}

// Read implements io.Reader.
func (b *openBody) Read(p []byte) (int, error) {
	b.late.Reset(b.silence)
	defer b.late.Stop()
	return b.body.Read(p)
}

// Close implements io.Closer.
func (b *openBody) Close() error {
	b.cancel(nil)
	return b.body.Close()
}
