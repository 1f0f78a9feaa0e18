package engine

import (
	"fmt"
	"runtime"
	"testing"
)

// TestMemoryBytes compares the reported memory of the state with the real one.
func TestMemoryBytes(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // sweeps what the first one found
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	e, index := New(), uint64(0)
	apply := func(key string, c Command) {
		index++
		e.Apply(index, int64(index), AppendCommand(nil, &Envelope{Key: key}, c), nil)
	}
	apply("", channels(5000, 3000, 2000))
	const upcs, orders = 40_000, 60_000
	for i := 0; i < upcs; i += 1000 {
		c := &Refresh{Location: "L"}
		for k := range 1000 {
			c.Items = append(c.Items, units(fmt.Sprintf("%013d", i+k), 100))
		}
		apply("", c)
	}
	for i := range orders {
		id := fmt.Sprintf("order-%08d", i)
		apply("key-"+id, allocate(id, ModeAll, ask("1", fmt.Sprintf("%013d", i%upcs), 1)))
		if i%2 == 0 {
			apply("", change(KindFulfill, id))
		}
	}
	apply("", &StartCount{Location: "L", Count: "night"})
	index += ClosedOrderEntries
	apply("", &Expire{}) // half of the orders leave memory, and wait for a checkpoint
	if s := e.Stats(); s.Records != upcs || s.OrderItems != orders/2 || s.Results != orders {
		t.Fatalf("stats %+v", s)
	}
	took, said := heap()-before, e.MemoryBytes()
	t.Logf("%d MB, said to be %d MB; %+v", took>>20, said>>20, e.Stats())
	if said < took*85/100 || said > took*115/100 {
		t.Errorf("the state takes %d bytes, and is said to take %d", took, said)
	}
	runtime.KeepAlive(e)
}
