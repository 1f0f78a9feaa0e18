package mem

import "slices"

// Chain has rows in the order of their last change. Changes have numbers that rise by one; the rows hold the number of
// their last one themselves. A row takes 8 bytes here.
//
// A change costs a write or two: its row is noted under its number. Rows whose change has become old, and that have not
// changed since, go to the end of a list, many at once, so that what they need of memory is loaded side by side. A row
// that has changed since it went there is passed over until it goes to the end again. Landmarks, of about each
// chainGap-th row, make a place in the list quick to find.
//
// Where one number is that of many rows, Recent is the list.
type Chain struct {
	numberOf    func(row uint32) uint64
	start, next uint64             // the numbers of noted changes
	noted       [chainNoted]uint32 // rows by number, 0: none
	settling    [chainSettled]uint32
	settlingAt  [chainSettled]uint64
	sink        uint32 // keeps loads from being left out

	links       Slab[chainLinks]
	first, last uint32
	marks       []chainMark // in order
	behind      int         // rows behind the last landmark, at most
}

// chainLinks is a row's place in the list.
type chainLinks struct {
	prev uint32 // chainMarked: the row is a landmark
	next uint32
}

// chainMark says that row is the first one in the list that went there with a number not below number.
type chainMark struct {
	number uint64
	row    uint32
}

const (
	chainNoted   = 8192
	chainSettled = 256
	chainGap     = 4096
	chainMarked  = 1 << 31
)

const _ = uint(chainMarked - SlabRowsMax)

// Start empties it. The first change has the number next. numberOf gives the number of a row's last change.
func (c *Chain) Start(next uint64, numberOf func(row uint32) uint64) {
	*c = Chain{numberOf: numberOf, start: next, next: next}
}

// Change gives the number of the next change, which is the row's; a row 0 is none. The caller then gives it to the row.
func (c *Chain) Change(row uint32) (number uint64) {
	if c.next-c.start == chainNoted {
		c.settle()
	}
	number = c.next
	c.noted[number%chainNoted] = row
	c.next++
	return number
}

// settle has the rows of the oldest changes go to the list.
func (c *Chain) settle() {
	c.links.reach(0) // what stands for no row is loaded too
	n := 0
	for number := c.start; number < c.start+chainSettled; number++ {
		if row := c.noted[number%chainNoted]; row != 0 && c.numberOf(row) == number {
			c.settling[n], c.settlingAt[n] = row, number
			n++
		}
	}
	sink := uint32(0)
	for _, row := range c.settling[:n] {
		c.reach(row)
		sink ^= c.links.At(row).next
	}
	for _, row := range c.settling[:n] {
		at := c.links.At(row)
		sink ^= c.links.At(at.next).next ^ c.links.At(at.prev&^chainMarked).next
	}
	c.sink ^= sink
	for i, row := range c.settling[:n] {
		c.unlink(row)
		c.link(row, c.settlingAt[i])
	}
	c.start += chainSettled
}

func (c *Chain) reach(row uint32) {
	c.links.reach(row)
	c.links.used = max(c.links.used, row+1)
}

// Load puts a row at the end of the list whose last change is older than all that are noted, and newer than all in the
// list.
func (c *Chain) Load(row uint32) {
	c.reach(row)
	c.link(row, c.numberOf(row))
}

// link puts a row at the end of the list.
func (c *Chain) link(row uint32, number uint64) {
	at := c.links.At(row)
	at.prev, at.next = c.last, 0
	if c.last == 0 {
		c.first = row
	} else {
		c.links.At(c.last).next = row
	}
	c.last = row
	if c.behind++; c.behind >= chainGap {
		at.prev |= chainMarked
		c.marks = append(c.marks, chainMark{number, row})
		c.behind = 0
	}
}

// Remove takes a row out whose last change has that number. The row still says so.
func (c *Chain) Remove(row uint32, number uint64) {
	if number >= c.start && number < c.next {
		c.noted[number%chainNoted] = 0
	}
	if c.isLinked(row) {
		c.unlink(row)
	}
}

func (c *Chain) isLinked(row uint32) bool {
	return row != 0 && row < c.links.used && (row == c.first || c.links.At(row).prev&^chainMarked != 0)
}

// unlink takes a row out of the list, if it is there.
func (c *Chain) unlink(row uint32) {
	at := c.links.At(row)
	prev, next := at.prev&^chainMarked, at.next
	if prev == 0 && c.first != row {
		return
	}
	if at.prev&chainMarked != 0 {
		c.handMark(row, prev, next)
	}
	if prev == 0 {
		c.first = next
	} else {
		c.links.At(prev).next = next
	}
	if next == 0 {
		c.last = prev
	} else {
		to := &c.links.At(next).prev
		*to = *to&chainMarked | prev
	}
	*at = chainLinks{}
}

// handMark gives the landmark of a row that goes to the next one, unless that is one.
func (c *Chain) handMark(row, prev, next uint32) {
	for prev != 0 && c.numberOf(prev) >= c.start { // it has changed, so its number does not tell its place
		prev = c.links.At(prev).prev &^ chainMarked
	}
	i := 0
	if prev != 0 {
		i = c.mark(c.numberOf(prev)) + 1
	}
	for c.marks[i].row != row {
		i++
	}
	if next == 0 || c.links.At(next).prev&chainMarked != 0 {
		c.marks = slices.Delete(c.marks, i, i+1)
		return
	}
	c.marks[i].row = next
	c.links.At(next).prev |= chainMarked
}

// mark finds the last landmark whose number is not above one; -1: there is none.
func (c *Chain) mark(number uint64) int {
	low, high := 0, len(c.marks)
	for low < high {
		if middle := int(uint(low+high) / 2); c.marks[middle].number > number {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low - 1
}

// Newest is the number of the last change.
func (c *Chain) Newest() uint64 { return c.next - 1 }

// After gives the first row whose last change is behind a number, and that change's; 0: there is none. hint is a row
// that changed last at or before it, and makes the place quick to find; any other one is of no use.
func (c *Chain) After(number uint64, hint uint32) (row uint32, at uint64) {
	if number+1 < c.start {
		for row := c.from(number, hint); row != 0; row = c.links.At(row).next {
			if at := c.numberOf(row); at > number && at < c.start {
				return row, at
			}
		}
	}
	for at := max(number+1, c.start); at < c.next; at++ {
		if row := c.noted[at%chainNoted]; row != 0 && c.numberOf(row) == at {
			return row, at
		}
	}
	return 0, 0
}

// from gives a row in the list that is at or before the place of a number, and not far from it.
func (c *Chain) from(number uint64, hint uint32) uint32 {
	if c.isLinked(hint) && c.numberOf(hint) <= number {
		if i := c.mark(number); i < 0 || c.marks[i].number <= c.numberOf(hint) {
			return hint
		}
	}
	if i := c.mark(number); i >= 0 {
		return c.marks[i].row
	}
	return c.first
}

// MemoryBytes is the memory that it takes.
func (c *Chain) MemoryBytes() int64 {
	return c.links.MemoryBytes() + sliceBytes(c.marks) + chainNoted*4 + chainSettled*12
}
