package engine

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// bitset is a growing set of row numbers.
type bitset struct {
	words []uint64
	n     int
}

// has reports whether a row is in the set.
func (b *bitset) has(row uint32) bool {
	w := int(row / 64)
	return w < len(b.words) && b.words[w]&(1<<(row%64)) != 0
}

// hasShared and addShared are has and add for a set of a fixed size, which one goroutine adds to and another one looks at.
func (b *bitset) hasShared(row uint32) bool {
	return atomic.LoadUint64(&b.words[row/64])&(1<<(row%64)) != 0
}

func (b *bitset) addShared(row uint32) { atomic.OrUint64(&b.words[row/64], 1<<(row%64)) }

// len is the number of rows in the set.
func (b *bitset) len() int { return b.n }

func (b *bitset) add(row uint32) {
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

// remove takes a row out of the set; it is in it.
func (b *bitset) remove(row uint32) {
	b.words[row/64] &^= 1 << (row % 64)
	b.n--
}

// next gives the lowest row after one, 0 if there is none.
func (b *bitset) next(after uint32) uint32 {
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

// bitsetPool keeps the memory of sets that are done with, for new ones. At a million rows a set is 31 pages, which a
// writer would wait for.
type bitsetPool struct{ spare [][]uint64 }

// bitsetPoolMax is how many sets are kept.
const bitsetPoolMax = 4

// len is the number of sets whose memory is kept.
func (p *bitsetPool) len() int { return len(p.spare) }

// take gives an empty set with room for as many rows as the other one.
func (p *bitsetPool) take(like *bitset) bitset {
	for i, words := range p.spare {
		if cap(words) >= len(like.words) {
			p.spare = slices.Delete(p.spare, i, i+1)
			return bitset{words: words[:len(like.words)]}
		}
	}
	return bitset{words: make([]uint64, len(like.words))}
}

// giveBack takes the memory of sets, which are empty then.
func (p *bitsetPool) giveBack(sets ...*bitset) {
	for _, b := range sets {
		if words := b.words[:cap(b.words)]; len(words) > 0 && len(p.spare) < bitsetPoolMax {
			clear(words)
			p.spare = append(p.spare, words)
		}
		*b = bitset{}
	}
}

// each calls do for the rows of the set from one on, in order, until it says no.
func (b *bitset) each(from uint32, do func(row uint32) bool) {
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

func (b *bitset) memoryBytes() int64 { return sliceBytes(b.words) }
