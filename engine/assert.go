package engine

// assert stops the process when the engine is wrong about itself; going on would answer from a state nobody can prove.
func assert(ok bool, what string) {
	if !ok {
		panic("BUG: engine: " + what)
	}
}
