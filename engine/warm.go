package engine

import "sync/atomic"

// WarmCommandsMax is how many commands Warm looks at, at most: what they need has to stay in the processor's cache until
// they are applied.
const WarmCommandsMax = 64

// warmCommandsMin is the fewest commands for which looking ahead pays.
const warmCommandsMin = 4

// warmer is the memory of Warm.
type warmer struct {
	paths []warmPath
	sink  uint64 // keeps the loads from being left out
}

// warmPath is how far one order line has been followed.
type warmPath struct {
	order, key uint64 // hashes
	record     uint32
	segment    uint32
}

// Warm loads what the commands of one entry are about to look at: slots of the indexes, records, segments. A command alone
// waits for each of these loads before it knows the next address, and most of them miss the caches. Many commands side by
// side wait for them together. It changes nothing, and a command that it does not understand is left to Apply. It is for
// the goroutine that calls Apply, just before it does.
func (e *Engine) Warm(commands [][]byte) {
	if len(commands) < warmCommandsMin || e.segments.used == 0 {
		return
	}
	w := &e.scratch.warm
	w.paths = w.paths[:0]
	for _, c := range commands[:min(len(commands), WarmCommandsMax)] {
		w.add(c)
	}
	e.warmSlots(w)
	e.warmRecords(w)
	e.warmSegments(w)
}

// add notes the first line of an Allocate.
func (w *warmer) add(command []byte) {
	r := reader{b: command}
	if r.byte() != commandVersion || Kind(r.byte()) != KindAllocate {
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
	if r.fault == "" {
		w.paths = append(w.paths, warmPath{order: hashText(orderID), key: hashText2(upc, location)})
	}
}

// warmSlots loads the first slot of each key in both indexes.
func (e *Engine) warmSlots(w *warmer) {
	sink := uint64(0)
	for i := range w.paths {
		p := &w.paths[i]
		sink ^= e.byOrderID.peek(p.order)
		slot := e.byKey.peek(p.key)
		if uint32(slot>>32) == tagOf(p.key) {
			p.record = uint32(slot)
		}
	}
	w.sink ^= sink
}

// warmRecords loads the records, then their UPCs.
func (e *Engine) warmRecords(w *warmer) {
	sink := uint64(0)
	for i := range w.paths {
		p := &w.paths[i]
		r := e.records.at(p.record)
		p.segment = r.segments
		sink ^= uint64(r.ltd) // the record's last line of the cache
	}
	for i := range w.paths {
		if upc := e.records.at(w.paths[i].record).upcText; upc != 0 {
			sink ^= uint64(e.namesText.row(upc)[0])
		}
	}
	w.sink ^= sink
}

// warmSegments follows the list of segments of all records side by side.
func (e *Engine) warmSegments(w *warmer) {
	for range warmSegmentsMax {
		for i := range w.paths {
			p := &w.paths[i]
			p.segment = e.segments.at(p.segment).next
		}
	}
}

// warmSegmentsMax is how many segments of a record are loaded.
const warmSegmentsMax = 4

// peek gives the slot at which the search for a hash begins.
func (t *table) peek(hash uint64) uint64 {
	slots := t.shards[hash>>56].slots.Load()
	if slots == nil {
		return 0
	}
	return atomic.LoadUint64(&(*slots)[uint64(tagOf(hash))&uint64(len(*slots)-1)])
}
