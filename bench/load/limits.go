package load

import "time"

// Limits of a run. Those of single requests are in package replay.
const (
	// valuesMax bounds the values of a tag category, and so the segments that are told apart by one.
	valuesMax = 256

	// runBytesMax keeps location and order ids within 64 bytes.
	runBytesMax = 20

	// connectionsMax and recordsMax bound what the client itself holds in memory: a histogram-free worker is some
	// kilobytes, a segment 64 bytes.
	connectionsMax = 10_000
	recordsMax     = 10_000_000
	segmentsMax    = 50_000_000

	// ratesMax bounds the runs of a sweep.
	ratesMax = 50

	// rateMax is far beyond what one client can send.
	rateMax = 10_000_000

	// durationMax bounds one run: it keeps a point for each second.
	durationMax = 24 * time.Hour

	// sampledOrders is how many orders of each connection are read back one by one at the end.
	sampledOrders = 8

	// stockUnits of every segment: nothing runs out, except where a workload says so.
	stockUnits = 1_000_000_000

	// requestTimeout bounds the wait for an answer behind the end of a run, redialTimeout the time in which a server
	// must take a new connection.
	requestTimeout = 30 * time.Second
	redialTimeout  = 15 * time.Second
	redialPause    = 50 * time.Millisecond

	// idleMax is how long a connection may lie idle between two stretches before a new one is made: servers close them.
	idleMax = 30 * time.Second

	// graceMin is how long an open loop that is behind may go on after its end, at least.
	graceMin = 2 * time.Second

	// differencesListed bounds the differences that are listed one by one; the count stays exact.
	differencesListed = 20

	// checkReaders is how many requests read back at a time.
	checkReaders = 4
)

// Nothing can be promised twice over an int64.
const _ = uint64(1<<62 - stockUnits*recordsMax)
