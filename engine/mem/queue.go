package mem

import "slices"

// Queue gives entries in the order in which they came. An entry may become stale while it waits: the caller who takes
// it checks.
type Queue[T any] struct {
	a    []T
	head int
	next int // length at which stale entries are dropped
}

// queueGapMin is the number of taken entries below which their memory is not worth a move.
const queueGapMin = 1024

// Push adds an entry at the end. When the queue has doubled since, it first drops the stale entries.
func (q *Queue[T]) Push(entry T, isGood func(T) bool) {
	if q.Len() >= max(q.next, StaleMin) {
		q.a = slices.DeleteFunc(q.a[q.head:], func(entry T) bool { return !isGood(entry) })
		q.head, q.next = 0, 2*len(q.a)
	}
	if q.head > queueGapMin && q.head*2 > len(q.a) {
		q.a = q.a[:copy(q.a, q.a[q.head:])]
		q.head = 0
	}
	q.a = append(q.a, entry)
}

// Len is the number of entries, stale ones too.
func (q *Queue[T]) Len() int { return len(q.a) - q.head }

// Front gives the oldest entry.
func (q *Queue[T]) Front() T { return q.a[q.head] }

// Pop takes the oldest entry out.
func (q *Queue[T]) Pop() T {
	q.head++
	return q.a[q.head-1]
}

// MemoryBytes is the memory that it takes.
func (q *Queue[T]) MemoryBytes() int64 { return sliceBytes(q.a) }
