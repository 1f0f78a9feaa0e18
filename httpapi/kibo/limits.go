package kibo

// Limits of what a request may ask for, beside the engine's and those of reads in query.go and job.go.
const (
	// RowFaultsMax is how many bad rows of a body are told at most: the reading ends there.
	RowFaultsMax = 100

	// depthMax and fieldsMax bound the nesting of a body and the fields of one of its objects. Those of that API have five levels and
	// some thirty fields.
	depthMax  = 16
	fieldsMax = 1_000

	// textBytesMax bounds one text of a body, in bytes. Names have 64; a pattern to delete by has more.
	textBytesMax = 1_024
)
