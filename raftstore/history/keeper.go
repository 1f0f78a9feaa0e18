package history

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
type Keeper struct {
	c        Config
	metrics  *counters
	refusals *refusals // nil: no history is kept

	mu      sync.Mutex
	kept    []Checkpoint    // the oldest first
	pins    map[uint64]*pin // by index
	covered uint64          // the state on disk is of this index
}

// historyConfig says what is kept, and where.
type Config struct {
	FS              vfs.FS
	Dir             string
	State           *statedb.DB
	CheckpointIndex uint64 // index of the state on disk
	Log             *wal.Log
	First           uint64 // of the log's entries
	Last            uint64 // of the log's entries; 0: the log is empty

	AgeMS    int64 // 0: no history is kept
	BytesMax int64 // of kept checkpoints, their log and refused orders

	NowMS        int64 // by the clock, Unix milliseconds
	SegmentBytes int64 // of a file of refused orders; 0: refusedSegmentBytes

	Logger    *slog.Logger
	Metrics   *metrics.Set
	OnFatal   func(msg string)
	OpenFiles int // of a checkpoint that is replayed, see statedb.Config

	// decode reads the time and the commands of a log entry.
	Decode func(data []byte, e *engine.Entry) error
}

// counters are the counters of a history.
type counters struct {
	errors           *metrics.Counter
	refusalsRecorded *metrics.Counter
	refusalsRepeated *metrics.Counter
	refusalsLost     *metrics.Counter
}

func newCounters(set *metrics.Set) *counters {
	return &counters{
		errors:           set.GetOrCreateCounter("apportion_history_errors_total"),
		refusalsRecorded: set.GetOrCreateCounter("apportion_history_refusals_recorded_total"),
		refusalsRepeated: set.GetOrCreateCounter("apportion_history_refusals_repeated_total"),
		refusalsLost:     set.GetOrCreateCounter("apportion_history_refusals_lost_total"),
	}
}

// openHistory finds what was kept before, as far as the log still continues it. Without history, it removes what is
// there.
func Open(c Config) (*Keeper, error) {
	h := &Keeper{c: c, metrics: newCounters(c.Metrics), pins: map[uint64]*pin{}, covered: c.CheckpointIndex}
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

// close ends the recording of refused orders.
func (h *Keeper) Close() error {
	if h.refusals != nil {
		h.refusals.close()
	}
	return nil
}

// run writes refused orders from time to time, until stop is closed.
func (h *Keeper) Run(stop <-chan struct{}) {
	if h.refusals != nil {
		h.refusals.run(stop)
	}
}

// recordRefusal records an order that was refused before the log, as of a place in the log. It never waits for a disk,
// and allocates nothing.
func (h *Keeper) RecordRefusal(at engine.Moment, code engine.Code, order *engine.Allocate) {
	if h.refusals != nil {
		h.refusals.record(at, code, order)
	}
}

// flush writes the refused orders that were recorded up to now.
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

// sweep removes what is in the directory and is of no use.
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

// checkpointed is called when the state on disk is a new one, k: it keeps that state if the last kept one is far enough
// behind, and lets go of what is too old or too much.
func (h *Keeper) Checkpointed(k Checkpoint, step func() (end func())) {
	index, timeMS := k.Index, k.TimeMS
	h.mu.Lock()
	h.covered = index
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

// oldest is the oldest kept state, nil if there is none.
func (h *Keeper) oldest() *Checkpoint {
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
func (h *Keeper) wants(timeMS int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) == 0 {
		return true
	}
	last := h.kept[len(h.kept)-1]
	return timeMS-last.TimeMS >= h.c.AgeMS/historyStates ||
		h.logBytes(last.Index) >= h.c.BytesMax/historyStates
}

// keep links the state that is on disk, and lists its files. Only the checkpointing goroutine calls it, so that is
// still the state of k.
func (h *Keeper) keep(k Checkpoint, step func() (end func())) error {
	under := h.c.FS.PathJoin(h.c.Dir, newStateDir)
	if err := h.c.FS.RemoveAll(under); err != nil {
		return fmt.Errorf("clear %s: %w", under, err)
	}
	if err := h.c.State.Link(under); err != nil {
		return err
	}
	if err := k.writeFiles(h.c.FS, under, h.newest(), step); err != nil {
		return fmt.Errorf("list the files of the state: %w", err)
	}
	if err := h.c.FS.Rename(under, h.c.FS.PathJoin(h.c.Dir, k.name())); err != nil {
		return fmt.Errorf("name the state: %w", err)
	}
	if err := durable.SyncDir(h.c.FS, h.c.Dir); err != nil {
		return fmt.Errorf("sync %s: %w", h.c.Dir, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, k)
	return nil
}

// newest is the newest kept state, the zero one if there is none.
func (h *Keeper) newest() (k Checkpoint) {
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
		h.c.Logger.Warn("history: what a backtest replays takes too much of the disk and is let go of", "index",
			p.state.Index)
		p.letGo()
	}
	return gone
}

// drop lets go of a state that turned out to be damaged, and says so.
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
	h.c.Logger.Error("history: a kept checkpoint is damaged and is kept no longer; backtests begin at another one",
		"index", k.Index, "error", cause)
}

// logBytes is the size of the log behind an entry, as far as it is in tables.
func (h *Keeper) logBytes(index uint64) int64 { return h.c.Log.TableBytes(index + 1) }

// bytesLocked is what the history costs: tables that the last kept state no longer has, the log, and refused orders;
// without or with what is there only because it is replayed.
func (h *Keeper) bytesLocked(pinned bool) int64 {
	old := map[string]int64{}
	from := uint64(math.MaxUint64)
	add := func(k *Checkpoint) {
		from = min(from, k.Index)
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
func (h *Keeper) remove(k *Checkpoint) {
	if k.files == nil {
		return // the empty state has none
	}
	path := h.c.FS.PathJoin(h.c.Dir, k.name())
	under := path + removedSuffix
	err := h.c.FS.Rename(path, under)
	if err == nil {
		err = h.c.FS.RemoveAll(under)
	}
	if err != nil {
		h.metrics.errors.Inc()
		h.c.Logger.Error("history: a checkpoint could not be removed; it is tried again at the next start", "index",
			k.Index, "error", err)
	}
}

// needed is the index of the oldest state that is kept or replayed, and that of the state on disk.
func (h *Keeper) Needed() (index, covered uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	index, covered = h.covered, h.covered
	if len(h.kept) > 0 {
		index = h.kept[0].Index
	}
	if p := h.oldestHeldLocked(); p != nil {
		index = min(index, p.state.Index)
	}
	return index, covered
}
