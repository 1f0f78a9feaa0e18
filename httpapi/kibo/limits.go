package kibo

import (
	"apportion/engine"
	"apportion/httpapi/stockquery"
)

// Limits of requests, beside those of the engine and of package stockquery.
const (
	// RowFaultsMax is how many bad rows of a body a fault lists. The reading ends there.
	RowFaultsMax = 100

	// depthMax and fieldsMax bound the nesting of a body and the fields of one of its objects. Those of that API have
	// five levels and some thirty fields.
	depthMax  = 16
	fieldsMax = 1_000

	// textBytesMax bounds one text of a body, in bytes. Names have 64; a pattern to delete by has more.
	textBytesMax = 1_024

	// patternsMax bounds the patterns of a call, patternBytesMax each of them: four names long. patternStepsMax bounds
	// what all of them come to when they are compiled. Twenty plain ones of 64 bytes have some 1,400.
	patternsMax     = 20
	patternBytesMax = 4 * engine.UPCBytesMax
	patternStepsMax = 4_096

	// walkLooks is after how many records a walk over all of them checks the deadline. With the most steps a name took
	// 10 ms (patterns such as (.*){450}x, a name of 64 bytes).
	walkLooks = 16
)

// Limits of the results of a read.
const (
	// resultsMax bounds the results of a reply. Later results are on later pages.
	resultsMax = 10_000

	// resultsPerItem is how many results an item has on average in a reply to a query that does not limit them.
	resultsPerItem = 100

	// pagesMax bounds the pages of a read. It has no more results than the records that it may look at.
	pagesMax = stockquery.ReadsMax
)
