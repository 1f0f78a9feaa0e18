// Package wire is the cheapest HTTP/1.1 client that can measure a server: one request at a time on a bare keep-alive
// connection, written from bytes that the caller prepared and read without building objects. Load generator and server
// share a machine in most measurements, so what the client does not use is what the server has.
//
// It knows nothing of Apportion but the text format of its figures (metrics.go). It never sends a request twice:
// whoever counts what came of each request must decide that.
//
// # Reading order
//
// target.go, conn.go, request.go, metrics.go.
package wire
