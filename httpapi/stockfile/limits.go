package stockfile

import "apportion/engine"

// Limits of files.
const (
	// RowsMax bounds the rows of a chunk, good and bad ones: one command takes as many.
	RowsMax = engine.RefreshItemsMax

	// ChunkBytesMax is the size at which a chunk takes no further row.
	ChunkBytesMax = 4 << 20

	// RowBytesMax bounds one row. The longest sound row has less than 2 KB; a longer one is most likely a quote that
	// is never closed.
	RowBytesMax = 64 << 10

	// ColumnsMax bounds the columns of a CSV file.
	ColumnsMax = 256

	// valuesMax bounds the tag values of one column that are kept as one text each.
	valuesMax = 1024
)

const _ = uint(engine.AdjustItemsMax - RowsMax)
