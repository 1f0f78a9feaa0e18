// Package replay drives a running Apportion server with a file of real orders, and compares the server's stock with an
// independent count, made from the file alone.
//
// It owns the reader of order files, the replay, its HTTP client, and the independent count. It talks HTTP only and
// imports no other package of this module.
//
// # Reading order
//
// rows.go reads a file, sort.go classifies each row, plan.go derives schema and opening stock, api.go has the shapes of
// the requests, client.go sends them, replay.go is the run, stock.go loads and reads stock, count.go is the independent
// count, check.go compares the two, summary.go prints the result.
package replay
