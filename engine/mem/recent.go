package mem

import (
	"cmp"
	"slices"
)

// Recent has rows in the order of their last change: by the number of the change, and those of one number by row. So
// their order depends on rows and numbers alone, and is the same after a restart. Numbers never fall.
//
// A change costs a few writes: the row leaves its place in a list and goes to its end. Rows of the newest number may
// stand there in any order until the number rises, or somebody looks. Landmarks, of about each recentGap-th row, make a
// place quick to find.
type Recent struct {
	rows        Slab[recentRow]
	first, last uint32

	newest  uint32 // the first row of the newest number, 0: it has none any more
	mixed   bool   // its rows are not in order yet
	sorting []uint32

	marks  []uint32 // the landmarks, in order
	behind int      // rows behind the last landmark, at most
	before int      // behind, as it was before the newest number
}

// recentRow is a row's place in the list.
type recentRow struct {
	key        uint64 // twice the number, one more if the row is a landmark; 0: it is not in the list
	prev, next uint32
}

const (
	recentGap  = 4096
	recentMark = 1
)

func (r *recentRow) number() uint64 { return r.key >> 1 }

// Touch puts a row at the end: it has changed under that number, which is above 0 and not below earlier ones.
func (r *Recent) Touch(row uint32, number uint64) {
	r.rows.reach(row)
	r.rows.used = max(r.rows.used, row+1)
	at := r.rows.At(row)
	if at.number() == number {
		return
	}
	r.Remove(row)
	switch {
	case r.last == 0 || r.rows.At(r.last).number() != number:
		r.settle()
		r.newest, r.before = row, r.behind
	case row < r.last:
		r.mixed = true
	}
	at.key = number << 1
	r.link(row, at)
}

// link puts a row at the end as it is.
func (r *Recent) link(row uint32, at *recentRow) {
	at.prev, at.next = r.last, 0
	if r.last == 0 {
		r.first = row
	} else {
		r.rows.At(r.last).next = row
	}
	r.last = row
	if r.behind++; r.behind >= recentGap {
		at.key |= recentMark
		r.marks = append(r.marks, row)
		r.behind = 0
	}
}

// Remove takes a row out, if it is there.
func (r *Recent) Remove(row uint32) {
	if row >= r.rows.used {
		return
	}
	at := r.rows.At(row)
	if at.key == 0 {
		return
	}
	if at.key&recentMark != 0 {
		r.settle() // the landmarks have to be in order; that may take this one away
	}
	if at.key&recentMark != 0 {
		r.handMark(row, at)
	}
	if r.newest == row {
		r.newest = at.next
	}
	if at.prev == 0 {
		r.first = at.next
	} else {
		r.rows.At(at.prev).next = at.next
	}
	if at.next == 0 {
		r.last = at.prev
	} else {
		r.rows.At(at.next).prev = at.prev
	}
	*at = recentRow{}
}

// handMark gives a landmark that goes to the row behind it, unless that is one. If none is there, the next row to come
// gets it: the row that changed last often changes again, and the landmarks would be lost one after the other.
func (r *Recent) handMark(row uint32, at *recentRow) {
	i, found := r.mark(at.number(), row)
	assert(found, "a landmark is not in the list of landmarks")
	switch {
	case at.next == 0:
		r.behind = recentGap
	case r.rows.At(at.next).key&recentMark == 0:
		r.rows.At(at.next).key |= recentMark
		r.marks[i] = at.next
		if at.next == r.newest {
			r.before = recentGap // settle takes it from that row
		}
		return
	}
	r.marks = slices.Delete(r.marks, i, i+1)
}

// mark finds the first landmark that is not before a place.
func (r *Recent) mark(number uint64, row uint32) (i int, found bool) {
	return slices.BinarySearchFunc(r.marks, row, func(mark, row uint32) int {
		return cmp.Or(cmp.Compare(r.rows.At(mark).number(), number), cmp.Compare(mark, row))
	})
}

// settle puts the rows of the newest number in order.
func (r *Recent) settle() {
	mixed := r.mixed && r.newest != 0
	r.mixed = false
	if !mixed {
		return
	}
	number := r.rows.At(r.last).number()
	r.sorting = r.sorting[:0]
	for row := r.newest; row != 0; row = r.rows.At(row).next {
		r.rows.At(row).key = number << 1
		r.sorting = append(r.sorting, row)
	}
	slices.Sort(r.sorting)
	for n := len(r.marks); n > 0 && r.rows.At(r.marks[n-1]).number() == number; n-- {
		r.marks = r.marks[:n-1]
	}
	r.last, r.behind = r.rows.At(r.newest).prev, r.before
	r.newest = r.sorting[0]
	for _, row := range r.sorting {
		r.link(row, r.rows.At(row))
	}
}

// After gives the first row behind a place, which need not be a row's any more; 0: there is none.
func (r *Recent) After(number uint64, row uint32) uint32 {
	r.settle()
	if row < r.rows.used && row != 0 {
		if at := r.rows.At(row); at.key != 0 && at.number() == number {
			return at.next
		}
	}
	next := r.first
	if i, _ := r.mark(number, row); i > 0 {
		next = r.marks[i-1]
	}
	for next != 0 {
		if at := r.rows.At(next).number(); at > number || at == number && next > row {
			break
		}
		next = r.rows.At(next).next
	}
	return next
}

// Number is the number of a row's last change, 0: it is not in the list.
func (r *Recent) Number(row uint32) uint64 {
	if row == 0 || row >= r.rows.used {
		return 0
	}
	return r.rows.At(row).number()
}

// MemoryBytes is the memory that it takes.
func (r *Recent) MemoryBytes() int64 {
	return r.rows.MemoryBytes() + sliceBytes(r.marks) + sliceBytes(r.sorting)
}
