package mem

// assert stops the process when the memory is used against its rules.
func assert(ok bool, what string) {
	if !ok {
		panic("BUG: engine/mem: " + what)
	}
}
