package load

import "time"

// Limits of a run. Those of single requests are in package replay.
const (
	// valuesMax bounds the values of a tag category, and so the segments of a record.
	valuesMax = 256

	// runBytesMax keeps location and order ids within 64 bytes.
	runBytesMax = 20

	// connectionsMax, recordsMax and segmentsMax bound the client's memory: a worker takes some kilobytes, a segment 64
	// bytes.
	connectionsMax = 10_000
	recordsMax     = 10_000_000
	segmentsMax    = 50_000_000

	// ratesMax bounds the runs of a sweep.
	ratesMax = 50

	// rateMax is far beyond what one client can send.
	rateMax = 10_000_000

	// durationMax bounds one run: it keeps a point for each second.
	durationMax = 24 * time.Hour

	// sampledOrders is how many orders of each connection the check reads.
	sampledOrders = 8

	// stockUnits is the stock of a segment. It suffices, except where a workload sets less.
	stockUnits = 1_000_000_000

	// requestTimeout bounds the wait for an answer after the end of a run. redialTimeout bounds the wait for a new
	// connection.
	requestTimeout = 30 * time.Second
	redialTimeout  = 15 * time.Second
	redialPause    = 50 * time.Millisecond

	// idleMax is how long a connection may be idle between two stretches before it is replaced. Servers close idle
	// connections.
	idleMax = 30 * time.Second

	// graceMin is the least time that an open loop may continue after its end, if it is late.
	graceMin = 2 * time.Second

	// differencesListed bounds the listed differences. All are counted.
	differencesListed = 20

	// checkReaders is how many requests of the check run at a time.
	checkReaders = 4
)

// All stock together fits an int64, even if it is promised twice.
const _ = uint64(1<<62 - stockUnits*recordsMax)
