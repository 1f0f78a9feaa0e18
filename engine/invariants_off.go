//go:build !invariants && !race

package engine

// invariants is false: commands are not followed by a recount.
const invariants = false
