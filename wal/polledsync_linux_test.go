package wal

import (
	"errors"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// plainSyncs is a file that counts the syncs that came to it in place of the queue.
type plainSyncs struct {
	vfs.File
	count int
}

func (f *plainSyncs) SyncData() error {
	f.count++
	return f.File.SyncData()
}

// newPolledFile makes a file with bytes that are not synced yet.
func newPolledFile(t *testing.T, queue *syncQueue) (*polledFile, *plainSyncs) {
	t.Helper()
	f, err := vfs.Default.Create(filepath.Join(t.TempDir(), "000001.log"), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	plain := &plainSyncs{File: f}
	polled := &polledFile{File: plain, queue: queue}
	mustWrite(t, polled, polledBytesMin)
	return polled, plain
}

func mustWrite(t *testing.T, f vfs.File, bytes int) {
	t.Helper()
	if _, err := f.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
}

// newTestSyncQueue skips the test where the kernel has no asynchronous I/O for us.
func newTestSyncQueue(t *testing.T) *syncQueue {
	t.Helper()
	q := newSyncQueue()
	q.open()
	if q.context == 0 {
		t.Skip("the kernel gives no context for asynchronous I/O here")
	}
	t.Cleanup(q.close)
	return q
}

// TestPolledSync: the queue syncs, also when the bounded wait is too short for the disk, and makes way for the ordinary
// call when it cannot.
func TestPolledSync(t *testing.T) {
	for name, waitMax := range map[string]time.Duration{"within the wait": time.Minute, "past the wait": 0} {
		t.Run(name, func(t *testing.T) {
			q := newTestSyncQueue(t)
			q.waitMax = waitMax
			f, plain := newPolledFile(t, q)
			if ok, err := q.sync(f.Fd()); !ok || err != nil {
				t.Fatalf("sync: %v, %v", ok, err)
			}
			for range 2 {
				if err := f.SyncData(); err != nil || plain.count != 0 {
					t.Errorf("%v, %d ordinary syncs", err, plain.count)
				}
				mustWrite(t, f, polledBytesMin)
			}
		})
	}
	t.Run("little", func(t *testing.T) {
		f, plain := newPolledFile(t, newTestSyncQueue(t))
		if err := f.SyncData(); err != nil {
			t.Error(err)
		}
		mustWrite(t, f, polledBytesMin-1)
		if err := f.SyncData(); err != nil || plain.count != 1 {
			t.Errorf("%v, %d ordinary syncs", err, plain.count)
		}
	})
	t.Run("no context", func(t *testing.T) {
		q := newTestSyncQueue(t)
		q.close()
		f, plain := newPolledFile(t, q)
		if err := f.SyncData(); err != nil || plain.count != 1 {
			t.Errorf("%v, %d ordinary syncs", err, plain.count)
		}
	})
	t.Run("busy", func(t *testing.T) {
		q := newTestSyncQueue(t)
		f, plain := newPolledFile(t, q)
		q.mu.Lock()
		err := f.SyncData()
		q.mu.Unlock()
		if err != nil || plain.count != 1 {
			t.Errorf("%v, %d ordinary syncs", err, plain.count)
		}
	})
}

// TestPolledSyncFails: an error of the kernel is that of the sync, as from the ordinary call.
func TestPolledSyncFails(t *testing.T) {
	q := newTestSyncQueue(t)
	f, plain := newPolledFile(t, q)
	if err := f.File.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.SyncData(); err == nil || plain.count != 1 {
		t.Errorf("a closed file: %v, %d ordinary syncs", err, plain.count)
	}

	var pipe [2]int // the kernel takes the request and cannot sync
	if err := syscall.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pipe[0])
	defer syscall.Close(pipe[1])
	want := syscall.Fdatasync(pipe[1])
	if ok, err := q.sync(uintptr(pipe[1])); want == nil || ok && !errors.Is(err, want) || !ok && err != nil {
		t.Errorf("a pipe: %v, %v; want %v", ok, err, want)
	}
}

// TestPolledSyncIsUsed: a log on the real file system syncs its entries through the queue, from any goroutine, and
// gives the context back.
func TestPolledSyncIsUsed(t *testing.T) {
	newTestSyncQueue(t)
	l := mustOpen(t, Config{Dir: t.TempDir()})
	l.syncs.done.result = -1
	mustStore(t, l, run(1, 96, 1))
	if l.syncs.done.result != 0 {
		t.Error("an entry was not synced by the queue")
	}
	var wg sync.WaitGroup
	for range 4 { // a race for the detector to find
		wg.Go(func() {
			if err := l.Set([]byte("term"), []byte{1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mustClose(t, l)
	if l.syncs.context != 0 {
		t.Error("the context was not given back")
	}
}
