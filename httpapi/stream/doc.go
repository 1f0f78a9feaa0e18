// Package stream writes and reads server-sent events over connections that stay open.
//
// It owns an open response from its head to its end: who may have one, heartbeats, the deadline of a write, what a
// reader that has gone or stopped reading costs, and the end when the server stops. A Source says what is sent. The
// package knows no stock, no cursor and no route, and it never waits for one reader on behalf of another.
//
// # Why a hijacked connection
//
// fasthttp can stream a body (SetBodyStreamWriter), but bounds the whole response by one write deadline, and keeps a
// goroutine, a request context and a pipe for it. So the server hands the connection over instead. From then on no
// other code reads it or writes to it, the server does not wait for it when it stops (Streams.Close does), and it still
// counts among the server's connections until it is closed.
//
// The body has no length and no chunks: it ends with the connection. The HTML standard advises that for event streams.
//
// # What one stream costs
//
// Two goroutines, one that writes and one that notices that the client has gone; a buffer of what is written, which
// idle streams give back; and what its Source keeps. The bounds are in limits.go.
//
// # Reading order
//
// streams.go has all streams of a server, stream.go one of them, event.go the form of an event, and its reader.
package stream
