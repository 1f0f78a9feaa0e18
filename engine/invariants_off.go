//go:build !invariants && !race

package engine

// invariants: commands are not followed by a recount, see recount.
const invariants = false
