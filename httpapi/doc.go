// Package httpapi is the face of Apportion: JSON over HTTP/1.1 under /v1, on fasthttp.
//
// It owns the routes, the reading of bodies straight into the engine's commands, the writing of replies and problem
// documents, request metrics, and the life of the HTTP server. It never decides about stock: every refusal but those of
// form comes from the engine. It keeps no state between requests but pooled memory, the programs of the active rules
// (rules.Planner), which it asks about an order before the order goes to the log, and the last backtests. docs/api.md
// shows the API by example.
//
// # One request
//
// fasthttp reads the request and calls Server.handle on the connection's goroutine; of a long body it reads the
// beginning, once the headers say that the request may be answered. A request comes from the pool; find matches the
// path, prepare reads path and query parameters and headers, receive gets the body. The route's method reads it with
// the scanner into a pooled command whose strings alias the body, has the engine check the limits, and either answers
// from lock-free reads or appends the command, in its binary form, to the request's batch and waits in Store.Do until
// it is committed and applied. The result is decoded into the request and rendered into its buffer. Nothing of a
// request is kept when the handler returns. On a node that does not lead, a request that only the leader can answer is
// passed on to it instead (forward.go).
//
// # Strictness
//
// A body is refused at the first thing that is not understood, with the path of the field: a client that misspells a
// field should not find that out from its stock. Package strictjson says what is accepted.
//
// # Reading order
//
// server.go and routes.go say what there is, connections.go and deadline.go who is heard and for how long, auth.go who
// may use it; head.go, bodies.go and longbodies.go are how a request comes in; request.go, params.go and write.go are
// the frame of every request; stock.go, order.go, bulk.go, query.go, rules.go, dryrun.go, backtest.go with pace.go,
// explain.go, cluster.go and ops.go are the routes; redistribute.go and redistributor.go have rules redistribute, asked
// for or due; forward.go passes requests on to the leader; kibo.go has the routes of another API, which package kibo
// translates; parse*.go read bodies; render*.go and problem.go write replies; metrics.go
// counts; limits.go bounds.
package httpapi
