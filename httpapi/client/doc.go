// Package client is a Go client for the API of package httpapi, on net/http: a method for each route, with the types of
// package api.
//
//	c, err := client.New(client.Config{Servers: []string{"http://10.0.0.1:8080", "http://10.0.0.2:8080"}})
//	...
//	done, err := c.Allocate(ctx, "W-1001", api.Allocate{Lines: lines})
//	var problem *api.Problem
//	switch {
//	case err == nil: // done.Lines says what each line got
//	case errors.As(err, &problem): // refused: problem.Code says why
//	default: // nobody could be asked, or the outcome is not known
//	}
//
// It owns how a client behaves towards a cluster: which node to ask, when to send a request again, and what an error
// means. It knows no stock, and it prints nothing.
//
// # Sending again
//
// A write has an idempotency key, by default a random one, and all of its attempts have the same. So an attempt whose
// answer was lost is sent again without harm. A request is sent again if no server answered, or if one answered with a
// status that says so (408, 429, 502, 503, 504). The pauses grow and are drawn at random, so that many clients do not
// come back together; a Retry-After of the server is a pause's least length. Config.Patience bounds it all. A request
// that has no key and must not be done twice, such as the start of a backtest, is only sent again if it cannot have had
// an effect.
//
// A write whose last attempt had no clear answer ends with ErrOutcomeUnknown. So does a write that the server refuses
// after an attempt without an answer, unless the refusal is the kept answer to the same key: the earlier attempt may
// still be on its way.
//
// # Streams
//
// FollowEvents and FollowChanges read server-sent events. A connection that breaks, or is silent for too long, is
// replaced by another one that goes on behind the last event, at another node if need be; Config.Patience bounds how
// long there may be none.
//
// # Following the leader
//
// Each node takes each request and forwards to the leader what only the leader can do. With several servers the client
// looks for the one that leads, since that saves a hop, and goes to another one when its own does not answer. It looks
// again after a failure and from time to time.
//
// # Reading order
//
// client.go, call.go (one request with its attempts), retry.go, leader.go, errors.go, options.go, open.go and follow.go
// (replies that stay open). Then the routes: stock.go, files.go, orders.go, schema.go, rules.go, backtests.go,
// cluster.go, events.go, webhooks.go.
package client
