package mem

import (
	"math/bits"
	"reflect"
	"sync/atomic"
	"unsafe"
)

// chunkRows is the number of rows a slab grows by. Rows never move, so readers may hold a pointer while the slab grows.
// chunksMax bounds a slab to 134 million rows; its list of chunks has a fixed place, so that a row is one load away.
const (
	chunkRows = 1 << 14
	chunksMax = 1 << 13

	SlabRowsMax = chunkRows * chunksMax
)

// Slab is a growing array of pointer-free rows of one type, addressed by number. The garbage collector sees one object
// per chunk and nothing to walk inside. Row 0 is never handed out: a zero number means "none".
//
// One writer allocates and frees; readers may call at with any row number the writer has published to them.
type Slab[T any] struct {
	chunks [chunksMax]atomic.Pointer[[chunkRows]T]
	region region // of all chunks but the first: most slabs of a small state stay in it
	used   uint32 // rows ever handed out, with row 0
	free   freeRows
}

// Used is the number of rows ever handed out, with row 0.
func (s *Slab[T]) Used() uint32 { return s.used }

// At gives the row of that number.
func (s *Slab[T]) At(row uint32) *T {
	return &s.chunks[row/chunkRows].Load()[row%chunkRows]
}

// Add hands out the lowest free row, so that row numbers depend on the log alone and not on when a replica restarted.
// The row keeps what was in it; the caller fills it.
func (s *Slab[T]) Add() uint32 {
	if s.free.n > 0 {
		return s.free.pop()
	}
	if s.used == 0 {
		s.used = 1
	}
	row := s.used
	s.used++
	switch {
	case row == 1 || row%chunkRows == 0:
		s.reach(row)
	case row%chunkRows == chunkRows/2:
		s.region.expect(s.chunkBytes())
	}
	return row
}

// reach grows the slab so that the row exists.
func (s *Slab[T]) reach(row uint32) {
	assert(row/chunkRows < chunksMax, "a slab is full")
	chunk := &s.chunks[row/chunkRows]
	if chunk.Load() != nil {
		return
	}
	assert(pointerFree(reflect.TypeFor[T]()), "a slab of rows with pointers, which the garbage collector would not see")
	if row < chunkRows {
		chunk.Store(new([chunkRows]T))
	} else {
		chunk.Store((*[chunkRows]T)(s.region.take(s.chunkBytes())))
	}
}

func (s *Slab[T]) chunkBytes() int { return int(unsafe.Sizeof([chunkRows]T{})) }

// pointerFree reports whether values of a type hold no pointers.
func pointerFree(t reflect.Type) bool {
	switch kind := t.Kind(); kind {
	case reflect.Array:
		return pointerFree(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !pointerFree(t.Field(i).Type) {
				return false
			}
		}
		return true
	default:
		return kind >= reflect.Bool && kind <= reflect.Complex128 && kind != reflect.Uintptr
	}
}

// Drop takes a row back.
func (s *Slab[T]) Drop(row uint32) {
	assert(row != 0 && row < s.used, "drop of a row that was never handed out")
	s.free.push(row)
}

// Place hands out a certain row while state is loaded; freeGaps must follow.
func (s *Slab[T]) Place(row uint32) *T {
	s.reach(row)
	s.used = max(s.used, row+1)
	return s.At(row)
}

// FreeGaps makes every row that is not live a free one, after rows were placed. live is asked once per row.
func (s *Slab[T]) FreeGaps(live func(*T) bool) {
	for row := uint32(1); row < s.used; row++ {
		if !live(s.At(row)) {
			s.free.push(row)
		}
	}
}

// Count is the number of rows in use.
func (s *Slab[T]) Count() int {
	if s.used == 0 {
		return 0
	}
	return int(s.used) - 1 - s.free.n
}

// freeRows is the set of a slab's free rows. A bit of a level is set if a word of the level below is not zero, so that
// the lowest row costs the same few steps however many there are, and mostly one: lowest is the word that it is in.
type freeRows struct {
	levels [freeLevels][]uint64
	lowest uint32
	n      int
}

// freeLevels is enough for slabRowsMax: each level has 64 times the rows of the one below.
const freeLevels = 5

const _ = uint(1<<(6*freeLevels) - SlabRowsMax)

func (f *freeRows) push(row uint32) {
	if f.n == 0 || row/64 < f.lowest {
		f.lowest = row / 64
	}
	f.n++
	for level := range f.levels {
		word := int(row / 64)
		if word >= len(f.levels[level]) {
			f.levels[level] = append(f.levels[level], make([]uint64, word+1-len(f.levels[level]))...)
		}
		was := f.levels[level][word]
		f.levels[level][word] = was | 1<<(row%64)
		if was != 0 {
			return
		}
		row = uint32(word)
	}
}

// pop takes the lowest row of a set that is not empty.
func (f *freeRows) pop() (row uint32) {
	word := &f.levels[0][f.lowest]
	row = f.lowest*64 + uint32(bits.TrailingZeros64(*word))
	f.n--
	if *word &= *word - 1; *word == 0 {
		f.climb()
	}
	return row
}

// climb takes the lowest word, which has become zero, out of the levels above, and finds the next one.
func (f *freeRows) climb() {
	at := f.lowest
	for level := 1; level < freeLevels; level++ {
		word := &f.levels[level][at/64]
		if *word &^= 1 << (at % 64); *word != 0 {
			break
		}
		at /= 64
	}
	if f.n == 0 {
		return
	}
	f.lowest = 0
	for level := freeLevels - 1; level > 0; level-- {
		f.lowest = f.lowest*64 + uint32(bits.TrailingZeros64(f.levels[level][f.lowest]))
	}
}

func sliceBytes[T any](s []T) int64 {
	var row T
	return int64(cap(s)) * int64(unsafe.Sizeof(row))
}

// MemoryBytes is the memory that it takes.
func (s *Slab[T]) MemoryBytes() int64 {
	bytes := int64(unsafe.Sizeof(s.chunks)) + s.region.bytes
	if s.used > 0 {
		bytes += int64(unsafe.Sizeof([chunkRows]T{}))
	}
	for _, words := range s.free.levels {
		bytes += sliceBytes(words)
	}
	return bytes
}
