package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"apportion/httpapi/api"
	"apportion/httpapi/stream"
)

const (
	// silenceMax is how long a stream may be silent: some heartbeats of the server.
	silenceMax = 3 * stream.Heartbeat

	// streamLineBytesMax bounds one event of a stream. A record with all segments that there may be has some megabytes.
	streamLineBytesMax = 64 << 20
)

// follow gives the events of a stream, over as many connections as it takes.
func (c *Client) follow(ctx context.Context, path string, options []Option) iter.Seq2[stream.Event, error] {
	return func(yield func(stream.Event, error) bool) {
		call := newCall(read, http.MethodGet, path, options)
		call.open, call.accept = true, stream.MediaType
		for {
			a, err := c.exchange(ctx, call)
			if err != nil {
				yield(stream.Event{}, err)
				return
			}
			call.waits = true
			a.body.silence = silenceMax
			again, err := call.events(a.body, yield)
			_ = a.body.Close()
			if err == nil && again {
				err = c.pause.sleep(ctx, stream.Retry)
			}
			if err != nil {
				yield(stream.Event{}, err)
			}
			if err != nil || !again {
				return
			}
		}
	}
}

// events gives the events of one connection. It reports whether to connect again; an error is the server's.
func (call *call) events(body *openBody, yield func(stream.Event, error) bool) (again bool, err error) {
	in := stream.NewReader(body, streamLineBytesMax)
	for {
		ev, err := in.Read()
		if id := in.LastID(); id != "" {
			call.lastID = id
		}
		switch {
		case errors.Is(err, stream.ErrLineTooLong):
			return false, err
		case err != nil:
			return true, nil
		case ev.Type == "problem":
			problem := new(api.Problem)
			if json.Unmarshal(ev.Data, problem) != nil || problem.Status >= http.StatusInternalServerError {
				return true, nil
			}
			return false, problem
		case !yield(ev, nil):
			return false, nil
		}
	}
}

// escaped lets a name stand in a list of names or tags.
var escaped = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `:`, `\:`)

// list is parameter for names.
func list(name string, values []string) Option {
	var texts []string
	for _, value := range values {
		texts = append(texts, escaped.Replace(value))
	}
	return parameter(name, strings.Join(texts, ","))
}

// tags is the parameter of that name.
func tags(tags api.Tags) Option {
	var texts []string
	for _, category := range slices.Sorted(maps.Keys(tags)) {
		texts = append(texts, escaped.Replace(category)+":"+escaped.Replace(tags[category]))
	}
	return parameter("tags", strings.Join(texts, ","))
}
