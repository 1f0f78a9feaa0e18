package mem

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// Bitset is a growing set of row numbers.
type Bitset struct {
	words []uint64
	n     int
}

// Has reports whether a row is in the set.
func (b *Bitset) Has(row uint32) bool {
	w := int(row / 64)
	return w < len(b.words) && b.words[w]&(1<<(row%64)) != 0
}

// HasShared and addShared are has and add for a set of a fixed size, which one goroutine adds to and another one looks
// at.
func (b *Bitset) HasShared(row uint32) bool {
	return atomic.LoadUint64(&b.words[row/64])&(1<<(row%64)) != 0
}

func (b *Bitset) AddShared(row uint32) { atomic.OrUint64(&b.words[row/64], 1<<(row%64)) }

// Len is the number of rows in the set.
func (b *Bitset) Len() int { return b.n }

// Add puts a row into the set, which grows to its number.
func (b *Bitset) Add(row uint32) {
	w := int(row / 64)
	if w >= len(b.words) {
		grown := make([]uint64, max(w+1, 2*len(b.words)))
		copy(grown, b.words)
		b.words = grown
	}
	if bit := uint64(1) << (row % 64); b.words[w]&bit == 0 {
		b.words[w] |= bit
		b.n++
	}
}

// Remove takes a row out of the set; it is in it.
func (b *Bitset) Remove(row uint32) {
	b.words[row/64] &^= 1 << (row % 64)
	b.n--
}

// Next gives the lowest row after one, 0 if there is none.
func (b *Bitset) Next(after uint32) uint32 {
	from := after + 1
	for w := int(from / 64); w < len(b.words); w++ {
		word := b.words[w]
		if w == int(from/64) {
			word &= ^uint64(0) << (from % 64)
		}
		if word != 0 {
			return uint32(w*64 + bits.TrailingZeros64(word))
		}
	}
	return 0
}

// BitsetPool keeps the memory of sets that are done with, for new ones. At a million rows a set is 31 pages, which a
// writer would wait for.
type BitsetPool struct{ spare [][]uint64 }

// bitsetPoolMax is how many sets are kept.
const BitsetPoolMax = 4

// Len is the number of sets whose memory is kept.
func (p *BitsetPool) Len() int { return len(p.spare) }

// Take gives an empty set with room for as many rows as the other one.
func (p *BitsetPool) Take(like *Bitset) Bitset {
	for i, words := range p.spare {
		if cap(words) >= len(like.words) {
			p.spare = slices.Delete(p.spare, i, i+1)
			return Bitset{words: words[:len(like.words)]}
		}
	}
	return Bitset{words: make([]uint64, len(like.words))}
}

// GiveBack takes the memory of sets, which are empty then.
func (p *BitsetPool) GiveBack(sets ...*Bitset) {
	for _, b := range sets {
		if words := b.words[:cap(b.words)]; len(words) > 0 && len(p.spare) < BitsetPoolMax {
			clear(words)
			p.spare = append(p.spare, words)
		}
		*b = Bitset{}
	}
}

// Each calls do for the rows of the set from one on, in order, until it says no.
func (b *Bitset) Each(from uint32, do func(row uint32) bool) {
	for w := int(from / 64); w < len(b.words); w++ {
		word := b.words[w]
		if w == int(from/64) {
			word &= ^uint64(0) << (from % 64)
		}
		for ; word != 0; word &= word - 1 {
			if !do(uint32(w*64 + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}

// MemoryBytes is the memory that it takes.
func (b *Bitset) MemoryBytes() int64 { return sliceBytes(b.words) }
