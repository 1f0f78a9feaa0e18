package engine

import "sync/atomic"

// chunkRows is the number of rows a slab grows by. Rows never move, so readers may hold a pointer while the slab grows.
// chunksMax bounds a slab to 134 million rows; its list of chunks has a fixed place, so that a row is one load away.
const (
	chunkRows = 1 << 14
	chunksMax = 1 << 13

	slabRowsMax = chunkRows * chunksMax
)

// slab is a growing array of pointer-free rows of one type, addressed by number. The garbage collector sees one object
// per chunk and nothing to walk inside. Row 0 is never handed out: a zero number means "none".
//
// One writer allocates and frees; readers may call at with any row number the writer has published to them.
type slab[T any] struct {
	chunks [chunksMax]atomic.Pointer[[chunkRows]T]
	used   uint32 // rows ever handed out, with row 0
	free   rowHeap
}

// at gives the row of that number.
func (s *slab[T]) at(row uint32) *T {
	return &s.chunks[row/chunkRows].Load()[row%chunkRows]
}

// add hands out the lowest free row, so that row numbers depend on the log alone and not on when a replica restarted.
// The row keeps what was in it; the caller fills it.
func (s *slab[T]) add() uint32 {
	if row, ok := s.free.pop(); ok {
		return row
	}
	if s.used == 0 {
		s.used = 1
	}
	row := s.used
	s.used++
	s.reach(row)
	return row
}

// reach grows the slab so that the row exists.
func (s *slab[T]) reach(row uint32) {
	assert(row/chunkRows < chunksMax, "a slab is full")
	if chunk := &s.chunks[row/chunkRows]; chunk.Load() == nil {
		chunk.Store(new([chunkRows]T))
	}
}

// drop takes a row back.
func (s *slab[T]) drop(row uint32) {
	assert(row != 0 && row < s.used, "drop of a row that was never handed out")
	s.free.push(row)
}

// place hands out a certain row while state is loaded; freeGaps must follow.
func (s *slab[T]) place(row uint32) *T {
	s.reach(row)
	s.used = max(s.used, row+1)
	return s.at(row)
}

// freeGaps makes every row that is not live a free one, after rows were placed. live is asked once per row.
func (s *slab[T]) freeGaps(live func(*T) bool) {
	for row := uint32(1); row < s.used; row++ {
		if !live(s.at(row)) {
			s.free.push(row)
		}
	}
}

// count is the number of rows in use.
func (s *slab[T]) count() int {
	if s.used == 0 {
		return 0
	}
	return int(s.used) - 1 - len(s.free)
}

// rowHeap is a binary min-heap of row numbers.
type rowHeap []uint32

func (h *rowHeap) push(row uint32) {
	a := append(*h, row)
	i := len(a) - 1
	for i > 0 && a[(i-1)/2] > a[i] {
		a[i], a[(i-1)/2] = a[(i-1)/2], a[i]
		i = (i - 1) / 2
	}
	*h = a
}

func (h *rowHeap) pop() (uint32, bool) {
	a := *h
	if len(a) == 0 {
		return 0, false
	}
	top := a[0]
	last := len(a) - 1
	a[0] = a[last]
	a = a[:last]
	for i := 0; ; {
		least, left := i, 2*i+1
		if left < last && a[left] < a[least] {
			least = left
		}
		if left+1 < last && a[left+1] < a[least] {
			least = left + 1
		}
		if least == i {
			break
		}
		a[i], a[least] = a[least], a[i]
		i = least
	}
	*h = a
	return top, true
}

// bitset is a growing set of row numbers.
type bitset struct {
	words []uint64
	n     int
}

func (b *bitset) has(row uint32) bool {
	w := int(row / 64)
	return w < len(b.words) && b.words[w]&(1<<(row%64)) != 0
}

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

// assert stops the process when the engine is wrong about itself; going on would answer from a state nobody can prove.
func assert(ok bool, what string) {
	if !ok {
		panic("BUG: engine: " + what)
	}
}
