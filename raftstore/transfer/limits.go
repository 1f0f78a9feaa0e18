package transfer

import "time"

const (
	// sessionsMax is how many nodes may download a checkpoint from this one at a time. Each takes a part of the disk's
	// and the network's rate; a cluster has few members.
	sessionsMax = 4

	// ExportHold is how long a checkpoint, and the log behind it, are kept after the end of the last download: the
	// other node has to load it before it asks for the log.
	ExportHold = 5 * time.Minute

	// exportCheckInterval is the pause between two checks for exports that are not needed any more.
	exportCheckInterval = time.Second

	// chunkBytes is what a node asks for at a time.
	chunkBytes = 1 << 20

	// answerTimeout bounds the wait for the other end: for a chunk, or for the checksum of one file.
	answerTimeout = 30 * time.Second

	// retryInterval is the pause after a download that brought nothing; leftoverAge is when downloaded files that are
	// not wanted any more are removed.
	retryInterval = time.Second
	leftoverAge   = 10 * time.Minute

	// progressPause is the pause between two lines about the progress of a download.
	progressPause = time.Second
)
