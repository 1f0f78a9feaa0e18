package mem

import "sync/atomic"

// rowsChunk is the number of rows a Rows grows by, rowsChunksMax bounds it.
const (
	rowsChunk     = 1 << 10
	rowsChunksMax = 1 << 7

	RowsMax = rowsChunk * rowsChunksMax
)

// Rows is a growing array of rows that have pointers, addressed by number, for what there are few of: unlike a Slab's,
// its memory is walked by the garbage collector. Row 0 is never handed out. Rows never move.
//
// One writer adds; readers may call At with any row number the writer has published to them.
type Rows[T any] struct {
	chunks [rowsChunksMax]atomic.Pointer[[rowsChunk]T]
	used   uint32 // rows ever handed out, with row 0
}

// Used is the number of rows ever handed out, with row 0.
func (r *Rows[T]) Used() uint32 { return r.used }

// At gives the row of that number.
func (r *Rows[T]) At(row uint32) *T { return &r.chunks[row/rowsChunk].Load()[row%rowsChunk] }

// Add hands out the next row, which is zero.
func (r *Rows[T]) Add() uint32 {
	row := max(r.used, 1)
	r.used = row + 1
	assert(row < RowsMax, "rows are full")
	if chunk := &r.chunks[row/rowsChunk]; chunk.Load() == nil {
		chunk.Store(new([rowsChunk]T))
	}
	return row
}
