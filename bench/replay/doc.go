// Package replay drives a running Apportion server with a file of real orders, and compares the server's stock with an
// independent count, made from the file alone.
//
// It owns the reader of order files, the replay, and the independent count. It talks HTTP only, through package
// httpapi/client.
//
// # Reading order
//
// rows.go reads a file, sort.go classifies each row, plan.go derives schema and opening stock, replay.go is the run,
// stock.go loads and reads stock, count.go is the independent count, check.go compares the two, summary.go prints the
// result.
package replay
