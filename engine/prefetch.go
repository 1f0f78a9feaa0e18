package engine

import (
	"apportion/engine/mem"
	"sync/atomic"
)

// PrefetchCommandsMax is how many commands Prefetch looks at, at most: what they need has to stay in the processor's
// cache until they are applied.
const PrefetchCommandsMax = 64

// prefetchCommandsMin is the fewest commands for which looking ahead pays.
const prefetchCommandsMin = 4

// prefetcher is the memory of Prefetch.
type prefetcher struct {
	paths []prefetchPath // one for each command
	next  int            // the path of the command that Apply comes to next, if it is given them in order
	found uint32         // record of the command at hand, 0: not known
	sink  uint64         // keeps the loads from being left out
}

// prefetchPath is how far one order line has been followed.
type prefetchPath struct {
	order, key uint64   // hashes
	list       *tagList // of the line, nil: not known
	record     uint32
	segment    uint32
}

// Prefetch loads what the commands of one entry are about to look at: slots of the indexes, records, segments. A
// command alone waits for each of these loads before it knows the next address, and most of them miss the caches. Many
// commands side by side wait for them together. It changes nothing, and a command that it does not understand is left
// to Apply. It is for the goroutine that calls Apply, just before it does, with the same commands in the same order.
// What it found is a hint that Apply checks: for other commands it only is of no use.
func (e *Engine) Prefetch(commands [][]byte) {
	w := &e.scratch.prefetch
	w.paths, w.next = w.paths[:0], 0
	if len(commands) < prefetchCommandsMin || e.segments.Used() == 0 {
		return
	}
	for _, c := range commands[:min(len(commands), PrefetchCommandsMax)] {
		w.add(c, e.scratch.command.in.lists)
	}
	e.prefetchSlots(w)
	e.prefetchRecords(w)
	e.prefetchSegments(w)
}

// step goes on to the next command's path, and has the command's tag list tried first.
func (w *prefetcher) step(lists *tagLists) {
	w.found = 0
	if w.next < len(w.paths) {
		p := &w.paths[w.next]
		w.found = p.record
		if p.list != nil && p.list.schema == lists.schema {
			lists.last = p.list
		}
		w.next++
	}
}

// findPrefetched is findRecord for a line of the command at hand.
func (e *Engine) findPrefetched(upc, location string) uint32 {
	if row := e.scratch.prefetch.found; row != 0 && e.isRecord(e.records.At(row), upc, location) {
		return row
	}
	return e.findRecord(upc, location)
}

// add begins a command's path: at the first line of an Allocate, or nowhere.
func (w *prefetcher) add(command []byte, lists *tagLists) {
	w.paths = resize(w.paths, len(w.paths)+1)
	p := &w.paths[len(w.paths)-1]
	*p = prefetchPath{}
	r := reader{b: command}
	if r.byte() != commandVersionCommon || Kind(r.byte()) != KindAllocate {
		return
	}
	flags := r.byte()
	if flags&^commandHasKey != 0 {
		return
	}
	if flags&commandHasKey != 0 {
		r.bytes()
	}
	flags = r.byte()
	r.byte()
	orderID := r.text()
	if flags&allocExpires != 0 {
		r.uvarint()
	}
	if lines := r.uvarint(); lines == 0 {
		return
	}
	r.bytes()
	upc, location := r.text(), r.text()
	r.uvarint()
	if r.fault == "" {
		p.order, p.key = mem.HashText(orderID), mem.HashText2(upc, location)
		p.list, _ = lists.find(r.b[r.at:])
	}
}

// prefetchSlots loads the first slot of each key in both indexes, and finds the records. The loads that wait for memory
// are in loops of their own that do nothing else: so the processor has as many of them under way as it can.
func (e *Engine) prefetchSlots(w *prefetcher) {
	var orders, keys [PrefetchCommandsMax]*uint64
	n := len(w.paths)
	for i := range w.paths {
		p := &w.paths[i]
		orders[i], keys[i] = e.byOrderID.Slot(p.order), e.byKey.Slot(p.key)
	}
	sink := uint64(0)
	for _, slot := range orders[:n] {
		sink ^= atomic.LoadUint64(slot)
	}
	for _, slot := range keys[:n] {
		sink ^= atomic.LoadUint64(slot)
	}
	w.sink ^= sink
	for i := range w.paths {
		if p := &w.paths[i]; p.key != 0 {
			p.record, _ = e.byKey.Probe(p.key).Next()
		}
	}
}

// prefetchRecords loads the records, then their UPCs.
func (e *Engine) prefetchRecords(w *prefetcher) {
	sink := uint64(0)
	for i := range w.paths {
		p := &w.paths[i]
		r := e.records.At(p.record)
		p.segment = r.segments
		sink ^= uint64(r.ltd) // the record's last line of the cache
	}
	for i := range w.paths {
		if upc := e.records.At(w.paths[i].record).upcText; upc != 0 {
			sink ^= uint64(e.namesText.Get(upc)[0])
		}
	}
	w.sink ^= sink
}

// prefetchSegments follows the lists of segments of all records side by side, each to the segment that the line names.
func (e *Engine) prefetchSegments(w *prefetcher) {
	for range prefetchSegmentsMax {
		moved := uint32(0)
		for i := range w.paths {
			p := &w.paths[i]
			s := e.segments.At(p.segment)
			if next := s.next; p.list == nil || p.list.set != s.tagSet {
				p.segment = next
				moved |= next
			}
		}
		if moved == 0 {
			return
		}
	}
}

// prefetchSegmentsMax is how many segments of a record are loaded.
const prefetchSegmentsMax = 4
