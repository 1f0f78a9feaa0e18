package raftstore

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
)

// TestAppliedIndexIsVisible: a concurrent reader that reads the index first sees every command up to that index. The
// last command of an entry is applied long after the first.
func TestAppliedIndexIsVisible(t *testing.T) {
	const entries, items = 40, 2_000
	w := newBench(t, testConfig(vfs.NewMem()))
	s := &Store{applier: w.applier}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		var v engine.RecordView
		for {
			select {
			case <-stop:
				return
			default:
			}
			index := s.AppliedIndex()
			if w.applier.engine.ReadRecord("last", "W1", &v) && uint64(v.OnHand) < index {
				t.Errorf("the index is %d, the state is of entry %d", index, v.OnHand)
				return
			}
		}
	})
	for index := uint64(1); index <= entries; index++ {
		c := &engine.Refresh{Location: "W1"}
		for i := range items {
			c.Items = append(c.Items, engine.StockItem{UPC: fmt.Sprint(i), Quantity: int64(index)})
		}
		c.Items = append(c.Items, engine.StockItem{UPC: "last", Quantity: int64(index)})
		data := makeEntry(int64(index), engine.AppendCommand(nil, &engine.Envelope{}, c))
		w.applier.apply(&raft.Log{Index: index, Data: data}).release()
		if s.AppliedIndex() != index {
			t.Fatalf("entry %d is applied, and the index is %d", index, s.AppliedIndex())
		}
	}
	close(stop)
	readers.Wait()
}

// TestWaitApplied: the wait ends with the entry, at the deadline, or when the caller stops it.
func TestWaitApplied(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	s := &Store{applier: w.applier}
	if err := s.WaitApplied(1, time.Now(), nil); err != ErrTimeout {
		t.Errorf("the wait for an entry that does not come: %v", err)
	}
	stop := make(chan struct{})
	ended := make(chan error, 2)
	go func() { ended <- s.WaitApplied(1, time.Time{}, nil) }()
	go func() { ended <- s.WaitApplied(2, time.Time{}, stop) }()
	for w.applier.signal.waiting.Load() < 2 {
		runtime.Gosched()
	}
	data := makeEntry(1, engine.AppendCommand(nil, &engine.Envelope{}, refresh("A", 5)))
	w.applier.apply(&raft.Log{Index: 1, Data: data}).release()
	if err := <-ended; err != nil {
		t.Errorf("the entry is applied: %v", err)
	}
	close(stop)
	if err := <-ended; err != ErrClosed {
		t.Errorf("the wait that was stopped: %v", err)
	}
}

// TestAppliedIndexAfterLoad: a loaded state is visible.
func TestAppliedIndexAfterLoad(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	s := openReady(t, cfg)
	mustDo(t, s, refresh("A", 5))
	if err := s.Checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	before := s.AppliedIndex()
	mustClose(t, s)
	s = openReady(t, cfg)
	defer mustClose(t, s)
	if after := s.AppliedIndex(); before == 0 || after < before {
		t.Fatalf("the index was %d, after a load it is %d", before, after)
	}
}

// TestEventsAfterTheLast: no event comes after the largest number, which has no next one.
func TestEventsAfterTheLast(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	defer mustClose(t, s)
	mustDo(t, s, channels())
	if events := s.Events(0, 10, nil); len(events) != 1 {
		t.Fatalf("%d events, want 1", len(events))
	}
	for _, after := range []engine.EventID{1, math.MaxInt64, math.MaxUint64} {
		if events := s.Events(after, 10, nil); len(events) != 0 {
			t.Errorf("after %d: %+v", after, events)
		}
	}
}
