//go:build unix

package main

import (
	"math"
	"syscall"
)

// openFilesLimit is the number of files that this process may have open. Go has raised the soft limit to the hard one
// at the start.
func openFilesLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32 // no limit is known
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
