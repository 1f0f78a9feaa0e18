package stream

import "time"

const (
	// Heartbeat is the time between two heartbeats. Proxies often close a connection that was silent for 30 s or 60 s.
	Heartbeat = 15 * time.Second

	// AgeMax is how long a stream stays open at least, and ageSpread how much longer at most: then the client connects
	// again, with its token, and to a node that is perhaps less busy. It is the lifetime of a ticket.
	AgeMax    = time.Hour
	ageSpread = AgeMax / 10

	// Retry is what clients are told to wait before they connect again.
	Retry = time.Second

	// BytesMax bounds what a Source gives at a time, except for one event that is larger by itself.
	BytesMax = 64 << 10

	// SendBufferBytes is what the system may hold of a stream that is sent and not received. Linux takes twice that,
	// for its own records of it.
	SendBufferBytes = 64 << 10

	// keptBytesMax is the buffer that a stream keeps while it is idle.
	keptBytesMax = 4 << 10

	// closeTime is how long a write may still take when the server stops.
	closeTime = time.Second
)
