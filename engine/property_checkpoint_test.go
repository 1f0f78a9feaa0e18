package engine_test

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"apportion/engine"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestCheckpoints runs one log through two engines. The first never restarts. The second takes checkpoints at random
// points, in slices with commands between them, and aborts some. At times a new engine replaces it, loaded from the
// last finished checkpoint. Both must give the same answers, byte for byte, and end with the same hash.
func TestCheckpoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHarness(t)
		h.begin(t)
		w := &twin{h: h, e: engine.New(), stored: map[string][]byte{}, hashes: map[uint64][32]byte{}}
		w.follow(t)
		t.Repeat(map[string]func(*rapid.T){
			"command": func(t *rapid.T) {
				h.step(t)
				w.follow(t)
			},
			"checkpoint": func(t *rapid.T) { w.checkpoint(t) },
			"restart":    func(t *rapid.T) { w.restart(t) },
			"age": func(t *rapid.T) {
				h.t = t
				h.index += engine.ClosedOrderEntries + 1
				h.apply("", &engine.Expire{}) // closed orders leave memory
				w.follow(t)
			},
			"": func(t *rapid.T) {
				if h.e.Hash() != w.e.Hash() {
					t.Fatalf("the hashes differ after index %d", h.index)
				}
				if diff := gocmp.Diff(orderList(h.e, engine.OrdersAll), orderList(w.e, engine.OrdersAll)); diff != "" {
					t.Fatalf("the twin lists orders otherwise: %s", diff)
				}
				if diff := gocmp.Diff(changeList(h.e), changeList(w.e)); diff != "" {
					t.Fatalf("the twin has other changes: %s", diff)
				}
				w.checkArchived(t)
			},
		})
		h.check(t)
		w.restart(t)
	})
}

// twin is the engine with checkpoints, and the rows that a state database would have stored.
type twin struct {
	h *harness
	e *engine.Engine

	applied int // entries of the harness's log
	hashes  map[uint64][32]byte

	stored      map[string][]byte
	storedIndex uint64

	open    *engine.Checkpoint
	pending map[string][]byte // the stored rows after the open checkpoint
	lastKey []byte
}

// follow applies the harness's log. Slices of an open checkpoint come between the commands.
func (w *twin) follow(t *rapid.T) {
	for ; w.applied < len(w.h.log); w.applied++ {
		l := w.h.log[w.applied]
		got := w.e.Apply(l.index, l.nowMS, l.command, nil)
		if !bytes.Equal(got, l.result) {
			t.Fatalf("at index %d the twin answers otherwise:\n%x\n%x", l.index, l.result, got)
		}
	}
	if w.open != nil && rapid.IntRange(0, 1).Draw(t, "slice") == 1 {
		w.slice(t, rapid.IntRange(1, 300).Draw(t, "bytes"))
	}
}

// checkpoint begins a checkpoint, or finishes or aborts the open one.
func (w *twin) checkpoint(t *rapid.T) {
	switch {
	case w.open == nil:
		w.freeze(t)
	case rapid.IntRange(0, 3).Draw(t, "abort") == 0:
		t.Logf("the checkpoint is given up")
		w.open.Abort()
		w.open = nil
	default:
		for w.open != nil {
			w.slice(t, 1000)
		}
	}
}

func (w *twin) freeze(t *rapid.T) {
	t.Logf("a checkpoint begins at index %d", w.e.AppliedIndex())
	w.open = w.e.Freeze()
	w.pending, w.lastKey = maps.Clone(w.stored), nil
	w.hashes[w.open.Index()] = w.e.Hash()
	if w.open.Index() != w.e.AppliedIndex() {
		t.Fatalf("the checkpoint is at index %d, the engine at %d", w.open.Index(), w.e.AppliedIndex())
	}
	w.h.index++ // a checkpoint begins between two entries
}

// slice stores the next rows of the open checkpoint. The last slice makes them the stored state.
func (w *twin) slice(t *rapid.T, bytesMax int) {
	var rows engine.Rows
	more := w.open.Next(&rows, bytesMax, new(sync.Mutex))
	var err error
	if w.lastKey, err = store(w.pending, &rows, w.lastKey); err != nil {
		t.Fatal(err)
	}
	if more {
		return
	}
	t.Logf("the checkpoint of index %d is done", w.open.Index())
	w.stored, w.storedIndex = w.pending, w.open.Index()
	w.open.Done()
	w.open = nil
}

// store changes a table as a database would, and gives the last key. Keys must ascend.
func store(table map[string][]byte, rows *engine.Rows, lastKey []byte) ([]byte, error) {
	err := rows.Each(func(op engine.RowOp, key, value []byte) error {
		if bytes.Compare(lastKey, key) >= 0 && lastKey != nil {
			return fmt.Errorf("row %x comes after row %x", key, lastKey)
		}
		lastKey = slices.Clone(key)
		switch op {
		case engine.RowSet:
			table[string(key)] = slices.Clone(value)
		case engine.RowDelete:
			delete(table, string(key))
		case engine.RowDeleteRange:
			maps.DeleteFunc(table, func(k string, _ []byte) bool { return k >= string(key) && k < string(value) })
		}
		return nil
	})
	return lastKey, err
}

// TestCheckpointsBesideCommands encodes checkpoints in another goroutine during commands. Each must be the state at its
// freeze. It is worth most under -race.
func TestCheckpointsBesideCommands(t *testing.T) {
	const commands, between = 400, 40
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	early := int64(0)
	for seed := range rounds {
		e, table, mutex := engine.New(), map[string][]byte{}, new(sync.Mutex)
		log := randomLog(seed, commands)
		apply := func(part []logged) {
			for _, l := range part {
				mutex.Lock()
				e.Apply(l.index, l.nowMS, l.command, nil)
				mutex.Unlock()
				runtime.Gosched()
			}
		}
		for part := range slices.Chunk(log, between) {
			mutex.Lock()
			c, want := e.Freeze(), e.Hash()
			mutex.Unlock()
			var encoding sync.WaitGroup
			var err error
			encoding.Go(func() { err = drain(c, table, 1+seed*10, mutex) })
			apply(part)
			encoding.Wait()
			early += c.EarlyRows()
			c.Done()
			if err != nil {
				t.Fatalf("seed %d, checkpoint of index %d: %v", seed, c.Index(), err)
			}
			if got := loaded(t, table).Hash(); got != want {
				t.Fatalf("seed %d: the checkpoint of index %d is not the state at its freeze", seed, c.Index())
			}
		}
	}
	t.Logf("%d rows were encoded ahead of their turn", early)
}

// drain stores a whole checkpoint.
func drain(c *engine.Checkpoint, table map[string][]byte, bytesMax int, apply sync.Locker) error {
	var rows engine.Rows
	var lastKey []byte
	for more := true; more; {
		rows.Reset()
		more = c.Next(&rows, bytesMax, apply)
		var err error
		if lastKey, err = store(table, &rows, lastKey); err != nil {
			return err
		}
		runtime.Gosched()
	}
	return nil
}

// loaded is an engine with the rows of a table.
func loaded(t *testing.T, table map[string][]byte) *engine.Engine {
	t.Helper()
	e := engine.New()
	loader := e.BeginLoad()
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if err := loader.Row([]byte(key), table[key]); err != nil {
			t.Fatalf("row %x: %v", key, err)
		}
	}
	if err := loader.Finish(); err != nil {
		t.Fatalf("the rows do not load: %v", err)
	}
	return e
}

// checkArchived compares the rows of orders that left memory. The first engine takes no checkpoints, so it still has
// them; the twin has those that are not stored yet.
func (w *twin) checkArchived(t *rapid.T) {
	for _, id := range orderIDs {
		want, evicted := w.h.e.AppendArchived(nil, id)
		if !evicted {
			continue
		}
		got, ok := w.e.AppendArchived(nil, id)
		if !ok {
			got = w.stored[string(engine.ArchivedKey(nil, id))]
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("the row of the evicted order %s is %x, stored as %x", id, want, got)
		}
	}
}

// restart loads another engine from the stored rows and replays the log after them.
func (w *twin) restart(t *rapid.T) {
	t.Logf("restarting from index %d", w.storedIndex)
	w.open = nil
	w.e = engine.New()
	if w.storedIndex > 0 {
		w.load(t)
	}
	w.applied = 0
	for w.applied < len(w.h.log) && w.h.log[w.applied].index <= w.storedIndex {
		w.applied++
	}
	w.follow(t)
	w.e.Verify(func(problem string) { t.Fatalf("after the restart Verify reports: %s", problem) })
	if w.e.Hash() != w.h.e.Hash() {
		t.Fatalf("restarted from index %d, the hashes differ at index %d", w.storedIndex, w.h.index)
	}
}

func (w *twin) load(t *rapid.T) {
	tables := map[byte][]string{}
	for _, key := range slices.Sorted(maps.Keys(w.stored)) {
		tables[key[0]] = append(tables[key[0]], key)
	}
	loader := w.e.BeginLoad()
	for _, table := range rapid.Permutation(slices.Sorted(maps.Keys(tables))).Draw(t, "tables") {
		for _, key := range tables[table] {
			if err := loader.Row([]byte(key), w.stored[key]); err != nil {
				t.Fatalf("row %x: %v", key, err)
			}
		}
	}
	if err := loader.Finish(); err != nil {
		t.Fatalf("the rows do not load: %v", err)
	}
	if w.e.AppliedIndex() != w.storedIndex {
		t.Fatalf("loaded at index %d, stored at %d", w.e.AppliedIndex(), w.storedIndex)
	}
	if w.e.Hash() != w.hashes[w.storedIndex] {
		t.Fatalf("loaded at index %d, the hash is not what it was", w.storedIndex)
	}
}
