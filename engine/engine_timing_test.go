package engine_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apportion/engine"
)

// Benchmarks of the engine alone. The large ones build 1 million records of 5 segments and are skipped with -short:
//
//	go test ./engine -run '^$' -bench . -benchtime 1000000x
//	go test ./engine -run '^$' -bench 'Memory|Load|Checkpoint' -benchtime 1x

const benchNowMS = 1_700_000_000_000

// bigStock never runs out in a benchmark.
const bigStock = 1_000_000_000

// stockedEngine has records with UPCs u0000000, u0000001, ... at the location X, each with the given number of
// segments, and units in each segment.
func stockedEngine(tb testing.TB, records, segments int, units int64) *engine.Engine {
	tb.Helper()
	e := engine.New()
	var values []engine.Value
	left := int32(10_000)
	for i := range segments {
		share := left / int32(segments-i)
		values = append(values, percent(fmt.Sprintf("v%d", i), share))
		left -= share
	}
	mustApply(tb, e, 1, putCategory("Channel", 0, values...))
	const batch = 1000
	var dst []byte
	for first := 0; first < records; first += batch {
		c := &engine.Refresh{Location: "X"}
		for i := first; i < min(first+batch, records); i++ {
			c.Items = append(c.Items, engine.StockItem{UPC: benchUPC(i), Quantity: units * int64(segments)})
		}
		dst = e.Apply(e.AppliedIndex()+1, benchNowMS, engine.AppendCommand(nil, &engine.Envelope{}, c), dst[:0])
	}
	var v engine.RecordView
	if !e.ReadRecord(benchUPC(records-1), "X", &v) || len(v.Segments) != segments || v.OnHand != units*int64(segments) {
		tb.Fatalf("the last record reads %+v", v)
	}
	return e
}

// countChanges has the changes of records counted, as in a server.
func countChanges(tb testing.TB, e *engine.Engine) {
	tb.Helper()
	mustApply(tb, e, e.AppliedIndex()+1, &engine.StartChanges{})
}

func benchUPC(i int) string { return fmt.Sprintf("u%07d", i) }

// allocator makes single-line Allocates for new orders without encoding each of them. It writes order id and UPC into
// the binary form of the commands, as a server does with a request. The commands are those of one entry.
type allocator struct {
	commands [][]byte
	orderID  int // offset in a command
	upc      int // offset in a command
	next     int
	emptied  int // orders below have left memory
	records  int
	dst      []byte
}

func newAllocator(records int) *allocator {
	const orderID, upc = "order-0000000000", "u9999999"
	a := &allocator{records: records, dst: make([]byte, 0, 4096)}
	for range entryCommands {
		a.commands = append(a.commands, engine.AppendCommand(nil, &engine.Envelope{}, &engine.Allocate{OrderID: orderID,
			Lines: []engine.AllocateLine{{ItemID: "1", UPC: upc, Location: "X", Quantity: 1,
				Tags: []engine.Tag{tag("Channel", "v0")}}}}))
	}
	a.orderID = bytes.Index(a.commands[0], []byte(orderID)) + len("order-")
	a.upc = bytes.Index(a.commands[0], []byte(upc)) + len("u")
	return a
}

// apply sends the next order, for a record that is far from the last one in memory.
func (a *allocator) apply(e *engine.Engine) {
	index, at := e.AppliedIndex(), a.next%entryCommands
	if at == 0 {
		index++
		a.patch()
		e.Prefetch(a.commands)
	}
	a.next++
	a.dst = e.Apply(index, benchNowMS, a.commands[at], a.dst[:0])
}

// patch turns the commands into those of the next entry.
func (a *allocator) patch() {
	for i, c := range a.commands {
		n := a.next + i
		decimals(c[a.orderID:a.orderID+10], n)
		decimals(c[a.upc:a.upc+7], int(uint32(n)*2654435761%uint32(a.records)))
	}
}

func decimals(dst []byte, n int) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// check fails the test unless the last answer was a success.
func (a *allocator) check(tb testing.TB) {
	tb.Helper()
	var r engine.Result
	if err := engine.DecodeResult(a.dst, &r); err != nil || r.Code != engine.CodeOK || r.Lines[0].Units != 1 {
		tb.Fatalf("the last allocate answers %+v, %v", r, err)
	}
}

// entryCommands is how many commands share a log entry in the benchmarks: 64 waiting callers give as many.
const entryCommands = 64

// BenchmarkAllocate is a single-line Allocate through Apply, 64 in an entry. reused: in memory that earlier orders have
// left, as in a server after some time. fresh: in new memory, with the operating system's work for new pages.
func BenchmarkAllocate(b *testing.B) {
	for _, records := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("records=%d/reused", records), func(b *testing.B) {
			e := stockedEngine(b, records, 5, bigStock)
			countChanges(b, e)
			a := newAllocator(records)
			a.fill(e)
			a.empty(e)
			b.ReportAllocs()
			for left := ordersAtOnce; b.Loop(); left-- {
				if left == 0 {
					b.StopTimer()
					a.empty(e)
					left = ordersAtOnce
					b.StartTimer()
				}
				a.apply(e)
			}
			a.check(b)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "allocates/s")
		})
		b.Run(fmt.Sprintf("records=%d/fresh", records), func(b *testing.B) {
			e := stockedEngine(b, records, 5, bigStock)
			countChanges(b, e)
			a := newAllocator(records)
			b.ReportAllocs()
			for b.Loop() {
				a.apply(e)
			}
			a.check(b)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "allocates/s")
		})
	}
}

// ordersAtOnce is how many orders are in memory when memory is reused.
const ordersAtOnce = 500_000

// fill makes orders outside the measurement.
func (a *allocator) fill(e *engine.Engine) {
	for range ordersAtOnce {
		a.apply(e)
	}
}

// empty releases all orders, moves them out of memory after their time, and takes the checkpoint that writes them.
func (a *allocator) empty(e *engine.Engine) {
	for ; a.emptied < a.next; a.emptied++ {
		c := &engine.OrderChange{Action: engine.KindDeallocate, OrderID: fmt.Sprintf("order-%010d", a.emptied)}
		a.dst = e.Apply(e.AppliedIndex()+1, benchNowMS, engine.AppendCommand(nil, &engine.Envelope{}, c), a.dst[:0])
	}
	e.Advance(e.AppliedIndex()+engine.ClosedOrderEntries, benchNowMS)
	c := e.Freeze()
	for more, rows := true, new(engine.Rows); more; {
		rows.Reset()
		more = c.Next(rows, sliceBytes, new(sync.Mutex))
	}
	c.Done()
	if left := e.Stats().Orders; left != 0 {
		panic(fmt.Sprintf("%d orders did not leave memory", left))
	}
	runtime.GC()
}

// BenchmarkAllocateMaps is the yardstick for BenchmarkAllocate on a shared machine: Go maps with a counter for each
// record and an order's units, and nothing else.
func BenchmarkAllocateMaps(b *testing.B) {
	for _, records := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			available := make(map[string]*int64, records)
			for i := range records {
				units := int64(bigStock)
				available[benchUPC(i)] = &units
			}
			orders := map[string]int64{}
			a := newAllocator(records)
			b.ReportAllocs()
			for b.Loop() {
				if a.next%entryCommands == 0 {
					a.patch()
				}
				c := a.commands[a.next%entryCommands]
				a.next++
				if units := available[string(c[a.upc-1:a.upc+7])]; *units > 0 {
					*units--
					orders[string(c[a.orderID:a.orderID+10])] = 1
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "allocates/s")
		})
	}
}

// withWriter runs read alone, and beside a writer that allocates without a pause.
func withWriter(b *testing.B, read func(b *testing.B, e *engine.Engine)) {
	const records = 1000
	b.Run("alone", func(b *testing.B) { read(b, stockedEngine(b, records, 5, bigStock)) })
	b.Run("writer", func(b *testing.B) {
		e := stockedEngine(b, records, 5, bigStock)
		var done atomic.Bool
		var writer sync.WaitGroup
		writer.Go(func() {
			for a := newAllocator(records); !done.Load(); {
				a.apply(e)
			}
		})
		read(b, e)
		done.Store(true)
		writer.Wait()
	})
}

func BenchmarkReadRecord(b *testing.B) {
	withWriter(b, func(b *testing.B, e *engine.Engine) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var v engine.RecordView
			upc := benchUPC(17)
			for pb.Next() {
				e.ReadRecord(upc, "X", &v)
			}
		})
	})
}

func BenchmarkRefuses(b *testing.B) {
	withWriter(b, func(b *testing.B, e *engine.Engine) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			c := tooMuch()
			var r engine.Result
			for pb.Next() {
				e.Refuses("", c, &r)
			}
		})
	})
}

// tooMuch asks for more than stockedEngine has.
func tooMuch() *engine.Allocate {
	return &engine.Allocate{OrderID: "nobody's", Lines: []engine.AllocateLine{
		{ItemID: "1", UPC: benchUPC(17), Location: "X", Quantity: 2 * bigStock,
			Tags: []engine.Tag{tag("Channel", "v1")}}}}
}

// heap is the reachable memory: bytes and objects.
func heap() (bytes, objects uint64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.HeapObjects
}

const manyRecords = 1_000_000

func manyRecordsOrSkip(b *testing.B) {
	if testing.Short() {
		b.Skip("1 million records take a while")
	}
}

// BenchmarkMemory separates segments from records: it builds the same records with 1 and with 5 segments.
func BenchmarkMemory(b *testing.B) {
	manyRecordsOrSkip(b)
	for b.Loop() {
		bytes1, objects1 := heapOf(b, 1)
		bytes5, objects5 := heapOf(b, 5)
		segment := float64(bytes5-bytes1) / 4 / manyRecords
		b.ReportMetric(segment, "B/segment")
		b.ReportMetric(float64(bytes1)/manyRecords-segment, "B/record")
		b.ReportMetric(float64(objects1), "objects(1M×1)")
		b.ReportMetric(float64(objects5), "objects(1M×5)")
	}
}

func heapOf(b *testing.B, segments int) (bytes, objects uint64) {
	bytesBefore, objectsBefore := heap()
	e := stockedEngine(b, manyRecords, segments, 20)
	countChanges(b, e)
	for i := range manyRecords { // all of them change
		c := &engine.Adjust{Location: "X", Items: []engine.StockItem{{UPC: benchUPC(i), Quantity: 1}}}
		e.Apply(e.AppliedIndex(), benchNowMS, engine.AppendCommand(nil, &engine.Envelope{}, c), nil)
	}
	bytes, objects = heap()
	runtime.KeepAlive(e)
	return bytes - bytesBefore, objects - objectsBefore
}

// sliceBytes is how much a checkpoint encodes at a time.
const sliceBytes = 64 << 10

// BenchmarkLoad fills an engine from the rows of a checkpoint, in the order of their keys.
func BenchmarkLoad(b *testing.B) {
	manyRecordsOrSkip(b)
	c := stockedEngine(b, manyRecords, 5, 20).Freeze()
	var chunks []*engine.Rows
	for more := true; more; {
		rows := &engine.Rows{}
		more = c.Next(rows, 1<<20, new(sync.Mutex))
		chunks = append(chunks, rows)
	}
	c = nil
	runtime.GC()
	for b.Loop() {
		loader := engine.New().BeginLoad()
		for _, rows := range chunks {
			err := rows.Each(func(_ engine.RowOp, key, value []byte) error { return loader.Row(key, value) })
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := loader.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckpoint compares Apply during a checkpoint of 1 million records with Apply before it. The checkpoint
// takes a slice after each batch, and Apply encodes old rows before it changes them.
func BenchmarkCheckpoint(b *testing.B) {
	manyRecordsOrSkip(b)
	const batch, batches = 64, 4000
	e := stockedEngine(b, manyRecords, 5, bigStock)
	a := newAllocator(manyRecords)
	warm := func(count int) time.Duration {
		start := time.Now()
		for range count * batch {
			a.apply(e)
		}
		return time.Since(start)
	}
	warm(batches)
	for b.Loop() {
		alone := warm(batches)
		start := time.Now()
		c := e.Freeze()
		freeze := time.Since(start)
		var applying, slicing time.Duration
		var took []time.Duration
		var encoded int
		var rows engine.Rows
		for more := true; more; {
			applying += warm(1)
			rows.Reset()
			start := time.Now()
			more = c.Next(&rows, sliceBytes, new(sync.Mutex))
			took = append(took, time.Since(start))
			slicing += took[len(took)-1]
			_ = rows.Each(func(_ engine.RowOp, key, value []byte) error {
				encoded += len(key) + len(value)
				return nil
			})
		}
		c.Done()
		perAlone := float64(alone.Nanoseconds()) / (batches * batch)
		perBeside := float64(applying.Nanoseconds()) / float64(len(took)*batch)
		slices.Sort(took)
		b.ReportMetric(perAlone, "ns/apply-alone")
		b.ReportMetric(perBeside, "ns/apply-beside")
		b.ReportMetric(100*(perBeside/perAlone-1), "%slower")
		b.ReportMetric(float64(freeze.Microseconds()), "us-freeze")
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us-slice-median")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "us-slice-p99")
		b.ReportMetric(float64(took[len(took)-1].Microseconds()), "us-slice-longest")
		b.ReportMetric(float64(slicing.Milliseconds()), "ms-slices")
		b.ReportMetric(float64(encoded)/manyRecords, "B-stored/record")
	}
	a.check(b)
}
