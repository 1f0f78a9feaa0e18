package raftstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/wal"
)

// history keeps what a backtest replays: some of the last checkpoints, and the log behind the oldest of them. A kept
// checkpoint is a directory of hard links to the state database's tables, so it costs what has changed since. Nothing of
// it is needed to serve: a fault costs history and never a checkpoint. Orders that were refused before the log are recorded
// in the same directory (refusals).
//
// The directory of a checkpoint is made under another name and renamed when it is complete, and renamed before it is
// removed: what does not have a kept checkpoint's name is swept away at a start.
type history struct {
	fs       vfs.FS
	dir      string
	state    *stateDB
	log      *wal.Log
	logger   *slog.Logger
	metrics  *storeMetrics
	ageMS    int64 // 0: no history is kept
	bytesMax int64
	refusals *refusals // nil: no history is kept

	mu      sync.Mutex
	kept    []keptState // the oldest first
	pins    map[uint64]int
	covered uint64 // the state on disk is of this index
}

// keptState is a state that a replay can begin from.
type keptState struct {
	index  uint64 // of the last entry whose effect it has; 0: the empty state before the log
	timeMS int64  // of that entry, Unix milliseconds
	tables map[string]int64

	// applied is the last entry with commands. Raft has entries of its own behind it after a start, which index may count;
	// what was refused meanwhile is recorded with applied.
	applied uint64
}

// newStateDir is the name under which a checkpoint is made.
const newStateDir = "new"

// name is that of the directory: index, time, and the last entry with commands if that is another one.
func (k *keptState) name() string {
	if k.applied != k.index {
		return fmt.Sprintf("%020d-%d-%d", k.index, k.timeMS, k.applied)
	}
	return fmt.Sprintf("%020d-%d", k.index, k.timeMS)
}

func parseKept(name string) (k keptState, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) < 2 || len(parts) > 3 {
		return k, false
	}
	var faults [3]error
	k.index, faults[0] = strconv.ParseUint(parts[0], 10, 64)
	k.timeMS, faults[1] = strconv.ParseInt(parts[1], 10, 64)
	k.applied = k.index
	if len(parts) == 3 {
		k.applied, faults[2] = strconv.ParseUint(parts[2], 10, 64)
	}
	return k, errors.Join(faults[:]...) == nil && k.name() == name
}

// loadHistory finds what was kept before, as far as the log still continues it.
func (s *Store) loadHistory(context.Context) error {
	first, last, err := logBounds(s.log)
	if err != nil {
		return err
	}
	h := &history{
		fs: s.cfg.FS, dir: s.paths.history, state: s.state, log: s.log, logger: s.cfg.Logger, metrics: s.metrics,
		ageMS: max(0, s.cfg.HistoryAge.Milliseconds()), bytesMax: s.cfg.HistoryBytes, pins: map[uint64]int{},
		covered: s.checkpoints.coveredIndex(),
	}
	s.history, s.checkpoints.keep = h, h.checkpointed
	if h.ageMS == 0 {
		return h.sweep(func(string) bool { return true })
	}
	if last == 0 { // what comes next continues the state on disk
		first, last = h.covered+1, h.covered
	}
	if err := h.find(first, last); err != nil {
		return err
	}
	if first == 1 {
		h.kept = slices.Insert(h.kept, 0, keptState{}) // the log begins at its beginning
	}
	h.refusals = s.newRefusals(last)
	s.onClose(func() error { h.refusals.close(); return nil })
	return nil
}

// find reads the directory.
func (h *history) find(first, last uint64) error {
	if err := h.fs.MkdirAll(h.dir, dirPermissions); err != nil {
		return fmt.Errorf("raftstore: create %s: %w", h.dir, err)
	}
	names, err := h.fs.List(h.dir)
	if err != nil {
		return fmt.Errorf("raftstore: read %s: %w", h.dir, err)
	}
	for _, name := range names {
		if k, ok := parseKept(name); ok && k.index+1 >= first && k.index <= last {
			h.kept = append(h.kept, k)
		}
	}
	slices.SortFunc(h.kept, func(a, b keptState) int { return cmp.Compare(a.index, b.index) })
	for i := range h.kept {
		h.kept[i].tables = h.tablesOf(h.kept[i].name())
	}
	return h.sweep(func(name string) bool {
		if _, ok := parseRefused(name); ok {
			return false
		}
		return !slices.ContainsFunc(h.kept, func(k keptState) bool { return k.name() == name })
	})
}

// sweep removes what is in the directory and is of no use.
func (h *history) sweep(useless func(name string) bool) error {
	names, err := h.fs.List(h.dir)
	if err != nil {
		return nil // there is none
	}
	for _, name := range names {
		if useless(name) {
			err = errors.Join(err, h.fs.RemoveAll(h.fs.PathJoin(h.dir, name)))
		}
	}
	if err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", h.dir, err)
	}
	return nil
}

// tablesOf gives the sizes of a kept checkpoint's files. Those of one name are one file in all of them.
func (h *history) tablesOf(name string) map[string]int64 {
	dir := h.fs.PathJoin(h.dir, name)
	tables := map[string]int64{}
	names, err := h.fs.List(dir)
	for _, file := range names {
		if !strings.HasSuffix(file, ".sst") {
			continue
		}
		info, statErr := h.fs.Stat(h.fs.PathJoin(dir, file))
		if statErr != nil {
			err = errors.Join(err, statErr)
			continue
		}
		tables[file] = info.Size()
	}
	if err != nil {
		h.logger.Warn("history: sizes are not known", "dir", dir, "error", err)
	}
	return tables
}

// checkpointed is called when the state on disk is a new one, k: it keeps that state if the last kept one is far enough
// behind, and lets go of what is too old or too much.
func (h *history) checkpointed(k keptState) {
	index, timeMS := k.index, k.timeMS
	h.mu.Lock()
	h.covered = index
	h.mu.Unlock()
	if h.ageMS == 0 {
		return
	}
	if h.wants(timeMS) {
		if err := h.keep(k); err != nil {
			h.metrics.historyErrors.Inc()
			h.logger.Error("history: a checkpoint could not be kept; backtests begin at an older one", "index", index, "error", err)
		}
	}
	for _, k := range h.release(timeMS) {
		if err := h.remove(&k); err != nil {
			h.metrics.historyErrors.Inc()
			h.logger.Error("history: a checkpoint could not be removed; it is tried again at the next start", "index", k.index, "error", err)
		}
	}
	h.refusals.release(h.oldest(), timeMS-h.ageMS)
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

// wants says that a replay from the last kept state would be long: there are some historyStates of them in the window.
func (h *history) wants(timeMS int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) == 0 {
		return true
	}
	last := h.kept[len(h.kept)-1]
	return timeMS-last.timeMS >= h.ageMS/historyStates ||
		h.logBytes(last.index) >= h.bytesMax/historyStates
}

// keep links the state that is on disk. Only the checkpointing goroutine calls it, so that is still the state of k.
func (h *history) keep(k keptState) error {
	under := h.fs.PathJoin(h.dir, newStateDir)
	if err := h.fs.RemoveAll(under); err != nil {
		return fmt.Errorf("clear %s: %w", under, err)
	}
	if err := h.state.db.Checkpoint(under); err != nil {
		return fmt.Errorf("link the state: %w", err)
	}
	if err := h.fs.Rename(under, h.fs.PathJoin(h.dir, k.name())); err != nil {
		return fmt.Errorf("name the state: %w", err)
	}
	if err := syncDir(h.fs, h.dir); err != nil {
		return fmt.Errorf("sync %s: %w", h.dir, err)
	}
	k.tables = h.tablesOf(k.name())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, k)
	return nil
}

// release takes out what is no longer to be kept: all but the last state that is as old as the window, and the oldest ones
// while there is too much. What somebody replays stays.
func (h *history) release(nowMS int64) (gone []keptState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.kept) > 0 && h.pins[h.kept[0].index] == 0 {
		tooOld := len(h.kept) > 1 && h.kept[1].timeMS <= nowMS-h.ageMS
		if !tooOld && h.bytesLocked() <= h.bytesMax {
			break
		}
		gone = append(gone, h.kept[0])
		h.kept = h.kept[1:]
	}
	return gone
}

// logBytes is the size of the log behind an entry, as far as it is in tables.
func (h *history) logBytes(index uint64) int64 { return h.log.TableBytes(index + 1) }

// bytesLocked is what the history costs: tables that the last kept state no longer has, the log, and refused orders.
func (h *history) bytesLocked() int64 {
	if len(h.kept) == 0 {
		return 0
	}
	old := map[string]int64{}
	for _, k := range h.kept {
		maps.Copy(old, k.tables)
	}
	for name := range h.kept[len(h.kept)-1].tables {
		delete(old, name)
	}
	bytes := h.logBytes(h.kept[0].index) + h.refusals.bytes.Load()
	for _, size := range old {
		bytes += size
	}
	return bytes
}

func (h *history) remove(k *keptState) error {
	if k.tables == nil {
		return nil // the empty state has no directory
	}
	path := h.fs.PathJoin(h.dir, k.name())
	under := h.fs.PathJoin(h.dir, newStateDir)
	err := errors.Join(h.fs.RemoveAll(under), h.fs.Rename(path, under))
	if err == nil {
		err = h.fs.RemoveAll(under)
	}
	return err
}

// needed is the index of the oldest kept state, and that of the state on disk.
func (h *history) needed() (index, covered uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.kept) == 0 {
		return h.covered, h.covered
	}
	return h.kept[0].index, h.covered
}
