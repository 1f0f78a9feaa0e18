//go:build invariants || race

package mem

// Invariants is true: every command is followed by a recount.
const Invariants = true
