package client

import (
	"context"
	"strconv"

	"apportion/httpapi/api"
)

// Events reads up to limit events after one: 0 begins with the oldest that is kept. limit 0 is the server's default.
// The reply's Next is the after of the request that goes on.
func (c *Client) Events(ctx context.Context, after uint64, limit int64, options ...Option) (*api.Events, error) {
	if after > 0 {
		options = append(options, parameter("after", strconv.FormatUint(after, 10)))
	}
	options = append(options, number("limit", limit))
	return get[api.Events](ctx, c, path("events"), options)
}
