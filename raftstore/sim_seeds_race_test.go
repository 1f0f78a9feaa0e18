//go:build race

package raftstore

// simSeedsShort is smaller with the race detector. It makes a seed ten times slower, and finds little: the simulation
// itself runs on one goroutine.
const simSeedsShort = 20
