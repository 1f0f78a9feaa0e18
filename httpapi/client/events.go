package client

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"time"

	"apportion/httpapi/api"
)

// EventFilter picks events. Zero values pick all.
type EventFilter struct {
	Types, Locations []string
	Tags             api.Tags
}

func (f *EventFilter) options(options []Option) []Option {
	return append(options, list("types", f.Types), list("locations", f.Locations), tags(f.Tags))
}

// Events reads up to limit events after one: 0 begins with the oldest that is kept. limit 0 is the server's default.
// The reply's Next is the after of the request that goes on.
func (c *Client) Events(ctx context.Context, filter EventFilter, after uint64, limit int64, options ...Option) (
	*api.Events, error) {
	options = append(filter.options(options), afterEvent(after), number("limit", limit))
	return get[api.Events](ctx, c, path("events"), options)
}

// LastEvent gives the number of the newest event, 0 if there is none: what happens from now on is behind it.
func (c *Client) LastEvent(ctx context.Context, options ...Option) (uint64, error) {
	page, err := get[api.Events](ctx, c, path("events"), append(options, parameter("after", "now")))
	if err != nil {
		return 0, err
	}
	return page.Next, nil
}

func afterEvent(after uint64) Option {
	if after == 0 {
		return func(*call) {}
	}
	return parameter("after", strconv.FormatUint(after, 10))
}

// FollowEvents gives the events after one as they happen, until the context ends. It connects again where it was cut
// off, at another node if there are several; an error ends it.
func (c *Client) FollowEvents(ctx context.Context, filter EventFilter, after uint64, options ...Option) iter.Seq2[
	*api.Event, error] {
	return func(yield func(*api.Event, error) bool) {
		for ev, err := range c.follow(ctx, path("events"), append(filter.options(options), afterEvent(after))) {
			var event *api.Event
			if err == nil {
				event = new(api.Event)
				err = json.Unmarshal(ev.Data, event)
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// ChangeFilter picks records and what is shown of them. Zero values pick all.
type ChangeFilter struct {
	Tags      api.Tags // of the segments that are shown
	Locations []string
	UPCPrefix string
}

func (f *ChangeFilter) options(options []Option) []Option {
	return append(options, tags(f.Tags), list("locations", f.Locations), parameter("upcPrefix", f.UPCPrefix))
}

// Changes reads a page of the feed of changes. Without a cursor, all records come first. The reply's Next is the cursor
// of the next page. limit 0 is the server's default; wait is how long to wait for the first change, to the second.
func (c *Client) Changes(ctx context.Context, filter ChangeFilter, cursor string, limit int64, wait time.Duration,
	options ...Option) (*api.Changes, error) {
	options = append(filter.options(options), parameter("after", cursor), number("limit", limit),
		number("waitSeconds", int64(wait/time.Second)))
	return get[api.Changes](ctx, c, path("changes"), options)
}

// FollowedChange is a change with the cursor behind it. A reader that stores both in one step goes on from there later.
type FollowedChange struct {
	api.Change
	Cursor string

	// Copied: this is no change. It says that all records have come with which the feed began.
	Copied bool
}

// Now is a cursor for what changes from now on.
const Now = "now"

// FollowChanges gives changes as they happen, until the context ends. Without a cursor, all records come first. It
// connects again where it was cut off, at another node if there are several; an error ends it. The problem
// cursor-expired means: begin again without a cursor, and drop the records that do not come again.
func (c *Client) FollowChanges(ctx context.Context, filter ChangeFilter, cursor string, options ...Option) iter.Seq2[
	*FollowedChange, error] {
	return func(yield func(*FollowedChange, error) bool) {
		cursor := cursor
		if cursor == Now { // a stream that breaks before the first change would begin later
			page, err := c.Changes(ctx, filter, Now, 1, 0, options...)
			if err != nil {
				yield(nil, err)
				return
			}
			cursor = page.Next
		}
		options := append(filter.options(options), parameter("after", cursor))
		for ev, err := range c.follow(ctx, path("changes"), options) {
			var change *FollowedChange
			if err == nil {
				change = &FollowedChange{Cursor: ev.ID, Copied: ev.Type == "copied"}
				err = json.Unmarshal(ev.Data, &change.Change)
			}
			if !yield(change, err) || err != nil {
				return
			}
		}
	}
}
