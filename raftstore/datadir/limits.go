package datadir

import "time"

const (
	// logEndPause is the pause between two notes, and logEndSyncPause that between two syncs of them. What was
	// acknowledged in that time can be lost without a trace, after the end of the process and of the machine. On a slow
	// disk, the pause between syncs is logEndSyncParts of a sync's time, up to logEndSyncMax, so that the log's own
	// syncs hardly wait for them. logEndRetryPause is the pause after an error.
	logEndPause      = 2 * time.Millisecond
	logEndSyncPause  = 25 * time.Millisecond
	logEndSyncParts  = 20
	logEndSyncMax    = 250 * time.Millisecond
	logEndRetryPause = 5 * time.Second
)
