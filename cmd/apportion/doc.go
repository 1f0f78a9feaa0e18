// Command apportion is the inventory segmentation engine: serve runs the server, verify checks a data directory
// offline, get, allocate and many more ask a server, cluster works with the nodes of a cluster, rules with Lua rules,
// bench measures a running server, replay-orders drives one with a file of orders, version names the build.
//
// The package owns flags, environment variables, logging, the order in which things start and stop, and the demo
// catalogue. It holds no logic of stock, storage or HTTP: that is engine, wal and raftstore, httpapi, and bench.
//
// # Reading order
//
//   - main.go and app.go: the tree of commands, errors and exit statuses
//   - serve.go: start and stop of the server; with peers.go (a node of a cluster), openfiles.go, loading.go (requests
//     while the state loads), demo.go, log.go, stop.go (the bound on a stop)
//   - verify.go, bench.go, replay.go, version.go, completion.go: a command each
//   - cluster.go, rules.go, ruleactive.go, ruletry.go and backtest.go, a command or a few each, and ruleprint.go and
//     backtestprint.go, which print replies. ruletest.go needs no server.
//
// The commands about stock and orders are in remote, and top is in top. cmdline has what all commands share.
//
// servertest starts the program for tests. e2e tests clusters of processes under faults: its program is built with the
// tag faults, which puts faults.go in the place of faults_off.go.
package main
