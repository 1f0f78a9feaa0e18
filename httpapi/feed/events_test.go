package feed

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"apportion/engine"
	"apportion/httpapi/stream"
)

// testLog is an engine with a log that has no disk.
type testLog struct {
	t *testing.T

	mu      sync.Mutex
	engine  *engine.Engine
	index   uint64
	reads   int
	lost    error // of all changes
	waiting int
	applied chan struct{} // closed by the next entry
}

func newTestLog(t *testing.T) *testLog {
	l := &testLog{t: t, engine: engine.New(), applied: make(chan struct{})}
	l.do(&engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
		{Name: "Web", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
		{Name: "Shop", Percent: engine.NoPercent, Max: engine.NoMax}}})
	return l
}

// do applies commands in one entry.
func (l *testLog) do(commands ...engine.Command) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index++
	for _, c := range commands {
		var r engine.Result
		result := l.engine.Apply(l.index, int64(l.index), engine.AppendCommand(nil, new(engine.Envelope), c), nil)
		if err := engine.DecodeResult(result, &r); err != nil || r.Code != engine.CodeOK {
			l.t.Errorf("%+v: %v, %s", c, err, r.Code)
		}
	}
	close(l.applied)
	l.applied = make(chan struct{})
}

func (l *testLog) Reader() *engine.Reader { return &l.engine.Reader }
func (l *testLog) AppliedIndex() uint64   { return l.engine.AppliedIndex() }

func (l *testLog) WaitApplied(index uint64, deadline time.Time, stop <-chan struct{}) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline))
	}
	for {
		l.mu.Lock()
		applied := l.applied
		if l.index >= index {
			l.mu.Unlock()
			return nil
		}
		l.waiting++
		l.mu.Unlock()
		var err error
		select {
		case <-applied:
		case <-late:
			err = fmt.Errorf("it is late")
		case <-stop:
			err = fmt.Errorf("stopped")
		}
		l.mu.Lock()
		l.waiting--
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func (l *testLog) Events(after engine.EventID, limit int, dst []engine.Event) []engine.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	return l.engine.Events(after, limit, dst)
}

// counted starts and closes a count, which makes two events.
func counted(location, name string) []engine.Command {
	return []engine.Command{&engine.StartCount{Location: location, Count: name},
		&engine.CloseCount{Location: location, Count: name}}
}

// follow reads a source like a stream does, until it is idle and everything that was sent was read, and appends what it
// gives. wait is called when it is idle, and reports whether to go on.
func follow(t *testing.T, s stream.Source, wait func(wake <-chan struct{}) bool) string {
	t.Helper()
	var all []byte
	for {
		out, idle, err := s.Next(nil)
		if err != nil {
			t.Error(err)
			return string(all)
		}
		all = append(all, out...)
		if idle && !wait(s.Wake()) {
			return string(all)
		}
	}
}

// ids gives the ids of the events in a stream's text.
func ids(t *testing.T, text string) (all []string) {
	t.Helper()
	in := stream.NewReader(strings.NewReader(text), 1<<20)
	for {
		ev, err := in.Read()
		if err != nil {
			return all
		}
		all = append(all, ev.ID)
	}
}

// TestStreamsHaveEachEventOnce: readers from any place, with any filter, slow or not, get each event that their filter
// picks once and in order, whether from the tail or by themselves.
func TestStreamsHaveEachEventOnce(t *testing.T) {
	const entries = 300
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		f.hub.tailBytesMax = 10_000
		done := make(chan struct{})
		var readers sync.WaitGroup
		for i := range 20 {
			after := engine.EventID(rand.IntN(50) * (i % 2))
			filter := engine.EventFilter{}
			if i%3 == 1 {
				filter.Locations = []string{"L1", "L3"}
			}
			readers.Go(func() {
				s := f.Stream(after, filter)
				defer s.Close()
				text := follow(t, s, func(wake <-chan struct{}) bool {
					time.Sleep(time.Duration(i%5*i) * time.Millisecond)
					select {
					case <-wake:
						return true
					case <-done:
						time.Sleep(time.Second) // the hub reads what came last
						select {
						case <-wake:
							return true
						default:
							return false
						}
					}
				})
				var want []string
				for _, ev := range l.Events(after, 10*entries, nil) {
					if len(filter.Locations) == 0 || slices.Contains(filter.Locations, ev.Location) {
						want = append(want, fmt.Sprint(ev.ID))
					}
				}
				if got := ids(t, text); !slices.Equal(got, want) {
					t.Errorf("reader %d after %d got %d events, want %d: %v", i, after, len(got), len(want), got)
				}
			})
		}
		for i := range entries {
			l.do(counted(fmt.Sprint("L", i%5), fmt.Sprint("C", i))...)
			time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
		}
		close(done)
		readers.Wait()
		synctest.Wait()
		if l.waiting != 0 || f.hub.readers != 0 || f.hub.tail.Load() != nil {
			t.Errorf("the hub of %d readers has not ended, %d wait for the log", f.hub.readers, l.waiting)
		}
	})
}

// TestHubReadsOnce: what a hundred streams wait for is read and encoded once.
func TestHubReadsOnce(t *testing.T) {
	const readers = 100
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		texts := make(chan string, readers)
		for range readers {
			go func() {
				s := f.Stream(1, engine.EventFilter{})
				defer s.Close()
				waits := 0
				texts <- follow(t, s, func(wake <-chan struct{}) bool {
					<-wake
					waits++
					return waits < 2
				})
			}()
		}
		synctest.Wait()
		before := l.reads
		l.do(counted("L", "C")...)
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if reads := l.reads - before; reads != 1 {
			t.Errorf("the events were read %d times", reads)
		}
		l.do(counted("L", "D")...)
		for range readers {
			if got := ids(t, <-texts); !slices.Equal(got, []string{"2", "3"}) {
				t.Errorf("a stream has %v", got)
			}
		}
	})
}

// TestReaderAhead: a reader that is ahead of the log gets nothing before its place, and keeps nothing from the others.
func TestReaderAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		read := func(s stream.Source) []string {
			synctest.Wait()
			time.Sleep(time.Second)
			return ids(t, follow(t, s, func(<-chan struct{}) bool { return false }))
		}
		ahead, other := f.Stream(4, engine.EventFilter{}), f.Stream(0, engine.EventFilter{})
		defer ahead.Close()
		defer other.Close()
		if got, others := read(ahead), read(other); len(got) != 0 || !slices.Equal(others, []string{"1"}) {
			t.Errorf("they have %v and %v", got, others)
		}
		l.do(counted("L", "C")...)
		l.do(counted("L", "D")...)
		if got, others := read(ahead), read(other); !slices.Equal(got, []string{"5"}) ||
			!slices.Equal(others, []string{"2", "3", "4", "5"}) {
			t.Errorf("they have %v and %v", got, others)
		}
	})
}

// TestBeatTellsThePlace: a stream whose filter picks nothing learns how far it is, once.
func TestBeatTellsThePlace(t *testing.T) {
	l := newTestLog(t)
	l.do(counted("L", "C")...)
	s := NewEvents(l).Stream(0, engine.EventFilter{Locations: []string{"K"}})
	defer s.Close()
	if text := follow(t, s, func(<-chan struct{}) bool { return false }); text != "" {
		t.Errorf("the stream has %q", text)
	}
	for _, want := range []string{"id: 3\n", ""} {
		if beat, err := s.Beat(nil); string(beat) != want || err != nil {
			t.Errorf("a heartbeat has %q, %v; want %q", beat, err, want)
		}
	}
}

// TestPage: a page has what the filter picks, and the next one begins behind all that was looked at.
func TestPage(t *testing.T) {
	l := newTestLog(t)
	for i := range 150 {
		l.do(counted(fmt.Sprint("L", i%50), fmt.Sprint("C", i))...)
	}
	f := NewEvents(l)
	var got []uint64
	after, pages := engine.EventID(0), 0
	for ; ; pages++ {
		events, next := f.Page(after, &engine.EventFilter{Locations: []string{"L7"}}, 4, nil)
		if len(events) > 4 || next < after {
			t.Fatalf("a page of 4 has %d events, and next %d after %d", len(events), next, after)
		}
		if after = next; len(events) == 0 {
			break
		}
		for _, ev := range events {
			got = append(got, uint64(ev.ID))
		}
	}
	if want := []uint64{16, 17, 116, 117, 216, 217}; !slices.Equal(got, want) || pages != 2 || after != 301 {
		t.Errorf("got %v in %d pages up to %d, want %v", got, pages, after, want)
	}
}

// TestTailIsBounded: the tail keeps the newest batches, and a reader that waits behind it goes on by itself.
func TestTailIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		f := NewEvents(l)
		f.hub.tailBytesMax = 2_000
		quick, slow := f.Stream(1, engine.EventFilter{}), f.Stream(1, engine.EventFilter{})
		defer quick.Close()
		defer slow.Close()
		follow(t, slow, func(<-chan struct{}) bool { return false })
		for i := range 50 {
			l.do(counted("L", fmt.Sprint("C", i))...)
			time.Sleep(time.Second)
			follow(t, quick, func(<-chan struct{}) bool { return false })
			if tail := f.hub.tail.Load(); tail.bytes > 2_000 || tail.until.Seq != l.engine.AppliedIndex()*2-1 {
				t.Fatalf("the tail has %d bytes up to %d", tail.bytes, tail.until)
			}
		}
		if got := ids(t, follow(t, slow, func(<-chan struct{}) bool { return false })); len(got) != 100 {
			t.Errorf("the slow reader has %d events: %v", len(got), got)
		}
	})
}
