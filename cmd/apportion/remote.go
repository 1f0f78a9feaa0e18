package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"apportion/httpapi/api"
)

// remote is a running server, for the commands that talk to one.
type remote struct {
	url    string
	token  string // "" for a server that asks for none
	client http.Client
}

const (
	// remoteTimeout bounds one request. The server's own bound is shorter.
	remoteTimeout = 60 * time.Second

	// remoteReplyBytesMax bounds a reply. The largest replies, 200 orders with their explanations, are some megabytes.
	remoteReplyBytesMax = 256 << 20
)

// remoteFlags gives a command's own flags and the flags of every command that talks to a server.
func remoteFlags(more ...cli.Flag) []cli.Flag {
	return append(more,
		&cli.StringFlag{Name: "server", Value: "http://127.0.0.1:8080", Usage: "`URL` of the server",
			Sources: env("server")},
		tokenFlag(),
		&cli.BoolFlag{Name: "json", Usage: "print the server's reply as JSON"},
	)
}

// tokenFlag gives the flag --token of all commands that talk to a server.
func tokenFlag() cli.Flag {
	return &cli.StringFlag{Name: "token", Usage: "`SECRET` of a token, if the server has tokens",
		Sources: env("token")}
}

func newRemote(cmd *cli.Command) (*remote, error) {
	at, err := url.Parse(cmd.String("server"))
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, usageError{fmt.Errorf("--server %q: expected a URL such as http://127.0.0.1:8080",
			cmd.String("server"))}
	}
	return &remote{url: strings.TrimRight(at.String(), "/"), token: cmd.String("token"),
		client: http.Client{Timeout: remoteTimeout}}, nil
}

// serverAction makes the action of a command that talks to a server and takes exactly the named arguments.
func serverAction(do func(ctx context.Context, cmd *cli.Command, server *remote, args []string) error,
	names ...string) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		args, err := arguments(cmd, names...)
		if err != nil {
			return err
		}
		server, err := newRemote(cmd)
		if err != nil {
			return err
		}
		return do(ctx, cmd, server, args)
	}
}

// arguments returns a command's arguments. It fails unless there is one for each name.
func arguments(cmd *cli.Command, names ...string) ([]string, error) {
	args := cmd.Args().Slice()
	if len(names) == 0 {
		return nil, noArguments(cmd)
	}
	if len(args) != len(names) {
		return nil, usageError{fmt.Errorf("expected %s, got %d arguments\nRun '%s --help' for an example",
			strings.Join(names, " "), len(args), cmd.FullName())}
	}
	return args, nil
}

// given gives a pointer to a value for an optional field of a body, nil for the zero value.
func given[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// get reads a document into v, unless v is nil, and returns its text.
func (r *remote) get(ctx context.Context, path string, v any) ([]byte, error) {
	return r.do(ctx, http.MethodGet, path, "", nil, v)
}

// post sends a value as JSON.
func (r *remote) post(ctx context.Context, path string, body, v any) ([]byte, error) {
	return r.send(ctx, http.MethodPost, path, body, v)
}

// send sends a value as JSON, or no body if it is nil.
func (r *remote) send(ctx context.Context, method, path string, body, v any) ([]byte, error) {
	if body == nil {
		return r.do(ctx, method, path, "", nil, v)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return r.do(ctx, method, path, "application/json", text, v)
}

func (r *remote) do(ctx context.Context, method, path, contentType string, body []byte, v any) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, usageError{err}
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, r.unreachable(err)
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(response.Body, remoteReplyBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read the reply of %s: %w", r.url, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		problem := new(api.Problem)
		if json.Unmarshal(reply, problem) != nil || problem.Code == "" {
			return nil, fmt.Errorf("%s answers %s: is it an apportion server?", r.url+path, response.Status)
		}
		return nil, problem
	}
	if v != nil {
		if err := json.Unmarshal(reply, v); err != nil {
			return nil, fmt.Errorf("the reply of %s cannot be read: %w", r.url+path, err)
		}
	}
	return reply, nil
}

// unreachable is the error for a server that does not answer. It names the remedy.
func (r *remote) unreachable(err error) error {
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "dial" {
		return fmt.Errorf("no server at %s (%w): start one with 'apportion serve', or name another with --server",
			r.url, refused.Err)
	}
	return fmt.Errorf("ask %s: %w", r.url, err)
}

// rulePath is the path of a rule, or of a path below it.
func rulePath(name string, below ...string) string {
	return strings.Join(append([]string{"/v1/rules", url.PathEscape(name)}, below...), "/")
}
