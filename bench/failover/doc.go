// Command failover measures what clients see when the leader of a cluster is killed: three real servers on this
// machine, clients that write orders to all of them and send again what was not answered, kill -9 of the leader, and
// its restart, several times.
//
// It prints how long no write was acknowledged and how long it took until another node led, and draws the writes
// acknowledged per 100 ms around the first kill (docs/failover.svg). Servers and clients share the machine's cores and
// disk.
//
// # Reading order
//
// main.go, load.go with the clients, plot.go.
package main
