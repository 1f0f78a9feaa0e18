package engine

import (
	"cmp"
	"slices"
)

// dueHeap is a min-heap by time, then by order of creation.
type dueHeap struct {
	a    []due
	next int // length at which stale rows are dropped
}

// staleMin is the number of entries of a heap, or a queue, below which stale ones are not worth a look.
const staleMin = 1024

// due is a row with a time. A row may have changed or gone since; whoever takes it from the heap checks.
type due struct {
	atMS int64
	seq  uint64
	row  uint32
}

func (h *dueHeap) memoryBytes() int64 { return sliceBytes(h.a) }

func (d due) before(o due) bool { return d.atMS < o.atMS || d.atMS == o.atMS && d.seq < o.seq }
func compareDue(a, b due) int   { return cmp.Or(cmp.Compare(a.atMS, b.atMS), cmp.Compare(a.seq, b.seq)) }
func (h *dueHeap) len() int     { return len(h.a) }
func (h *dueHeap) top() due     { return h.a[0] }

// push adds a row. When the heap has doubled since, it first drops the rows that are not due any more, so that what is
// set and taken back again and again does not stay until its time.
func (h *dueHeap) push(d due, stillDue func(due) bool) {
	if len(h.a) >= max(h.next, staleMin) {
		h.a = slices.DeleteFunc(h.a, func(d due) bool { return !stillDue(d) })
		slices.SortFunc(h.a, compareDue) // a sorted list is a heap
		h.next = 2 * len(h.a)
	}
	h.a = append(h.a, d)
	for i := len(h.a) - 1; i > 0 && h.a[i].before(h.a[(i-1)/2]); i = (i - 1) / 2 {
		h.a[i], h.a[(i-1)/2] = h.a[(i-1)/2], h.a[i]
	}
}

func (h *dueHeap) pop() due {
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
