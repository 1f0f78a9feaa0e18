// Command failover measures what clients see when the leader of a cluster is killed. It starts three real servers on
// this machine. Clients write orders to all of them, and send a write again until it is acknowledged. The command kills
// the leader with kill -9 and restarts it, several times.
//
// It prints the time without an acknowledged write and the time until a new leader, and draws the writes acknowledged
// per 100 ms around the first kill (docs/failover.svg). Servers and clients share the machine's cores and disk.
//
// # Reading order
//
// main.go, load.go with the clients, plot.go.
package main
