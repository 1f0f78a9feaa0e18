package mem

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSlabHandsOutTheLowestFreeRow(t *testing.T) {
	var s Slab[int]
	for want := uint32(1); want <= chunkRows+2; want++ {
		if row := s.Add(); row != want {
			t.Fatalf("row %d, want %d", row, want)
		}
	}
	for _, row := range []uint32{9, 3, chunkRows + 1, 7} {
		s.Drop(row)
	}
	for _, want := range []uint32{3, 7, 9, chunkRows + 1, chunkRows + 3} {
		if row := s.Add(); row != want {
			t.Errorf("row %d, want %d", row, want)
		}
	}
	if got := s.Count(); got != chunkRows+3 {
		t.Errorf("count %d, want %d", got, chunkRows+3)
	}
}

func TestSlabPlaceAndFreeGaps(t *testing.T) {
	var s Slab[int]
	for _, row := range []uint32{2, chunkRows + 9, 4} {
		*s.Place(row) = int(row)
	}
	s.FreeGaps(func(v *int) bool { return *v != 0 })
	for _, want := range []uint32{1, 3, 5, 6} {
		if row := s.Add(); row != want {
			t.Errorf("row %d, want %d", row, want)
		}
	}
}

func TestTextsKeepWhatTheyGot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var store Texts
		kept := map[TextRef]string{}
		for _, s := range rapid.SliceOf(rapid.StringMatching(`[!-~äé]{1,30}`)).Draw(t, "texts") {
			ref := store.Add(s)
			if _, twice := kept[ref]; twice {
				t.Fatalf("%q got a place in use", s)
			}
			kept[ref] = s
			if len(kept)%3 == 0 {
				store.Drop(ref)
				delete(kept, ref)
			}
		}
		for ref, want := range kept {
			if got := store.Get(ref); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	})
}

func TestTextsOfEveryLength(t *testing.T) {
	var store Texts
	for n := range 65 {
		s := strings.Repeat("x", n)
		if got := store.Get(store.Add(s)); got != s {
			t.Errorf("length %d: got %q", n, got)
		}
	}
}

// lookup gives the rows that a table finds under a hash.
func lookup(tb *Table, hash uint64) (rows []uint32) {
	for row, p := tb.Probe(hash).Next(); row != 0; row, p = p.Next() {
		rows = append(rows, row)
	}
	return rows
}

func TestTableAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tb Table
		model := map[uint32]uint64{}
		// Few hashes, all in two shards, so that rows collide and shards grow.
		hashes := rapid.SampledFrom([]uint64{0, 1 << 24, 2 << 24, 7 << 24, 9<<24 | 5<<56, 1 << 56, 3 << 40,
			7<<24 | 1<<60})
		for i := range rapid.IntRange(1, 300).Draw(t, "steps") {
			if row := uint32(i + 1); len(model) == 0 || rapid.IntRange(0, 2).Draw(t, "op") > 0 {
				h := hashes.Draw(t, "hash")
				tb.Add(h, row)
				model[row] = h
				continue
			}
			rows := make([]uint32, 0, len(model))
			for row := range model {
				rows = append(rows, row)
			}
			slices.Sort(rows)
			row := rapid.SampledFrom(rows).Draw(t, "remove")
			tb.Remove(model[row], row)
			delete(model, row)
		}
		for row, h := range model {
			if !slices.Contains(lookup(&tb, h), row) {
				t.Fatalf("row %d is not found under %x", row, h)
			}
		}
		for shard := range tb.shards {
			checkShard(t, shard, &tb.shards[shard])
		}
	})
}

// checkShard compares a shard's counts with its slots. A deleted slot must not come before an empty slot.
func checkShard(t *rapid.T, number int, s *tableShard) {
	if s.slots.Load() == nil {
		return
	}
	slots, taken, live := *s.slots.Load(), 0, 0
	for i, slot := range slots {
		if slot != 0 {
			taken++
		}
		if uint32(slot) != 0 {
			live++
		}
		if slot == tableTombstone && slots[(i+1)%len(slots)] == 0 {
			t.Fatalf("shard %d: slot %d of %d was given up before an empty one", number, i, len(slots))
		}
	}
	if taken != int(s.taken) || live != int(s.live) {
		t.Fatalf("shard %d has %d slots taken, %d of them live; it counts %d and %d", number, taken, live, s.taken,
			s.live)
	}
}

func TestFreeRowsAgainstSortedSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var free freeRows
		var model []uint32
		rows := rapid.OneOf(rapid.Uint32Range(1, 200), rapid.Uint32Range(1, 300_000), rapid.Uint32Range(1, 1<<24))
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "op") > 0 {
				row := rows.Draw(t, "row")
				if at, found := slices.BinarySearch(model, row); !found {
					free.push(row)
					model = slices.Insert(model, at, row)
				}
				continue
			}
			if len(model) == 0 {
				continue
			}
			if row := free.pop(); row != model[0] {
				t.Fatalf("pop gives %d; the free rows are %v", row, model)
			}
			model = model[1:]
		}
		if free.n != len(model) {
			t.Fatalf("counts %d rows, has %d", free.n, len(model))
		}
	})
}

func TestTableForgetsRemovedRows(t *testing.T) {
	var tb Table
	for round := range 1000 {
		row := uint32(round + 1)
		tb.Add(42<<24, row)
		tb.Remove(42<<24, row)
	}
	if rows := lookup(&tb, 42<<24); len(rows) != 0 {
		t.Errorf("found %v in an empty table", rows)
	}
	if n := len(*tb.shards[0].slots.Load()); n > 64 {
		t.Errorf("a table of no rows grew to %d slots", n)
	}
}

func TestRingAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Ring
		r.Start(rapid.Uint64Range(1, 1<<30).Draw(t, "block")*ringBlockEntries - rapid.Uint64Range(0, 100).
			Draw(t, "before"))
		first := r.first
		var model [][]byte
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(model) > 0 && rapid.IntRange(0, 2).Draw(t, "op") == 0 {
				r.Drop()
				model = model[1:]
				first++
				continue
			}
			size := rapid.SampledFrom([]int{0, 1, 100, 70_000, ringChunkBytes - 1, ringChunkBytes + 10}).Draw(t, "size")
			entry := []byte(strings.Repeat("x", size) + fmt.Sprint(len(model)))
			if number := r.Add(entry); number != first+uint64(len(model)) {
				t.Fatalf("entry has number %d, want %d", number, first+uint64(len(model)))
			}
			model = append(model, entry)
		}
		total := 0
		for i, want := range model {
			if got := r.Get(first + uint64(i)); string(got) != string(want) {
				t.Fatalf("entry %d: %d bytes, want %d", i, len(got), len(want))
			}
			total += len(want)
		}
		if r.bytes != int64(total) || r.Len() != len(model) {
			t.Fatalf("%d entries of %d bytes, want %d of %d", r.Len(), r.bytes, len(model), total)
		}
	})
}

// TestHashMapForgets: a command does not see the sums of an earlier one, whatever the number of entries.
func TestHashMapForgets(t *testing.T) {
	var m HashMap[uint32, int64]
	for round := range 3 {
		m.Start(10)
		for row := uint32(1); row <= 100; row++ {
			*m.At(row) += int64(row)
			*m.At(row) += int64(round)
		}
		for row := uint32(1); row <= 100; row++ {
			if got := *m.At(row); got != int64(row)+int64(round) {
				t.Fatalf("round %d, row %d: %d", round, row, got)
			}
		}
		if m.Len() != 100 {
			t.Fatalf("round %d: %d entries", round, m.Len())
		}
	}
}

func TestHashMapKeepsAllValuesOfAKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m HashMap[uint64, int32]
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			m.Start(rapid.IntRange(0, 20).Draw(t, "room"))
			model := map[uint64][]int32{}
			for i := range rapid.IntRange(0, 100).Draw(t, "entries") {
				key := rapid.Uint64Range(0, 9).Draw(t, "key")
				*m.Add(key) = int32(i)
				model[key] = append(model[key], int32(i))
			}
			for key := range uint64(11) {
				var got []int32
				p := m.Probe(key)
				for v := m.Next(&p); v != nil; v = m.Next(&p) {
					got = append(got, *v)
				}
				if slices.Sort(got); !slices.Equal(got, model[key]) {
					t.Fatalf("key %d has %v, want %v", key, got, model[key])
				}
			}
		}
	})
}

// TestTableShardsGrowApart counts how many shards are rebuilt during one entry of 64 orders, once they are large.
func TestTableShardsGrowApart(t *testing.T) {
	const orders, entry, most = 1_500_000, 64, 4
	var tb Table
	rebuilds := 0
	for n := range uint32(orders) {
		if n%entry == 0 {
			rebuilds = 0
		}
		hash := HashText(fmt.Sprint("order-", n))
		before := tb.shards[hash>>56].slots.Load()
		tb.Add(hash, n+1)
		if tb.shards[hash>>56].slots.Load() != before {
			rebuilds++
		}
		if rebuilds > most && n > 300_000 {
			t.Fatalf("order %d: %d shards are rebuilt in one entry", n, rebuilds)
		}
	}
}
