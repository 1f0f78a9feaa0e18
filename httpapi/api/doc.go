// Package api holds the JSON types of the operator routes: cluster, rules, dry runs, backtests, history, explanations.
// The server encodes its replies and decodes its bodies with them, and the command line does the reverse, so the two
// cannot drift apart.
//
// It owns the names and types of fields and nothing else: no checks, no printing, no other package of this module. The
// routes of orders and stock have no types here: the server reads and writes them without reflection.
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
// is not the default. Numbers are int64, so that the server can tell a number out of range from one of a wrong type.
//
// # Reading order
//
// rule.go, dryrun.go, explain.go, backtest.go, cluster.go, problem.go.
package api
