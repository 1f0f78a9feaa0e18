package mem

import (
	"cmp"
	"slices"
	"sort"
)

// Trail has rows in the order of their last change. Changes have numbers that rise by one; the rows hold the number of
// their last one themselves. A row takes at most 8 bytes here, beside 128 KB.
//
// A change costs two writes: its row is noted under its number, and no more under the row's last one. Rows whose change
// has become old, and that have not changed since, go to the end of a list of blocks. No memory of the row is touched
// then, nor its former place in the list: a row is where its number is one of the block's, and passed over elsewhere.
// When half of the list is such places, a pass takes them away, some blocks after each that is added.
//
// Where one number is that of many rows, Recent is the list.
type Trail struct {
	numberOf    func(row uint32) uint64
	start, next uint64             // the numbers of noted changes
	noted       [trailNoted]uint32 // rows by number, 0: none

	blocks  []trailBlock // the oldest first
	spare   [][]uint32   // memory for more
	rows    uint32       // no higher row is in the list
	passAt  int          // so many blocks begin a pass
	scanned int          // the pass goes on before this block, towards older ones
	kept    int          // from here on blocks are scanned, or younger than the pass; those between are taken out
	keeps   int          // how many rows the pass has kept
	seen    []uint64     // the set of these rows
}

// trailBlock has rows that went to the list together. Changes of older blocks have numbers below from.
type trailBlock struct {
	from uint64
	rows []uint32
}

// TrailChange is the last change of a row.
type TrailChange struct {
	Number uint64
	Row    uint32
}

const (
	trailNoted     = 8192
	trailBlockRows = 512
	trailPieceRows = 32 * trailBlockRows // memory is asked for in such pieces
	trailPassMin   = 32                  // blocks that are no reason for a pass
	trailPassRows  = 16 * trailBlockRows // that a pass looks at for each block added
	trailLooksMax  = 8                   // blocks that a reader looks at in one go
)

const _ = uint(trailNoted - trailBlockRows)

// Start empties it. The first change has the number next. numberOf gives the number of a row's last change; 0: it has
// none.
func (t *Trail) Start(next uint64, numberOf func(row uint32) uint64) {
	*t = Trail{numberOf: numberOf, start: next, next: next, passAt: trailPassMin}
}

// Change gives the number of the next change, which is the row's; a row 0 is none. The caller then gives it to the row.
// last is the number that the row, or one that goes, has had.
func (t *Trail) Change(row uint32, last uint64) (number uint64) {
	if t.next-t.start == trailNoted {
		t.settle()
	}
	if last >= t.start {
		t.noted[last%trailNoted] = 0
	}
	number = t.next
	t.noted[number%trailNoted] = row
	t.next++
	return number
}

// Load puts a row at the end of the list whose last change is older than all that are noted, and newer than all in the
// list.
func (t *Trail) Load(row uint32) {
	t.put([]uint32{row}, t.numberOf(row))
	t.rows = max(t.rows, row)
}

// settle has the rows of the oldest changes go to the list.
func (t *Trail) settle() {
	var rows [trailBlockRows]uint32
	n, last := 0, uint32(0)
	for number := t.start; number < t.start+trailBlockRows; number++ {
		if row := t.noted[number%trailNoted]; row != 0 {
			rows[n%trailBlockRows] = row
			n++
			last = max(last, row)
		}
	}
	t.put(rows[:n], t.start)
	t.rows = max(t.rows, last)
	t.start += trailBlockRows
	t.squeeze()
}

// put puts rows at the end of the list whose numbers are not below from.
func (t *Trail) put(rows []uint32, from uint64) {
	n := len(t.blocks)
	if n == 0 || len(t.blocks[n-1].rows)+len(rows) > trailBlockRows {
		t.blocks = append(t.blocks, trailBlock{from, t.takeSpare()})
		n++
	}
	b := &t.blocks[n-1]
	b.rows = append(b.rows, rows...)
}

func (t *Trail) takeSpare() (rows []uint32) {
	if len(t.spare) == 0 {
		for piece := make([]uint32, trailPieceRows); len(piece) > 0; piece = piece[trailBlockRows:] {
			t.spare = append(t.spare, piece[:0:trailBlockRows])
		}
	}
	n := len(t.spare) - 1
	rows, t.spare = t.spare[n], t.spare[:n]
	return rows
}

// squeeze begins a pass if the list has become long, and goes on with the one that was begun. A pass takes away all
// places of each row but the last, so it goes from the youngest block to the oldest; rows go up to fill the block
// behind. It leaves out the last block, to which rows go.
func (t *Trail) squeeze() {
	if t.scanned == 0 {
		if len(t.blocks) < t.passAt {
			return
		}
		t.scanned, t.kept, t.keeps = len(t.blocks)-1, len(t.blocks)-1, 0
		clear(t.seen)
		if words := int(t.rows/64) + 1; words > len(t.seen) {
			t.seen = make([]uint64, words+words/8)
		}
	}
	for left := trailPassRows; left > 0 && t.scanned > 0; {
		t.scanned--
		b := t.blocks[t.scanned]
		left -= len(b.rows)
		b.rows = addUnseen(b.rows, t.seen)
		t.keeps += len(b.rows)
		if t.kept < len(t.blocks)-1 {
			t.fill(&t.blocks[t.kept], &b)
		}
		if len(b.rows) == 0 {
			t.spare = append(t.spare, b.rows)
			continue
		}
		t.kept--
		t.blocks[t.kept] = b
	}
	if t.scanned == 0 {
		t.blocks = slices.Delete(t.blocks, 0, t.kept)
		t.kept = 0
		t.passAt = max(trailPassMin, t.keeps*15/8/trailBlockRows)
	}
}

// addUnseen adds rows to a set, from the last one on, and keeps those that were not there. Nothing here depends on what
// a processor would have to guess.
func addUnseen(rows []uint32, seen []uint64) []uint32 {
	all := (*[trailBlockRows]uint32)(rows[:trailBlockRows])
	kept := uint(len(rows))
	for i := len(rows) - 1; i >= 0; i-- {
		row := rows[i]
		was := seen[row/64]
		seen[row/64] = was | 1<<(row%64)
		all[(kept-1)%trailBlockRows] = row
		kept -= uint(^was >> (row % 64) & 1)
	}
	return rows[:copy(rows, rows[kept:])]
}

// fill moves the last rows of a block to the next one, as many as there is room for. The first of them says from which
// number on, so it has to be one that has not changed since.
func (t *Trail) fill(next, b *trailBlock) {
	at, from := max(0, len(b.rows)+len(next.rows)-trailBlockRows), b.from
	for ; at > 0 && at < len(b.rows); at++ {
		if from = t.numberOf(b.rows[at]); from >= b.from && from < next.from {
			break
		}
	}
	if moved := b.rows[at:]; len(moved) > 0 {
		next.from, next.rows = from, slices.Insert(next.rows, 0, moved...)
		b.rows = b.rows[:at]
	}
}

// Newest is the number of the last change.
func (t *Trail) Newest() uint64 { return t.next - 1 }

// After appends the changes behind a number, the oldest first, at most limit. It stops after so many looks: the caller
// goes on behind the number all, up to which there are no others. That is the same number if it is the newest.
func (t *Trail) After(number uint64, limit int, dst []TrailChange) (changes []TrailChange, all uint64) {
	end, count := len(dst)+limit, t.count()
	at := sort.Search(count, func(i int) bool { return t.end(i) > number+1 })
	for looks := 0; at < count && len(dst) < end && looks < trailLooksMax; looks++ {
		dst = t.appendBlock(at, number, dst)
		number = t.end(at) - 1
		at++
	}
	if at == count {
		for number = max(number, t.start-1); number+1 < t.next && len(dst) < end; {
			number++
			if row := t.noted[number%trailNoted]; row != 0 {
				dst = append(dst, TrailChange{number, row})
			}
		}
	}
	if len(dst) > end {
		dst = dst[:end]
		number = dst[end-1].Number
	}
	return dst, number
}

// appendBlock appends the changes of a block behind a number. A row that went there twice has one number.
func (t *Trail) appendBlock(i int, number uint64, dst []TrailChange) []TrailChange {
	b, end, first := t.block(i), t.end(i), len(dst)
	for _, row := range b.rows {
		if at := t.numberOf(row); at > number && at >= b.from && at < end {
			dst = append(dst, TrailChange{at, row})
		}
	}
	slices.SortFunc(dst[first:], func(a, b TrailChange) int { return cmp.Compare(a.Number, b.Number) })
	return dst[:first+len(slices.Compact(dst[first:]))]
}

// count is the number of blocks, without those that a pass has taken out.
func (t *Trail) count() int { return len(t.blocks) - (t.kept - t.scanned) }

func (t *Trail) block(i int) *trailBlock {
	if i >= t.scanned {
		i += t.kept - t.scanned
	}
	return &t.blocks[i]
}

// end is above all numbers of a block.
func (t *Trail) end(i int) uint64 {
	if i++; i < t.count() {
		return t.block(i).from
	}
	return t.start
}

// MemoryBytes is the memory that it takes.
func (t *Trail) MemoryBytes() int64 {
	return int64(t.count()+len(t.spare))*trailBlockRows*4 + sliceBytes(t.blocks) + sliceBytes(t.spare) +
		sliceBytes(t.seen) + trailNoted*4
}
