package feed

import (
	"sort"

	"apportion/engine"
)

// A place is the number of an item, for changes with the row that makes it quick to find.
type place = engine.ChangeCursor

// item is one thing that a feed tells.
type item[T any] struct {
	at  place
	end int // of its bytes in the batch
	of  T
}

// batch is what a feed has between two places: after the first, and up to the second.
type batch[T any] struct {
	after, until place
	items        []item[T]
	data         []byte // all items, as events of a stream
}

// read fills an empty batch with what follows a place, up to about batchBytesMax. It gives no items if there is nothing
// after the place yet.
type read[T any] func(after place, into *batch[T]) error

// reset empties the batch and keeps its memory.
func (b *batch[T]) reset(after place) {
	clear(b.items) // which would keep the texts in memory
	b.after, b.until, b.items, b.data = after, after, b.items[:0], b.data[:0]
}

// add ends an item whose bytes have been appended.
func (b *batch[T]) add(at place, of T) {
	b.items = append(b.items, item[T]{at, len(b.data), of})
	b.until = at
}

// full reports whether a batch has as much as one may have, so that there may be more.
func (b *batch[T]) full() bool { return len(b.data) >= batchBytesMax }

// appendAfter appends the bytes of the items after a place that are picked; nil picks all.
func (b *batch[T]) appendAfter(dst []byte, after uint64, picks func(of *T) bool) []byte {
	first := 0
	if after > b.after.Seq {
		first = sort.Search(len(b.items), func(i int) bool { return b.items[i].at.Seq > after })
	}
	begin := 0
	if first > 0 {
		begin = b.items[first-1].end
	}
	if picks == nil {
		return append(dst, b.data[begin:]...)
	}
	for i := first; i < len(b.items); i++ {
		if picks(&b.items[i].of) {
			dst = append(dst, b.data[begin:b.items[i].end]...)
		}
		begin = b.items[i].end
	}
	return dst
}
