package client

import (
	"context"
	"net/http"
	"strconv"

	"apportion/httpapi/api"
)

// Webhooks reads all webhooks with their status.
func (c *Client) Webhooks(ctx context.Context, options ...Option) (*api.WebhookList, error) {
	return get[api.WebhookList](ctx, c, path("webhooks"), options)
}

// Webhook reads one.
func (c *Client) Webhook(ctx context.Context, name string, options ...Option) (*api.Webhook, error) {
	return get[api.Webhook](ctx, c, path("webhooks", name), options)
}

// PutWebhook makes a webhook or replaces its definition.
func (c *Client) PutWebhook(ctx context.Context, name string, body api.PutWebhook, options ...Option) (
	*api.ChangedWebhook, error) {
	return send[api.ChangedWebhook](ctx, c, newCall(write, http.MethodPut, path("webhooks", name), options), body)
}

// DeleteWebhook takes a webhook away.
func (c *Client) DeleteWebhook(ctx context.Context, name string, options ...Option) (*api.ChangedWebhook, error) {
	return send[api.ChangedWebhook](ctx, c, newCall(write, http.MethodDelete, path("webhooks", name), options), nil)
}

// TestWebhook has the server send a test message, and tells what became of it.
func (c *Client) TestWebhook(ctx context.Context, name string, options ...Option) (*api.TestedWebhook, error) {
	return send[api.TestedWebhook](ctx, c, newCall(once, http.MethodPost, path("webhooks", name, "test"), options), nil)
}

// ReplayWebhook has the server send the events from one on again.
func (c *Client) ReplayWebhook(ctx context.Context, name string, from uint64, options ...Option) (*api.ReplayedWebhook,
	error) {
	options = append(options, parameter("from", strconv.FormatUint(from, 10)))
	return post[api.ReplayedWebhook](ctx, c, path("webhooks", name, "replay"), nil, options)
}
