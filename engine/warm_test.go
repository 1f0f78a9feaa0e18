package engine

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestWarmChangesNothing looks ahead at commands of every kind, whole and broken: the state stays as it is.
func TestWarmChangesNothing(t *testing.T) {
	e := New()
	e.Warm(warmCommands(8)) // nothing is there to look at
	e.Apply(1, 1, AppendCommand(nil, &Envelope{}, &Refresh{Location: "X", Items: []StockItem{{UPC: "u1", Quantity: 5}}}), nil)
	before := e.Hash()
	rapid.Check(t, func(t *rapid.T) {
		commands := warmCommands(2)
		for range rapid.IntRange(0, 2*WarmCommandsMax).Draw(t, "commands") {
			env := genEnvelope(t)
			b := AppendCommand(nil, &env, genAnyCommand(t))
			commands = append(commands, b[:rapid.IntRange(0, len(b)).Draw(t, "bytes")])
		}
		e.Warm(commands)
		if e.Hash() != before {
			t.Fatal("looking ahead changed the state")
		}
	})
}

// TestWarmFollowsAnAllocate demands that the record and the segment are reached, without which nothing is gained.
func TestWarmFollowsAnAllocate(t *testing.T) {
	e := New()
	e.Apply(1, 1, AppendCommand(nil, &Envelope{}, &Refresh{Location: "X", Items: []StockItem{{UPC: "u1", Quantity: 5}}}), nil)
	e.Warm(warmCommands(warmCommandsMin))
	paths := e.scratch.warm.paths
	if len(paths) != warmCommandsMin || paths[0].record == 0 || paths[0].record != e.findRecord("u1", "X") {
		t.Errorf("found the paths %+v", paths)
	}
	commands := warmCommands(WarmCommandsMax)
	if n := testing.AllocsPerRun(100, func() { e.Warm(commands) }); n > 0 {
		t.Errorf("looking ahead allocates %v times", n)
	}
}

func warmCommands(n int) (commands [][]byte) {
	for i := range n {
		c := &Allocate{OrderID: fmt.Sprint("o", i), ExpiresAtMS: int64(i), Lines: []AllocateLine{{ItemID: "1", UPC: "u1", Location: "X", Quantity: 1}}}
		commands = append(commands, AppendCommand(nil, &Envelope{Key: "k"}, c))
	}
	return commands
}
