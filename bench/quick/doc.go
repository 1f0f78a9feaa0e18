// Command quick measures a real server over HTTP, in a minute: one-line durable allocations on 64 keep-alive
// connections beside a handler on the same fasthttp that only parses the same body and answers a constant, and some
// more.
//
// Absolute figures of a shared machine say little, so the two servers are measured in turns, second by second, in one
// run, and the ratio is what counts. Load generator and server share the machine's cores; the client is a bare socket
// with prepared bytes, so that it takes as little of them as it can.
//
// # Reading order
//
// main.go, cluster.go with a cluster beside one node, workloads.go with what is sent, drive.go with the connections,
// report.go. The processes and the handler to compare with are bench/rig, the connections bench/wire.
package main
