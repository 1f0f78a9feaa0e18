//go:build linux

package mem

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
)

// BenchmarkTrailChange is what the order of changes costs a changed row, in time of the processor: rows as large as
// records change at random, 64 in an entry, whose rows are in the cache already, as in Apply. Turns with the order
// alternate with turns that only count.
func BenchmarkTrailChange(b *testing.B) {
	for _, rows := range []uint32{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			records, trail, counter := new(Slab[[12]uint64]), new(Trail), uint64(0)
			number := func(row uint32) *uint64 { return &records.At(row)[5] }
			trail.Start(1, func(row uint32) uint64 { return *number(row) })
			ordered := func(row uint32) { *number(row) = trail.Change(row, *number(row)) }
			counted := func(row uint32) { counter++; records.At(row)[4] = counter }
			for range rows {
				ordered(records.Add())
			}
			turns := timedTurns{rows: rows, touch: func(row uint32) uint64 { return *number(row) },
				rng: rand.New(rand.NewPCG(1, 2))}
			for range 3 * rows / changesInTurn { // as after some time
				turns.run(ordered)
			}
			var with, without int64
			b.ReportAllocs()
			for b.Loop() {
				without += turns.run(counted)
				with += turns.run(ordered)
			}
			per := 1 / float64(changesInTurn*b.N)
			b.ReportMetric(float64(without)*per, "ns/counted")
			b.ReportMetric(float64(with)*per, "ns/ordered")
			b.ReportMetric(float64(with-without)*per, "ns/order")
			b.ReportMetric(float64(trail.MemoryBytes())/float64(rows), "B/row")
		})
	}
}

const changesInTurn, changesInEntry = 1 << 14, 64

// timedTurns changes rows at random.
type timedTurns struct {
	rows    uint32
	touch   func(row uint32) uint64
	rng     *rand.Rand
	changed [changesInTurn]uint32
	seen    uint64
}

func (t *timedTurns) run(change func(row uint32)) (ns int64) {
	for i := range t.changed {
		t.changed[i] = 1 + t.rng.Uint32N(t.rows)
	}
	start := threadTime()
	for at := 0; at < changesInTurn; at += changesInEntry {
		entry := t.changed[at : at+changesInEntry]
		for _, row := range entry {
			t.seen += t.touch(row)
		}
		for _, row := range entry {
			change(row)
		}
	}
	return threadTime() - start
}

// threadTime is the time of the processor that the thread has used.
func threadTime() (ns int64) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &used); err != nil {
		panic(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
