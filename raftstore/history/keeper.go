package history

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// Keeper keeps what a backtest replays: some of the last checkpoints, the log after the oldest of them, and the orders
// that were refused before the log. A kept checkpoint is a directory of hard links to the state database's tables, so
// it costs only what has changed since.
//
// The directory of a checkpoint is made under another name and renamed when it is complete; it is renamed again before
// it is removed. So a start can remove everything without a checkpoint's name.
//
// A replay pins its checkpoint (see pin). A pin does not stop the release of checkpoints: a released one leaves kept,
// so that no new replay begins with it, and its directory goes with its last replay.
type Keeper struct {
	c        Config
	metrics  *counters
	refusals *refusals // nil: no history is kept

	mu    sync.Mutex
	kept  []Checkpoint    // the oldest first
	pins  map[uint64]*pin // by index
	index uint64          // of the state on disk
}

// Open finds the checkpoints of earlier runs that the log still continues. Without history, it removes what is there.
func Open(c Config) (*Keeper, error) {
	h := &Keeper{c: c, metrics: newCounters(c.Metrics), pins: map[uint64]*pin{}, index: c.CheckpointIndex}
	if c.AgeMS == 0 {
		return h, h.sweep(func(string) bool { return true })
	}
	first, last := c.First, c.Last
	if last == 0 { // the next entry continues the state on disk
		first, last = c.CheckpointIndex+1, c.CheckpointIndex
	}
	if err := h.find(first, last); err != nil {
		return nil, err
	}
	if first == 1 {
		h.kept = slices.Insert(h.kept, 0, Checkpoint{}) // the log begins at its beginning
	}
	h.refusals = newRefusals(c, h.metrics, last)
	return h, nil
}

// Close ends the recording of refused orders.
func (h *Keeper) Close() error {
	if h.refusals != nil {
		h.refusals.close()
	}
	return nil
}

// Run writes refused orders from time to time, until stop is closed.
func (h *Keeper) Run(stop <-chan struct{}) {
	if h.refusals != nil {
		h.refusals.run(stop)
	}
}

// RecordRefusal records an order that was refused before the log, at a moment of the log. It never waits for a disk,
// and allocates nothing.
func (h *Keeper) RecordRefusal(at engine.Moment, code engine.Code, order *engine.Allocate) {
	if h.refusals != nil {
		h.refusals.record(at, code, order)
	}
}

// Flush writes the refused orders that were recorded up to now.
func (h *Keeper) Flush() {
	if h.refusals != nil {
		h.refusals.flush()
	}
}

// find reads the directory.
func (h *Keeper) find(first, last uint64) error {
	if err := errors.Join(h.c.FS.MkdirAll(h.c.Dir, durable.DirPermissions),
		durable.SyncDir(h.c.FS, h.c.FS.PathDir(h.c.Dir))); err != nil {
		return fmt.Errorf("raftstore: create %s: %w", h.c.Dir, err)
	}
	names, err := h.c.FS.List(h.c.Dir)
	if err != nil {
		return fmt.Errorf("raftstore: read %s: %w", h.c.Dir, err)
	}
	for _, name := range names {
		k, ok := ParseName(name)
		if !ok || !k.continuedBy(first, last) {
			continue
		}
		if err := k.readFiles(h.c.FS, h.c.FS.PathJoin(h.c.Dir, name)); err != nil {
			h.damaged(&k, err)
			continue
		}
		h.kept = append(h.kept, k)
	}
	slices.SortFunc(h.kept, func(a, b Checkpoint) int { return cmp.Compare(a.Index, b.Index) })
	return h.sweep(func(name string) bool {
		if _, ok := parseRefused(name); ok {
			return false
		}
		return !slices.ContainsFunc(h.kept, func(k Checkpoint) bool { return k.name() == name })
	})
}

// sweep removes what is in the directory and useless.
func (h *Keeper) sweep(useless func(name string) bool) error {
	names, err := h.c.FS.List(h.c.Dir)
	if err != nil {
		return nil // there is none
	}
	for _, name := range names {
		if useless(name) {
			err = errors.Join(err, h.c.FS.RemoveAll(h.c.FS.PathJoin(h.c.Dir, name)))
		}
	}
	if err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", h.c.Dir, err)
	}
	return nil
}

// Checkpointed is called after each checkpoint, c. It keeps the checkpoint if the last kept one is far enough behind,
// and releases checkpoints that are too old or take too much of the disk. step is called before each step that waits
// for the disk.
func (h *Keeper) Checkpointed(k Checkpoint, step func() (end func())) {
	index, timeMS := k.Index, k.TimeMS
	h.mu.Lock()
	h.index = index
	h.mu.Unlock()
	if h.c.AgeMS == 0 {
		return
	}
	if h.wants(timeMS) {
		if err := h.keep(k, step); err != nil {
			h.metrics.errors.Inc()
			h.c.Logger.Error("history: a checkpoint could not be kept; backtests begin at an older one", "index", index,
				"error", err)
		}
	}
	for _, k := range h.release(timeMS) {
		h.remove(&k)
	}
	h.refusals.release(h.oldest(), timeMS-h.c.AgeMS)
}

// oldest returns the oldest kept checkpoint, nil if there is none.
func (h *Keeper) oldest() *Checkpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) == 0 {
		return nil
	}
	oldest := h.kept[0]
	return &oldest
}

// wants reports whether a replay from the last kept checkpoint would be long: about checkpointsKept of them are in the
// window.
func (h *Keeper) wants(timeMS int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) == 0 {
		return true
	}
	last := h.kept[len(h.kept)-1]
	return timeMS-last.TimeMS >= h.c.AgeMS/checkpointsKept ||
		h.logBytes(last.Index) >= h.c.BytesMax/checkpointsKept
}

// keep links the files of the state database, and lists them. Only the checkpointing goroutine calls it, so the
// database is still the checkpoint k.
func (h *Keeper) keep(k Checkpoint, step func() (end func())) error {
	under := h.c.FS.PathJoin(h.c.Dir, newDir)
	if err := h.c.FS.RemoveAll(under); err != nil {
		return fmt.Errorf("clear %s: %w", under, err)
	}
	if err := h.c.State.Link(under); err != nil {
		return err
	}
	if err := k.writeFiles(h.c.FS, under, h.newest(), step); err != nil {
		return fmt.Errorf("list the files of the checkpoint: %w", err)
	}
	if err := h.c.FS.Rename(under, h.c.FS.PathJoin(h.c.Dir, k.name())); err != nil {
		return fmt.Errorf("name the checkpoint: %w", err)
	}
	if err := durable.SyncDir(h.c.FS, h.c.Dir); err != nil {
		return fmt.Errorf("sync %s: %w", h.c.Dir, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, k)
	return nil
}

// newest returns the newest kept checkpoint, the zero one if there is none.
func (h *Keeper) newest() (k Checkpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.kept); n > 0 {
		k = h.kept[n-1]
	}
	return k
}

// release drops from kept what need not be kept: of the checkpoints before the window all but the last, and the oldest
// ones while they take too much of the disk. It returns those without a replay, to be removed. What is replayed may
// take as much of the disk again; beyond that it is released, too.
func (h *Keeper) release(nowMS int64) (gone []Checkpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.kept) > 0 {
		tooOld := len(h.kept) > 1 && h.kept[1].TimeMS <= nowMS-h.c.AgeMS
		if !tooOld && h.bytesLocked(false) <= h.c.BytesMax {
			break
		}
		k := h.kept[0]
		h.kept = h.kept[1:]
		if p := h.pins[k.Index]; p != nil {
			p.released = true
		} else {
			gone = append(gone, k)
		}
	}
	for h.bytesLocked(true)-h.bytesLocked(false) > h.c.BytesMax {
		p := h.oldestHeldLocked()
		h.c.Logger.Warn("history: a backtest replays more than --history-bytes-max allows, so it ends", "index",
			p.checkpoint.Index)
		p.letGo()
	}
	return gone
}

// drop releases a checkpoint that turned out to be damaged, and logs that.
func (h *Keeper) drop(k *Checkpoint, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.kept)
	h.kept = slices.DeleteFunc(h.kept, func(other Checkpoint) bool { return other.Index == k.Index })
	if len(h.kept) < n {
		h.damaged(k, cause)
	}
	if p := h.pins[k.Index]; p != nil {
		p.released = true
	}
}

func (h *Keeper) damaged(k *Checkpoint, cause error) {
	h.metrics.errors.Inc()
	h.c.Logger.Error("history: a kept checkpoint is damaged and was dropped; backtests begin at another one",
		"index", k.Index, "error", cause)
}

// logBytes is the size of the log after an entry, without what is not in tables yet.
func (h *Keeper) logBytes(index uint64) int64 { return h.c.Log.TableBytes(index + 1) }

// bytesLocked is what the history costs: tables that the last kept checkpoint does not have, the log, and refused
// orders. With pinned, it counts also what is there only for a replay.
func (h *Keeper) bytesLocked(pinned bool) int64 {
	old := map[string]int64{}
	from := uint64(math.MaxUint64)
	add := func(k *Checkpoint) {
		from = min(from, k.Index)
		if len(h.kept) > 0 { // otherwise we do not know which tables the state still has
			k.addTables(old)
		}
	}
	for i := range h.kept {
		add(&h.kept[i])
	}
	if pinned {
		for _, p := range h.pins {
			if p.held() {
				add(&p.checkpoint)
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

// remove removes the directory of a released checkpoint. It renames it first, so that a start never finds half of it.
func (h *Keeper) remove(k *Checkpoint) {
	if k.files == nil {
		return // the empty state has no directory
	}
	path := h.c.FS.PathJoin(h.c.Dir, k.name())
	under := path + removedSuffix
	err := h.c.FS.Rename(path, under)
	if err == nil {
		err = h.c.FS.RemoveAll(under)
	}
	if err != nil {
		h.metrics.errors.Inc()
		h.c.Logger.Error("history: a checkpoint could not be removed; the next start tries again", "index",
			k.Index, "error", err)
	}
}

// Needed returns the index of the oldest checkpoint that is kept or replayed, and that of the state on disk. The log
// after the first of them is needed.
func (h *Keeper) Needed() (oldest, state uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest, state = h.index, h.index
	if len(h.kept) > 0 {
		oldest = h.kept[0].Index
	}
	if p := h.oldestHeldLocked(); p != nil {
		oldest = min(oldest, p.checkpoint.Index)
	}
	return oldest, state
}
