package lists

const (
	// LimitDefault and LimitMax bound what one page shows.
	LimitDefault = 100
	LimitMax     = 1_000

	// OrderLooksMax bounds the orders and items that a page of orders looks at.
	OrderLooksMax = 10_000

	// RecordKeysMax bounds the keys that a page of records looks at, and RecordLooksMax the records.
	RecordKeysMax  = 100_000
	RecordLooksMax = 10_000

	// EventLooksMax bounds the events that a page of a record's history looks at. Writes wait for eventLooksStep of
	// them at a time.
	EventLooksMax  = 50_000
	eventLooksStep = 2_000

	// PageBytesMax is the size of a page of records at which no record is added.
	PageBytesMax = 16 << 20

	// recordKeysStep and upcsStep are how many keys and UPCs are looked for at a time. A search for UPCs takes as long
	// for few as for many.
	recordKeysStep = 256
	upcsStep       = 1_000

	// OlderThanSecondsMax is 30 years.
	OlderThanSecondsMax = 30 * 366 * 86_400
)
