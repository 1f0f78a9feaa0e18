// Package bench drives a running Apportion server from outside: it replays real order files and measures.
//
// It owns the reader of order files, the replay, the independent count that the replay is held against, and (in
// bench/quick) the comparison of the server with a handler that does nothing. It talks HTTP only and imports no other
// package of this module: what it shows, any client can see.
//
// # Reading order
//
// rows.go reads a file, sort.go says what each row is, plan.go derives schema and opening stock, api.go has the shapes of
// the requests, client.go sends them, replay.go is the run, count.go the independent count and check.go the comparison of
// the two, summary.go what the user sees.
package bench
