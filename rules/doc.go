// Package rules runs operators' Lua: from which segments an order item is filled (select), and how a record's
// available units are divided among its segments (redistribute).
//
// It owns what a hook sees and returns, self-tests, which rule is asked when, and the way of every write (Runner):
// plan, refuse early, propose, plan again. Lua itself runs in package sandbox. The engine never calls it: a rule runs
// on the leader, before the log, and returns a plan, which the engine executes against its state. It knows no store:
// Log is what it needs of one.
//
// # Reading order
//
// record.go and views.go are what a rule sees; program.go calls it; plan.go and outcome.go are select's answer and what
// the answer does, redistribution.go and remainder.go those of redistribute; selftest.go and selftestread.go are the
// tests in a source; planner.go, plannerredistribution.go and programs.go ask the active rules; runner.go takes
// commands through rules and log, and redistributor.go redistributes waiting records in the background. Package
// backtest asks a rule about the orders of the past.
//
// # Concurrency
//
// A Program, a Planner and a Runner are for any number of goroutines; a Run belongs to one at a time. Each call of a
// hook takes a state of its own from a pool.
package rules
