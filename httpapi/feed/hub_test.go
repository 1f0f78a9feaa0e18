package feed

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"apportion/engine"
	"apportion/httpapi/stream"
)

// isWoken reports whether a reader that waits has been woken.
func isWoken(s stream.Source) bool {
	synctest.Wait()
	return len(s.Wake()) > 0
}

// settle reads what there is, until the reader waits.
func settle(t *testing.T, s stream.Source) []string {
	t.Helper()
	return ids(t, follow(t, s, func(<-chan struct{}) bool { return false }))
}

// TestOnlyPickedWake: a reader is woken for what it picks and for nothing else, and then gets it, although the tail
// does not reach back to where the reader began to wait.
func TestOnlyPickedWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		f.hub.tailBytesMax = 1_000
		filters := []engine.EventFilter{{Locations: []string{"L1"}}, {Locations: []string{"L1", "L2"}},
			{Locations: []string{"L1", "L1"}}, {Kinds: []engine.EventKind{engine.EventFloorCrossed}},
			{Locations: []string{"L1"}, Kinds: []engine.EventKind{engine.EventFloorCrossed}}}
		var readers []stream.Source
		for _, filter := range filters {
			s := f.Stream(1, filter)
			defer s.Close()
			settle(t, s)
			readers = append(readers, s)
		}
		own := 0
		for i := range 50 {
			l.do(counted("L3", fmt.Sprint("C", i))...)
			time.Sleep(time.Second)
			for i, s := range readers {
				if isWoken(s) {
					t.Fatalf("the reader with %+v is woken", filters[i])
				}
			}
			own = l.reads
		}
		if f.hub.tail.Load().after.Seq < 50 {
			t.Fatal("the tail reaches back to the beginning")
		}
		l.do(counted("L1", "C")...)
		time.Sleep(time.Second)
		for i, s := range readers {
			want := []string{"102", "103"}
			if len(filters[i].Kinds) > 0 {
				want = nil
			}
			if woken := isWoken(s); woken != (want != nil) {
				t.Errorf("the reader with %+v is woken: %v", filters[i], woken)
			}
			if got := settle(t, s); !slices.Equal(got, want) {
				t.Errorf("the reader with %+v has %v, want %v", filters[i], got, want)
			}
		}
		if reads := l.reads - own; reads != 1 {
			t.Errorf("the events were read %d times, want 1: nobody had to read for himself", reads)
		}
	})
}

// TestWaiterKnowsItsPlace: the heartbeat of a reader that waits tells how far it is, at all times, and it goes on from
// there.
func TestWaiterKnowsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		f.hub.tailBytesMax = 1_000
		beat := func(s stream.Source, want string) {
			t.Helper()
			if got, err := s.Beat(nil); string(got) != want || err != nil {
				t.Errorf("the heartbeat has %q, %v; want %q", got, err, want)
			}
		}
		s := f.Stream(1, engine.EventFilter{Locations: []string{"L1"}})
		defer s.Close()
		settle(t, s)
		beat(s, "")
		for i := range 20 {
			l.do(counted("L3", fmt.Sprint("C", i))...)
			time.Sleep(time.Second)
			beat(s, fmt.Sprintf("id: %d\n", 2*i+3))
			beat(s, "")
			if i%3 == 0 {
				if got := settle(t, s); len(got) != 0 { // after a heartbeat, a stream looks without being woken
					t.Errorf("the reader has %v", got)
				}
			}
		}
		l.do(counted("L1", "C")...)
		time.Sleep(time.Second)
		beat(s, "") // it was not sent yet
		if got := settle(t, s); !slices.Equal(got, []string{"42", "43"}) {
			t.Errorf("the reader has %v", got)
		}
		beat(s, "")
		if isWoken(s) {
			t.Error("the reader is woken for what it has")
		}
	})
}

// TestNoWaitAtAnOldTail: a reader that has seen all of a tail looks once more if there is a newer one by then.
func TestNoWaitAtAnOldTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		s := f.Stream(1, engine.EventFilter{Locations: []string{"L1"}}).(*source[engine.Event])
		defer s.Close()
		settle(t, s)
		old := f.hub.tail.Load()
		if _, idle, err := s.take(nil, old); !idle || err != nil {
			t.Errorf("the reader does not wait, %v", err)
		}
		l.do(counted("L1", "C")...)
		time.Sleep(time.Second)
		if _, idle, err := s.take(nil, old); idle || err != nil {
			t.Errorf("the reader waits for what is there, %v", err)
		}
	})
}

// TestWaitersSeeTheEnd: an error of the log wakes all who wait, also those who pick nothing.
func TestWaitersSeeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		l.do(&engine.StartChanges{})
		f := NewChanges(l)
		begin := f.atEnd(t)
		everything := f.Stream(begin, ChangeFilter{})
		nothing := f.Stream(begin, ChangeFilter{Locations: []string{"L9"}})
		defer everything.Close()
		defer nothing.Close()
		settle(t, everything)
		settle(t, nothing)
		l.mu.Lock()
		l.lost = engine.ErrChangesForgotten
		l.mu.Unlock()
		l.do(stock("L1", "U1", "Web", 5))
		time.Sleep(time.Second)
		for _, s := range []stream.Source{everything, nothing} {
			if !isWoken(s) {
				t.Error("a reader is not woken")
			}
			if _, _, err := s.Next(nil); err != engine.ErrChangesForgotten {
				t.Errorf("a reader has %v", err)
			}
		}
	})
}

// TestRestartKeepsWaiters: a hub that begins again for a reader behind its tail loses nothing for one that waits.
func TestRestartKeepsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		ahead := f.Stream(4, engine.EventFilter{Locations: []string{"L1"}})
		other := f.Stream(1, engine.EventFilter{Locations: []string{"L2"}})
		defer ahead.Close()
		defer other.Close()
		settle(t, ahead)
		settle(t, other) // the hub begins again
		settle(t, ahead)
		for i := range 4 { // events 2 to 9
			l.do(counted(fmt.Sprint("L", 1+i%2), fmt.Sprint("C", i))...)
			time.Sleep(time.Second)
		}
		if got, others := settle(t, ahead), settle(t, other); !slices.Equal(got, []string{"6", "7"}) ||
			!slices.Equal(others, []string{"4", "5", "8", "9"}) {
			t.Errorf("they have %v and %v", got, others)
		}
		ahead.Close()
		if len(f.hub.at) != 1 || len(f.hub.anyAt) != 0 {
			t.Errorf("the hub keeps %d locations, %d readers of all", len(f.hub.at), len(f.hub.anyAt))
		}
	})
}

// TestTailHasFewBatches: many small batches are dropped like few large ones, and a reader behind them goes on by
// itself.
func TestTailHasFewBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		f.hub.tailBatchesMax = 3
		quick, slow := f.Stream(1, engine.EventFilter{}), f.Stream(1, engine.EventFilter{})
		defer quick.Close()
		defer slow.Close()
		settle(t, quick)
		settle(t, slow)
		for i := range 10 {
			l.do(counted("L", fmt.Sprint("C", i))...)
			time.Sleep(time.Second)
		}
		if n := len(f.hub.tail.Load().batches); n != 3 {
			t.Errorf("the tail has %d batches", n)
		}
		if got := settle(t, slow); len(got) != 20 {
			t.Errorf("the slow reader has %v", got)
		}
	})
}

// TestBatchByLocation: what a reader of one location gets by way of the batch's lists is what it gets by looking at
// everything.
func TestBatchByLocation(t *testing.T) {
	var b batch[engine.RecordKey]
	for i := range 200 {
		b.data = fmt.Appendf(b.data, "%d,", i)
		b.add(place{Seq: uint64(i + 10)}, engine.RecordKey{Location: fmt.Sprint("L", i*i%7), UPC: fmt.Sprint(i)})
	}
	plain := b.clone()
	b.index(func(key *engine.RecordKey) string { return key.Location })
	for at := range 8 {
		for _, prefix := range []string{"", "1", "none"} {
			filter := ChangeFilter{Locations: []string{fmt.Sprint("L", at)}, UPCPrefix: prefix}
			p := picker[engine.RecordKey]{locations: filter.Locations, picks: filter.picks}
			for _, after := range []uint64{0, 10, 11, 77, 208, 209, 300} {
				got, want := b.appendAfter(nil, after, &p), plain.appendAfter(nil, after, &p)
				if string(got) != string(want) {
					t.Errorf("%+v after %d: got %s, want %s", filter, after, got, want)
				}
			}
			first, some := b.first[filter.Locations[0]]
			if has := some && b.has(first, &p); has != plain.hasAny(&p) {
				t.Errorf("%+v: there is something: %v", filter, has)
			}
		}
	}
}
