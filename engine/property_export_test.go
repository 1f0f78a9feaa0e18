package engine

import "apportion/engine/mem"

// UnbiasedOffset gives the tests where the systematic sampling of a record starts, as a fraction of 2^64. Which hash
// that is is not for the model to know; that it is evenly spread is tested.
func UnbiasedOffset(upc, location string) uint64 { return mem.HashText2(upc, location) }
