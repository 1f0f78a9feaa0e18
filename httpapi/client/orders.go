package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"apportion/httpapi/api"
)

// Allocate promises units to the items of an order. In modes line and partial, it succeeds even if no line got a unit:
// the reply's lines say what each got.
func (c *Client) Allocate(ctx context.Context, orderID string, body api.Allocate, options ...Option) (*api.Allocated,
	error) {
	return post[api.Allocated](ctx, c, path("orders", orderID, "allocate"), body, options)
}

// AllocateMany allocates many orders, each for itself: the reply has the status of each.
func (c *Client) AllocateMany(ctx context.Context, body api.AllocateMany, options ...Option) (*api.AllocatedMany,
	error) {
	return post[api.AllocatedMany](ctx, c, path("orders", "allocate"), body, options)
}

// Confirm makes reservations of an order firm.
func (c *Client) Confirm(ctx context.Context, orderID string, body api.ChangeOrder, options ...Option) (
	*api.ChangedOrder, error) {
	return post[api.ChangedOrder](ctx, c, path("orders", orderID, "confirm"), body, options)
}

// DeallocateMany releases what the orders that a filter finds hold. It has no idempotency key: after
// ErrOutcomeUnknown, a dry run tells what is left.
func (c *Client) DeallocateMany(ctx context.Context, body api.DeallocateMany, options ...Option) (*api.DeallocatedMany,
	error) {
	return send[api.DeallocatedMany](ctx, c, newCall(once, http.MethodPost, path("orders", "deallocate"), options),
		body)
}

// Deallocate releases units of an order.
func (c *Client) Deallocate(ctx context.Context, orderID string, body api.DeallocateOrder, options ...Option) (
	*api.ChangedOrder, error) {
	return post[api.ChangedOrder](ctx, c, path("orders", orderID, "deallocate"), body, options)
}

// Fulfill ships units of an order.
func (c *Client) Fulfill(ctx context.Context, orderID string, body api.ChangeOrder, options ...Option) (
	*api.ChangedOrder, error) {
	return post[api.ChangedOrder](ctx, c, path("orders", orderID, "fulfill"), body, options)
}

// Return puts shipped units back on hand.
func (c *Client) Return(ctx context.Context, orderID string, body api.ReturnOrder, options ...Option) (
	*api.ChangedOrder, error) {
	return post[api.ChangedOrder](ctx, c, path("orders", orderID, "return"), body, options)
}

// Order reads an order.
func (c *Client) Order(ctx context.Context, orderID string, options ...Option) (*api.Order, error) {
	return get[api.Order](ctx, c, path("orders", orderID), options)
}

// Explain tells why the items of an order were filled as they were.
func (c *Client) Explain(ctx context.Context, orderID string, options ...Option) (*api.OrderExplanation, error) {
	return get[api.OrderExplanation](ctx, c, path("orders", orderID, "explain"), options)
}

// OrderFilter picks orders. Zero values pick all.
type OrderFilter struct {
	State         string // open, reserved, pending or closed
	UPC, Location string
	OlderThan     time.Duration // since the last change, to the second
}

// Orders reads a page of orders, those that changed longest ago first. An empty cursor begins, and the reply's Next is
// the cursor of the next page. limit 0 is the server's default.
func (c *Client) Orders(ctx context.Context, filter OrderFilter, cursor string, limit int64, options ...Option) (
	*api.OrderList, error) {
	options = append(options, parameter("state", filter.State), parameter("upc", filter.UPC),
		parameter("location", filter.Location), number("olderThanSeconds", int64(filter.OlderThan/time.Second)),
		parameter("cursor", cursor), number("limit", limit))
	return get[api.OrderList](ctx, c, path("orders"), options)
}

// RefusedLines gives the lines of an Allocate that was refused as a whole; none for another problem.
func RefusedLines(problem *api.Problem) (lines []api.AllocatedLine) {
	_ = json.Unmarshal(problem.Lines, &lines) // of other problems the lines have other fields, or there are none
	return lines
}
