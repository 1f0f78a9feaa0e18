package history

import "time"

const (
	// historyStates is the number of states kept in that window, about: the more, the shorter the way from one of them
	// to the beginning of a backtest; each costs a directory of links.
	historyStates = 96
)

// Refused orders, recorded beside the history.
const (
	// refusedBytes is what is kept of them on disk: two million orders of one line, about as many as a backtest keeps
	// in mind. They take at most a part of the history's bytes, so that a small history is not made of refusals alone.
	refusedBytes        = 256 << 20
	refusedHistoryParts = 4

	// refusedSegmentBytes is the size past which a file is ended and the next one begun: whole files are let go of.
	refusedSegmentBytes = 8 << 20

	// refusedSegmentsMax bounds the files, which a recording opens all at once. Each life of a store that refuses
	// begins one.
	refusedSegmentsMax = 256

	// refusedBufferBytes is what waits in memory to be written; at half of it the writer is woken up early.
	refusedBufferBytes   = 1 << 20
	refusedFlushInterval = time.Second

	// refusedBytesPerSecond and refusedBurstBytes bound what a flash sale costs in processor, disk and a backtest's
	// time: the first 70,000 refused orders are recorded all, of the next ones 2,000 a second. The first are those that
	// other segments could still have filled.
	refusedBytesPerSecond = 256 << 10
	refusedBurstBytes     = 8 << 20

	// refusedFrameBytesMax bounds one order: the engine refuses none of more than 16 lines before the log.
	refusedFrameBytesMax = 64 << 10

	// refusedSeenMax is the number of orders that are known again when they come again at the same log index.
	refusedSeenMax = 1024
)

// A whole frame fits into the half of the buffer that is left when the writer is woken up, and the bytes of several
// segments are kept.
const (
	_ = uint(refusedBufferBytes/2 - refusedFrameBytesMax)
	_ = uint(refusedBytes - refusedSegmentBytes - refusedBufferBytes)
)
