package mem

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRecentAgainstModel changes and removes rows, and looks for places that rows have left.
func TestRecentAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list Recent
		model := map[uint32]uint64{}
		number := uint64(1)
		rowsMax := rapid.SampledFrom([]uint32{5, 50, 3 * recentGap}).Draw(t, "rows")
		anyRow := rapid.Uint32Range(1, rowsMax)
		if rowsMax > recentGap { // enough for landmarks
			for row := uint32(1); row < rowsMax; row++ {
				list.Touch(row, number+uint64(row/7))
				model[row] = number + uint64(row/7)
			}
			number += uint64(rowsMax / 7)
		}
		t.Repeat(map[string]func(*rapid.T){
			"touch": func(t *rapid.T) {
				number += uint64(rapid.IntRange(0, 1).Draw(t, "rises"))
				for _, row := range rapid.SliceOfN(anyRow, 1, 20).Draw(t, "touched") {
					list.Touch(row, number)
					model[row] = number
				}
			},
			"touch in a row": func(t *rapid.T) {
				from := anyRow.Draw(t, "from")
				number++
				for row := min(from+2*recentGap, rowsMax); row > from; row-- {
					list.Touch(row, number)
					model[row] = number
				}
			},
			"remove": func(t *rapid.T) {
				row := anyRow.Draw(t, "row")
				list.Remove(row)
				delete(model, row)
			},
			"look": func(t *rapid.T) {
				at, row := rapid.Uint64Range(0, number+1).Draw(t, "number"), anyRow.Draw(t, "row")
				want := uint32(0)
				for other, n := range model {
					if place := cmp.Or(cmp.Compare(n, at), cmp.Compare(other, row)); place > 0 &&
						(want == 0 || cmp.Or(cmp.Compare(n, model[want]), cmp.Compare(other, want)) < 0) {
						want = other
					}
				}
				if got := list.After(at, row); got != want {
					t.Fatalf("behind (%d, %d) comes row %d, want %d", at, row, got, want)
				}
			},
		})
		want := slices.SortedFunc(maps.Keys(model), func(a, b uint32) int {
			return cmp.Or(cmp.Compare(model[a], model[b]), cmp.Compare(a, b))
		})
		var got []uint32
		for row := list.After(0, 0); row != 0; row = list.After(list.Number(row), row) {
			got = append(got, row)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the rows are %v, want %v", got, want)
		}
		checkMarks(t, &list)
	})
}

// checkMarks: no place is far from the landmark before it.
func checkMarks(t interface{ Fatalf(string, ...any) }, list *Recent) {
	behind := 0
	for row := list.first; row != 0; row = list.rows.At(row).next {
		if behind++; list.rows.At(row).key&recentMark != 0 {
			behind = 0
		}
		if behind > 2*recentGap {
			t.Fatalf("%d rows stand behind a landmark", behind)
		}
	}
}

// TestRecentKeepsLandmarks: each row changes twice in a row, so that the last one goes when it has become a landmark.
func TestRecentKeepsLandmarks(t *testing.T) {
	var list Recent
	list.Touch(1, 1)
	for row := range uint32(5 * recentGap) {
		list.Touch(row+2, 2*uint64(row)+2)
		list.Touch(row+2, 2*uint64(row)+3)
	}
	checkMarks(t, &list)
}

func TestRecentAllocations(t *testing.T) {
	var list Recent
	for row := range uint32(100_000) {
		list.Touch(row+1, uint64(row+1))
	}
	number := uint64(200_000)
	got := testing.AllocsPerRun(100, func() {
		number++
		for row := range uint32(100) {
			list.Touch(uint32(number)%99_000+100-row, number)
		}
		list.After(number-100, 5)
	})
	if got > 0 {
		t.Fatalf("a change allocates %v times", got)
	}
}

func BenchmarkRecentTouch(b *testing.B) {
	var list Recent
	const rows = 1_000_000
	for row := range uint32(rows) {
		list.Touch(row+1, uint64(row+1))
	}
	row := uint32(1)
	for n := uint64(16 * rows); b.Loop(); n++ {
		row = (row*1_103_515_245 + 12_345) % rows
		list.Touch(row+1, n/16+1)
	}
}
