package wal

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func TestStoreAndReopen(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, Config{FS: fs})
	checkLog(t, l, nil)
	mustStore(t, l, nil)
	checkLog(t, l, nil)
	want := run(1, 200, 1)
	mustStore(t, l, want[:150])
	mustStore(t, l, want[150:199])
	if err := l.StoreLog(want[199]); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, want)
	mustClose(t, l)
	l = mustOpen(t, Config{FS: fs})
	checkLog(t, l, want)
	if !l.IsMonotonic() {
		t.Fatal("IsMonotonic is false")
	}
	mustClose(t, l)
}

func TestLogBeginsAnywhere(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	want := run(1000, 1010, 3)
	mustStore(t, l, want)
	checkLog(t, l, want)
}

func TestZeroTimeAndEmptyData(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	mustStore(t, l, []*raft.Log{{Index: 1, Data: []byte{}}})
	var got raft.Log
	if err := l.GetLog(1, &got); err != nil {
		t.Fatal(err)
	}
	if !got.AppendedAt.IsZero() || got.Data != nil || got.Extensions != nil {
		t.Fatalf("got %+v, want the zero time and nil slices", got)
	}
}

func TestStoreLogsRefuses(t *testing.T) {
	huge := make([]byte, EntryBytesMax+1)
	f := func(name string, entries []*raft.Log, want error) {
		t.Helper()
		l := mustOpen(t, Config{FS: vfs.NewMem()})
		defer mustClose(t, l)
		stored := run(5, 9, 1)
		mustStore(t, l, stored)
		if err := l.StoreLogs(entries); !errors.Is(err, want) {
			t.Fatalf("%s: %v, want %v", name, err, want)
		}
		checkLog(t, l, stored)
	}
	f("gap", run(11, 12, 1), ErrGap)
	f("overwrite", run(9, 9, 2), ErrGap)
	f("gap inside", []*raft.Log{entry(10, 1), entry(12, 1)}, ErrGap)
	f("repeated inside", []*raft.Log{entry(10, 1), entry(10, 1)}, ErrGap)
	f("nil entry", []*raft.Log{entry(10, 1), nil}, ErrInvalid)
	f("index 0", []*raft.Log{{Index: 0}}, ErrInvalid)
	f("index beyond", []*raft.Log{{Index: math.MaxUint64}}, ErrInvalid)
	f("entry too large", []*raft.Log{{Index: 10, Data: huge}}, ErrTooLarge)
	f("sum too large", []*raft.Log{{Index: 10, Data: huge[1:], Extensions: huge[:1]}}, ErrTooLarge)
	var many []*raft.Log
	for i := range uint64(BatchBytesMax/EntryBytesMax + 1) {
		many = append(many, &raft.Log{Index: 10 + i, Data: huge[1:]})
	}
	f("batch too large", many, ErrTooLarge)
}

func TestPlanCut(t *testing.T) {
	f := func(log, asked, deleted, kept bounds, want error) {
		t.Helper()
		got, err := planTruncation(log, asked)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Fatalf("planTruncation(%v, %v): %v, want %v", log, asked, err, want)
		}
		if got != (truncation{deleted, kept}) {
			t.Fatalf("planTruncation(%v, %v) = %v, want %v and %v", log, asked, got, deleted, kept)
		}
	}
	none := bounds{}
	log := bounds{10, 20}
	f(none, bounds{1, 5}, none, none, nil)
	f(log, bounds{5, 4}, none, log, nil)
	f(log, bounds{1, 9}, none, log, nil)
	f(log, bounds{21, 30}, none, log, nil)
	f(log, bounds{10, 10}, bounds{10, 10}, bounds{11, 20}, nil)
	f(log, bounds{0, 15}, bounds{10, 15}, bounds{16, 20}, nil)
	f(log, bounds{15, 20}, bounds{15, 20}, bounds{10, 14}, nil)
	f(log, bounds{20, math.MaxUint64}, bounds{20, 20}, bounds{10, 19}, nil)
	f(log, bounds{10, 20}, log, none, nil)
	f(log, bounds{0, math.MaxUint64}, log, none, nil)
	f(log, bounds{11, 19}, none, none, ErrMiddle)
	f(bounds{1, 1}, bounds{1, 1}, bounds{1, 1}, none, nil)
	f(bounds{IndexMax, IndexMax}, bounds{1, math.MaxUint64}, bounds{IndexMax, IndexMax}, none, nil)
}

func TestDeleteRangeAndReopen(t *testing.T) {
	fs := vfs.NewMem()
	f := func(lo, hi uint64, want []*raft.Log) {
		t.Helper()
		l := mustOpen(t, Config{FS: fs})
		if err := l.DeleteRange(lo, hi); err != nil {
			t.Fatal(err)
		}
		checkLog(t, l, want)
		mustClose(t, l)
		l = mustOpen(t, Config{FS: fs})
		checkLog(t, l, want)
		mustClose(t, l)
	}
	l := mustOpen(t, Config{FS: fs})
	mustStore(t, l, run(1, 100, 1))
	if err := l.DeleteRange(50, 60); !errors.Is(err, ErrMiddle) {
		t.Fatalf("deleting the middle: %v", err)
	}
	checkLog(t, l, run(1, 100, 1))
	mustClose(t, l)
	f(1, 10, run(11, 100, 1))
	f(91, 100, run(11, 90, 1))
	f(0, 20, run(21, 90, 1))

	l = mustOpen(t, Config{FS: fs})
	mustStore(t, l, run(91, 95, 2))
	mustClose(t, l)
	f(200, 300, append(run(21, 90, 1), run(91, 95, 2)...))
	f(21, 95, nil)

	l = mustOpen(t, Config{FS: fs})
	mustStore(t, l, run(30, 40, 3))
	mustClose(t, l)
	f(1, 2, run(30, 40, 3))
}

// Pebble keeps the buffer of a batch of half a memtable or more: the next batch must not write into it.
func TestLargeBatchKeepsItsBuffer(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem(), MemTableBytes: 64 << 10})
	defer mustClose(t, l)
	var want []*raft.Log
	for i := range uint64(20) {
		e := &raft.Log{Index: i + 1, Data: bytes.Repeat([]byte{byte(i)}, 100<<10)}
		mustStore(t, l, []*raft.Log{e})
		want = append(want, e)
	}
	checkLog(t, l, want)
}

// An entry from GetLog belongs to the reader: neither the next read nor the next write may change it.
func TestReadEntryIsACopy(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	given := entry(3, 1)
	mustStore(t, l, []*raft.Log{given})
	given.Data[0]++
	var got, again raft.Log
	for _, out := range []*raft.Log{&got, &again} {
		if err := l.GetLog(3, out); err != nil {
			t.Fatal(err)
		}
		_ = append(out.Extensions, '!')
		if !sameEntry(out, entry(3, 1)) {
			t.Fatalf("got %+v, want %+v", out, entry(3, 1))
		}
		clear(out.Data)
	}
}

func TestReadersBesideWriter(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem(), MemTableBytes: 64 << 10})
	defer mustClose(t, l)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { readUntil(t, l, stop) })
	}
	next := uint64(1)
	for round := range uint64(200) {
		mustStore(t, l, run(next, next+9, round))
		next += 10
		if round%3 == 2 {
			next -= 5
			deleteRange(t, l, next, math.MaxUint64)
		}
		if round%7 == 6 {
			deleteRange(t, l, 0, next-20)
		}
	}
	close(stop)
	readers.Wait()
}

func deleteRange(t *testing.T, l *Log, lo, hi uint64) {
	t.Helper()
	if err := l.DeleteRange(lo, hi); err != nil {
		t.Fatal(err)
	}
}

// readUntil reads around the end of the log until stop is closed: each entry is correct or not found.
func readUntil(t *testing.T, l *Log, stop chan struct{}) {
	var got raft.Log
	for {
		select {
		case <-stop:
			return
		default:
		}
		last, _ := l.LastIndex()
		for index := last - min(last, 12); index <= last; index++ {
			err := l.GetLog(index, &got)
			if err != nil && err != raft.ErrLogNotFound {
				t.Errorf("GetLog(%d): %v", index, err)
				return
			}
			if err == nil && !sameEntry(&got, entry(index, got.Term)) {
				t.Errorf("GetLog(%d) = %+v", index, got)
				return
			}
		}
	}
}

func TestClosed(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	mustClose(t, l)
	_, errGet := l.Get([]byte("key"))
	_, errVerify := l.Verify(context.Background())
	for name, err := range map[string]error{
		"Close":       l.Close(),
		"StoreLog":    l.StoreLog(entry(1, 1)),
		"GetLog":      l.GetLog(1, new(raft.Log)),
		"DeleteRange": l.DeleteRange(1, 1),
		"Set":         l.Set([]byte("key"), nil),
		"Get":         errGet,
		"Verify":      errVerify,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
	if l.DiskBytes() != 0 {
		t.Error("DiskBytes after Close is not 0")
	}
}

func TestOpenRefusesAnotherDatabase(t *testing.T) {
	fs := vfs.NewMem()
	db, err := pebble.Open("log", &pebble.Options{FS: fs, Logger: pebbleLogger{&Log{cfg: testConfig(Config{})}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("a"), []byte("row"), pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testConfig(Config{FS: fs})); !errors.Is(err, ErrNotALog) {
		t.Fatalf("Open: %v, want ErrNotALog", err)
	}
}

func TestOpenRefusesAnotherFormat(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, Config{FS: fs})
	if err := l.setSmall(tableMeta, []byte(markerKey), []byte("apportion raft log 2")); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	if _, err := Open(testConfig(Config{FS: fs})); !errors.Is(err, ErrNotALog) {
		t.Fatalf("Open: %v, want ErrNotALog", err)
	}
}

func TestConfigReportsAllFaults(t *testing.T) {
	_, err := Open(Config{MemTableBytes: 1})
	if err == nil || !strings.Contains(err.Error(), "Dir") || !strings.Contains(err.Error(), "MemTableBytes") {
		t.Fatalf("Open: %v, want both faults", err)
	}
	if err := (Config{Dir: "log"}).Validate(); err != nil {
		t.Fatalf("a config with only Dir: %v", err)
	}
	for _, row := range []struct {
		bytes int
		taken bool
	}{{MemTableBytesMin - 1, false}, {MemTableBytesMin, true}, {MemTableBytesMax, true},
		{MemTableBytesMax + 1, false}} {
		if err := (Config{Dir: "log", MemTableBytes: row.bytes}).Validate(); (err == nil) != row.taken {
			t.Errorf("a memtable of %d bytes: %v", row.bytes, err)
		}
	}
}

func TestFormatIsPinned(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	if got := l.db.FormatMajorVersion(); got != 24 {
		t.Fatalf("the database has the format %d; a change of it needs a plan for the nodes that run", got)
	}
}

func TestMetrics(t *testing.T) {
	var calls, entries, bytes int
	l := mustOpen(t, Config{FS: vfs.NewMem(), OnSync: func(d time.Duration, n int, b int) {
		calls, entries, bytes = calls+1, entries+n, bytes+b
		if d <= 0 {
			t.Errorf("a sync took %v", d)
		}
	}})
	defer mustClose(t, l)
	before := l.Metrics()
	mustStore(t, l, run(1, 10, 1))
	mustStore(t, l, run(11, 15, 1))
	m := l.Metrics()
	if calls != 2 || entries != 15 || m.Entries != 15 || m.SyncedBatches-before.SyncedBatches != 2 {
		t.Fatalf("%d calls, %d entries, metrics %+v", calls, entries, m)
	}
	if bytes == 0 || m.SyncedBytes-before.SyncedBytes != uint64(bytes) || m.LastSync <= 0 {
		t.Fatalf("%d bytes, metrics %+v", bytes, m)
	}
	if l.DiskBytes() == 0 {
		t.Fatal("DiskBytes is 0")
	}
}
