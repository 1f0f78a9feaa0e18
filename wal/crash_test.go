package wal

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// TestCrash repeats a short history of the log. Before the k-th write operation on the file system, it copies what a
// crash would leave, for each k up to the number of operations. Each copy is opened and compared with the history. With
// percent 0 a crash leaves exactly the synced data, otherwise also a part of the rest.
func TestCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, percent := range []int{0, 1 + int(seed%99)} {
		t.Run(fmt.Sprintf("percent=%d", percent), func(t *testing.T) {
			for k := 0; crashAt(t, k, percent, seed); k++ {
				if t.Failed() {
					t.Fatalf("k = %d, percent = %d, seed = %d", k, percent, seed)
				}
			}
		})
	}
}

// history has the correct states of the log: states[i] is the state after i calls. A crash during call i+1 leaves
// states[i] or states[i+1], nothing in between.
type history struct {
	sync.Mutex
	states []state
}

type state struct {
	entries []*raft.Log
	term    uint64
}

func (h *history) last() state {
	h.Lock()
	defer h.Unlock()
	return h.states[len(h.states)-1]
}

func (h *history) add(s state) {
	h.Lock()
	defer h.Unlock()
	h.states = append(h.states, s)
}

// returned is the number of the latest state.
func (h *history) returned() int {
	h.Lock()
	defer h.Unlock()
	return len(h.states) - 1
}

// crashAt runs the history with a crash at the k-th write operation and reports whether there was one.
func crashAt(t *testing.T, k, percent int, seed uint64) bool {
	disk := vfs.NewCrashableMem()
	h := &history{states: []state{{}}}
	var once sync.Mutex
	var left *vfs.MemFS
	var atCrash, writes int
	injector := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		once.Lock()
		defer once.Unlock()
		if writes == k {
			// The operation may be in Pebble's background work: the lock keeps further calls out.
			h.Lock()
			defer h.Unlock()
			atCrash = len(h.states) - 1
			left = disk.CrashClone(vfs.CrashCloneCfg{
				UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, uint64(k)))})
		}
		writes++
		return nil
	})
	cfg := Config{FS: errorfs.Wrap(disk, injector), MemTableBytes: MemTableBytesMin}
	for _, part := range []func(*recorder){firstLife, secondLife} {
		l := mustOpen(t, cfg)
		part(&recorder{t, l, h})
		mustClose(t, l)
	}
	if left == nil {
		t.Logf("%d write operations", writes)
		return false
	}
	checkRemainder(t, left, h, atCrash)
	return true
}

// recorder makes calls and records the state after each.
type recorder struct {
	t *testing.T
	l *Log
	h *history
}

func (r *recorder) store(lo, hi, term uint64) {
	entries := run(lo, hi, term)
	mustStore(r.t, r.l, entries)
	s := r.h.last()
	s.entries = append(s.entries[:len(s.entries):len(s.entries)], entries...)
	r.h.add(s)
}

func (r *recorder) remove(lo, hi uint64) {
	deleteRange(r.t, r.l, lo, hi)
	s := r.h.last()
	s.entries = without(s.entries, lo, hi)
	r.h.add(s)
}

func (r *recorder) vote(term uint64) {
	if err := r.l.SetUint64([]byte("CurrentTerm"), term); err != nil {
		r.t.Fatal(err)
	}
	s := r.h.last()
	s.term = term
	r.h.add(s)
}

// firstLife and secondLife append, truncate both ends, empty the log and refill it, with a restart between them and
// enough bytes for several memtables and flushes.
func firstLife(r *recorder) {
	r.vote(1)
	r.store(1, 1, 1)
	r.store(2, 30, 1)
	r.store(31, 50, 1)
	r.remove(1, 20)
	r.vote(2)
	r.remove(41, 50)
}

func secondLife(r *recorder) {
	r.store(41, 60, 2)
	r.remove(0, math.MaxUint64)
	r.store(200, 203, 3)
	r.vote(3)
	r.store(204, 240, 3)
	r.remove(200, 210)
}

func without(entries []*raft.Log, lo, hi uint64) []*raft.Log {
	var kept []*raft.Log
	for _, e := range entries {
		if e.Index < lo || e.Index > hi {
			kept = append(kept, e)
		}
	}
	return kept
}

// checkRemainder opens what the crash left. It demands the state at the crash or the next one. New entries must then go
// into a WAL of the right format, and a second start must find them.
func checkRemainder(t *testing.T, left *vfs.MemFS, h *history, atCrash int) {
	l := mustOpen(t, Config{FS: left, MemTableBytes: MemTableBytesMin})
	matched, faults := -1, error(nil)
	for i := atCrash; i <= min(atCrash+1, h.returned()) && matched < 0; i++ {
		err := compareState(l, h.states[i])
		if err == nil {
			matched = i
		}
		faults = errors.Join(faults, err)
	}
	if matched < 0 {
		t.Errorf("after call %d: neither that state nor the next: %v", atCrash, faults)
		return
	}
	s := h.states[matched]
	next := uint64(1)
	if n := len(s.entries); n > 0 {
		next = s.entries[n-1].Index + 1
	}
	more := run(next, next+3, 9)
	mustStore(t, l, more)
	checkWALFormat(t, left)
	mustClose(t, l)
	l = mustOpen(t, Config{FS: left, MemTableBytes: MemTableBytesMin})
	checkLog(t, l, append(s.entries[:len(s.entries):len(s.entries)], more...))
	mustClose(t, l)
}

func compareState(l *Log, s state) error {
	term, err := l.GetUint64([]byte("CurrentTerm"))
	if err != nil || term != s.term {
		return fmt.Errorf("term %d and %v, want %d", term, err, s.term)
	}
	return compareLog(l, s.entries)
}
