package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// refuse makes an early refusal of an order.
func (p *past) refuse(orderID, upc string) {
	p.t.Helper()
	var r engine.Result
	if !p.Refuses(time.Time{}, p.clock.NowMS(), "", allocate(orderID, upc, 1000), &r) {
		p.t.Fatalf("order %s is not refused", orderID)
	}
}

// sequence returns what a recording from an index on gives: numbers of entries, names of refused orders, "gap", "lost".
func (p *past) sequence(index uint64) (all []string) {
	p.t.Helper()
	r, err := p.OpenRecording(index, math.MaxInt64)
	if err != nil {
		p.t.Fatal(err)
	}
	for e := (engine.Entry{}); ; {
		if err := r.Next(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			p.t.Fatal(err)
		}
		switch {
		case !e.Refused.Is:
			all = append(all, fmt.Sprint(e.Index))
		case e.Refused.Gap:
			all = append(all, "gap")
		case e.Refused.Lost > 0:
			all = append(all, "lost")
		default:
			_, c, err := engine.DecodeCommand(e.Commands[0])
			if err != nil {
				p.t.Fatal(err)
			}
			all = append(all, c.(*engine.Allocate).OrderID)
		}
	}
	if err := r.Close(); err != nil {
		p.t.Fatal(err)
	}
	return all
}

// TestRecordingWithRefusals: a refused order comes after the last entry applied at its refusal, even after restarts and
// truncations. A recording does not have refusals after its opening.
func TestRecordingWithRefusals(t *testing.T) {
	p := openPast(t, vfs.NewMem(), nil)
	mustDo(t, p.Store, channels())
	first := p.AppliedIndex()
	index := func(n uint64) string { return fmt.Sprint(first + n) }
	p.refuse("a", "U")
	p.refuse("b", "U")
	mustDo(t, p.Store, refresh("U", 5))
	mustDo(t, p.Store, allocate("filled", "U", 3))
	p.refuse("c", "U")
	want := []string{fmt.Sprint(first - 1), index(0), "a", "b", index(1), index(2), "c"}
	if got := p.sequence(0); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if h := p.History(); h.RefusedFrom.Index > first || h.RefusedMS != p.clock.NowMS() {
		t.Errorf("%+v", h)
	}
	mustCheckpoint(t, p.Store)
	r, err := p.OpenRecording(math.MaxUint64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	p.reopenWith(r)
	p.refuse("d", "U")
	p.hour(1)
	p.refuse("e", "U")
	want = []string{"c", "c2", "d", fmt.Sprint(p.AppliedIndex()), "e"}
	if got := p.sequence(p.AppliedIndex() - 1); !slices.Equal(got, want) {
		t.Fatalf("%v from the kept checkpoint on, want %v", got, want)
	}
	mustCheckpoint(t, p.Store)
	if problems := verified(t, p); len(problems) > 0 {
		t.Errorf("verify: %v", problems)
	}
}

// TestRefusalsBehindCheckpoint: at a start, Raft adds its own entries after the last one with commands. Refusals have
// the index of that last one.
func TestRefusalsBehindCheckpoint(t *testing.T) {
	p := openPast(t, vfs.NewMem(), func(c *Config) { c.HistoryAge = -1 })
	p.hour(1)
	p.cfg.HistoryAge = 24 * time.Hour
	p.reopen()
	p.refuse("b", "none")
	mustCheckpoint(t, p.Store)
	p.refuse("c", "none")
	h := p.History()
	last := h.States[len(h.States)-1]
	if last.Index <= h.To.Index {
		t.Fatalf("the last state is of index %d, the last entry with commands is %d", last.Index, h.To.Index)
	}
	for range 2 {
		if got := p.sequence(last.Index); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("%v, want what was refused since the last entry with commands", got)
		}
		p.reopen()
		if kept := p.History().States; !slices.Equal(kept, h.States) {
			t.Fatalf("%v are kept, want %v", kept, h.States)
		}
	}
}

// reopenWith closes a recording, because the store does not, and reopens the store.
func (p *past) reopenWith(r *Recording) {
	p.t.Helper()
	if since := p.History().RefusedFrom; r.RefusedFrom() != since || since.Index != 0 || since.TimeMS == 0 {
		p.t.Errorf("refused orders are recorded from %+v on, and %+v", since, r.RefusedFrom())
	}
	p.refuse("c2", "none") // after the recording was opened
	for e := (engine.Entry{}); ; {
		err := r.Next(&e)
		if err != nil {
			break
		}
		if e.Refused.Is && strings.Contains(string(e.Commands[0]), "c2") {
			p.t.Error("what was refused later is in the recording")
		}
	}
	if err := r.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.reopen()
}

func verified(t *testing.T, p *past) (problems []string) {
	t.Helper()
	mustClose(t, p.Store)
	_, err := verifyFS(context.Background(), p.cfg.FS, p.cfg.Dir, func(problem string) {
		problems = append(problems, problem)
	})
	if err != nil {
		t.Fatal(err)
	}
	p.cfg.Metrics = nil
	p.Store = openReady(t, p.cfg)
	return problems
}

// TestRefusalsAge: a refused order is kept as long as a checkpoint from which it can be replayed.
func TestRefusalsAge(t *testing.T) {
	p := openPast(t, vfs.NewMem(), func(c *Config) { c.refusedSegmentBytes = 1 })
	for n := range 60 {
		p.refuse(fmt.Sprint("o", n), "none")
		p.history.Flush()
		p.hour(n)
		if n == 40 {
			p.reopen()
		}
	}
	h := p.History()
	if h.From.Index == 0 || h.RefusedFrom.Index > h.From.Index || h.RefusedFrom.Index+2 < h.From.Index {
		t.Errorf("refused orders are kept from %+v on, states from %+v", h.RefusedFrom, h.From)
	}
	got := p.sequence(h.From.Index)
	if names := strings.Join(got, " "); !strings.HasSuffix(names, " o58 "+fmt.Sprint(p.AppliedIndex()-1)+" o59 "+
		fmt.Sprint(p.AppliedIndex())) || len(got) < 48 {
		t.Errorf("%d: %s", len(got), names)
	}
	for n := range 100 {
		p.refuse(fmt.Sprint("more", n), "none")
	}
	p.history.Flush()
	if bytes := p.History().Bytes; bytes < h.Bytes+100*50 {
		t.Errorf("%d bytes of history, then %d with 100 more refused orders", h.Bytes, bytes)
	}
}

// TestRefusalsAreWritten: a running store writes refused orders without a request.
func TestRefusalsAreWritten(t *testing.T) {
	p := openPast(t, vfs.NewMem(), nil)
	for i := 0; p.counter("apportion_history_refusals_recorded_total") == 0; i++ {
		p.refuse(fmt.Sprint("o", i), "none")
		runtime.Gosched()
	}
}

// TestRefusalsOff: without history nothing is recorded, and earlier recordings are removed.
func TestRefusalsOff(t *testing.T) {
	p := openPast(t, vfs.NewMem(), nil)
	p.refuse("a", "none")
	p.cfg.HistoryAge = -1
	p.reopen()
	p.refuse("b", "none")
	if names, _ := p.cfg.FS.List(p.paths.History); len(names) > 0 {
		t.Errorf("%v are left", names)
	}
	p.cfg.HistoryAge = 1 << 40
	p.reopen()
	p.hour(1)
	p.refuse("c", "none")
	if got := p.sequence(math.MaxUint64); !slices.Equal(got, []string{"c"}) {
		t.Errorf("%v, want what was refused since history is on", got)
	}
}
