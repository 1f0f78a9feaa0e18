package kibo

import (
	"apportion/engine"
	"apportion/httpapi/stockquery"
)

// Limits of what a request may ask for, beside the engine's and those of reads in query.go and job.go.
const (
	// RowFaultsMax is how many bad rows of a body are told at most: the reading ends there.
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

	// walkLooks is after how many records a look through all of them asks what time it is. With the most steps a name
	// took 10 ms (patterns such as (.*){450}x, a name of 64 bytes).
	walkLooks = 16
)

// Limits of the results of a read.
const (
	// resultsMax is how many results a reply has at most. What lies behind them is on the pages that follow.
	resultsMax = 10_000

	// resultsPerItem is how many results a query has for each of its items, on average, if it says nothing of their
	// number.
	resultsPerItem = 100

	// pagesMax is as many pages as a read can have: none has more results than the records that it looks at.
	pagesMax = stockquery.ReadsMax
)
