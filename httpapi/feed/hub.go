package feed

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// Log is the log that a hub follows; see raftstore.Store.
type Log interface {
	AppliedIndex() uint64
	WaitApplied(index uint64, deadline time.Time, stop <-chan struct{}) error
}

// hub reads a feed once for all readers that have seen everything. It runs while there are any.
type hub[T any] struct {
	log      Log
	reading  func() read[T] // makes a read for one goroutine
	location func(of *T) string
	own      chan struct{} // a place for each reader that may read for itself at a time

	tailBytesMax, tailBatchesMax int // the bounds of the same names, less in tests

	tail atomic.Pointer[tail[T]] // nil: the hub does not run

	mu      sync.Mutex
	readers int
	anyAt   []*source[T]            // the readers of all locations
	at      map[string][]*source[T] // the others
	stop    chan struct{}           // of the present run
}

// tail is the newest part of a feed: what is after the first place and up to the second. It never changes.
type tail[T any] struct {
	after, until place
	batches      []*batch[T]
	bytes        int
	err          error // what the hub has ended with
}

func newHub[T any](log Log, own chan struct{}, location func(of *T) string, reading func() read[T]) *hub[T] {
	return &hub[T]{log: log, own: own, location: location, reading: reading, tailBytesMax: tailBytesMax,
		tailBatchesMax: tailBatchesMax, at: map[string][]*source[T]{}}
}

// reaches reports whether the tail has everything after a place.
func (t *tail[T]) reaches(at place) bool { return t != nil && at.Seq >= t.after.Seq }

// behind are the batches with something after a place.
func (t *tail[T]) behind(at place) []*batch[T] {
	return t.batches[sort.Search(len(t.batches), func(i int) bool { return t.batches[i].until.Seq > at.Seq }):]
}

// join takes a reader in. If the hub does not run, it begins at the reader's place, behind which there was nothing.
func (h *hub[T]) join(s *source[T]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.add(s); h.readers == 1 {
		h.begin(s.place)
	}
}

// begin begins a run at a place.
func (h *hub[T]) begin(at place) {
	h.stop = make(chan struct{})
	h.tail.Store(&tail[T]{after: at, until: at})
	go h.run(at, h.stop)
}

// restart has the hub begin again at a reader's place that the tail does not reach, behind which there was nothing: it
// has begun at the place of a reader that is ahead of the log.
func (h *hub[T]) restart(at place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.tail.Load().reaches(at) {
		close(h.stop)
		h.begin(at)
	}
}

// joinRunning is join for a hub whose tail reaches back to the reader's place. It reports whether there is one.
func (h *hub[T]) joinRunning(s *source[T]) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.tail.Load().reaches(s.place) {
		return false
	}
	h.add(s)
	return true
}

func (h *hub[T]) add(s *source[T]) {
	h.readers++
	if len(s.locations) == 0 {
		h.anyAt = append(h.anyAt, s)
	}
	for _, location := range s.locations {
		h.at[location] = append(h.at[location], s)
	}
}

// leave ends what join began.
func (h *hub[T]) leave(s *source[T]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	isIt := func(other *source[T]) bool { return other == s }
	if len(s.locations) == 0 {
		h.anyAt = slices.DeleteFunc(h.anyAt, isIt)
	}
	for _, location := range s.locations {
		if h.at[location] = slices.DeleteFunc(h.at[location], isIt); len(h.at[location]) == 0 {
			delete(h.at, location)
		}
	}
	if h.readers--; h.readers == 0 {
		close(h.stop)
		h.tail.Store(nil)
	}
}

// wait has a reader that has seen all of a tail wait until there is something that it picks. It reports whether the
// tail is still the newest.
func (h *hub[T]) wait(s *source[T], t *tail[T]) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.waits = h.tail.Load() == t
	return s.waits
}

// reached is how far a reader is that has waited. If it waits still, it is at the end of the tail: it picks nothing up
// to there. Otherwise it is where wakeUp has moved it.
func (h *hub[T]) reached(s *source[T]) place {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.waits {
		s.moveOn(h.tail.Load().until)
	}
	return s.place
}

// unwait ends the wait of a reader, which is then as far as reached tells.
func (h *hub[T]) unwait(s *source[T]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.waits {
		s.moveOn(h.tail.Load().until)
		s.waits = false
		return
	}
	select {
	case <-s.wake:
	default: // the reader has seen it
	}
}

// wakeAll wakes all who wait. They pick nothing up to a place.
func (h *hub[T]) wakeAll(until place) {
	for _, s := range h.anyAt {
		s.wakeUp(until)
	}
	for _, at := range h.at {
		for _, s := range at {
			s.wakeUp(until)
		}
	}
}

// wakeFor wakes those who wait and pick something of a batch. It gives their number.
func (h *hub[T]) wakeFor(news *batch[T]) (woken int) {
	for _, s := range h.anyAt {
		if s.waits && news.hasAny(&s.picker) {
			s.wakeUp(news.after)
			woken++
		}
	}
	for location, first := range news.first {
		for _, s := range h.at[location] {
			if s.waits && news.has(first, &s.picker) {
				s.wakeUp(news.after)
				woken++
			}
		}
	}
	return woken
}

// run replaces the tail whenever there is something new.
func (h *hub[T]) run(at place, stop <-chan struct{}) {
	read, news := h.reading(), new(batch[T])
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		<-timer.C
		begun, index := time.Now(), h.log.AppliedIndex()
		news.reset(at)
		if err := read(at, news); err != nil {
			h.fail(stop, err)
			return
		}
		pause := PauseMin
		if at = news.until; len(news.items) > 0 {
			pause = min(PauseMin+time.Duration(h.extend(stop, news))*PausePerReader, PauseMax)
		}
		if news.full() {
			pause = 0
		} else if h.log.WaitApplied(index+1, time.Time{}, stop) != nil {
			return
		}
		timer.Reset(time.Until(begun.Add(pause)))
	}
}

// extend replaces the tail by one that has more, and wakes those who wait for that; unless the run has ended. It gives
// their number.
func (h *hub[T]) extend(stop <-chan struct{}, news *batch[T]) (woken int) {
	news = news.clone()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != stop || h.readers == 0 {
		return 0
	}
	if len(h.at) > 0 {
		news.index(h.location)
	}
	h.tail.Store(h.tail.Load().add(news, h.tailBytesMax, h.tailBatchesMax))
	return h.wakeFor(news)
}

// fail ends the tail with an error, and wakes all who wait; unless the run has ended.
func (h *hub[T]) fail(stop <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != stop || h.readers == 0 {
		return
	}
	t := *h.tail.Load()
	t.err = err
	h.tail.Store(&t)
	h.wakeAll(t.until)
}

// add is the tail with a batch more at its end, and without the old ones that are too many.
func (t *tail[T]) add(news *batch[T], bytesMax, batchesMax int) *tail[T] {
	kept, bytes := t.batches, t.bytes+len(news.data)
	for len(kept) > 0 && (bytes > bytesMax || len(kept) >= batchesMax) {
		bytes -= len(kept[0].data)
		kept = kept[1:]
	}
	batches := append(append(make([]*batch[T], 0, len(kept)+1), kept...), news)
	return &tail[T]{after: batches[0].after, until: news.until, batches: batches, bytes: bytes}
}
