// Package bench is the parent of everything that drives a running Apportion server from outside, to measure or to check
// it. All of it talks HTTP only: what it shows, any client can see. It has no code of its own:
//
//   - bench/replay: a file of real orders, and an independent count ("apportion replay-orders"),
//   - bench/load: the load generator of "apportion bench", which checks itself,
//   - bench/compare: Apportion beside Redis and PostgreSQL ("make bench-compare"),
//   - bench/quick: beside a handler that only parses, in a minute ("make bench-quick"),
//   - bench/failover: how long writes stop when a leader is killed ("make bench-failover"),
//   - bench/regress: Go benchmarks against stored figures ("make bench-check"),
//   - bench/wire, bench/rig and bench/plot: the bare connections, the processes and the charts that these are built on.
package bench
