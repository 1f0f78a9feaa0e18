package engine

import "apportion/engine/mem"

// UnbiasedOffset gives the tests the start of the systematic sampling of a record, as a fraction of 2^64. The model
// need not know the hash. Another test shows that it is evenly spread.
func UnbiasedOffset(upc, location string) uint64 { return mem.HashText2(upc, location) }
