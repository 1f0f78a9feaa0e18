// Package e2e tests clusters of real processes under faults: kill -9, frozen processes, a network that loses, delays or
// resets, disks that are full, slow or stalled, clocks that jump, disks that are lost. It has tests only.
//
// TestMain builds the program once, with package faulty. The other nodes call each node through a proxy. Each node has
// a file with the faults of its disk and its clock.
//
// # Reading order
//
// nodes_test.go with clusters of processes, proxy_test.go with the network between them, tour_test.go with clients that
// write during changes; then the tests by subject: goclient, leaving, behind, members, identity, partition, disk,
// clock, tls, kibo, webhook, feed, stop, verify. crash_test.go is kill -9 of a single server (make crash).
// faults_test.go makes random faults of all kinds under checked load (make faults): nemesis_test.go makes the faults,
// client_test.go the load, history_test.go checks it.
package e2e
