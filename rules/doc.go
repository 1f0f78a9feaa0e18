// Package rules runs operators' Lua: from which segments an order item is filled (select), and how a record's
// available units are divided among its segments (redistribute).
//
// It owns what a hook sees and gives back, self-tests, and who is asked when. Lua itself runs in package sandbox.
// It never changes stock, never does I/O, starts no goroutine, and is not called by the engine: a rule runs at the
// leader, before the log, and yields a plan, which the engine executes against the state at its own index.
//
// # Reading order
//
// record.go and views.go are what a rule sees; program.go is the way of a call; plan.go and outcome.go are select's
// answer and what it does, redistribution.go and remainder.go those of redistribute; selftest.go and selftestread.go
// are the tests in a source; planner.go and plannerredistribution.go ask the active rules. Package backtest asks a rule
// about the orders of the past.
//
// # Concurrency
//
// A Program is for any number of goroutines. Each call takes a state of its own from a pool.
package rules
