//go:build !invariants && !race

package mem

// Invariants is false: commands are not followed by a recount.
const Invariants = false
