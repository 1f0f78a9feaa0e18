package engine

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
		e.expiries.memoryBytes() + e.arrivals.memoryBytes() + e.closed.memoryBytes()
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
