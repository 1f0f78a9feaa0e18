// Command apportion is the inventory segmentation engine: serve runs it, verify checks its data directory offline,
// replay-orders drives a running one with a file of orders, bench measures one, rules works with Lua rules, cluster
// with nodes, version says what was built.
//
// The package owns flags, environment variables, logging, the order in which things start and stop, and the demo
// catalogue. It holds no logic of stock, storage or HTTP: that is engine, wal and raftstore, httpapi, and bench.
//
// # Reading order
//
// main.go, app.go with the commands and their flags, serve.go with start and stop, peers.go for one of several nodes,
// loading.go for the time in between, demo.go, verify.go, replay.go, bench.go, version.go, log.go. remote.go talks to a
// server for cluster.go, rules.go, ruleactive.go, ruletry.go and backtest.go, which ruleprint.go and backtestprint.go
// show; ruletest.go needs no server.
package main
