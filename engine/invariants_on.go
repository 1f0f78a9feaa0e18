//go:build invariants || race

package engine

// invariants is true: every command is followed by a recount.
const invariants = true
