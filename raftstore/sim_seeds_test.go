//go:build !race

package raftstore

// simSeedsShort is how many seeds a plain test runs: a few seconds.
const simSeedsShort = 400
