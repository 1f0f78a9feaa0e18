// Package backtest replays the past twice: as it was decided, and as it would have been decided with another rule.
//
// It reads a recording, which the caller provides, and has an engine of its own for each of the two. It changes nothing
// of the running system, and does no I/O of its own.
//
// # Reading order
//
// backtest.go is the way of a backtest, and refused.go what it does with orders that were refused before the log;
// replica.go is one of the two engines; tally.go compares their answers; report.go and explain.go are what was found.
package backtest
