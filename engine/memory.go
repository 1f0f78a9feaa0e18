package engine

import "unsafe"

// MemoryBytes is the memory that the state takes, but for schema, rules, locations and what a command needs while it is
// done. The caller holds the mutex under which Apply is called.
func (e *Engine) MemoryBytes() int64 {
	c := &e.changes
	bytes := e.namesText.memoryBytes() + e.ordersText.memoryBytes() +
		e.names.memoryBytes() + e.records.memoryBytes() + e.segments.memoryBytes() + e.futures.memoryBytes() +
		e.orders.memoryBytes() + e.items.memoryBytes() + e.lines.memoryBytes() + e.moves.memoryBytes() +
		e.upcs.memoryBytes() + e.locations.memoryBytes() + e.byKey.memoryBytes() + e.byOrderID.memoryBytes() +
		e.resultsByKey.memoryBytes() + e.archivedNow.Load().memoryBytes() +
		c.records.memoryBytes() + c.orders.memoryBytes() + e.plans.memoryBytes() +
		sliceBytes(e.expiries.a) + sliceBytes(e.arrivals.a) + sliceBytes(e.closed.a)
	for id := range e.logs {
		bytes += e.logs[id].memoryBytes()
	}
	if was := e.archivedWas.Load(); was != nil {
		bytes += was.memoryBytes()
	}
	return bytes + int64(len(e.counts.bases))*countedBytes
}

// countedBytes is what a segment takes in the map of an open count.
const countedBytes = 40

func sliceBytes[T any](s []T) int64 {
	var row T
	return int64(cap(s)) * int64(unsafe.Sizeof(row))
}

func (s *slab[T]) memoryBytes() int64 {
	var chunk [chunkRows]T
	bytes := int64(unsafe.Sizeof(s.chunks)) + (int64(s.used)+chunkRows-1)/chunkRows*int64(unsafe.Sizeof(chunk))
	for _, words := range s.free.levels {
		bytes += sliceBytes(words)
	}
	return bytes
}

func (t *texts) memoryBytes() int64 {
	return t.c0.memoryBytes() + t.c1.memoryBytes() + t.c2.memoryBytes() + t.c3.memoryBytes() +
		t.c4.memoryBytes() + t.c5.memoryBytes() + t.c6.memoryBytes() + t.c7.memoryBytes()
}

func (t *table) memoryBytes() (bytes int64) {
	for i := range t.shards {
		if slots := t.shards[i].slots.Load(); slots != nil {
			bytes += sliceBytes(*slots)
		}
	}
	return bytes
}

func (r *ring) memoryBytes() (bytes int64) {
	for _, chunk := range r.chunks {
		bytes += sliceBytes(chunk)
	}
	for _, block := range r.blocks {
		bytes += sliceBytes(block)
	}
	return bytes
}

func (a *archivedRows) memoryBytes() int64 { return a.entries.memoryBytes() + a.byID.memoryBytes() }

func (b *bitset) memoryBytes() int64 { return sliceBytes(b.words) }
