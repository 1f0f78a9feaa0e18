package mem

import (
	"cmp"
	"slices"
)

// DueHeap is a min-heap by time, then by order of creation.
type DueHeap struct {
	a    []Due
	next int // length at which stale rows are dropped
}

// staleMin is the number of entries of a heap, or a queue, below which stale ones are not worth a look.
const StaleMin = 1024

// Due is a row with a time. A row may have changed or gone since; the caller of Pop checks.
type Due struct {
	AtMS int64
	Seq  uint64
	Row  uint32
}

// MemoryBytes is the memory that it takes.
func (h *DueHeap) MemoryBytes() int64 { return sliceBytes(h.a) }

func (d Due) before(o Due) bool { return d.AtMS < o.AtMS || d.AtMS == o.AtMS && d.Seq < o.Seq }
func compareDue(a, b Due) int   { return cmp.Or(cmp.Compare(a.AtMS, b.AtMS), cmp.Compare(a.Seq, b.Seq)) }

// Len is the number of rows, stale ones too.
func (h *DueHeap) Len() int { return len(h.a) }

// Top is the row that is due first.
func (h *DueHeap) Top() Due { return h.a[0] }

// Push adds a row. When the heap has doubled since, it first drops the rows that are not due any more, so that what is
// set and taken back again and again does not stay until its time.
func (h *DueHeap) Push(d Due, stillDue func(Due) bool) {
	if len(h.a) >= max(h.next, StaleMin) {
		h.a = slices.DeleteFunc(h.a, func(d Due) bool { return !stillDue(d) })
		slices.SortFunc(h.a, compareDue) // a sorted list is a heap
		h.next = 2 * len(h.a)
	}
	h.a = append(h.a, d)
	for i := len(h.a) - 1; i > 0 && h.a[i].before(h.a[(i-1)/2]); i = (i - 1) / 2 {
		h.a[i], h.a[(i-1)/2] = h.a[(i-1)/2], h.a[i]
	}
}

// Pop takes the row out that is due first.
func (h *DueHeap) Pop() Due {
	top, last := h.a[0], len(h.a)-1
	h.a[0] = h.a[last]
	h.a = h.a[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && h.a[child].before(h.a[least]) {
				least = child
			}
		}
		if least == i {
			return top
		}
		h.a[i], h.a[least] = h.a[least], h.a[i]
		i = least
	}
}
