package lists

const (
	// LimitDefault and LimitMax bound what one page shows.
	LimitDefault = 100
	LimitMax     = 1_000

	// OrderLooksMax bounds the orders and items that a page of orders looks at.
	OrderLooksMax = 10_000

	// OlderThanSecondsMax is 30 years.
	OlderThanSecondsMax = 30 * 366 * 86_400
)
