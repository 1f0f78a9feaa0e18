package engine

import "slices"

// queue gives entries in the order in which they came. An entry may become stale while it waits: whoever takes it checks.
type queue[T any] struct {
	a    []T
	head int
	next int // length at which stale entries are dropped
}

// queueGapMin is the number of taken entries below which their memory is not worth a move.
const queueGapMin = 1024

// push adds an entry at the end. When the queue has doubled since, it first drops the stale entries.
func (q *queue[T]) push(entry T, isGood func(T) bool) {
	if q.len() >= max(q.next, staleMin) {
		q.a = slices.DeleteFunc(q.a[q.head:], func(entry T) bool { return !isGood(entry) })
		q.head, q.next = 0, 2*len(q.a)
	}
	if q.head > queueGapMin && q.head*2 > len(q.a) {
		q.a = q.a[:copy(q.a, q.a[q.head:])]
		q.head = 0
	}
	q.a = append(q.a, entry)
}

func (q *queue[T]) len() int { return len(q.a) - q.head }

// front gives the oldest entry, pop takes it out.
func (q *queue[T]) front() T { return q.a[q.head] }

func (q *queue[T]) pop() T {
	q.head++
	return q.a[q.head-1]
}

func (q *queue[T]) memoryBytes() int64 { return sliceBytes(q.a) }
