//go:build !unix

package main

import "math"

// openFilesLimit is how many files this process may have open: here, nobody has said.
func openFilesLimit() int { return math.MaxInt32 }
