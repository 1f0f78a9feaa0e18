//go:build !unix

package main

import "math"

// openFilesLimit is the number of files that this process may have open: here no limit is known.
func openFilesLimit() int { return math.MaxInt32 }
