package stockquery

const (
	// ItemsMax and LocationsMax bound what one query may name.
	ItemsMax     = 1_000
	LocationsMax = 1_000

	// ReadsMax bounds the records that one search looks at, so that a query that few locations satisfy ends too.
	ReadsMax = 1_000_000

	// keysPerLook is how many records of a location are listed at a time.
	keysPerLook = 256
)
