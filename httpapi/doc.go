// Package httpapi serves Apportion's API: JSON over HTTP/1.1 under /v1, on fasthttp.
//
// It parses requests, calls, and renders replies. Bodies are read straight into the engine's commands; the engine
// decides about stock, and rules.Runner takes commands through rules and log. The package owns the routes, problem
// documents, request metrics and the life of the HTTP server. What it writes to the log by itself is only how far
// webhooks have come. Between requests it keeps pooled memory and the last backtests. docs/api.md shows the API by
// example.
//
// # One request
//
// fasthttp reads the request and calls Server.handle on the connection's goroutine. Of a long body it reads only the
// beginning; the rest is read once the headers say that the request may be answered. A request comes from the pool.
// find matches the path, prepare reads path parameters, query parameters and headers, and receive gets the body. The
// route's method reads the body with the scanner into a pooled command, whose strings alias the body, and has the
// engine check the limits. A read is answered from lock-free copies. A write is a proposal for the runner, which
// returns its result once it is committed and applied. The result is rendered into the request's buffer. Nothing of a
// request is kept when the handler returns.
//
// A node that does not lead forwards what only the leader can answer (forward.go).
//
// # Strictness
//
// A body is refused at the first thing that is not understood, with the path of the field: a client should not find out
// from its stock that it misspelled a field. What is accepted is a subset of RFC 8259; see package strictjson.
//
// # Reading order
//
// The server: server.go, routes.go (the tree of paths), connections.go (how many clients, and their deadlines),
// auth.go, bodies.go (how much memory bodies may take), limits.go, metrics.go.
//
// Every request: request.go, parse.go, write.go, forward.go, problem.go.
//
// The resources, each with its routes: orders.go, inventory.go, query.go, lists.go, redistribute.go, schema.go,
// rules.go, dryrun.go, backtests.go, cluster.go, feed.go, webhooks.go, health.go. parse_*.go read their bodies,
// render_*.go write their replies. kibo.go has the routes of another API, which package kibo translates.
//
// # Rooms
//
// Package api has the JSON types of the operator routes, which clients share. strictjson is the JSON scanner and
// writer. render writes records and events. feed says what feeds hold, and stream keeps the connections of their
// readers. webhook sends events to the URLs of webhooks. names holds names to a form. lists reads pages of lists, and
// cursor writes where they end. stockfile reads files of stock, while they come. stockquery searches stock for the
// query routes of both APIs. kibo is the other API.
package httpapi
