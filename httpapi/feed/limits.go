package feed

import (
	"time"

	"apportion/httpapi/stream"
)

const (
	// batchBytesMax is about what a batch has at most: one more is read only below it.
	batchBytesMax = stream.BytesMax

	// eventsAtATime is how many events are copied under the apply mutex, which takes a few microseconds.
	eventsAtATime = 100

	// changesAtATime is how many changes are copied at a time, copyAtATime how many records of a copy are looked at.
	changesAtATime = 200
	copyAtATime    = 500

	// pageLooksMax and pageBytesMax bound what one page looks at, and shows.
	pageLooksMax = 10_000
	pageBytesMax = 8 << 20

	// WaitSecondsMax bounds the wait for a page, and waitPause is the pause between two looks.
	WaitSecondsMax = 60
	waitPause      = 5 * time.Millisecond

	// tailBytesMax bounds the bytes in a hub's tail, tailBatchesMax its batches. A reader that is further behind reads
	// for itself.
	tailBytesMax   = 4 << 20
	tailBatchesMax = 500

	// PauseMin is the time from one look of a hub to the next while something is new, and PausePerReader what each
	// reader adds to it that the look woke, up to PauseMax: each of them costs a write.
	PauseMin       = 7 * time.Millisecond
	PausePerReader = 20 * time.Microsecond
	PauseMax       = 20 * time.Millisecond

	// NamesMax bounds the names in one filter.
	NamesMax = 1_000
)
