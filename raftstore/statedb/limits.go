package statedb

import "time"

const (
	// cacheBytes is small: after a start, only orders that have left memory are read.
	cacheBytes = 16 << 20

	// memTableBytes is as small as Pebble allows: rows are ingested, so memtables stay empty.
	memTableBytes = 256 << 10

	// bloomBitsPerKey: of a hundred look-ups of orders that were never archived, one reads a block in vain.
	bloomBitsPerKey = 10

	// loadChunkBytes and loadChunksMax bound how far the scan of a load is ahead of the decoding.
	loadChunkBytes = 256 << 10
	loadChunksMax  = 8

	// A checkpoint's files have short names; a table has some 100 MB at most.
	fileNameBytesMax   = 64
	fileBytesMax       = 1 << 40
	checkpointFilesMax = 1 << 20

	// loadLogInterval is the pause between two lines about a long load.
	loadLogInterval = time.Second
)
