package mem

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// chainModel has the number of each row's last change beside the chain.
type chainModel struct {
	chain   Chain
	numbers map[uint32]uint64
}

func newChainModel(next uint64) *chainModel {
	m := &chainModel{numbers: map[uint32]uint64{}}
	m.chain.Start(next, func(row uint32) uint64 { return m.numbers[row] })
	return m
}

func (m *chainModel) change(row uint32) { m.numbers[row] = m.chain.Change(row) }

// load makes a chain of all that is known.
func (m *chainModel) load() {
	m.chain.Start(m.chain.Newest()+1, m.chain.numberOf)
	for _, row := range m.inOrder() {
		m.chain.Load(row)
	}
}

func (m *chainModel) inOrder() []uint32 {
	return slices.SortedFunc(maps.Keys(m.numbers), func(a, b uint32) int {
		return cmp.Compare(m.numbers[a], m.numbers[b])
	})
}

// TestChainAgainstModel changes and removes rows, many at once too, and looks for places, near the end and far from it.
func TestChainAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newChainModel(rapid.Uint64Range(1, 100).Draw(t, "first"))
		rowsMax := rapid.SampledFrom([]uint32{5, 500, 4 * chainGap}).Draw(t, "rows")
		anyRow := rapid.Uint32Range(1, rowsMax)
		run := func(t *rapid.T, n uint32) {
			from, step := anyRow.Draw(t, "from"), anyRow.Draw(t, "step")
			for i := range n {
				m.change((from+i*step)%rowsMax + 1)
			}
		}
		run(t, rapid.SampledFrom([]uint32{0, 2 * chainNoted, 5 * chainNoted}).Draw(t, "changes"))
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) { run(t, 20) },
			"many":   func(t *rapid.T) { run(t, chainSettled+rapid.Uint32Range(0, chainNoted).Draw(t, "n")) },
			"none":   func(t *rapid.T) { m.chain.Change(0) },
			"load":   func(t *rapid.T) { m.load() },
			"remove": func(t *rapid.T) {
				for range rapid.IntRange(1, 50).Draw(t, "n") {
					row := anyRow.Draw(t, "row")
					if n := m.numbers[row]; n != 0 {
						m.chain.Remove(row, n)
						delete(m.numbers, row)
					}
				}
			},
			"look": func(t *rapid.T) {
				after := rapid.Uint64Range(0, m.chain.Newest()+1).Draw(t, "number")
				want, at := uint32(0), uint64(0)
				for row, n := range m.numbers {
					if n > after && (want == 0 || n < at) {
						want, at = row, n
					}
				}
				got, gotAt := m.chain.After(after, anyRow.Draw(t, "hint"))
				if got != want || gotAt != at {
					t.Fatalf("behind %d comes row %d at %d, want %d at %d", after, got, gotAt, want, at)
				}
			},
		})
		var got []uint32
		for row, at := m.chain.After(0, 0); row != 0; row, at = m.chain.After(at, row) {
			got = append(got, row)
		}
		if want := m.inOrder(); !slices.Equal(got, want) {
			t.Fatalf("the rows are %v, want %v", got, want)
		}
		checkChainMarks(t, &m.chain)
	})
}

// checkChainMarks: no place is far from the landmark before it.
func checkChainMarks(t *rapid.T, list *Chain) {
	behind, marks := 0, 0
	for row := list.first; row != 0; row = list.links.At(row).next {
		if behind++; list.links.At(row).prev&chainMarked != 0 {
			behind = 0
			if marks >= len(list.marks) || list.marks[marks].row != row {
				t.Fatalf("row %d is a landmark, and landmark %d is another row", row, marks)
			}
			marks++
		}
		if behind > 2*chainGap {
			t.Fatalf("%d rows stand behind a landmark", behind)
		}
	}
	if marks != len(list.marks) {
		t.Fatalf("%d landmarks are in the list, of %d", marks, len(list.marks))
	}
}

// BenchmarkChainChange changes rows that are far from each other in memory.
func BenchmarkChainChange(b *testing.B) {
	for _, rows := range []uint32{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			numbers := make([][12]uint64, rows+1) // as large as records
			list := new(Chain)
			list.Start(1, func(row uint32) uint64 { return numbers[row][4] })
			for row := uint32(1); row <= rows; row++ {
				numbers[row][4] = list.Change(row)
			}
			b.ReportAllocs()
			row := uint32(1)
			for b.Loop() {
				row = (row*1_103_515_245+12_345)%rows + 1
				numbers[row][4] = list.Change(row)
			}
		})
	}
}
