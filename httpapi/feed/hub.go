package feed

import (
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
	log  Log
	read read[T]
	own  chan struct{} // a place for each reader that may read for itself at a time

	tailBytesMax int // tailBytesMax, less in tests

	tail atomic.Pointer[tail[T]] // nil: the hub does not run

	mu      sync.Mutex
	readers int
	stop    chan struct{} // of the present run
}

// tail is the newest part of a feed: what is after the first place and up to the second. It never changes.
type tail[T any] struct {
	after, until place
	batches      []*batch[T]
	bytes        int
	err          error         // what the hub has ended with
	newer        chan struct{} // closed when another tail has replaced this one
}

func newHub[T any](log Log, own chan struct{}, read read[T]) *hub[T] {
	return &hub[T]{log: log, own: own, read: read, tailBytesMax: tailBytesMax}
}

// reaches reports whether the tail has everything after a place.
func (t *tail[T]) reaches(at place) bool { return t != nil && at.Seq >= t.after.Seq }

// join counts a reader. If the hub does not run, it begins at the reader's place, behind which there was nothing.
func (h *hub[T]) join(at place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers++; h.readers == 1 {
		h.stop = make(chan struct{})
		h.tail.Store(&tail[T]{after: at, until: at, newer: make(chan struct{})})
		go h.run(at, h.stop)
	}
}

// restart has the hub begin again at a reader's place that the tail does not reach, behind which there was nothing: it
// has begun at the place of a reader that is ahead of the log.
func (h *hub[T]) restart(at place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.tail.Load()
	if old.reaches(at) {
		return
	}
	close(h.stop)
	h.stop = make(chan struct{})
	h.tail.Store(&tail[T]{after: at, until: at, newer: make(chan struct{})})
	close(old.newer)
	go h.run(at, h.stop)
}

// joinRunning is join for a hub whose tail reaches back to the reader's place. It reports whether there is one.
func (h *hub[T]) joinRunning(at place) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.tail.Load().reaches(at) {
		return false
	}
	h.readers++
	return true
}

// leave ends what join began.
func (h *hub[T]) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers--; h.readers == 0 {
		close(h.stop)
		h.tail.Store(nil)
	}
}

// run replaces the tail whenever there is something new.
func (h *hub[T]) run(at place, stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		<-timer.C
		index := h.log.AppliedIndex()
		news := new(batch[T])
		news.reset(at)
		if err := h.read(at, news); err != nil {
			h.replace(stop, func(t *tail[T]) { t.err = err })
			return
		}
		if at = news.until; len(news.items) > 0 {
			h.replace(stop, func(t *tail[T]) { t.add(news, h.tailBytesMax) })
		}
		if !news.full() && h.log.WaitApplied(index+1, time.Time{}, stop) != nil {
			return
		}
		timer.Reset(h.pause(news.full()))
	}
}

// replace replaces the tail by one that differs, and wakes those who wait for it; unless the run has ended.
func (h *hub[T]) replace(stop <-chan struct{}, change func(t *tail[T])) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != stop || h.readers == 0 {
		return
	}
	old := h.tail.Load()
	t := *old
	t.newer = make(chan struct{})
	change(&t)
	h.tail.Store(&t)
	close(old.newer)
}

// add adds a batch at the end, and drops old ones beyond a number of bytes.
func (t *tail[T]) add(news *batch[T], bytesMax int) {
	kept := t.batches
	for t.bytes+len(news.data) > bytesMax && len(kept) > 0 {
		t.bytes -= len(kept[0].data)
		kept = kept[1:]
	}
	t.batches = append(append(make([]*batch[T], 0, len(kept)+1), kept...), news)
	t.bytes += len(news.data)
	t.after, t.until = t.batches[0].after, news.until
}

// pause is the time until the next look.
func (h *hub[T]) pause(more bool) time.Duration {
	if more {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return min(PauseMin+time.Duration(h.readers)*PausePerReader, PauseMax)
}
