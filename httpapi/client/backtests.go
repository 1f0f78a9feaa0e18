package client

import (
	"context"
	"net/http"

	"apportion/httpapi/api"
)

// A backtest runs on the node that was asked to start it, and only that node knows it. So a client for backtests has
// one server.

// History tells what of the past can be replayed.
func (c *Client) History(ctx context.Context, options ...Option) (*api.History, error) {
	return get[api.History](ctx, c, path("history"), options)
}

// StartBacktest begins a backtest.
func (c *Client) StartBacktest(ctx context.Context, rule string, body api.StartBacktest, options ...Option) (
	*api.Backtest, error) {
	return send[api.Backtest](ctx, c, newCall(once, http.MethodPost, path("rules", rule, "backtest"), options), body)
}

// Backtests reads the last backtests, without their reports.
func (c *Client) Backtests(ctx context.Context, options ...Option) (*api.BacktestList, error) {
	return get[api.BacktestList](ctx, c, path("backtests"), options)
}

// Backtest reads a backtest, with its report when it is done.
func (c *Client) Backtest(ctx context.Context, id string, options ...Option) (*api.Backtest, error) {
	return get[api.Backtest](ctx, c, path("backtests", id), options)
}

// DeleteBacktest cancels one that runs, or forgets one that has ended.
func (c *Client) DeleteBacktest(ctx context.Context, id string, options ...Option) (*api.Backtest, error) {
	return send[api.Backtest](ctx, c, newCall(once, http.MethodDelete, path("backtests", id), options), nil)
}
