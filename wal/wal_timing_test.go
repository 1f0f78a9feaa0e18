package wal

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

var benchmarkDataBytes = []int{64, 4 << 10, 64 << 10}

// BenchmarkStoreLogs stores one entry a call, synced, on the real disk.
func BenchmarkStoreLogs(b *testing.B) {
	for _, dataBytes := range benchmarkDataBytes {
		b.Run(fmt.Sprintf("bytes=%d", dataBytes), func(b *testing.B) { benchmarkStoreLogs(b, 1, dataBytes) })
	}
	b.Run("entries=64/bytes=64", func(b *testing.B) { benchmarkStoreLogs(b, 64, 64) })
}

func benchmarkStoreLogs(b *testing.B, batchEntries, dataBytes int) {
	l := mustOpen(b, Config{Dir: b.TempDir()})
	defer mustClose(b, l)
	batch := make([]*raft.Log, batchEntries)
	for i := range batch {
		batch[i] = &raft.Log{Term: 1, Data: make([]byte, dataBytes), AppendedAt: time.Unix(1, 2)}
	}
	next := warmUp(b, l)
	store := func() {
		for _, e := range batch {
			e.Index = next
			next++
		}
		if err := l.StoreLogs(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(batchEntries * dataBytes))
	b.ReportAllocs()
	for b.Loop() {
		store()
	}
}

// BenchmarkAgainstFile compares a synced entry with a write and an fdatasync of the same bytes to a plain file. It does
// both in turn, because the speed of a shared disk changes from second to second. It reports both medians.
func BenchmarkAgainstFile(b *testing.B) {
	for _, dataBytes := range benchmarkDataBytes {
		b.Run(fmt.Sprintf("bytes=%d", dataBytes), func(b *testing.B) { benchmarkAgainstFile(b, dataBytes) })
	}
}

func benchmarkAgainstFile(b *testing.B, dataBytes int) {
	dir := b.TempDir()
	f, err := vfs.Default.Create(dir+"/bare", vfs.WriteCategoryUnspecified)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	l := mustOpen(b, Config{Dir: dir + "/log"})
	defer mustClose(b, l)
	next := warmUp(b, l)
	data := make([]byte, dataBytes)
	var logTook, fileTook []time.Duration
	for b.Loop() {
		start := time.Now()
		mustStore(b, l, []*raft.Log{{Index: next, Data: data}})
		stored := time.Now()
		_, errWrite := f.Write(data)
		if err := errors.Join(errWrite, f.SyncData()); err != nil {
			b.Fatal(err)
		}
		logTook, fileTook = append(logTook, stored.Sub(start)), append(fileTook, time.Since(stored))
		next++
	}
	b.ReportMetric(medianMicros(logTook), "log-p50-us")
	b.ReportMetric(medianMicros(fileTook), "file-p50-us")
	b.ReportMetric(0, "ns/op")
}

// warmUp fills and recycles the first WAL files: their fdatasync is slower, because it also writes their new length. It
// returns the next index.
func warmUp(b *testing.B, l *Log) uint64 {
	next := uint64(1)
	for written := 0; written < 160<<20; written += 256 << 10 {
		mustStore(b, l, []*raft.Log{{Index: next, Data: make([]byte, 256<<10)}})
		next++
	}
	return next
}

func medianMicros(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]) / 1e3
}

// BenchmarkGetLog reads entries from the memtable, like a leader for its followers.
func BenchmarkGetLog(b *testing.B) {
	l := mustOpen(b, Config{Dir: "log", FS: vfs.NewMem()})
	defer mustClose(b, l)
	const entries = 1000
	mustStore(b, l, run(1, entries, 1))
	var out raft.Log
	index := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		index = index%entries + 1
		if err := l.GetLog(index, &out); err != nil {
			b.Fatal(err)
		}
	}
}
