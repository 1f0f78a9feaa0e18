package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// Client sends JSON requests to one server, and repeats them if that is safe.
type Client struct {
	base  string
	token string
	http  fasthttp.Client
}

// NewClient makes a client of the server at target, such as http://127.0.0.1:8080. token is the secret of one of its
// tokens, "" for a server that has none.
func NewClient(target, token string) (*Client, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("target %q is no URL: %w", target, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("target %q: expected a URL such as http://127.0.0.1:8080", target)
	}
	return &Client{
		base:  strings.TrimRight(target, "/"),
		token: token,
		http: fasthttp.Client{
			Name:                      "apportion-bench",
			ReadTimeout:               requestTimeout,
			WriteTimeout:              requestTimeout,
			MaxIdemponentCallAttempts: 1, // attempts are counted here, with the pauses between them
		},
	}, nil
}

// Call sends a request and decodes the reply into out, which may be nil. A refusal is a *Problem. It tries again after
// a 503 and after a broken connection; key must make that safe for a write (reads pass an empty one).
func (c *Client) Call(ctx context.Context, method, path, key string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode %s %s: %w", method, path, err)
		}
	}
	return c.send(ctx, method, path, key, "application/json", body, out)
}

// Upload sends a document other than JSON with PUT. It tries again as Call does.
func (c *Client) Upload(ctx context.Context, path, contentType string, body []byte) error {
	return c.send(ctx, "PUT", path, "", contentType, body, nil)
}

func (c *Client) send(ctx context.Context, method, path, key, contentType string, body []byte, out any) error {
	pause := retryPauseFirst
	for attempt := 1; ; attempt++ {
		again, err := c.once(method, path, key, contentType, body, out)
		if err == nil || !again || attempt == attemptsMax {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, retryPauseMax)
	}
}

// once sends one request. again reports whether the same request may have another outcome.
func (c *Client) once(method, path, key, contentType string, body []byte, out any) (again bool, err error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(c.base + path)
	request.Header.SetMethod(method)
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		request.Header.SetContentType(contentType)
		request.SetBodyRaw(body)
	}
	if err := c.http.DoTimeout(request, response, requestTimeout); err != nil {
		return true, fmt.Errorf("%s %s: %w", method, path, err)
	}
	status := response.StatusCode()
	if status/100 != 2 {
		return status == fasthttp.StatusServiceUnavailable, problemOf(method, path, status, response.Body())
	}
	if out == nil {
		return false, nil
	}
	if err := json.Unmarshal(response.Body(), out); err != nil {
		return false, fmt.Errorf("%s %s: the reply is not as expected: %w", method, path, err)
	}
	return false, nil
}

func problemOf(method, path string, status int, body []byte) error {
	problem := &Problem{}
	if err := json.Unmarshal(body, problem); err != nil || problem.Code == "" {
		problem = &Problem{Code: "unknown", Detail: strings.TrimSpace(string(body[:min(len(body), 200)]))}
	}
	problem.Status = status
	return fmt.Errorf("%s %s: %w", method, path, problem)
}
