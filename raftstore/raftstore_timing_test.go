package raftstore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// diskConfig is a store on the real file system, with real syncs.
func diskConfig(b *testing.B) Config {
	cfg := testConfig(vfs.Default)
	cfg.Dir = b.TempDir()
	return cfg
}

// BenchmarkDo measures concurrent callers. Each allocates one unit at a time and waits for the answer. It reports
// commands a second, and commands for each sync.
func BenchmarkDo(b *testing.B) {
	for _, waiters := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("waiters=%d", waiters), func(b *testing.B) { benchmarkDo(b, waiters) })
	}
}

func benchmarkDo(b *testing.B, waiters int) {
	s := openReady(b, diskConfig(b))
	defer mustClose(b, s)
	const upcs = 1000
	for i := range upcs {
		mustDo(b, s, refresh(fmt.Sprint("U", i), 1_000_000_000))
	}
	syncsBefore := s.log.Metrics().SyncedBatches
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	start := time.Now()
	var callers sync.WaitGroup
	for range waiters {
		callers.Go(func() {
			batch := s.NewBatch()
			line := engine.AllocateLine{ItemID: "1", Location: "L", Quantity: 1}
			c := &engine.Allocate{Lines: []engine.AllocateLine{line}}
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				c.OrderID = fmt.Sprint("o", i)
				c.Lines[0].UPC = fmt.Sprint("U", i%upcs)
				batch.Reset()
				batch.Append(nil, c)
				if err := s.Do(time.Now().Add(time.Minute), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	took := time.Since(start)
	b.StopTimer()
	syncs := s.log.Metrics().SyncedBatches - syncsBefore
	b.ReportMetric(float64(b.N)/took.Seconds(), "commands/s")
	b.ReportMetric(float64(b.N)/float64(syncs), "commands/sync")
}

// BenchmarkLoad measures a start: 1 million records of 5 segments per iteration from a checkpoint, 100,000 with -short.
func BenchmarkLoad(b *testing.B) {
	const segments = 5
	records := 1_000_000
	if testing.Short() {
		records = 100_000
	}
	cfg := diskConfig(b)
	s := openReady(b, cfg)
	fillRecords(b, s, records, segments)
	start := time.Now()
	if err := s.Checkpoint(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Logf("checkpoint of %d records x %d segments: %v, longest hold %.3f ms, %d bytes", records, segments,
		time.Since(start),
		1000*s.metrics.checkpointHoldMax.Get(), s.metrics.checkpointBytes.Get())
	mustClose(b, s)
	b.ResetTimer()
	for range b.N {
		cfg.Metrics = nil
		s, err := Open(context.Background(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if got := s.Reader().Stats(); got.Records != int64(records) || got.Segments != int64(records*segments) {
			b.Fatalf("loaded %+v", got)
		}
		mustClose(b, s)
		b.StartTimer()
	}
	b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkIncrement measures a checkpoint after 10,000 records have changed, in states of two sizes: the time depends
// on the change, not on the size.
func BenchmarkIncrement(b *testing.B) {
	if testing.Short() {
		b.Skip("millions of records take a while")
	}
	const changed = 10_000
	for _, records := range []int{1_000_000, 5_000_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			s := openReady(b, diskConfig(b))
			defer mustClose(b, s)
			fillRecords(b, s, records, 5)
			mustCheckpoint(b, s)
			bytes := s.metrics.checkpointBytes.Get()
			b.ResetTimer()
			for n := range b.N {
				b.StopTimer()
				c := &engine.Adjust{Location: "L"}
				for i := range changed {
					c.Items = append(c.Items, engine.StockItem{UPC: fmt.Sprintf("0%011d", (i*7919+n)%records),
						Quantity: 1})
				}
				mustDo(b, s, c)
				b.StartTimer()
				mustCheckpoint(b, s)
			}
			b.ReportMetric(float64(s.metrics.checkpointBytes.Get()-bytes)/float64(b.N), "B/checkpoint")
		})
	}
}

// fillRecords makes records with stock for each value of one category.
func fillRecords(b testing.TB, s *Store, records, segments int) {
	for _, c := range fillCommands(records, segments) {
		mustDo(b, s, c)
	}
}

func fillCommands(records, segments int) []engine.Command {
	put := &engine.PutTagCategory{Name: "Channel"}
	for i := range segments {
		put.Values = append(put.Values, engine.Value{
			Name: fmt.Sprint("C", i), Percent: int32(10_000 / segments), Default: i == 0, Max: engine.NoMax,
		})
	}
	commands := []engine.Command{put}
	const items = 10_000
	for first := 0; first < records; first += items {
		c := &engine.Refresh{Location: "L"}
		for i := first; i < min(first+items, records); i++ {
			c.Items = append(c.Items, engine.StockItem{UPC: fmt.Sprintf("0%011d", i), Quantity: 1000})
		}
		commands = append(commands, c)
	}
	return commands
}

// BenchmarkApplyUnderCheckpoint applies 100,000 allocations a second, in entries of 64, to a million records of 5
// segments, first alone and then during checkpoints. It reports the median, 99th percentile and longest time of an
// entry, with its wait for the apply mutex, and the longest hold of the mutex by a checkpoint. With -benchtime 20000x
// each half takes 13 seconds.
func BenchmarkApplyUnderCheckpoint(b *testing.B) {
	const records, segments = 1_000_000, 5
	if testing.Short() {
		b.Skip("1 million records take a while")
	}
	w := newBench(b, diskConfig(b))
	for _, c := range fillCommands(records, segments) {
		w.apply(c)
	}
	w.checkpoint()
	entries := 0
	for _, checkpoints := range []bool{false, true} {
		b.Run(fmt.Sprintf("checkpoint=%v", checkpoints), func(b *testing.B) {
			stop := make(chan struct{})
			var checkpointing sync.WaitGroup
			if checkpoints {
				checkpointing.Go(func() { w.checkpointUntil(stop) })
			}
			took := w.offer(b.N, &entries, records)
			close(stop)
			checkpointing.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us-median")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "us-p99")
			b.ReportMetric(float64(took[len(took)-1].Microseconds()), "us-longest")
			b.ReportMetric(1000*w.checkpoints.metrics.checkpointHoldMax.Get(), "ms-longest-hold")
		})
	}
}

// offer applies n entries at a fixed rate and returns the time of each.
func (w *bench) offer(n int, entries *int, records int) []time.Duration {
	const commands, offered = 64, 100_000
	took := make([]time.Duration, n)
	begin := time.Now()
	for i := range took {
		data := allocations(*entries, commands, records)
		*entries++
		w.index++
		for time.Since(begin) < time.Duration(i)*time.Second*commands/offered {
			runtime.Gosched()
		}
		start := time.Now()
		w.applier.apply(&raft.Log{Index: w.index, Data: data}).release()
		took[i] = time.Since(start)
	}
	return took
}

// checkpointUntil makes one checkpoint after the other.
func (w *bench) checkpointUntil(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
			w.checkpoint()
		}
	}
}

// allocations is an entry of allocations from records spread over the whole state.
func allocations(entry, commands, records int) []byte {
	data := appendEntryHeader(nil, int64(entry), commands)
	p := newQueuedBatch()
	for i := range commands {
		n := entry*commands + i
		upc := fmt.Sprintf("0%011d", (n*7919)%records)
		p.append(&engine.Envelope{}, allocate(fmt.Sprint("o", n), upc, 1))
	}
	data = append(data, p.commands...)
	durable.Seal(data)
	return data
}

// BenchmarkBringUp measures a new node: it downloads a checkpoint of a million records of five segments over TCP on
// this machine, opens it, and catches up, while the leader writes. It reports the time of all that, and the slowest
// write at the leader before and meanwhile.
func BenchmarkBringUp(b *testing.B) {
	if testing.Short() {
		b.Skip("it fills a million records")
	}
	g := newGroupOf(b, 1, func(cfg *Config) {
		cfg.FS, cfg.Dir, cfg.ElectionTimeout = vfs.Default, b.TempDir(), PeerElectionTimeoutDefault
		cfg.TrailingEntries = 10
	})
	leader := g.nodes[0].Store
	fillRecords(b, leader, bringUpRecords, 5)
	mustCheckpoint(b, leader)
	write := func(i int) time.Duration {
		start := time.Now()
		if err := insist(g.nodes[:1], "", allocate(fmt.Sprint("o", i), fmt.Sprintf("0%011d", i%bringUpRecords),
			1)); err != nil {
			b.Error(err)
		}
		return time.Since(start)
	}
	written, before := 0, time.Duration(0)
	for ; written < 2000; written++ {
		before = max(before, write(written))
	}
	mustCheckpoint(b, leader)
	for b.Loop() {
		n := g.prepare(true)
		n.cfg.Dir = b.TempDir()
		ended, longest := make(chan struct{}), time.Duration(0)
		var writer sync.WaitGroup
		writer.Go(func() {
			for ; !isClosed(ended); written++ {
				longest = max(longest, write(written))
			}
		})
		start := time.Now()
		g.reopen(n)
		g.await("a checkpoint", func() bool { return isClosed(n.Replaced()) })
		fetched, bytes := time.Since(start), n.metrics.transfers.DownloadBytes.Get()
		g.bringUp(n)
		took := time.Since(start)
		close(ended)
		writer.Wait()
		b.ReportMetric(float64(before.Microseconds())/1000, "ms-longest-write-before")
		b.ReportMetric(fetched.Seconds(), "s/fetch")
		b.ReportMetric(took.Seconds(), "s/up")
		b.ReportMetric(float64(bytes)/1e6, "MB")
		b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest-write-meanwhile")
		mustClose(b, n.Store)
	}
}

const bringUpRecords = 1_000_000
