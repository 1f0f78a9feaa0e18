// Package api holds the JSON types of the API. The Go client and the command line encode and decode with them. So does
// the server on the operator routes: cluster, rules, dry runs, backtests, history, explanations. It reads and writes
// orders, stock, tags, counts and events without reflection, by code of its own. openapi.yaml joins the two: a test
// here compares the types with it, and the tests of the server do the same with each answer.
//
// It owns the names and types of fields and nothing else: no checks, no printing, no other package of this module.
//
// # Replies
//
// A reply has all of its fields, in the order of the struct; only those with omitempty may be missing. Times are RFC
// 3339 in UTC with milliseconds.
//
// # Bodies
//
// Bodies are named by what they ask for: PutRule, StartBacktest. A field tagged required must be there and must not be
// null; any other field may be missing or null, and the server takes its default. It is a pointer where the zero value
// is not the default and means something of its own. Numbers are int64, so that the server can tell a number out of
// range from one of a wrong type.
//
// # Reading order
//
// Stock and orders: schema.go, inventory.go, stock.go, order.go, event.go. Operators: rule.go, dryrun.go, explain.go,
// backtest.go, cluster.go. Refusals: problem.go.
package api
