package history

import (
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// refusals records the orders that were refused before the log, for backtests: a rule that borrows from other segments
// is about these above all, and the log has no entry of them.
//
// The recording may have holes, and says where. A request only copies its order into a buffer; a goroutine writes what
// has come together to segment files beside the kept checkpoints, without a sync. What does not fit, comes too fast
// (see refusedBytesPerSecond) or cannot be written is counted, and the number is recorded when there is room again. A
// crash loses what was not written, a second or so; the segment that has no end then tells. Damage costs what follows
// it in its segment. Nothing of it keeps a store from starting or a checkpoint from being made.
//
// It is of this node alone: what the leader has refused is on the leader's disk.
type refusals struct {
	fs           vfs.FS
	dir          string
	logger       *slog.Logger
	metrics      *counters
	bytesMax     int64
	segmentBytes int64
	began        engine.Moment // the place in the log at which this life of the store begins
	seed         maphash.Seed
	early        chan struct{} // capacity 1: there is much to write
	none         engine.Envelope

	bytes  atomic.Int64 // of all segments
	lastMS atomic.Int64 // when the last refusal was recorded; after a start: when its segment began

	// mu is held while one order is copied, never while a file is touched.
	mu struct {
		sync.Mutex
		frames []byte // to be written, without checksums
		lost   lostRefusals
		seen   [refusedSeenMax]uint64 // of orders recorded last, see repeatedLocked
		budget int64                  // bytes that may be recorded now
		paidMS int64                  // when the budget was filled up last
		closed bool
	}

	// files is held while segments are written, opened or removed; it is taken before mu.
	files struct {
		sync.Mutex
		spare    []byte // the other buffer
		segments []refusedSegment
		open     vfs.File // the last segment, if it is being written
		first    uint64   // number of the first segment of this life
		failing  bool     // the last write failed, and that was said
	}
}

// lostRefusals are refusals that were not recorded since the last write.
type lostRefusals struct {
	count uint64
	last  engine.Moment
}

func (l *lostRefusals) add(count uint64, at engine.Moment) {
	l.count += count
	l.last = engine.Moment{Index: max(l.last.Index, at.Index), TimeMS: max(l.last.TimeMS, at.TimeMS)}
}

// record takes an order that was refused. It never waits for a disk, and allocates nothing.
func (r *refusals) record(at engine.Moment, code engine.Code, c *engine.Allocate) {
	r.mu.Lock()
	much := r.recordLocked(at, code, c)
	r.mu.Unlock()
	if much {
		select {
		case r.early <- struct{}{}:
		default:
		}
	}
}

// recordLocked reports whether there is so much to be written now that it should not wait.
func (r *refusals) recordLocked(at engine.Moment, code engine.Code, c *engine.Allocate) (much bool) {
	m := &r.mu
	switch elapsedMS := at.TimeMS - m.paidMS; {
	case elapsedMS > 0: // a clock that jumps ahead gives a full budget at most
		m.budget = min(refusedBurstBytes, m.budget+min(elapsedMS, refusedBurstMS)*refusedBytesPerSecond/1000)
		m.paidMS = at.TimeMS
	case elapsedMS < -refusedBurstMS: // one that jumps back is followed; a request that was overtaken is not
		m.paidMS = at.TimeMS
	}
	start := len(m.frames)
	if m.closed {
		return false
	}
	if m.budget <= 0 || start >= refusedBufferBytes {
		m.lost.add(1, at)
		return false
	}
	m.frames = beginFrame(m.frames, &frame{kind: frameRefusal, code: code, index: at.Index, timeMS: at.TimeMS})
	m.frames = engine.AppendCommand(m.frames, &r.none, c)
	frameBytes := len(m.frames) - start
	switch {
	case frameBytes > refusedFrameBytesMax:
		m.frames = m.frames[:start]
		m.lost.add(1, at)
	case r.repeatedLocked(at.Index, m.frames[start+frameHeaderBytes:]):
		m.frames = m.frames[:start]
		r.metrics.refusalsRepeated.Inc()
	default:
		endFrame(m.frames, start)
		m.budget -= int64(frameBytes)
		r.lastMS.Store(at.TimeMS)
	}
	return start < refusedBufferBytes/2 && len(m.frames) >= refusedBufferBytes/2
}

// refusedBurstMS is how long an empty budget takes to be full.
const refusedBurstMS = refusedBurstBytes * 1000 / refusedBytesPerSecond

// repeatedLocked reports whether the same order was recorded at the same log index. To record it again would tell
// nothing: the state has not changed since.
func (r *refusals) repeatedLocked(index uint64, command []byte) bool {
	sum := maphash.Bytes(r.seed, command) ^ index*0x9e3779b97f4a7c15
	seen := &r.mu.seen[sum%refusedSeenMax]
	if *seen == sum {
		return true
	}
	*seen = sum
	return false
}

// run writes what has come together once in a while, until stop is closed.
func (r *refusals) run(stop <-chan struct{}) {
	ticker := time.NewTicker(refusedFlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		case <-r.early:
		}
		r.flush()
	}
}

// flush writes what was recorded up to now.
func (r *refusals) flush() {
	r.files.Lock()
	defer r.files.Unlock()
	r.flushLocked()
}

func (r *refusals) flushLocked() {
	r.mu.Lock()
	frames, lost := r.mu.frames, r.mu.lost
	r.mu.frames, r.mu.lost = r.files.spare[:0], lostRefusals{}
	r.mu.Unlock()
	if lost.count > 0 {
		frames = appendLost(frames, lost.last.Index, lost.last.TimeMS, lost.count)
	}
	r.files.spare = frames
	if len(frames) == 0 {
		return
	}
	refused, missing := countFrames(frames)
	err := r.writeLocked(frames)
	r.failedLocked(err)
	if err == nil {
		r.metrics.refusalsRecorded.AddInt64(int64(refused))
		r.metrics.refusalsLost.AddInt64(int64(missing))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.lost.add(refused+missing, firstPlace(frames))
	clear(r.mu.seen[:]) // none of them is on disk
}

// failedLocked says once that writing does not succeed, and once that it does again.
func (r *refusals) failedLocked(err error) {
	if err != nil {
		r.metrics.errors.Inc()
	}
	switch failing := err != nil; {
	case failing && !r.files.failing:
		r.logger.Error("history: refused orders cannot be recorded; backtests will lack them", "error", err)
	case !failing && r.files.failing:
		r.logger.Info("history: refused orders are recorded again")
	}
	r.files.failing = err != nil
}

// close writes what is left, and the end of the recording.
func (r *refusals) close() {
	r.mu.Lock()
	r.mu.closed = true
	r.mu.Unlock()
	r.files.Lock()
	defer r.files.Unlock()
	r.flushLocked()
	if r.files.open != nil {
		r.endLocked()
	}
}
