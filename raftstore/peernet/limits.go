package peernet

import "time"

const (
	// handshakeTimeout and DialTimeout bound the beginning of a connection, QuestionTimeout a short question on it,
	// RaftTimeout one of Raft's calls.
	handshakeTimeout = 5 * time.Second
	DialTimeout      = 5 * time.Second
	QuestionTimeout  = 2 * time.Second
	RaftTimeout      = 10 * time.Second

	// redialPause is the pause before a node is called again at whose address nobody answers, redialMax for how long
	// that goes on. timeoutNowMax is how long a leader waits for the answer of the node to which it transfers
	// leadership: it takes no writes meanwhile, and the node may be down.
	redialPause   = 50 * time.Millisecond
	redialMax     = 2 * time.Second
	timeoutNowMax = redialMax

	// acceptPause is the pause after a connection could not be accepted.
	acceptPause = 100 * time.Millisecond

	// connectionsMax bounds the open connections of each kind but that of forwarded requests; a node needs a few.
	// greetingsMax bounds those that have not said what they are for.
	connectionsMax = 128
	greetingsMax   = 64

	// poolMax is how many of Raft's connections to a node stay open while they are not used.
	poolMax = 3

	// Names of clusters, and messages, are short.
	clusterNameBytesMax = 64
	messageBytesMax     = 4096

	// logInterval is the pause between two lines of the log that are the same.
	logInterval = 5 * time.Second
)
