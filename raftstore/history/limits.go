package history

import "time"

const (
	// checkpointsKept is about how many checkpoints are kept. With more of them, a backtest has less log to replay
	// before its beginning; each costs a directory of links.
	checkpointsKept = 96
)

// Refused orders, recorded beside the history.
const (
	// refusedBytes bounds them on disk: two million orders of one line, about as many as a backtest keeps in memory.
	// They take at most one part in refusedHistoryParts of the history's bytes, so that a small history does not
	// consist of refusals alone.
	refusedBytes        = 256 << 20
	refusedHistoryParts = 4

	// refusedSegmentBytes is the size at which a file is ended and the next one begun. Only whole files are removed.
	refusedSegmentBytes = 8 << 20

	// refusedSegmentsMax bounds the files, since a recording opens all of them at once. Each run of a store that
	// refuses an order begins one.
	refusedSegmentsMax = 256

	// refusedBufferBytes bounds the buffer in memory. The writer is woken up early when it is half full.
	refusedBufferBytes   = 1 << 20
	refusedFlushInterval = time.Second

	// refusedBytesPerSecond and refusedBurstBytes bound what a flash sale costs: CPU, disk, and a backtest's time. The
	// first 70,000 refused orders are all recorded, of later ones 2,000 a second. The first are those that other
	// segments could still have filled.
	refusedBytesPerSecond = 256 << 10
	refusedBurstBytes     = 8 << 20

	// refusedFrameBytesMax bounds one order. Early refusals have at most 16 lines.
	refusedFrameBytesMax = 64 << 10

	// refusedSeenMax is the number of orders whose repetition at the same log index is recognised.
	refusedSeenMax = 1024
)

// A whole frame fits into the half of the buffer that is left when the writer is woken up, and the bytes of several
// segments are kept.
const (
	_ = uint(refusedBufferBytes/2 - refusedFrameBytesMax)
	_ = uint(refusedBytes - refusedSegmentBytes - refusedBufferBytes)
)
