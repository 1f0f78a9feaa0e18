// Command feeds measures the feed of changes: how long an acknowledged order takes to the sockets of many readers, and
// what the readers take away from the orders.
//
// It starts a server, has connections allocate orders at a rate or as fast as they can, first without readers and then
// with them, and prints the rates and the delays. Each connection orders from records of its own, one order after the
// other, so the number of units that a record has allocated tells which of its acknowledgements an event shows. An
// event that shows several counts for each; one that comes before the acknowledgement counts as no delay.
//
// Readers and orders use bare connections, and share the processors with the server. So the processor time that an
// order takes, with readers and without, is told too: other work on the machine changes it less than the rate.
//
// # Reading order
//
// main.go has the plan, orders.go the connections that allocate, readers.go the streams.
package main
