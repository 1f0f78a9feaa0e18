package httpapi

import (
	"time"

	"apportion/engine"
	"apportion/httpapi/stockquery"
)

// Limits of the HTTP API. The engine's own limits (lengths, items of a command) are in engine/limits.go. They are
// checked while a body is read, so that a request never grows beyond them.
const (
	// BodyBytesMax is the default for Config.BodyBytesMax. 12,000 items with three tags each are about 3 MB.
	BodyBytesMax = 16 << 20

	// BodiesBytesMax is the default for Config.BodiesBytesMax: sixteen of the largest bodies, or over a thousand lists
	// of orders.
	BodiesBytesMax = 256 << 20

	// bodyPrefetchMax is how much of a body fasthttp reads before it hands the request over. Each connection has so
	// much memory for it. Few orders are larger.
	bodyPrefetchMax = 8 << 10

	// bodyStepBytes is the first memory for a longer body.
	bodyStepBytes = 64 << 10

	// HeaderBytesMax bounds the request line and the headers together.
	HeaderBytesMax = 8 << 10

	// ConnectionsMax is the default for Config.ConnectionsMax. A connection beyond it is answered with 503 and closed.
	ConnectionsMax = 16_384

	// StreamsMax is the default for Config.StreamsMax. A stream takes two goroutines, and up to 300 KB if its reader is
	// slow: what it sends next, and what the system holds of what it has sent.
	StreamsMax = 1_000

	// ConnectionsSpare is how many connections beyond ConnectionsMax get an answer, or an eighth of ConnectionsMax if
	// that is less: enough for some monitors while clients without a place try again.
	ConnectionsSpare = 32

	// IdempotencyKeyBytesMax bounds the client's key. A request for many orders makes one key per order from it.
	IdempotencyKeyBytesMax = 64

	// TokensMax bounds the tokens of a server: each request is compared with all of them. The other limits are for the
	// parts of a token.
	TokensMax           = 100
	tokenNameBytesMax   = 128
	tokenSecretBytesMin = 16
	tokenSecretBytesMax = 256

	// BulkOrdersMax and BulkLinesMax bound a request that allocates many orders.
	BulkOrdersMax = 1_000
	BulkLinesMax  = 12_000

	// QueryItemsMax and QueryLocationsMax bound what one query or aggregate may name.
	QueryItemsMax     = stockquery.ItemsMax
	QueryLocationsMax = stockquery.LocationsMax

	// QueryRecordsDefault and QueryRecordsMax bound the records of one reply.
	QueryRecordsDefault = 1_000
	QueryRecordsMax     = 10_000

	// QueryReadsMax bounds the records that one query looks at. A query may pass it by the items of one location.
	QueryReadsMax = stockquery.ReadsMax

	// QuerySumsMax bounds the sums of an aggregate's reply.
	QuerySumsMax = 250_000

	// listingKeys is how many records of a location are looked for at a time.
	listingKeys = 256

	// QueryBytesMax is the size of a query's reply at which no record is added.
	QueryBytesMax = 64 << 20

	// maxLagSecondsMax bounds the lag that a client may allow a stale read: a day.
	maxLagSecondsMax = 86_400

	// ForwardConnectionsMax bounds the connections to the leader: as many requests may be there for this node, if it
	// has as many connections itself.
	ForwardConnectionsMax = 4096

	// forwardDialTimeout bounds the opening of such a connection, and the wait for a free one.
	forwardDialTimeout = 2 * time.Second

	// importBytes is the memory that an import counts for among the bodies: chunks of the file, and their commands.
	importBytes = 16 << 20

	// importTimeout bounds an import that is forwarded. Each of its reads and entries has its own bound.
	importTimeout = time.Hour

	// ExportsMax bounds the exports that are being read: the disk keeps what each of them needs.
	ExportsMax = 4

	// CategoryDryRunsMax bounds the dry runs of tag categories at a time. Each reads all records: 1 million of them
	// take about a second of one core.
	CategoryDryRunsMax = 2

	// exportTimeout bounds the checkpoint that an export begins with, exportAgeMax the reading.
	exportTimeout = time.Minute
	exportAgeMax  = time.Hour

	// forwardIdle is how long an unused one stays open, well below what the other node allows.
	forwardIdle = 10 * time.Second

	// forwardPause is the pause before another try of a request that no node could do.
	forwardPause = 20 * time.Millisecond

	// EventsDefault and EventsMax bound the events of one reply.
	EventsDefault = 100
	EventsMax     = 1_000

	// BacktestsKept bounds the backtests that can be read.
	BacktestsKept = 20

	// BacktestLinesMax bounds the order lines of a backtest's period: 300 MB.
	BacktestLinesMax = 2_000_000

	// BacktestDifferencesDefault and BacktestDifferencesMax bound the orders whose explanations a backtest lists.
	BacktestDifferencesDefault = 20
	BacktestDifferencesMax     = 200

	// backtestReportParts: the reports of those that have ended take one such part of the memory for backtests; the
	// oldest go.
	backtestReportParts = 16

	// BacktestShare and BacktestBytesMax are the defaults for the Config fields of the same name.
	BacktestShare    = 0.5
	BacktestBytesMax = 2 << 30

	// pathSegmentsMax bounds the segments of a URL path.
	pathSegmentsMax = 9

	// scratchElementsMax and scratchBytesMax bound the memory that a request keeps when it goes back to the pool.
	scratchElementsMax = 2_048
	scratchBytesMax    = 256 << 10
)

// Timeouts, each the default of the Config field of the same name.
const (
	RequestTimeout = 10 * time.Second
	ReadTimeout    = 30 * time.Second
	WriteTimeout   = 30 * time.Second
	IdleTimeout    = 120 * time.Second

	// spareTimeout is how long a connection beyond ConnectionsMax may take to send its request.
	spareTimeout = 2 * time.Second

	// acceptPause is the pause after a failed accept, warningPause the pause between two log lines about it.
	acceptPause  = 100 * time.Millisecond
	warningPause = 10 * time.Second

	// lingerTime and lingerBytesMax bound what is discarded of a request that was answered before all of it came.
	lingerTime     = time.Second
	lingerBytesMax = 1 << 20

	// deadlineTick is how late a deadline may end a read, a write or an idle connection.
	deadlineTick = 500 * time.Millisecond
)

// The key of one order of a bulk request is the client's key, a slash and the order id. The engine must accept it.
const _ = uint(engine.KeyBytesMax - IdempotencyKeyBytesMax - len("/") - engine.OrderIDBytesMax)
