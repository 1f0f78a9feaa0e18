//go:build invariants || race

package engine

// invariants: every command is followed by a recount, see recount.
const invariants = true
