package raftstore

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/engine"
)

// applier applies log entries to the engine. It is the state machine without Raft: recovery, verify and tests use it
// too.
type applier struct {
	// mu is the apply mutex. It is held for one entry, for a slice of a checkpoint's rows, or for one look-up among
	// orders. It guards all engine methods that only one goroutine may call at a time. No other lock is taken under it.
	mu     sync.Mutex
	engine *engine.Engine

	ahead [][]byte // commands about to be applied, under mu

	metrics *storeMetrics

	// visibleIndex is the last entry with all its commands applied. While an entry is applied, the engine's own index
	// is ahead of it, and a concurrent reader with that index would claim an entry that it does not see. A reader loads
	// visibleIndex before it reads the state.
	visibleIndex atomic.Uint64
	signal       appliedSignal // of visibleIndex

	// logBytes counts the bytes of the entries applied since the last freeze; onLogBytes runs when it reaches
	// logBytesMax. dueMS is the time of the next due event (noDue: there is none); onDue runs when it changes. The
	// callbacks run under mu and must not block. logBytesMax and the callbacks are set before the first entry.
	logBytes    atomic.Int64
	logBytesMax int64
	onLogBytes  func()
	dueMS       atomic.Int64
	onDue       func()

	onApplied func() // runs after each entry, like the other callbacks
}

// noDue stands for "nothing is due".
const noDue = math.MaxInt64

func newApplier(e *engine.Engine, metrics *storeMetrics) *applier {
	a := &applier{engine: e, metrics: metrics, logBytesMax: math.MaxInt64, onLogBytes: func() {}, onDue: func() {},
		onApplied: func() {}}
	a.dueMS.Store(noDue)
	return a
}

// entryResults are the results of one entry's commands. They come from a pool; release returns them.
type entryResults struct {
	results []byte
	ends    []int // end of each result in results
}

var entryResultsPool = sync.Pool{New: func() any { return new(entryResults) }}

func (r *entryResults) release() {
	if cap(r.results) > batchKeepBytesMax {
		return
	}
	r.results, r.ends = r.results[:0], r.ends[:0]
	entryResultsPool.Put(r)
}

// distribute gives each batch of the entry its results, in order.
func (r *entryResults) distribute(batches []*queuedBatch) {
	command, start := 0, 0
	for _, w := range batches {
		for range w.ends {
			if command >= len(r.ends) {
				panic(fmt.Sprintf("BUG: raftstore: an entry has %d results and more commands", len(r.ends)))
			}
			end := r.ends[command]
			w.appendResult(r.results[start:end])
			command, start = command+1, end
		}
	}
	if command != len(r.ends) {
		panic(fmt.Sprintf("BUG: raftstore: an entry of %d commands has %d results", command, len(r.ends)))
	}
}

// apply applies one log entry and returns its results, which the caller releases. An entry that the state already
// contains is skipped and has no results: after a start, the log may begin before the end of the state.
//
// An entry that cannot be decoded is in the log of every replica, so no replica can go on: the process ends.
func (a *applier) apply(log *raft.Log) *entryResults {
	e, err := decodeEntry(log.Data)
	if err != nil {
		panic(fmt.Sprintf("FATAL: raftstore: log entry %d: %v", log.Index, err))
	}
	return a.applyEntry(log, e)
}

func (a *applier) applyEntry(log *raft.Log, e entry) *entryResults {
	r := entryResultsPool.Get().(*entryResults)
	a.mu.Lock()
	defer a.mu.Unlock()
	if log.Index <= a.engine.AppliedIndex() {
		return r
	}
	// A stamp before the last one can only come from a faulty leader; all replicas correct it in the same way.
	nowMS := max(e.stampMS, a.engine.NowMS())
	a.engine.Advance(log.Index, nowMS)
	for left := e.count; left > 0; left -= len(a.ahead) {
		a.ahead = a.ahead[:0]
		for range min(left, engine.PrefetchCommandsMax) {
			a.ahead = append(a.ahead, e.next())
		}
		a.engine.Prefetch(a.ahead)
		for _, command := range a.ahead {
			r.results = a.engine.Apply(log.Index, nowMS, command, r.results)
			r.ends = append(r.ends, len(r.results))
		}
	}
	clear(a.ahead[:cap(a.ahead)]) // Raft owns the log's memory
	a.visibleIndex.Store(log.Index)
	a.signal.applied()
	a.appliedLocked(len(log.Data), e.count)
	return r
}

// appliedLocked updates the counters and runs the callbacks after an entry.
func (a *applier) appliedLocked(entryBytes, commands int) {
	a.metrics.applied(commands)
	a.onApplied()
	a.lookAtDueLocked()
	if a.logBytes.Add(int64(entryBytes)) >= a.logBytesMax {
		a.onLogBytes()
	}
}

// lookAtDueLocked updates dueMS from the engine.
func (a *applier) lookAtDueLocked() {
	dueMS, ok := a.engine.NextDueMS()
	if !ok {
		dueMS = noDue
	}
	if dueMS != a.dueMS.Load() {
		a.dueMS.Store(dueMS)
		a.onDue()
	}
}

// locked runs f under the apply mutex.
func (a *applier) locked(f func(e *engine.Engine)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a.engine)
}

// appliedSignal wakes goroutines that wait for an entry to be applied.
type appliedSignal struct {
	waiting atomic.Int32

	mu      sync.Mutex
	changed chan struct{} // closed at the next entry
}

// applied is called after each entry. It costs one load while nobody waits.
func (s *appliedSignal) applied() {
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait returns nil when reached returns at least the index. A zero deadline is none.
func (s *appliedSignal) wait(index uint64, reached func() uint64, deadline time.Time, stop <-chan struct{}) error {
	if reached() >= index {
		return nil
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	for {
		s.mu.Lock()
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if reached() >= index {
			return nil
		}
		select {
		case <-changed:
		case <-late:
			return ErrTimeout
		case <-stop:
			return ErrClosed
		}
	}
}
