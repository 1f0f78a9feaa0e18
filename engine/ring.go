package engine

import "encoding/binary"

const (
	ringChunkShift = 20
	ringChunkBytes = 1 << ringChunkShift
)

// ring keeps byte strings in the order of their numbers, adds at the end and forgets at the front. Entries live in large
// chunks, so that the garbage collector sees few objects however many entries there are.
type ring struct {
	first, next uint64 // numbers of the oldest entry and of the next one
	at          []uint64
	chunks      [][]byte
	chunk0      uint64 // number of chunks[0]
	bytes       int64  // of all entries
}

// add appends an entry and gives its number.
func (r *ring) add(entry []byte) uint64 {
	if n := int(r.next - r.first); n == len(r.at) {
		grown := make([]uint64, max(64, 2*n))
		for i := r.first; i < r.next; i++ {
			grown[i%uint64(len(grown))] = r.at[i%uint64(n)]
		}
		r.at = grown
	}
	need := len(entry) + binary.MaxVarintLen64
	last := len(r.chunks) - 1
	if last < 0 || len(r.chunks[last])+need > cap(r.chunks[last]) {
		r.chunks = append(r.chunks, make([]byte, 0, max(ringChunkBytes, need)))
		last++
	}
	chunk := r.chunks[last]
	r.at[r.next%uint64(len(r.at))] = (r.chunk0+uint64(last))<<ringChunkShift | uint64(len(chunk))
	chunk = binary.AppendUvarint(chunk, uint64(len(entry)))
	r.chunks[last] = append(chunk, entry...)
	r.bytes += int64(len(entry))
	r.next++
	return r.next - 1
}

// get gives an entry; it stays valid until it is dropped.
func (r *ring) get(number uint64) []byte {
	assert(number >= r.first && number < r.next, "ring entry does not exist")
	at := r.at[number%uint64(len(r.at))]
	chunk := r.chunks[at>>ringChunkShift-r.chunk0][at&(ringChunkBytes-1):]
	size, n := binary.Uvarint(chunk)
	return chunk[n : n+int(size) : n+int(size)]
}

// drop forgets the oldest entry.
func (r *ring) drop() {
	r.bytes -= int64(len(r.get(r.first)))
	r.first++
	if r.first == r.next {
		r.chunk0 += uint64(len(r.chunks))
		r.chunks = r.chunks[:0]
		return
	}
	oldest := r.at[r.first%uint64(len(r.at))] >> ringChunkShift
	for ; r.chunk0 < oldest; r.chunk0++ {
		r.chunks[0] = nil
		r.chunks = r.chunks[1:]
	}
}

// start sets the number of the first entry of an empty ring.
func (r *ring) start(number uint64) { r.first, r.next = number, number }

func (r *ring) len() int { return int(r.next - r.first) }
