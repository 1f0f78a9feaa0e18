package replay

// DefaultOpeningPercent leaves most lines enough stock and refuses some: a country that orders more of something than
// its share of all orders finds its segment empty.
const DefaultOpeningPercent = 110

// Limits of requests. The first two are those of the server (docs/api.md); package load keeps to the same ones.
const (
	// OrderLinesMax bounds the lines of one allocate; a longer invoice takes several.
	OrderLinesMax = 1_000

	// RefreshItemsMax bounds one request that loads stock.
	RefreshItemsMax = 12_000

	// QueryItemsMax bounds one request that reads back. With the most segments that a run makes of a record, 256, the
	// answer stays below the server's 64 MB.
	QueryItemsMax = 500
)

// Limits of a replay.
const (
	// nameBytesMax bounds a UPC, a location and a tag value.
	nameBytesMax = 64

	// runBytesMax and invoiceBytesMax keep an order id (run, hyphen, invoice) and an idempotency key within what the
	// server takes.
	runBytesMax     = 20
	invoiceBytesMax = nameBytesMax - 1 - runBytesMax

	// rowsMax bounds the rows of one file: they all stay in memory.
	rowsMax = 5_000_000

	// openingPercentMax bounds the opening stock in percent of the demand.
	openingPercentMax = 100_000

	// problemsListed bounds the differences and refusals that a summary lists one by one; the counts stay exact.
	problemsListed = 20
)
