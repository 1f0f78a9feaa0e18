// Package wire is a cheap HTTP/1.1 client that measures servers: one request at a time on a bare keep-alive connection.
// It writes bytes that the caller prepared, and reads without building objects. In most measurements load generator and
// server share a machine, so a cheap client leaves more of it to the server.
//
// Of Apportion it knows only the text format of its metrics (metrics.go). It never sends a request twice: its caller
// counts the outcomes and decides about repetitions.
//
// # Reading order
//
// target.go, conn.go, request.go, metrics.go.
package wire
