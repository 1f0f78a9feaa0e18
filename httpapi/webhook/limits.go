package webhook

import "time"

const (
	// attemptTimeout bounds one attempt, from the look-up of the name to the end of the answer. Receivers are expected
	// to answer first and work then.
	attemptTimeout = 15 * time.Second

	// answerBytesMax is how much of an answer is read, so that its connection can be used again, and
	// answerHeaderBytesMax how much of its header.
	answerBytesMax       = 64 << 10
	answerHeaderBytesMax = 16 << 10

	// retryMin is the pause after the first failure, at most; each further one doubles it, up to retryMax. A pause is
	// at least half as long as it may be.
	retryMin = time.Second
	retryMax = 5 * time.Minute

	// retryAfterMax bounds the pause that a receiver asks for.
	retryAfterMax = time.Hour

	// pollInterval is how long a new event waits at most before it is seen.
	pollInterval = 20 * time.Millisecond

	// idleInterval is how long a new webhook, or a change of the leader, waits at most while nothing is to be sent.
	idleInterval = 250 * time.Millisecond

	// reportInterval is how often positions are put into the log at most: so much is sent again by a new leader.
	// skipInterval is how long the position of a webhook waits if it has only passed over events, and
	// skipEventsMax after how many events it does not wait any more.
	reportInterval = time.Second
	skipInterval   = 30 * time.Second
	skipEventsMax  = 10_000

	// ReportTimeout bounds the wait for the log: a node that stops makes a last report first.
	ReportTimeout = 2 * time.Second

	// tailEvents is how many of the newest events are kept for all workers together. readEventsMax is how many are read
	// of the state at a time, which holds the mutex of the writer.
	tailEvents    = 2048
	readEventsMax = 64

	// catchUpPause is the pause after readEventsMax old events without one to send.
	catchUpPause = time.Millisecond

	// TestsMax bounds the test messages on their way.
	TestsMax = 8

	// errorBytesMax bounds the text of an error.
	errorBytesMax = 200

	idleConnectionsMax = 128
	idleConnectionAge  = time.Minute
)
