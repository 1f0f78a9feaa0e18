package client

import (
	"context"
	"net/http"

	"apportion/httpapi/api"
)

// Cluster reads what the asked node knows of itself and of its cluster.
func (c *Client) Cluster(ctx context.Context, options ...Option) (*api.Cluster, error) {
	return get[api.Cluster](ctx, c, path("cluster"), options)
}

// PutMember adds a node, or changes a member's address or vote.
func (c *Client) PutMember(ctx context.Context, id string, body api.PutMember, options ...Option) (*api.Cluster,
	error) {
	return send[api.Cluster](ctx, c, newCall(once, http.MethodPut, path("cluster", "members", id), options), body)
}

// RemoveMember removes a member.
func (c *Client) RemoveMember(ctx context.Context, id string, options ...Option) (*api.Cluster, error) {
	return send[api.Cluster](ctx, c, newCall(once, http.MethodDelete, path("cluster", "members", id), options), nil)
}

// TransferLeader has another member lead.
func (c *Client) TransferLeader(ctx context.Context, body api.TransferLeader, options ...Option) (*api.Cluster, error) {
	return send[api.Cluster](ctx, c, newCall(once, http.MethodPost, path("cluster", "transfer-leader"), options), body)
}

// Snapshot makes a checkpoint on the asked node.
func (c *Client) Snapshot(ctx context.Context, options ...Option) (*api.Cluster, error) {
	return send[api.Cluster](ctx, c, newCall(once, http.MethodPost, path("cluster", "snapshot"), options), nil)
}

// Ready reports how ready the asked node is, with the checks that this depends on. A node that is not ready answers
// with the problem not-ready.
func (c *Client) Ready(ctx context.Context, options ...Option) (*api.Ready, error) {
	return get[api.Ready](ctx, c, "/readyz", append(options, parameter("verbose", "true")))
}

// Metrics reads the metrics of the asked node, in the text format of Prometheus.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	text, err := c.do(ctx, newCall(read, http.MethodGet, "/metrics", nil))
	return string(text), err
}
