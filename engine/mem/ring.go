package mem

import (
	"encoding/binary"
	"slices"
)

// Ring keeps byte strings in the order of their numbers, adds at the end and forgets at the front. Entries live in
// chunks and their places in blocks, so that the garbage collector sees few objects however many entries there are.
// Nothing moves when the ring grows: Apply adds to it, and must not wait for a copy, or for the pages of a large piece
// of new memory.
type Ring struct {
	first, next uint64 // numbers of the oldest entry and of the next one
	blocks      [][]uint64
	block0      uint64 // number of blocks[0]
	chunks      [][]byte
	chunk0      uint64 // number of chunks[0]
	bytes       int64  // of all entries
}

const (
	ringChunkShift   = 16
	ringChunkBytes   = 1 << ringChunkShift
	ringBlockEntries = 4096
)

// First and Next are the numbers of the oldest entry and of the next one, Bytes the size of all entries.
func (r *Ring) First() uint64 { return r.first }

func (r *Ring) Next() uint64 { return r.next }

func (r *Ring) Bytes() int64 { return r.bytes }

// Add appends an entry and gives its number.
func (r *Ring) Add(entry []byte) uint64 {
	need := len(entry) + binary.MaxVarintLen64
	last := len(r.chunks) - 1
	if last < 0 || len(r.chunks[last])+need > cap(r.chunks[last]) {
		chunk := make([]byte, max(ringChunkBytes, need))
		populate(chunk)
		r.chunks = append(r.chunks, chunk[:0])
		last++
	}
	chunk := r.chunks[last]
	if len(r.blocks) == 0 {
		r.block0 = r.next / ringBlockEntries
	}
	if r.next/ringBlockEntries-r.block0 == uint64(len(r.blocks)) {
		block := make([]uint64, ringBlockEntries)
		populate(block)
		r.blocks = append(r.blocks, block)
	}
	*r.at(r.next) = (r.chunk0+uint64(last))<<ringChunkShift | uint64(len(chunk))
	chunk = binary.AppendUvarint(chunk, uint64(len(entry)))
	r.chunks[last] = append(chunk, entry...)
	r.bytes += int64(len(entry))
	r.next++
	return r.next - 1
}

// at is where an entry's chunk and its place in it are noted.
func (r *Ring) at(number uint64) *uint64 {
	return &r.blocks[number/ringBlockEntries-r.block0][number%ringBlockEntries]
}

// Get gives an entry; it stays valid until it is dropped.
func (r *Ring) Get(number uint64) []byte {
	assert(number >= r.first && number < r.next, "ring entry does not exist")
	at := *r.at(number)
	chunk := r.chunks[at>>ringChunkShift-r.chunk0][at&(ringChunkBytes-1):]
	size, n := binary.Uvarint(chunk)
	return chunk[n : n+int(size) : n+int(size)]
}

// Drop forgets the oldest entry.
func (r *Ring) Drop() {
	r.bytes -= int64(len(r.Get(r.first)))
	r.first++
	if r.first == r.next {
		r.chunk0 += uint64(len(r.chunks))
		r.chunks, r.blocks = r.chunks[:0], r.blocks[:0]
		return
	}
	for ; r.block0 < r.first/ringBlockEntries; r.block0++ {
		r.blocks[0] = nil
		r.blocks = r.blocks[1:]
	}
	oldest := *r.at(r.first) >> ringChunkShift
	for ; r.chunk0 < oldest; r.chunk0++ {
		r.chunks[0] = nil
		r.chunks = r.chunks[1:]
	}
}

// Part gives the entries [first, next), which stay in it whatever is added to or dropped from r. The caller must not
// change it.
func (r *Ring) Part(first, next uint64) Ring {
	p := Ring{first: first, next: next}
	if first == next {
		return p
	}
	p.block0, p.chunk0 = first/ringBlockEntries, *r.at(first)>>ringChunkShift
	p.blocks = slices.Clone(r.blocks[p.block0-r.block0 : (next-1)/ringBlockEntries-r.block0+1])
	p.chunks = slices.Clone(r.chunks[p.chunk0-r.chunk0 : *r.at(next - 1)>>ringChunkShift-r.chunk0+1])
	return p
}

// Start sets the number of the first entry of an empty ring.
func (r *Ring) Start(number uint64) { r.first, r.next = number, number }

func (r *Ring) Len() int { return int(r.next - r.first) }

// MemoryBytes is the memory that it takes.
func (r *Ring) MemoryBytes() (bytes int64) {
	for _, chunk := range r.chunks {
		bytes += sliceBytes(chunk)
	}
	for _, block := range r.blocks {
		bytes += sliceBytes(block)
	}
	return bytes
}
