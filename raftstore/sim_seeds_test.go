//go:build !race

package raftstore

// simSeedsShort is the number of seeds in a plain test: a few seconds.
const simSeedsShort = 400
