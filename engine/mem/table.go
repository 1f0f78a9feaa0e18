package mem

import "sync/atomic"

const (
	// tableShards redistributes growth: a shard is rebuilt alone, so the writer never stops for the whole table.
	tableShards     = 256
	tableShardSlots = 8
	tableTombstone  = uint64(1) << 32 // a tag without a row

	// A shard is rebuilt when more than some part of its slots are taken: 5/8 for the first shard, and up to 3/4 for
	// the last, so that shards, which fill alike, are not all rebuilt in the same few entries.
	tableFullBase  = tableShards * 5 / 8
	tableFullRange = tableShards / 8
)

// Table is a hash index from a 64-bit hash to row numbers, by open addressing. The hash's first 8 bits choose a shard,
// the next 32 are the tag: a slot holds tag and row, and the tag also gives the slot's place, so that a shard grows
// without a look at the rows. The caller compares the key in the row itself.
//
// One writer changes it; any number of readers probe it without a lock. A reader sees every row that was in the table
// before it began and is not removed meanwhile.
type Table struct {
	shards [tableShards]tableShard
}

type tableShard struct {
	slots atomic.Pointer[[]uint64] // read and written atomically, a power of two long
	taken uint32                   // rows and tombstones
	live  uint32                   // rows
	full  uint32                   // rebuilt when more slots than that are to be taken; 0: there are none yet
}

// probe walks the candidates of one hash. It is small enough for the compiler to keep it in registers, and is passed by
// value for the same reason: in memory, where it is written field by field and copied in larger pieces, it costs more
// than the look into the table.
type probe struct {
	slots []uint64
	at    uint32
	tag   uint32
}

func tagOf(hash uint64) uint32 { return uint32(hash >> 24) }

// Probe begins the walk over the rows that may have a hash.
func (t *Table) Probe(hash uint64) probe {
	slots := t.shards[hash>>56].slots.Load()
	if slots == nil {
		return probe{}
	}
	return probe{slots: *slots, at: tagOf(hash), tag: tagOf(hash)}
}

// Next gives the next row that may have the hash, 0 when there are no more, and the probe that goes on behind it.
func (p probe) Next() (row uint32, rest probe) {
	for p.at-p.tag < uint32(len(p.slots)) {
		slot := atomic.LoadUint64(&p.slots[p.at&uint32(len(p.slots)-1)])
		if slot == 0 {
			break
		}
		p.at++
		if uint32(slot>>32) == p.tag && uint32(slot) != 0 {
			return uint32(slot), p
		}
	}
	return 0, probe{}
}

// Add enters a row. The caller knows that it is not in the table.
func (t *Table) Add(hash uint64, row uint32) {
	shard := &t.shards[hash>>56]
	if shard.taken >= shard.full {
		shard.rebuild(int(hash >> 56))
	}
	if put(*shard.slots.Load(), tagOf(hash), row) {
		shard.taken++
	}
	shard.live++
}

// Remove takes a row out.
func (t *Table) Remove(hash uint64, row uint32) {
	shard := &t.shards[hash>>56]
	slots := *shard.slots.Load()
	want := uint64(tagOf(hash))<<32 | uint64(row)
	for at := uint64(tagOf(hash)); ; at++ {
		slot := &slots[at&uint64(len(slots)-1)]
		assert(*slot != 0, "removed row is not in its table")
		if *slot == want {
			atomic.StoreUint64(slot, tableTombstone)
			shard.live--
			shard.sweep(slots, at)
			return
		}
	}
}

// sweep empties a slot that was given up, and those before it, if the one behind is empty: no search has to go over
// them.
func (s *tableShard) sweep(slots []uint64, at uint64) {
	mask := uint64(len(slots) - 1)
	if slots[(at+1)&mask] != 0 {
		return
	}
	for ; slots[at&mask] == tableTombstone; at-- {
		atomic.StoreUint64(&slots[at&mask], 0)
		s.taken--
	}
}

// rebuild moves the rows into a new array with room to grow. Readers go on in the old one, which stays as it was.
func (s *tableShard) rebuild(number int) {
	size := tableShardSlots
	for size < 2*(int(s.live)+1) {
		size *= 2
	}
	grown := make([]uint64, size)
	populate(grown)
	if old := s.slots.Load(); old != nil {
		for _, slot := range *old {
			if uint32(slot) != 0 {
				put(grown, uint32(slot>>32), uint32(slot))
			}
		}
	}
	s.taken = s.live
	s.full = uint32(size * (tableFullBase + tableFullRange*number/tableShards) / tableShards)
	s.slots.Store(&grown)
}

// put takes the first free slot, and reports whether it was empty. It was not if a row had given it up.
func put(slots []uint64, tag, row uint32) (empty bool) {
	for at := uint64(tag); ; at++ {
		slot := &slots[at&uint64(len(slots)-1)]
		if was := *slot; was == 0 || was == tableTombstone {
			atomic.StoreUint64(slot, uint64(tag)<<32|uint64(row))
			return was == 0
		}
	}
}

var noSlot uint64 // of an empty table

// Slot gives the slot at which the search for a hash begins.
func (t *Table) Slot(hash uint64) *uint64 {
	slots := t.shards[hash>>56].slots.Load()
	if slots == nil {
		return &noSlot
	}
	return &(*slots)[uint64(tagOf(hash))&uint64(len(*slots)-1)]
}

// MemoryBytes is the memory that it takes.
func (t *Table) MemoryBytes() (bytes int64) {
	for i := range t.shards {
		if slots := t.shards[i].slots.Load(); slots != nil {
			bytes += sliceBytes(*slots)
		}
	}
	return bytes
}
