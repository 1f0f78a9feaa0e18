package raftstore

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"apportion/engine"
)

// applier feeds log entries to the engine. It is the state machine without Raft: recovery, verify and tests use it too.
type applier struct {
	// mu is the apply mutex: it is held for one entry, for some of the rows of a checkpoint that entries have changed
	// since it began, or for one look-up among orders. It guards every method of the engine that is for one goroutine
	// at a time. Nothing else is locked under it.
	mu     sync.Mutex
	engine *engine.Engine

	ahead [][]byte // commands about to be applied, under mu

	metrics *storeMetrics

	// visibleIndex is the last entry of which every command is applied. The engine's own index is ahead of it while an
	// entry is applied: a reader beside the writer that took that one could claim an entry that it does not see. A
	// reader loads visibleIndex before it looks at the state.
	visibleIndex atomic.Uint64
	signal       appliedSignal // of visibleIndex

	// logBytes counts the bytes of the entries applied since the last freeze; onLogBytes runs when they have reached
	// logBytesMax. dueMS is the earliest time at which something is due (noDue: nothing is); onDue runs when it
	// changes. The callbacks run under mu and must not block. logBytesMax and the callbacks are set before the first
	// entry.
	logBytes    atomic.Int64
	logBytesMax int64
	onLogBytes  func()
	dueMS       atomic.Int64
	onDue       func()

	onApplied func() // runs after each entry, as the other callbacks do
}

// noDue stands for "nothing is due".
const noDue = math.MaxInt64

func newApplier(e *engine.Engine, metrics *storeMetrics) *applier {
	a := &applier{engine: e, metrics: metrics, logBytesMax: math.MaxInt64, onLogBytes: func() {}, onDue: func() {},
		onApplied: func() {}}
	a.dueMS.Store(noDue)
	return a
}

// entryResults are the results of the commands of one entry. They come from a pool: release gives them back.
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

// distribute cuts the results up among the batches of the entry, in their order.
func (r *entryResults) distribute(batches []*queuedBatch) {
	command, start := 0, 0
	for _, w := range batches {
		for range w.ends {
			if command >= len(r.ends) {
				panic(fmt.Sprintf("BUG: raftstore: an entry has %d results, and more commands", len(r.ends)))
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
// contains is skipped and has no results: after a start, the log may begin before the state ends.
//
// An entry that can't be read is in the log of every replica, so no replica can go on: the process ends.
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
	// A stamp that falls can only come from a fault of a leader; all replicas put it right in the same way.
	nowMS := max(e.stampMS, a.engine.NowMS())
	a.engine.Advance(log.Index, nowMS)
	for left := e.count; left > 0; left -= len(a.ahead) {
		a.ahead = a.ahead[:0]
		for range min(left, engine.WarmCommandsMax) {
			a.ahead = append(a.ahead, e.next())
		}
		a.engine.Warm(a.ahead)
		for _, command := range a.ahead {
			r.results = a.engine.Apply(log.Index, nowMS, command, r.results)
			r.ends = append(r.ends, len(r.results))
		}
	}
	clear(a.ahead[:cap(a.ahead)]) // the log's memory is not ours to keep
	a.visibleIndex.Store(log.Index)
	a.signal.applied()
	a.appliedLocked(len(log.Data), e.count)
	return r
}

// appliedLocked does the accounts of one entry.
func (a *applier) appliedLocked(entryBytes, commands int) {
	a.metrics.applied(commands)
	a.onApplied()
	a.lookAtDueLocked()
	if a.logBytes.Add(int64(entryBytes)) >= a.logBytesMax {
		a.onLogBytes()
	}
}

// lookAtDueLocked keeps dueMS in step with the engine.
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
