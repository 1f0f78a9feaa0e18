package engine

// MemoryBytes is the memory that the state takes, but for schema, rules, locations and what a command needs while it is
// done. The caller holds the mutex under which Apply is called.
func (e *Engine) MemoryBytes() int64 {
	c := &e.changes
	bytes := e.namesText.MemoryBytes() + e.ordersText.MemoryBytes() +
		e.names.MemoryBytes() + e.records.MemoryBytes() + e.segments.MemoryBytes() + e.futures.MemoryBytes() +
		e.orders.MemoryBytes() + e.items.MemoryBytes() + e.lines.MemoryBytes() + e.moves.MemoryBytes() +
		e.upcs.MemoryBytes() + e.locations.MemoryBytes() + e.byKey.MemoryBytes() + e.byOrderID.MemoryBytes() +
		e.resultsByKey.MemoryBytes() + e.archivedNow.Load().memoryBytes() +
		c.records.MemoryBytes() + c.orders.MemoryBytes() + e.plans.MemoryBytes() +
		e.expiries.MemoryBytes() + e.arrivals.MemoryBytes() + e.closed.MemoryBytes()
	for id := range e.logs {
		bytes += e.logs[id].MemoryBytes()
	}
	if was := e.archivedWas.Load(); was != nil {
		bytes += was.memoryBytes()
	}
	return bytes + int64(len(e.counts.bases))*countedBytes
}

// countedBytes is what a segment takes in the map of an open count.
const countedBytes = 40
