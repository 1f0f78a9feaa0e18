package engine

import "sync/atomic"

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

// stats are figures that may be read at any time.
type stats struct {
	records, segments, upcs, orders, items, evicted, futures atomic.Int64

	kept [keptLogs]atomic.Int64 // entries
}

// Stats are the sizes of the state.
type Stats struct {
	Records    int64
	Segments   int64
	UPCs       int64
	Futures    int64 // deliveries waited for
	Orders     int64 // in memory
	OrderItems int64 // in memory
	Evicted    int64 // orders that have left memory since the start of the log
	Results    int64 // kept for idempotency keys
	Events     int64

	Explanations int64 // kept, of lines for which a rule was asked
	Jobs         int64
}

// Stats gives the sizes of the state.
func (rd *Reader) Stats() Stats {
	s := &rd.stats
	return Stats{
		Records: s.records.Load(), Segments: s.segments.Load(), UPCs: s.upcs.Load(), Futures: s.futures.Load(),
		Orders: s.orders.Load(), OrderItems: s.items.Load(), Evicted: s.evicted.Load(),
		Results: s.kept[resultLog].Load(), Events: s.kept[eventLog].Load(), Explanations: s.kept[explanationLog].Load(),
		Jobs: s.kept[jobLog].Load(),
	}
}
