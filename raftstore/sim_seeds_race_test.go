//go:build race

package raftstore

// simSeedsShort is less with the race detector, which makes a seed ten times slower and has little to find: all of the
// simulation's own work is on one goroutine.
const simSeedsShort = 40
