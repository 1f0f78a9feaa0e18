// Command quick measures a real server over HTTP in a minute. The main workload is one-line durable allocations on 64
// keep-alive connections, beside the constant handler: the same fasthttp, the same body parsed, a constant answer.
//
// Absolute figures of a shared machine say little. So the command measures both servers in turns of a second and
// compares their ratio with its target. Load generator and server share the machine's cores; the client is a bare
// socket with prepared bytes and uses little of them.
//
// # Reading order
//
// main.go, cluster.go with a cluster beside one node, workloads.go with what is sent, drive.go with the connections,
// report.go. The processes and the constant handler are in bench/rig, the connections in bench/wire.
package main
