// Package bench is the parent of the packages that drive a running Apportion server from outside, to measure it or to
// check it. They talk HTTP only, so any client can see what they show. The package itself has no code:
//
//   - bench/replay: a file of real orders, and an independent count ("apportion replay-orders"),
//   - bench/load: the load generator of "apportion bench", which checks itself,
//   - bench/compare: Apportion beside Redis and PostgreSQL ("make bench-compare"),
//   - bench/feeds: the feed of changes, with many readers,
//   - bench/quick: beside a handler that only parses, in a minute ("make bench-quick"),
//   - bench/failover: how long writes stop when a leader is killed ("make bench-failover"),
//   - bench/regress: Go benchmarks against stored figures ("make bench-check"),
//   - bench/wire, bench/rig and bench/plot: the bare connections, the processes and the charts that these are built on.
package bench
