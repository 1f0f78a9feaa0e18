// Package bench drives a running Apportion server from outside: it replays real order files and measures.
//
// It owns the reader of order files, the replay, and the independent count that the replay is held against. It talks HTTP
// only and imports no other package of this module: what it shows, any client can see. Below it are
//
//   - bench/load: the load generator of "apportion bench", which checks itself,
//   - bench/compare: Apportion beside Redis and PostgreSQL ("make bench-compare"),
//   - bench/quick: beside a handler that only parses, in a minute ("make bench-quick"),
//   - bench/regress: Go benchmarks against stored figures ("make bench-check"),
//   - bench/wire and bench/rig: the bare connections and the processes that these are built on.
//
// # Reading order
//
// rows.go reads a file, sort.go says what each row is, plan.go derives schema and opening stock, api.go has the shapes of
// the requests, client.go sends them, replay.go is the run, count.go the independent count and check.go the comparison of
// the two, summary.go what the user sees.
package bench
