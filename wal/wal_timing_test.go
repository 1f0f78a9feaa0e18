package wal

import (
	"fmt"
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
	next := uint64(1)
	store := func() {
		for _, e := range batch {
			e.Index = next
			next++
		}
		if err := l.StoreLogs(batch); err != nil {
			b.Fatal(err)
		}
	}
	for written := 0; written < 64<<20; written += 64 << 10 {
		mustStore(b, l, []*raft.Log{{Index: next, Data: make([]byte, 64<<10)}})
		next++
	}
	b.SetBytes(int64(batchEntries * dataBytes))
	b.ReportAllocs()
	for b.Loop() {
		store()
	}
}

// BenchmarkBareFile is the yardstick: the same bytes appended to one file with a write and an fdatasync each.
func BenchmarkBareFile(b *testing.B) {
	for _, dataBytes := range benchmarkDataBytes {
		b.Run(fmt.Sprintf("bytes=%d", dataBytes), func(b *testing.B) { benchmarkBareFile(b, dataBytes) })
	}
}

func benchmarkBareFile(b *testing.B, dataBytes int) {
	f, err := vfs.Default.Create(b.TempDir()+"/bare", vfs.WriteCategoryUnspecified)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, dataBytes)
	b.SetBytes(int64(dataBytes))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := f.SyncData(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGetLog reads entries that a follower would ask for, from the memtable.
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
