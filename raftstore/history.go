package raftstore

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// history keeps what a backtest replays: some of the last checkpoints, and the log behind the oldest of them. A kept
// checkpoint is a directory of hard links to the state database's tables, so it costs what has changed since. Nothing
// of it is needed to serve: a fault costs history and never a checkpoint. Orders that were refused before the log are
// recorded in the same directory (refusals).
//
// The directory of a checkpoint is made under another name and renamed when it is complete, and renamed before it is
// removed: what does not have a kept checkpoint's name is swept away at a start.
//
// Who replays a state pins it (see pin). What is pinned does not stop the release of what is not: it leaves kept as if
// it were not, so nobody begins with it any more, and goes with the last replay.
type history struct {
	c        historyConfig
	metrics  *historyMetrics
	refusals *refusals // nil: no history is kept

	mu      sync.Mutex
	kept    []keptState     // the oldest first
	pins    map[uint64]*pin // by index
	covered uint64          // the state on disk is of this index
}

// historyConfig says what is kept, and where.
type historyConfig struct {
	fs      vfs.FS
	dir     string
	state   *statedb.DB
	covered uint64 // index of the state on disk
	log     *wal.Log
	first   uint64 // of the log's entries
	last    uint64 // of the log's entries; 0: the log is empty

	ageMS    int64 // 0: no history is kept
	bytesMax int64 // of kept checkpoints, their log and refused orders

	nowMS        int64 // by the clock, Unix milliseconds
	segmentBytes int64 // of a file of refused orders; 0: refusedSegmentBytes

	logger    *slog.Logger
	metrics   *metrics.Set
	onFatal   func(msg string)
	openFiles int // of a checkpoint that is replayed, see statedb.Config

	// decode reads the time and the commands of a log entry.
	decode func(data []byte, e *engine.Entry) error
}

// historyMetrics are the counters of a history.
type historyMetrics struct {
	errors           *metrics.Counter
	refusalsRecorded *metrics.Counter
	refusalsRepeated *metrics.Counter
	refusalsLost     *metrics.Counter
}

func newHistoryMetrics(set *metrics.Set) *historyMetrics {
	return &historyMetrics{
		errors:           set.GetOrCreateCounter("apportion_history_errors_total"),
		refusalsRecorded: set.GetOrCreateCounter("apportion_history_refusals_recorded_total"),
		refusalsRepeated: set.GetOrCreateCounter("apportion_history_refusals_repeated_total"),
		refusalsLost:     set.GetOrCreateCounter("apportion_history_refusals_lost_total"),
	}
}

// openHistory finds what was kept before, as far as the log still continues it. Without history, it removes what is
// there.
func openHistory(c historyConfig) (*history, error) {
	h := &history{c: c, metrics: newHistoryMetrics(c.metrics), pins: map[uint64]*pin{}, covered: c.covered}
	if c.ageMS == 0 {
		return h, h.sweep(func(string) bool { return true })
	}
	first, last := c.first, c.last
	if last == 0 { // the next entry continues the state on disk
		first, last = c.covered+1, c.covered
	}
	if err := h.find(first, last); err != nil {
		return nil, err
	}
	if first == 1 {
		h.kept = slices.Insert(h.kept, 0, keptState{}) // the log begins at its beginning
	}
	h.refusals = newRefusals(c, h.metrics, last)
	return h, nil
}

// close ends the recording of refused orders.
func (h *history) close() error {
	if h.refusals != nil {
		h.refusals.close()
	}
	return nil
}

// run writes refused orders from time to time, until stop is closed.
func (h *history) run(stop <-chan struct{}) {
	if h.refusals != nil {
		h.refusals.run(stop)
	}
}

// recordRefusal records an order that was refused before the log, as of a place in the log. It never waits for a disk,
// and allocates nothing.
func (h *history) recordRefusal(at engine.Moment, code engine.Code, order *engine.Allocate) {
	if h.refusals != nil {
		h.refusals.record(at, code, order)
	}
}

// flush writes the refused orders that were recorded up to now.
func (h *history) flush() {
	if h.refusals != nil {
		h.refusals.flush()
	}
}

// find reads the directory.
func (h *history) find(first, last uint64) error {
	if err := errors.Join(h.c.fs.MkdirAll(h.c.dir, durable.DirPermissions),
		durable.SyncDir(h.c.fs, h.c.fs.PathDir(h.c.dir))); err != nil {
		return fmt.Errorf("raftstore: create %s: %w", h.c.dir, err)
	}
	names, err := h.c.fs.List(h.c.dir)
	if err != nil {
		return fmt.Errorf("raftstore: read %s: %w", h.c.dir, err)
	}
	for _, name := range names {
		k, ok := parseKept(name)
		if !ok || !k.continuedBy(first, last) {
			continue
		}
		if err := k.readFiles(h.c.fs, h.c.fs.PathJoin(h.c.dir, name)); err != nil {
			h.damaged(&k, err)
			continue
		}
		h.kept = append(h.kept, k)
	}
	slices.SortFunc(h.kept, func(a, b keptState) int { return cmp.Compare(a.index, b.index) })
	return h.sweep(func(name string) bool {
		if _, ok := parseRefused(name); ok {
			return false
		}
		return !slices.ContainsFunc(h.kept, func(k keptState) bool { return k.name() == name })
	})
}

// sweep removes what is in the directory and is of no use.
func (h *history) sweep(useless func(name string) bool) error {
	names, err := h.c.fs.List(h.c.dir)
	if err != nil {
		return nil // there is none
	}
	for _, name := range names {
		if useless(name) {
			err = errors.Join(err, h.c.fs.RemoveAll(h.c.fs.PathJoin(h.c.dir, name)))
		}
	}
	if err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", h.c.dir, err)
	}
	return nil
}

// checkpointed is called when the state on disk is a new one, k: it keeps that state if the last kept one is far enough
// behind, and lets go of what is too old or too much.
func (h *history) checkpointed(k keptState, step func() (end func())) {
	index, timeMS := k.index, k.timeMS
	h.mu.Lock()
	h.covered = index
	h.mu.Unlock()
	if h.c.ageMS == 0 {
		return
	}
	if h.wants(timeMS) {
		if err := h.keep(k, step); err != nil {
			h.metrics.errors.Inc()
			h.c.logger.Error("history: a checkpoint could not be kept; backtests begin at an older one", "index", index,
				"error", err)
		}
	}
	for _, k := range h.release(timeMS) {
		h.remove(&k)
	}
	h.refusals.release(h.oldest(), timeMS-h.c.ageMS)
}

// oldest is the oldest kept state, nil if there is none.
func (h *history) oldest() *keptState {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) == 0 {
		return nil
	}
	oldest := h.kept[0]
	return &oldest
}

// wants reports whether a replay from the last kept state would be long: there are some historyStates of them in the
// window.
func (h *history) wants(timeMS int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) == 0 {
		return true
	}
	last := h.kept[len(h.kept)-1]
	return timeMS-last.timeMS >= h.c.ageMS/historyStates ||
		h.logBytes(last.index) >= h.c.bytesMax/historyStates
}

// keep links the state that is on disk, and lists its files. Only the checkpointing goroutine calls it, so that is
// still the state of k.
func (h *history) keep(k keptState, step func() (end func())) error {
	under := h.c.fs.PathJoin(h.c.dir, newStateDir)
	if err := h.c.fs.RemoveAll(under); err != nil {
		return fmt.Errorf("clear %s: %w", under, err)
	}
	if err := h.c.state.Link(under); err != nil {
		return err
	}
	if err := k.writeFiles(h.c.fs, under, h.newest(), step); err != nil {
		return fmt.Errorf("list the files of the state: %w", err)
	}
	if err := h.c.fs.Rename(under, h.c.fs.PathJoin(h.c.dir, k.name())); err != nil {
		return fmt.Errorf("name the state: %w", err)
	}
	if err := durable.SyncDir(h.c.fs, h.c.dir); err != nil {
		return fmt.Errorf("sync %s: %w", h.c.dir, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, k)
	return nil
}

// newest is the newest kept state, the zero one if there is none.
func (h *history) newest() (k keptState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.kept); n > 0 {
		k = h.kept[n-1]
	}
	return k
}

// release takes out what is no longer to be kept: all but the last state that is as old as the window, and the oldest
// ones while there is too much. Those that nobody replays are returned, to be removed. What is replayed may take as
// much again, and is let go of beyond that, too.
func (h *history) release(nowMS int64) (gone []keptState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.kept) > 0 {
		tooOld := len(h.kept) > 1 && h.kept[1].timeMS <= nowMS-h.c.ageMS
		if !tooOld && h.bytesLocked(false) <= h.c.bytesMax {
			break
		}
		k := h.kept[0]
		h.kept = h.kept[1:]
		if p := h.pins[k.index]; p != nil {
			p.released = true
		} else {
			gone = append(gone, k)
		}
	}
	for h.bytesLocked(true)-h.bytesLocked(false) > h.c.bytesMax {
		p := h.oldestHeldLocked()
		h.c.logger.Warn("history: what a backtest replays takes too much of the disk and is let go of", "index",
			p.state.index)
		p.letGo()
	}
	return gone
}

// drop lets go of a state that turned out to be damaged, and says so.
func (h *history) drop(k *keptState, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.kept)
	h.kept = slices.DeleteFunc(h.kept, func(other keptState) bool { return other.index == k.index })
	if len(h.kept) < n {
		h.damaged(k, cause)
	}
	if p := h.pins[k.index]; p != nil {
		p.released = true
	}
}

func (h *history) damaged(k *keptState, cause error) {
	h.metrics.errors.Inc()
	h.c.logger.Error("history: a kept checkpoint is damaged and is kept no longer; backtests begin at another one",
		"index", k.index, "error", cause)
}

// logBytes is the size of the log behind an entry, as far as it is in tables.
func (h *history) logBytes(index uint64) int64 { return h.c.log.TableBytes(index + 1) }

// bytesLocked is what the history costs: tables that the last kept state no longer has, the log, and refused orders;
// without or with what is there only because it is replayed.
func (h *history) bytesLocked(pinned bool) int64 {
	old := map[string]int64{}
	from := uint64(math.MaxUint64)
	add := func(k *keptState) {
		from = min(from, k.index)
		if len(h.kept) > 0 { // or it is not known which tables the state still has
			k.addTables(old)
		}
	}
	for i := range h.kept {
		add(&h.kept[i])
	}
	if pinned {
		for _, p := range h.pins {
			if p.held() {
				add(&p.state)
			}
		}
	}
	if from == math.MaxUint64 {
		return 0
	}
	if n := len(h.kept); n > 0 {
		for _, f := range h.kept[n-1].list() {
			delete(old, f.Name)
		}
	}
	bytes := h.logBytes(from) + h.refusals.bytes.Load()
	for _, size := range old {
		bytes += size
	}
	return bytes
}

// remove removes the directory of a state that is not kept. It has another name first: half of it must not be found.
func (h *history) remove(k *keptState) {
	if k.files == nil {
		return // the empty state has none
	}
	path := h.c.fs.PathJoin(h.c.dir, k.name())
	under := path + removedSuffix
	err := h.c.fs.Rename(path, under)
	if err == nil {
		err = h.c.fs.RemoveAll(under)
	}
	if err != nil {
		h.metrics.errors.Inc()
		h.c.logger.Error("history: a checkpoint could not be removed; it is tried again at the next start", "index",
			k.index, "error", err)
	}
}

// needed is the index of the oldest state that is kept or replayed, and that of the state on disk.
func (h *history) needed() (index, covered uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	index, covered = h.covered, h.covered
	if len(h.kept) > 0 {
		index = h.kept[0].index
	}
	if p := h.oldestHeldLocked(); p != nil {
		index = min(index, p.state.index)
	}
	return index, covered
}
