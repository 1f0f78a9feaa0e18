package mem

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// trailModel has all changes beside the trail.
type trailModel struct {
	trail   Trail
	numbers []uint64 // of the last change, by row
	rows    []uint32 // by number
}

func newTrailModel(next uint64, rowsMax uint32) *trailModel {
	m := &trailModel{numbers: make([]uint64, rowsMax+1), rows: make([]uint32, next)}
	m.trail.Start(next, func(row uint32) uint64 { return m.numbers[row] })
	return m
}

func (m *trailModel) change(row uint32) {
	m.numbers[row] = m.trail.Change(row, m.numbers[row])
	m.rows = append(m.rows, row)
}

func (m *trailModel) remove(row uint32) {
	m.trail.Change(0, m.numbers[row])
	m.numbers[row] = 0
	m.rows = append(m.rows, 0)
}

// load makes a trail of all that is known.
func (m *trailModel) load() {
	m.trail.Start(m.trail.Newest()+1, m.trail.numberOf)
	for _, c := range m.after(0) {
		m.trail.Load(c.Row)
	}
}

func (m *trailModel) after(number uint64) (changes []TrailChange) {
	for n := number + 1; n < uint64(len(m.rows)); n++ {
		if row := m.rows[n]; row != 0 && m.numbers[row] == n {
			changes = append(changes, TrailChange{n, row})
		}
	}
	return changes
}

// check reads the trail behind a number to the end, at most limit changes at a time.
func (m *trailModel) check(t rapid.TB, number uint64, limit int) {
	t.Helper()
	want, at := m.after(number), number
	for {
		got, all := m.trail.After(at, limit, nil)
		for i, c := range got {
			if i >= len(want) || c != want[i] || c.Number > all {
				t.Fatalf("behind %d: change %d of %d up to %d is %v, want %v", at, i, len(got), all, c,
					firstOf(want[min(i, len(want)):]))
			}
		}
		want = want[len(got):]
		if len(got) > limit || len(want) > 0 && want[0].Number <= all {
			t.Fatalf("behind %d: got %d changes up to %d, and then comes %v", at, len(got), all, firstOf(want))
		}
		if all == at {
			break
		}
		at = all
	}
	if len(want) > 0 || at < m.trail.Newest() && number < at {
		t.Fatalf("the end is %d, behind it are %d changes", at, len(want))
	}
}

func firstOf(changes []TrailChange) []TrailChange { return changes[:min(len(changes), 1)] }

// TestTrailAgainstModel changes and removes rows, many at once too, so that passes go through the list, and looks for
// places near the end and far from it.
func TestTrailAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rowsMax := rapid.SampledFrom([]uint32{5, 500, 40 * trailBlockRows}).Draw(t, "rows")
		m := newTrailModel(rapid.Uint64Range(1, 100).Draw(t, "first"), rowsMax)
		anyRow := rapid.Uint32Range(1, rowsMax)
		run := func(t *rapid.T, n uint32) {
			from, step := anyRow.Draw(t, "from"), anyRow.Draw(t, "step")
			for i := range n {
				m.change((from+i*step)%rowsMax + 1)
			}
		}
		run(t, rapid.SampledFrom([]uint32{0, 2 * trailNoted, 5 * trailNoted}).Draw(t, "changes"))
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) { run(t, 20) },
			"many":   func(t *rapid.T) { run(t, trailBlockRows+rapid.Uint32Range(0, trailNoted).Draw(t, "n")) },
			"none": func(t *rapid.T) {
				for range rapid.SampledFrom([]int{1, trailNoted}).Draw(t, "n") {
					m.remove(0)
				}
			},
			"load": func(t *rapid.T) { m.load() },
			"remove": func(t *rapid.T) {
				for range rapid.IntRange(1, 50).Draw(t, "n") {
					if row := anyRow.Draw(t, "row"); m.numbers[row] != 0 {
						m.remove(row)
					}
				}
			},
			"look": func(t *rapid.T) {
				after := rapid.Uint64Range(0, m.trail.Newest()+1).Draw(t, "number")
				m.check(t, after, rapid.SampledFrom([]int{100, 1000, 100_000}).Draw(t, "limit"))
			},
		})
		m.check(t, 0, 100_000)
	})
}

// TestTrailPasses looks for places while passes go through the list, and bounds what it takes.
func TestTrailPasses(t *testing.T) {
	const rows = 60 * trailBlockRows
	m, rng, looks := newTrailModel(1, rows), rand.New(rand.NewPCG(1, 2)), 0
	for range 200_000 {
		start := m.trail.start
		m.change(1 + rng.Uint32N(rows))
		if m.trail.start != start && m.trail.scanned > 0 {
			m.check(t, rng.Uint64N(m.trail.next), 1000)
			looks++
		}
	}
	if looks == 0 {
		t.Error("nobody has looked during a pass")
	}
	if most := int64(8*rows + 128<<10); m.trail.MemoryBytes() > most {
		t.Errorf("%d rows take %d bytes, at most %d", rows, m.trail.MemoryBytes(), most)
	}
}
