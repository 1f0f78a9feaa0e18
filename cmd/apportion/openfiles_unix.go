//go:build unix

package main

import (
	"math"
	"syscall"
)

// openFilesLimit is how many files this process may have open. Go has raised the soft limit to the hard one at the
// start.
func openFilesLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32 // as before there was a look at it
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
