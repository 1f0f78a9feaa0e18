package engine

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
)

// TestTagListsShowInNoResult applies the same commands to two engines: one remembers tag lists, the other forgets them
// before each command. There are more lists than slots, so that lists lose their slots, also to other lines of their
// command.
func TestTagListsShowInNoResult(t *testing.T) {
	remembers, forgets := New(), New()
	apply := func(index uint64, c Command) {
		t.Helper()
		command := AppendCommand(nil, &Envelope{}, c)
		*forgets.scratch.command.in.lists = tagLists{}
		a, b := remembers.Apply(index, 1, command, nil), forgets.Apply(index, 1, command, nil)
		if !bytes.Equal(a, b) {
			t.Fatalf("index %d: %x, and without a memory %x", index, a, b)
		}
	}
	const values = 300
	category := &PutTagCategory{Name: "C"}
	for i := range values {
		category.Values = append(category.Values, Value{Name: fmt.Sprint("v", i), Percent: NoPercent, Max: NoMax,
			Default: i == 0})
	}
	category.Values = category.Values[:CategoryValuesMax]
	apply(1, category)
	apply(1, &PutTagCategory{Name: "D", Values: []Value{{Name: "d", Percent: NoPercent, Max: NoMax, Default: true}}})
	refresh := &Refresh{Location: "X", Items: []StockItem{{UPC: "u", Quantity: 1 << 30}}}
	for i := range 200 {
		refresh.Items = append(refresh.Items, StockItem{UPC: "u", Quantity: 100,
			Tags: []Tag{{"C", fmt.Sprint("v", i+1)}}})
	}
	apply(2, refresh)
	for n := range uint64(3000) {
		c := &Allocate{OrderID: fmt.Sprint("o", n), Mode: ModeLine, Backorder: n%7 == 0}
		for i := range n % 5 {
			tags := []Tag{{"C", fmt.Sprint("v", (n*7+31*i)%values)}} // some are unknown
			switch (n + i) % 3 {
			case 1:
				tags = append(tags, Tag{"D", "d"})
			case 2:
				tags = []Tag{{"D", "d"}, tags[0]}
			}
			c.Lines = append(c.Lines, AllocateLine{ItemID: fmt.Sprint(i), UPC: "u", Location: "X", Quantity: 1,
				Tags: tags})
		}
		apply(3+n, c)
		if n == 1500 {
			apply(3+n, &PutTagCategory{Name: "C", Values: category.Values[:250],
				MoveTo: moveAll(category.Values[250:], "v1")})
		}
	}
	if remembers.Hash() != forgets.Hash() {
		t.Error("the states differ")
	}
	if m := remembers.scratch.command.in.lists; m.missed < tagListPatience {
		t.Errorf("only %d lists lost their slot, so the test is too small", m.missed)
	}
}

func moveAll(values []Value, to string) (moves []Move) {
	for _, v := range values {
		moves = append(moves, Move{From: v.Name, To: to})
	}
	return moves
}

// FuzzTagLists: for any bytes that begin with the list, the remembered list is the decoded list.
func FuzzTagLists(f *testing.F) {
	lists := [][]Tag{{{"C", "v"}}, {{"C", "v"}, {"D", "w"}}, {{"", ""}}, {{"C", string(bytes.Repeat([]byte("x"), 64))}}}
	for _, tags := range lists {
		f.Add(appendTags(nil, tags))
		f.Add(append(appendTags(nil, tags), 0, 1, 2))
		f.Add(appendTags(nil, tags)[:3])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bodyReader{reader: reader{b: b}}
		tags := in.readTags()
		m := new(tagLists)
		m.remember(tags, tagSetKey{})
		l, n := m.find(b)
		whole := in.fault == "" && len(tags) > 0
		if l != nil && (!whole || n != in.at || !slices.Equal(l.tags, tags)) {
			t.Errorf("%x: found %+v of %d bytes, decoded %v of %d (%s)", b, l, n, tags, in.at, in.fault)
		}
		if l == nil && whole && checkTags("tags", tags) == nil && in.at <= tagListBytesMax {
			t.Errorf("%x: not remembered", b)
		}
	})
}

// TestTagListOutlivesItsSlot: a line keeps its list when an earlier line of its command takes the slot.
func TestTagListOutlivesItsSlot(t *testing.T) {
	m := new(tagLists)
	first := []Tag{{"C", "v"}}
	m.remember(first, tagSetKey{low: 7})
	l, _ := m.find(appendTags(nil, first))
	for n := 0; ; n++ {
		m.last = nil
		if again, _ := m.find(appendTags(nil, first)); again == nil {
			break
		}
		if n == 1_000_000 {
			t.Fatal("the list stays in its slot for ever")
		}
		m.remember([]Tag{{"C", fmt.Sprint(n)}}, tagSetKey{low: uint64(n)})
	}
	if !slices.Equal(l.tags, first) || l.key.low != 7 {
		t.Errorf("the list has become %+v", l)
	}
}

// TestManyTagSetsStayReadable: the texts of tag sets outlive a garbage collection, however many there are.
func TestManyTagSetsStayReadable(t *testing.T) {
	h := newHost(t)
	h.must(discrete("A", 256))
	h.must(discrete("B", 256))
	s := h.e.Schema()
	for row := range 80 * 256 {
		s.set(tagSetKey{}.with(0, uint16(row/256)).with(1, uint16(row%256)))
	}
	runtime.GC()
	texts := make([]string, 0, 100_000) // they take memory that was given up
	for i := range 100_000 {
		texts = append(texts, fmt.Sprintf("%30d", i))
	}
	for row := uint32(1); row < s.sets.Used(); row++ {
		key := s.sets.At(row).key
		want := fmt.Sprintf(`{"A":%q,"B":%q}`, s.categories[0].names[key.at(0)], s.categories[1].names[key.at(1)])
		if got := s.TagsJSON(TagSetID(row)); got != want {
			t.Fatalf("tag set %d of %d reads %s, want %s, beside %d texts", row, s.sets.Used(), got, want, len(texts))
		}
	}
}
