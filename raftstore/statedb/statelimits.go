package statedb

import "time"

const (
	// stateCacheBytes is small: after the start only orders that have left memory are read.
	stateCacheBytes = 16 << 20

	// stateMemTableBytes is as small as Pebble allows for; rows are ingested, nothing is ever written to a memtable.
	stateMemTableBytes = 256 << 10

	// stateBloomBitsPerKey makes one look-up in a hundred for an order that was never archived read a block in vain.
	stateBloomBitsPerKey = 10

	// loadChunkBytes and loadChunksMax bound what the scan of a load is ahead of the decoding.
	loadChunkBytes = 256 << 10
	loadChunksMax  = 8

	// A checkpoint's files have short names; a table has some 100 MB at most.
	fileNameBytesMax   = 64
	fileBytesMax       = 1 << 40
	checkpointFilesMax = 1 << 20

	// loadLogInterval is the pause between two lines about a long load.
	loadLogInterval = time.Second
)
