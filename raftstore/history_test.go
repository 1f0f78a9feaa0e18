package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"apportion/engine"
)

// past is a store with a fake clock.
type past struct {
	*Store
	t     *testing.T
	cfg   Config
	clock *fakeClock
}

func openPast(t *testing.T, fs vfs.FS, change func(c *Config)) *past {
	p := &past{t: t, cfg: testConfig(fs), clock: newFakeClock()}
	p.cfg.Clock, p.cfg.HistoryAge = p.clock, 24*time.Hour
	if change != nil {
		change(&p.cfg)
	}
	p.Store = openReady(t, p.cfg)
	t.Cleanup(func() { mustClose(t, p.Store) })
	return p
}

// hour lets an hour pass, writes something and makes a checkpoint.
func (p *past) hour(n int) {
	p.t.Helper()
	for range 60 { // a jump of the clock is not accepted at once
		p.clock.wallMS.Add(60_000)
		p.clock.monoMS.Add(60_000)
	}
	mustDo(p.t, p.Store, refresh(fmt.Sprint("U", n), int64(n)))
	mustCheckpoint(p.t, p.Store)
}

func (p *past) reopen() {
	p.t.Helper()
	mustClose(p.t, p.Store)
	p.cfg.Metrics = nil
	p.Store = openReady(p.t, p.cfg)
}

// faults counts the faults of the history.
func (p *past) faults() uint64 { return p.counter("apportion_history_errors_total") }

func (p *past) counter(name string) uint64 { return p.Store.cfg.Metrics.GetOrCreateCounter(name).Get() }

// replay checks that a recording leads to the state that the store has now.
func (p *past) replay(index uint64, timeMS int64) engine.Moment {
	p.t.Helper()
	r, err := p.OpenRecording(index, timeMS)
	if err != nil {
		p.t.Fatalf("recording from %d: %v", index, err)
	}
	if e := p.play(r); e.Hash() != hashOf(p.Store) {
		p.t.Errorf("a replay from %d gives another state", r.Base().Index)
	}
	return r.Base()
}

// record opens a recording from a kept checkpoint.
func (p *past) record(index uint64) *Recording {
	p.t.Helper()
	r, err := p.OpenRecording(index, math.MaxInt64)
	if err != nil || r.Base().Index != index {
		p.t.Fatalf("recording from %d: %v", index, err)
	}
	return r
}

// play plays a recording to its end, and closes it.
func (p *past) play(r *Recording) *engine.Engine {
	p.t.Helper()
	paced := 0
	e, err := r.Load(context.Background(), func() { paced++ })
	if err != nil {
		p.t.Fatal(err)
	}
	if r.Base().Index > 0 && paced == 0 {
		p.t.Error("a load was not paced")
	}
	for entry := (engine.Entry{}); ; {
		if err := r.Next(&entry); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			p.t.Fatal(err)
		}
		if entry.Refused.Is {
			p.t.Fatalf("%+v, where nothing was refused", entry)
		}
		nowMS := max(entry.TimeMS, e.NowMS())
		e.Advance(entry.Index, nowMS)
		for _, c := range entry.Commands {
			e.Apply(entry.Index, nowMS, c, nil)
		}
	}
	if err := r.Close(); err != nil {
		p.t.Fatal(err)
	}
	return e
}

func (p *past) indexes() (kept []uint64) {
	for _, m := range p.History().States {
		kept = append(kept, m.Index)
	}
	return kept
}

// stateDirs returns the names in the history's directory that are not files of refused orders.
func (p *past) stateDirs() []string {
	p.t.Helper()
	names, err := p.cfg.FS.List(p.paths.History)
	if err != nil {
		p.t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		refused := strings.HasPrefix(name, "refused-")
		return refused
	})
}

func (p *past) firstEntry() uint64 {
	first, _, err := logBounds(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	return first
}

// TestHistory: each kept checkpoint, with the log after it, leads to the present state, before and after a restart. Old
// checkpoints are released, and the log before the oldest one is truncated.
func TestHistory(t *testing.T) {
	p := openPast(t, vfs.NewMem(), nil)
	if got := p.indexes(); !slices.Equal(got, []uint64{0}) {
		t.Fatalf("a new store can be replayed from %v, want the beginning", got)
	}
	for n := range 10 {
		p.hour(n)
	}
	mustDo(t, p.Store, refresh("behind", 3))
	for range 2 {
		kept := p.History().States
		if len(kept) != 11 || kept[0].Index != 0 || p.firstEntry() != 1 {
			t.Fatalf("kept %v, the log begins at %d; want the empty state and 10 hours", kept, p.firstEntry())
		}
		for _, m := range kept {
			if base := p.replay(m.Index, math.MaxInt64); base != m {
				t.Errorf("a replay from %v began at %v", m, base)
			}
		}
		if base := p.replay(kept[4].Index+1, math.MaxInt64); base != kept[4] && base != kept[5] {
			t.Errorf("a replay from an entry behind %v began at %v", kept[4], base)
		}
		if base := p.replay(math.MaxUint64, kept[7].TimeMS-1); base != kept[6] {
			t.Errorf("a replay from a time before %v began at %v", kept[7], base)
		}
		p.reopen()
	}
	for n := range 30 {
		p.hour(n)
	}
	h := p.History()
	if age := h.To.TimeMS - h.From.TimeMS; age < 24*3600_000 || age > 25*3600_000 {
		t.Errorf("%v of history are kept, want a day", time.Duration(age)*time.Millisecond)
	}
	if first := p.firstEntry(); first != h.From.Index+1 {
		t.Errorf("the log begins at %d, the oldest state is of %d", first, h.From.Index)
	}
	p.replay(h.From.Index, math.MaxInt64)
	if _, err := p.OpenRecording(h.From.Index-1, math.MaxInt64); !errors.Is(err, ErrNoHistory) {
		t.Errorf("a recording from before the history: %v", err)
	}
	if names := p.stateDirs(); len(names) != len(h.States) {
		t.Errorf("%d kept states in %v", len(h.States), names)
	}
}

// TestHistoryInUse: a checkpoint stays until its replay ends, but does not keep others. A new replay begins at a kept
// checkpoint.
func TestHistoryInUse(t *testing.T) {
	p := openPast(t, vfs.NewMem(), nil)
	for n := range 5 {
		p.hour(n)
	}
	kept := p.indexes()
	first, third := p.record(kept[1]), p.record(kept[3])
	for n := range 40 {
		p.hour(n)
	}
	now := p.indexes()
	if now[0] <= kept[5] || len(now) > 27 {
		t.Fatalf("%d states are kept from %d on, while %d was in use; want a day of them", len(now), now[0], kept[1])
	}
	if p.firstEntry() != kept[1]+1 {
		t.Fatalf("the log begins at %d, while the state of %d was in use", p.firstEntry(), kept[1])
	}
	if names := p.stateDirs(); len(names) != len(now)+2 {
		t.Fatalf("%d states in %v", len(names), names)
	}
	if _, err := p.OpenRecording(kept[5], math.MaxInt64); !errors.Is(err, ErrNoHistory) {
		t.Fatalf("a state that is not kept was opened: %v", err)
	}
	for _, r := range []*Recording{third, first} { // each with its content at its opening
		if e := p.play(r); e.AppliedIndex() != r.Last() {
			t.Errorf("the recording from %d ends at %d, want %d", r.Base().Index, e.AppliedIndex(), r.Last())
		}
	}
	if names := p.stateDirs(); len(names) != len(now) {
		t.Fatalf("%d states in %v after the last replay", len(names), names)
	}
	p.hour(50)
	if got := p.indexes(); p.firstEntry() != got[0]+1 {
		t.Fatalf("kept from %d on, the log begins at %d, after the last use", got[0], p.firstEntry())
	}
}

// churn changes many records and makes a checkpoint, so that each checkpoint has tables of its own.
func (p *past) churn(n int) {
	p.t.Helper()
	items := make([]engine.StockItem, 1000)
	for i := range items {
		items[i] = engine.StockItem{UPC: fmt.Sprintf("%060d", i), Quantity: int64(n + i)}
	}
	mustDo(p.t, p.Store, &engine.Refresh{Location: "L", Items: items})
	p.hour(n % 8)
}

// TestReplaysOneAfterAnother: each replay begins at the oldest kept checkpoint, before the previous replay ends. The
// history stays within its bounds.
func TestReplaysOneAfterAnother(t *testing.T) {
	p := openPast(t, vfs.NewMem(), func(c *Config) { c.HistoryBytes, c.logMemTableBytes = 2<<20, 64<<10 })
	p.hour(1)
	r := p.record(0)
	most, replays := 0, 0
	for n := range 120 {
		p.churn(n)
		if n%3 != 0 {
			continue
		}
		next := p.record(p.indexes()[0])
		if e := p.play(r); e.AppliedIndex() != r.Last() {
			t.Fatalf("the recording from %d ends at %d, want %d", r.Base().Index, e.AppliedIndex(), r.Last())
		}
		r = next
		replays++
		h := p.History()
		most = max(most, len(p.stateDirs()))
		if h.Bytes > 2*h.BytesMax+h.BytesMax/2 { // the newest tables of the log count only after a flush
			t.Fatalf("%d bytes of history in %d states while %d replays ran, %d are asked for", h.Bytes,
				len(p.stateDirs()), replays, h.BytesMax)
		}
	}
	if from := p.History().From.Index; from == 0 {
		t.Error("nothing was let go of, the test shows nothing")
	}
	if most > 40 {
		t.Errorf("%d states were there at once", most)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReplayThatTakesTooLong: the checkpoints of replays may use as much disk as the whole other history. Above that
// they are released.
func TestReplayThatTakesTooLong(t *testing.T) {
	p := openPast(t, vfs.NewMem(), func(c *Config) { c.HistoryBytes, c.logMemTableBytes = 1<<20, 64<<10 })
	p.churn(0)
	kept := p.indexes()
	slow, unread := p.record(kept[0]), p.record(kept[1])
	var entry engine.Entry
	if err := slow.Next(&entry); err != nil {
		t.Fatal(err)
	}
	for n := 0; p.firstEntry() <= kept[1]+1; n++ {
		if n == 1000 {
			t.Fatalf("the log begins at %d after %d checkpoints", p.firstEntry(), n)
		}
		p.churn(n)
	}
	err := error(nil)
	for err == nil {
		err = slow.Next(&entry)
	}
	if !errors.Is(err, ErrHistoryGone) {
		t.Errorf("a replay that was let go of ended with %v", err)
	}
	if _, err := unread.Load(t.Context(), func() {}); !errors.Is(err, ErrHistoryGone) {
		t.Errorf("a replay that was let go of before its load: %v", err)
	}
	if err := errors.Join(slow.Close(), unread.Close()); err != nil {
		t.Fatal(err)
	}
	if names := p.stateDirs(); len(names) != len(p.indexes()) {
		t.Errorf("%d states in %v", len(p.indexes()), names)
	}
	p.replay(p.indexes()[0], math.MaxInt64)
}

// TestHistoryBytes: the log counts too, and history above the limit is released.
func TestHistoryBytes(t *testing.T) {
	p := openPast(t, vfs.NewMem(), func(c *Config) { c.HistoryBytes = 8 << 20 })
	items := make([]engine.StockItem, 1000)
	for n := range 600 {
		for i := range items {
			items[i] = engine.StockItem{UPC: fmt.Sprintf("%060d", i), Quantity: int64(n + i)}
		}
		mustDo(t, p.Store, &engine.Refresh{Location: "L", Items: items})
		if n%20 == 0 {
			p.hour(n % 8)
		}
	}
	// The log counts after Pebble's flush. If that is after the last checkpoint, the next one releases it.
	h := p.History()
	for tries := 0; tries < 200 && h.Bytes > 2*h.BytesMax; tries++ {
		p.hour(1)
		h = p.History()
	}
	if h.From.Index == 0 || h.Bytes > 2*h.BytesMax {
		t.Fatalf("%d bytes of history from %d on, at most %d are asked for", h.Bytes, h.From.Index, h.BytesMax)
	}
	if first := p.firstEntry(); first > h.From.Index+1 {
		t.Fatalf("the log begins at %d, the history at %d", first, h.From.Index)
	}
	p.replay(h.From.Index, math.MaxInt64)
}

// TestHistoryOff: without history the log is truncated at each checkpoint, and earlier kept checkpoints are removed.
func TestHistoryOff(t *testing.T) {
	fs := vfs.NewMem()
	p := openPast(t, fs, nil)
	p.hour(1)
	p.hour(2)
	p.cfg.HistoryAge = -1
	p.reopen()
	p.hour(3)
	h := p.History()
	if h.Enabled || len(h.States) > 0 || p.firstEntry() > 0 {
		t.Fatalf("%+v, the log begins at %d; want nothing", h, p.firstEntry())
	}
	if names, _ := fs.List(p.paths.History); len(names) > 0 {
		t.Fatalf("%v are left", names)
	}
	if _, err := p.OpenRecording(math.MaxUint64, math.MaxInt64); !errors.Is(err, ErrNoHistory) {
		t.Fatal(err)
	}
	p.cfg.HistoryAge = time.Hour
	p.reopen() // the log no longer has its beginning
	if h := p.History(); !h.Enabled || len(h.States) > 0 {
		t.Fatalf("%+v after history was switched on", h)
	}
	p.hour(4)
	p.hour(5)
	if h := p.History(); len(h.States) == 0 || h.From.Index == 0 {
		t.Fatalf("%+v, want history since it was switched on", h)
	}
	p.replay(p.indexes()[0], math.MaxInt64)
}

// TestHistoryFault: a failure to keep a checkpoint does not fail the checkpoint, and the next one is kept again.
func TestHistoryFault(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind == errorfs.OpCreate && strings.Contains(op.Path, "history") {
			return errorfs.ErrInjected
		}
		return nil
	}))
	p := openPast(t, fs, nil)
	p.hour(1)
	broken.Store(true)
	p.hour(2)
	if got := p.indexes(); len(got) != 2 {
		t.Fatalf("kept %v though nothing could be written", got)
	}
	if errs := p.faults(); errs != 1 {
		t.Fatalf("%d faults were counted, want 1", errs)
	}
	broken.Store(false)
	p.hour(3)
	for _, index := range p.indexes() {
		p.replay(index, math.MaxInt64)
	}
	if got := p.indexes(); len(got) != 3 {
		t.Fatalf("kept %v", got)
	}
}

// TestHistorySwept: a start removes directories that a crash left incomplete.
func TestHistorySwept(t *testing.T) {
	fs := vfs.NewMem()
	p := openPast(t, fs, nil)
	p.hour(1)
	kept := p.indexes()
	state0 := p.keptDir(kept[1])
	for _, name := range []string{"new", "00000000000000000007-12x", "00000000000000099999-1", "readme",
		"refused-1-2-3"} {
		if ok, err := vfs.Clone(fs, fs, state0, fs.PathJoin(p.paths.History, name)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	p.reopen()
	if got := p.indexes(); !slices.Equal(got, kept) {
		t.Fatalf("kept %v, want %v", got, kept)
	}
	if names := p.stateDirs(); len(names) != 1 || !strings.HasPrefix(names[0], fmt.Sprintf("%020d-", kept[1])) {
		t.Fatalf("%v are left", names)
	}
	p.replay(kept[1], math.MaxInt64)
}
