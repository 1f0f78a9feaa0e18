package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPrefetchChangesNothing prefetches for commands of every kind, whole and broken: the state stays as it is.
func TestPrefetchChangesNothing(t *testing.T) {
	e := New()
	e.Prefetch(prefetchCommands(8)) // no rows yet
	e.Apply(1, 1, AppendCommand(nil, &Envelope{}, &Refresh{Location: "X",
		Items: []StockItem{{UPC: "u1", Quantity: 5}}}), nil)
	before := e.Hash()
	rapid.Check(t, func(t *rapid.T) {
		commands := prefetchCommands(2)
		for range rapid.IntRange(0, 2*PrefetchCommandsMax).Draw(t, "commands") {
			env := genEnvelope(t)
			b := AppendCommand(nil, &env, genAnyCommand(t))
			commands = append(commands, b[:rapid.IntRange(0, len(b)).Draw(t, "bytes")])
		}
		e.Prefetch(commands)
		if e.Hash() != before {
			t.Fatal("looking ahead changed the state")
		}
	})
}

// TestPrefetchFollowsAnAllocate: prefetch reaches the record and the segment. Without them it gains nothing.
func TestPrefetchFollowsAnAllocate(t *testing.T) {
	e := New()
	e.Apply(1, 1, AppendCommand(nil, &Envelope{}, &Refresh{Location: "X",
		Items: []StockItem{{UPC: "u1", Quantity: 5}}}), nil)
	e.Prefetch(prefetchCommands(prefetchCommandsMin))
	paths := e.scratch.prefetch.paths
	if len(paths) != prefetchCommandsMin || paths[0].record == 0 || paths[0].record != e.findRecord("u1", "X") {
		t.Errorf("found the paths %+v", paths)
	}
	commands := prefetchCommands(PrefetchCommandsMax)
	if n := testing.AllocsPerRun(100, func() { e.Prefetch(commands) }); n > 0 {
		t.Errorf("looking ahead allocates %v times", n)
	}
}

// TestPrefetchShowsInNoResult prefetches for entries whose commands delete and create what it found, and for commands
// other than the next ones. An engine without prefetch must give the same results.
func TestPrefetchShowsInNoResult(t *testing.T) {
	warm, cold := New(), New()
	rng := rand.New(rand.NewPCG(1, 2))
	used := 0
	for index := range uint64(3000) {
		var entry [][]byte
		for range 4 + rng.IntN(8) {
			upc := fmt.Sprint("u", rng.IntN(6))
			var c Command
			third := fmt.Sprint("c", rng.IntN(3))
			switch rng.IntN(20) {
			case 0:
				c = &Delete{Scope: Scope{UPCs: []string{upc}}, Force: true}
			case 1:
				c = &Refresh{Location: "X", Items: []StockItem{{UPC: upc, Quantity: int64(rng.IntN(9))}}}
			case 2: // deletes the value, which has another number when it comes back
				put := &PutTagCategory{Name: "C"}
				for i, name := range []string{"a", "b", third} {
					put.Values = append(put.Values, Value{Name: name, Percent: NoPercent, Max: NoMax, Default: i == 0})
				}
				for i := range 3 {
					put.MoveTo = append(put.MoveTo, Move{From: fmt.Sprint("c", i), To: "b"})
				}
				put.MoveTo = slices.DeleteFunc(put.MoveTo, func(m Move) bool { return m.From == third })
				c = put
			case 3, 4, 5:
				c = &Refresh{Location: "X", Items: []StockItem{{UPC: upc, Quantity: int64(rng.IntN(9)),
					Tags: []Tag{{"C", third}}}}}
			default:
				tags := []Tag{{"C", []string{"a", "b", third}[rng.IntN(3)]}}
				c = &Allocate{OrderID: fmt.Sprint("o", rng.IntN(2000)), Mode: ModeLine, Lines: []AllocateLine{
					{ItemID: fmt.Sprint(rng.IntN(3)), UPC: upc, Location: "X", Quantity: 1, Tags: tags},
					{ItemID: "x", UPC: "u1", Location: "X", Quantity: 1}}}
			}
			entry = append(entry, AppendCommand(nil, &Envelope{}, c))
		}
		warm.Prefetch(entry)
		if index%3 == 0 {
			rng.Shuffle(len(entry), func(i, k int) { entry[i], entry[k] = entry[k], entry[i] })
		}
		for i, command := range entry {
			a, b := warm.Apply(1+index, 1, command, nil), cold.Apply(1+index, 1, command, nil)
			if !bytes.Equal(a, b) {
				t.Fatalf("entry %d, command %d: %x, and without looking ahead %x", index, i, a, b)
			}
			if warm.scratch.prefetch.found != 0 {
				used++
			}
		}
	}
	if warm.Hash() != cold.Hash() {
		t.Error("the states differ")
	}
	if used == 0 {
		t.Error("nothing was found ahead")
	}
}

func prefetchCommands(n int) (commands [][]byte) {
	for i := range n {
		c := &Allocate{OrderID: fmt.Sprint("o", i), ExpiresAtMS: int64(i),
			Lines: []AllocateLine{{ItemID: "1", UPC: "u1", Location: "X", Quantity: 1}}}
		commands = append(commands, AppendCommand(nil, &Envelope{Key: "k"}, c))
	}
	return commands
}
