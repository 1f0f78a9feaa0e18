package feed

import (
	"slices"
	"sort"

	"apportion/engine"
)

// A place is the number of an item, for changes with the row that makes it quick to find.
type place = engine.ChangeCursor

// item is one thing that a feed tells.
type item[T any] struct {
	at   place
	end  int // of its bytes in the batch
	next int // the next item of the same location, 0: none; see index
	of   T
}

// batch is what a feed has between two places: after the first, and up to the second.
type batch[T any] struct {
	after, until place
	items        []item[T]
	data         []byte         // all items, as events of a stream
	first        map[string]int // the first item of each location; nil: not known
}

// read fills an empty batch with what follows a place, up to about batchBytesMax. It gives no items if there is nothing
// after the place yet.
type read[T any] func(after place, into *batch[T]) error

// picker is what a reader picks.
type picker[T any] struct {
	locations []string         // nothing from elsewhere; empty: from everywhere
	picks     func(of *T) bool // nil: everything; it looks at the location, too
}

// reset empties the batch and keeps its memory.
func (b *batch[T]) reset(after place) {
	clear(b.items) // which would keep the texts in memory
	b.after, b.until, b.items, b.data = after, after, b.items[:0], b.data[:0]
}

// clone is a copy that has no more memory than it needs.
func (b *batch[T]) clone() *batch[T] {
	return &batch[T]{after: b.after, until: b.until, items: slices.Clone(b.items), data: slices.Clone(b.data)}
}

// add ends an item whose bytes have been appended.
func (b *batch[T]) add(at place, of T) {
	b.items = append(b.items, item[T]{at: at, end: len(b.data), of: of})
	b.until = at
}

// full reports whether a batch has as much as one may have, so that there may be more.
func (b *batch[T]) full() bool { return len(b.data) >= batchBytesMax }

// index makes the items of each location a list. The item 0 is next to none, so it ends them.
func (b *batch[T]) index(location func(of *T) string) {
	b.first = make(map[string]int)
	for i := len(b.items) - 1; i >= 0; i-- {
		at := location(&b.items[i].of)
		b.items[i].next = b.first[at]
		b.first[at] = i
	}
}

// has reports whether a reader picks one of an item and those that are next to it.
func (b *batch[T]) has(i int, p *picker[T]) bool {
	for {
		if p.picks == nil || p.picks(&b.items[i].of) {
			return true
		}
		if i = b.items[i].next; i == 0 {
			return false
		}
	}
}

// hasAny reports whether a reader picks one of all items.
func (b *batch[T]) hasAny(p *picker[T]) bool {
	if p.picks == nil {
		return true
	}
	for i := range b.items {
		if p.picks(&b.items[i].of) {
			return true
		}
	}
	return false
}

// appendAfter appends the bytes of the items after a place that a reader picks.
func (b *batch[T]) appendAfter(dst []byte, after uint64, p *picker[T]) []byte {
	if b.first != nil && len(p.locations) == 1 {
		i, some := b.first[p.locations[0]]
		for ; some; some = i > 0 {
			if b.items[i].at.Seq > after && p.picks(&b.items[i].of) {
				dst = append(dst, b.bytes(i)...)
			}
			i = b.items[i].next
		}
		return dst
	}
	first := 0
	if after > b.after.Seq {
		first = sort.Search(len(b.items), func(i int) bool { return b.items[i].at.Seq > after })
	}
	if p.picks == nil {
		return append(dst, b.data[b.begin(first):]...)
	}
	for i := first; i < len(b.items); i++ {
		if p.picks(&b.items[i].of) {
			dst = append(dst, b.bytes(i)...)
		}
	}
	return dst
}

// begin is where the bytes of an item begin.
func (b *batch[T]) begin(i int) int {
	if i == 0 {
		return 0
	}
	return b.items[i-1].end
}

func (b *batch[T]) bytes(i int) []byte { return b.data[b.begin(i):b.items[i].end] }
