package history

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// TestHistoryAgainstModel keeps, pins, unpins, drops and restarts at random. It compares the kept checkpoints, the disk
// and the needed log with a simple model. Each checkpoint has a table that all share, and its own table of a random
// size.
func TestHistoryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &historyMachine{fs: vfs.NewMem(), sizes: map[uint64]int64{}}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"keep": m.keep, "again": m.keep, "pin": m.pin, "unpin": m.unpin, "drop": m.drop, "restart": m.restart,
			"": m.check,
		})
		for len(m.replays) > 0 {
			m.unpin(t)
		}
		m.check(t)
	})
}

const (
	modelAgeMS    = 1000
	modelBytesMax = 500
)

type historyMachine struct {
	fs vfs.FS
	h  *Keeper

	index   uint64
	nowMS   int64
	sizes   map[uint64]int64 // of the checkpoint's own table
	kept    []Checkpoint     // the model: the kept checkpoints, oldest first
	replays []*Recording     // open ones
	pinned  map[uint64]bool  // held for a replay and no longer kept
	gone    map[uint64]bool  // of these, released
}

func (m *historyMachine) open(t *rapid.T) {
	m.pinned, m.gone = map[uint64]bool{}, map[uint64]bool{}
	log, err := wal.Open(wal.Config{Dir: "log", FS: vfs.NewMem(), Logger: slog.New(slog.DiscardHandler),
		OnFatal: func(msg string) {
			panic(msg)
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	set := newCounters(metrics.NewSet())
	logger := slog.New(slog.DiscardHandler)
	m.h = &Keeper{
		c: Config{FS: m.fs, Dir: "history", Log: log, Logger: logger, AgeMS: modelAgeMS,
			BytesMax: modelBytesMax},
		metrics: set, pins: map[uint64]*pin{},
		refusals: &refusals{fs: m.fs, dir: "history", logger: logger, metrics: set},
	}
	if err := m.h.find(1, math.MaxUint64-1); err != nil {
		t.Fatal(err)
	}
}

// keep keeps a checkpoint, without a state database.
func (m *historyMachine) keep(t *rapid.T) {
	m.index += uint64(rapid.IntRange(1, 3).Draw(t, "entries"))
	m.nowMS += int64(rapid.IntRange(0, 300).Draw(t, "ms"))
	k := Checkpoint{Index: m.index, Applied: m.index, TimeMS: m.nowMS, Term: 1}
	m.sizes[m.index] = int64(rapid.IntRange(100, 400).Draw(t, "bytes"))
	k.files = &statedb.Manifest{Index: m.index, Term: 1, Files: []statedb.File{{Name: "all.sst", Bytes: 1 << 40},
		{Name: m.own(m.index), Bytes: m.sizes[m.index]}}}
	dir := m.fs.PathJoin("history", k.name())
	if err := errors.Join(m.fs.MkdirAll(dir, durable.DirPermissions),
		statedb.WriteManifest(m.fs, dir, k.files)); err != nil {
		t.Fatal(err)
	}
	m.h.kept, m.h.index = append(m.h.kept, k), m.index
	for _, k := range m.h.release(m.nowMS) {
		m.h.remove(&k)
	}
	m.kept = append(m.kept, k)
	m.release()
}

func (m *historyMachine) own(index uint64) string {
	return "own" + (&Checkpoint{Index: index}).name() + ".sst"
}

// release is the model of Keeper.release: it releases one checkpoint at a time, oldest first.
func (m *historyMachine) release() {
	for len(m.kept) > 1 && (m.kept[1].TimeMS <= m.nowMS-modelAgeMS || m.bytes(m.kept) > modelBytesMax) {
		if slices.ContainsFunc(m.replays, func(r *Recording) bool { return r.base.Index == m.kept[0].Index }) {
			m.pinned[m.kept[0].Index] = true
		}
		m.kept = m.kept[1:]
	}
	for {
		extra := int64(0)
		for index := range m.pinned {
			if !m.gone[index] {
				extra += m.sizes[index]
			}
		}
		if extra <= modelBytesMax {
			return
		}
		m.gone[slices.Min(slices.DeleteFunc(slices.Collect(maps.Keys(m.pinned)), func(i uint64) bool {
			return m.gone[i]
		}))] = true
	}
}

// bytes is the size of all checkpoints' own tables, without the last checkpoint.
func (m *historyMachine) bytes(kept []Checkpoint) (bytes int64) {
	for _, k := range kept[:len(kept)-1] {
		bytes += m.sizes[k.Index]
	}
	return bytes
}

func (m *historyMachine) pin(t *rapid.T) {
	index := rapid.Uint64Range(0, m.index+1).Draw(t, "index")
	if len(m.kept) > 0 && rapid.IntRange(0, 9).Draw(t, "any") > 0 { // kept ones are soon released
		index = rapid.SampledFrom(m.kept).Draw(t, "state").Index
	}
	r := &Recording{history: m.h, refused: &refusedReader{}}
	err := r.choose(index, math.MaxInt64)
	at := len(m.kept) - 1
	for at >= 0 && m.kept[at].Index > index {
		at--
	}
	switch {
	case at < 0 && errors.Is(err, ErrNotKept):
	case at >= 0 && err == nil && r.base.Index == m.kept[at].Index:
		m.replays = append(m.replays, r)
	default:
		t.Fatalf("a replay from %d begins at %d, %v; kept are %v", index, r.base.Index, err, m.kept)
	}
}

func (m *historyMachine) unpin(t *rapid.T) {
	if len(m.replays) == 0 {
		t.Skip("nothing is pinned")
	}
	at := rapid.IntRange(0, len(m.replays)-1).Draw(t, "recording")
	r := m.replays[at]
	m.replays = slices.Delete(m.replays, at, at+1)
	if r.pin.holds() == m.gone[r.base.Index] {
		t.Fatalf("the replay of %d holds its state: %v", r.base.Index, r.pin.holds())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(m.replays, func(o *Recording) bool { return o.base.Index == r.base.Index }) {
		delete(m.pinned, r.base.Index)
		delete(m.gone, r.base.Index)
	}
}

// drop does the same as a replay that finds damage.
func (m *historyMachine) drop(t *rapid.T) {
	if len(m.replays) == 0 {
		t.Skip("nothing is pinned")
	}
	r := rapid.SampledFrom(m.replays).Draw(t, "damaged")
	m.h.drop(&r.base, io.ErrUnexpectedEOF)
	m.kept = slices.DeleteFunc(m.kept, func(k Checkpoint) bool { return k.Index == r.base.Index })
	m.pinned[r.base.Index] = true
}

// restart is a crash: the start finds checkpoints that were held only for a replay.
func (m *historyMachine) restart(t *rapid.T) {
	for index := range m.pinned {
		for _, r := range m.replays {
			if r.base.Index == index && !slices.ContainsFunc(m.kept, func(k Checkpoint) bool {
				return k.Index == index
			}) {
				m.kept = append(m.kept, r.base)
			}
		}
	}
	slices.SortFunc(m.kept, func(a, b Checkpoint) int { return int(a.Index) - int(b.Index) })
	m.replays = nil
	m.open(t)
	m.h.index = m.index
}

func (m *historyMachine) check(t *rapid.T) {
	var got, want []uint64
	for _, k := range m.h.kept {
		got = append(got, k.Index)
	}
	for _, k := range m.kept {
		want = append(want, k.Index)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("kept %v, want %v", got, want)
	}
	needed := m.index
	dirs := map[string]bool{}
	for _, k := range m.kept {
		dirs[k.name()] = true
		needed = min(needed, k.Index)
	}
	for _, r := range m.replays {
		dirs[r.base.name()] = true
		if !m.gone[r.base.Index] {
			needed = min(needed, r.base.Index)
		}
	}
	if index, covered := m.h.Needed(); index != needed || covered != m.index {
		t.Fatalf("needed from %d on, the state is of %d; want %d and %d", index, covered, needed, m.index)
	}
	names, err := m.fs.List("history")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !dirs[name] {
			t.Fatalf("%s is on disk, and neither kept nor replayed", name)
		}
		delete(dirs, name)
	}
	if len(dirs) > 0 {
		t.Fatalf("%v are not on disk", dirs)
	}
}
