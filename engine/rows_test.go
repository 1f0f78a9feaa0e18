package engine

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
)

// stored gives a host with some of everything, and the rows of its checkpoint.
func stored(t testing.TB) (*host, *Rows) {
	h := newHost(t)
	h.must(channels(8000, 2000))
	h.must(orderTypes())
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 3), units("U", 2, Tag{"OrderType", "BOPIS"}),
		{UPC: "V", Quantity: 5, DeliveryDateMS: 90_000}}})
	h.must(&StartCount{Location: "L", Count: "night"})
	late := allocate("o", ModePartial, ask("1", "U", 4), ask("2", "V", 9))
	late.ExpiresAtMS, late.Backorder = 80_000, true
	h.applyKeyed("key", late)
	h.must(allocate("p", ModeAll, ask("1", "U", 1)))
	h.must(change(KindFulfill, "p"))
	h.must(putRule("r", "r"))
	h.must(activate("r", 1, RuleScope{}))
	c := allocate("q", ModeAll, ask("1", "U", 2))
	h.planned(c, candidates(candidate("A", 1, 1), PlannedCandidate{Tags: []Tag{{"OrderType", "BOPIS"}}}))
	h.must(&DeactivateRule{Name: "r"})
	h.must(&Redistribute{Scope: Scope{UPCs: []string{"V"}}})
	h.must(&PutLocation{Location: "L", Name: "the store", Flags: PlaceActive | PlacePickup, Latitude: -1, Longitude: 5})
	h.must(&PutLocation{Location: "K"})
	h.must(&PutLocationGroup{Group: "north", Locations: []string{"L", "K"}})
	h.do(&Envelope{Job: &JobInfo{Type: "ALLOCATE", Owner: "x", Location: "L", Items: 1}}, allocate("r", ModeAll, ask("1", "W", 1)))
	return h, rowsOf(h.e)
}

// rowsOf gives the rows of a checkpoint of the engine.
func rowsOf(e *Engine) *Rows {
	rows := new(Rows)
	c := e.Freeze()
	for c.Next(rows, 1<<30, new(sync.Mutex)) {
	}
	c.Done()
	return rows
}

// loadRows fills a new engine.
func loadRows(rows *Rows) (*Engine, error) {
	e := New()
	l := e.BeginLoad()
	err := rows.Each(func(op RowOp, key, value []byte) error {
		if op != RowSet {
			return nil
		}
		return l.Row(key, value)
	})
	if err == nil {
		err = l.Finish()
	}
	return e, err
}

func TestLoadedStateIsTheStoredOne(t *testing.T) {
	h, rows := stored(t)
	e, err := loadRows(rows)
	if err != nil {
		t.Fatal(err)
	}
	if e.Hash() != h.e.Hash() {
		t.Error("the loaded state has another hash")
	}
	e.Verify(func(problem string) { t.Error(problem) })
	if got, want := e.Stats(), h.e.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	// Both go on alike: deliveries, expiries, counts, pending queues and keys were all there.
	other := &host{t: t, e: e, index: h.index, nowMS: h.nowMS}
	for _, x := range []*host{h, other} {
		x.must(&Refresh{Location: "L", Count: "night", Items: []StockItem{units("U", 11)}})
		x.nowMS = 100_000
		x.must(&Expire{})
		if r := x.applyKeyed("key", allocate("o", ModePartial, ask("1", "U", 4))); r.Code != CodeKeyReused {
			t.Errorf("key: %v", r.Code)
		}
	}
	if e.Hash() != h.e.Hash() {
		t.Error("the two have parted")
	}
}

func TestCheckpointsAreIncremental(t *testing.T) {
	h, _ := stored(t)
	if n := h.e.DirtyRows(); n != 0 {
		t.Errorf("%d dirty rows after a checkpoint", n)
	}
	h.must(&Adjust{Location: "L", Items: []StockItem{units("V", 1)}})
	var keys [][]byte
	if err := rowsOf(h.e).Each(func(op RowOp, key, value []byte) error {
		keys = append(keys, bytes.Clone(key))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// V's row, the order that waits for it, and the meta row.
	if len(keys) != 3 || keys[0][0] != metaTable || keys[1][0] != orderTable || keys[2][0] != recordTable {
		t.Errorf("rows %q", keys)
	}
}

func TestCheckpointShowsTheMomentOfItsFreeze(t *testing.T) {
	h, rows := stored(t)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 1), units("V", 1)}})
	h.must(activate("r", 1, RuleScope{}))
	h.planned(allocate("r", ModeAll, ask("1", "U", 1)), candidates(candidate("A", 0, 0)))
	h.must(&PutLocation{Location: "L", Name: "changed"})
	h.must(&PutLocationGroup{Group: "north"})
	h.do(&Envelope{Job: &JobInfo{Type: "ADJUST"}}, &Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
	want := h.e.Hash()
	c := h.e.Freeze()
	h.must(&Delete{Scope: Scope{UPCs: []string{"U"}}, Force: true})
	h.must(&Refresh{Location: "L", Items: []StockItem{units("W", 7)}})
	h.must(change(KindDeallocate, "o"))
	h.nowMS += max(IdempotencyAgeMS, EventAgeMS, ExplanationAgeMS, JobAgeMS)
	h.must(&Expire{})
	more := new(Rows)
	for c.Next(more, 1, new(sync.Mutex)) {
	}
	if c.EarlyRows() == 0 {
		t.Error("no row was encoded before its change")
	}
	c.Done()
	if got := merged(t, rows, more).Hash(); got != want {
		t.Error("the checkpoint is not the state at its freeze")
	}
}

// merged loads the rows that checkpoints leave behind when one is written after the other.
func merged(t *testing.T, checkpoints ...*Rows) *Engine {
	t.Helper()
	table := map[string][]byte{}
	for _, rows := range checkpoints {
		last := []byte(nil)
		err := rows.Each(func(op RowOp, key, value []byte) error {
			if last != nil && bytes.Compare(last, key) >= 0 {
				t.Errorf("key %x after %x", key, last)
			}
			last = bytes.Clone(key)
			switch op {
			case RowSet:
				table[string(key)] = bytes.Clone(value)
			case RowDelete:
				delete(table, string(key))
			case RowDeleteRange:
				for k := range table {
					if k >= string(key) && k < string(value) {
						delete(table, k)
					}
				}
				last = nil // the range may begin where a row to be set lies
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := new(Rows)
	for _, key := range slices.Sorted(maps.Keys(table)) {
		all.add(RowSet, []byte(key), table[key])
	}
	e, err := loadRows(all)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAbortedCheckpointLosesNothing(t *testing.T) {
	h, rows := stored(t)
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
	h.applyKeyed("another", &Adjust{Location: "L", Items: []StockItem{units("V", 1)}})
	h.must(activate("r", 1, RuleScope{}))
	h.planned(allocate("r", ModeAll, ask("1", "U", 1)), candidates(candidate("A", 0, 0)))
	h.must(&PutLocation{Location: "L", Name: "changed"})
	h.must(&PutLocationGroup{Group: "south", Locations: []string{"K"}})
	h.do(&Envelope{Job: &JobInfo{Type: "ADJUST"}}, &Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
	c := h.e.Freeze()
	c.Next(new(Rows), 1, new(sync.Mutex))
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 1), units("X", 1)}})
	c.Abort()
	if got := merged(t, rows, rowsOf(h.e)).Hash(); got != h.e.Hash() {
		t.Error("rows of an aborted checkpoint are missing in the next one")
	}
}

func TestArchivedOrdersAreStoredAndDeleted(t *testing.T) {
	h, _ := stored(t)
	ops := func() map[string]RowOp {
		got := map[string]RowOp{}
		rowsOf(h.e).Each(func(op RowOp, key, value []byte) error {
			if key[0] == ArchivedTable {
				got[string(key[1:])] = op
			}
			return nil
		})
		return got
	}
	h.index += ClosedOrderEntries
	h.must(&Expire{})
	row, _ := h.e.AppendArchived(nil, "p")
	if got := ops(); len(got) != 1 || got["p"] != RowSet {
		t.Errorf("after the order left: %v", got)
	}
	if _, ok := h.e.AppendArchived(nil, "p"); ok {
		t.Error("the engine still has a row that a checkpoint holds")
	}
	h.index++
	h.e.Apply(h.index, h.nowMS, AppendCommand(nil, &Envelope{Archived: row, ArchivedAt: h.index - 1}, change(KindReturn, "p", some("1", 1))), nil)
	if got := ops(); len(got) != 1 || got["p"] != RowDelete {
		t.Errorf("after the order came back: %v", got)
	}
}

func TestDamagedRowsAreRefused(t *testing.T) {
	_, rows := stored(t)
	rows.Each(func(_ RowOp, key, value []byte) error {
		for i := range value {
			damaged := new(Rows)
			rows.Each(func(op RowOp, k, v []byte) error {
				v = bytes.Clone(v)
				if bytes.Equal(k, key) {
					v = v[:i]
				}
				damaged.add(op, k, v)
				return nil
			})
			if _, err := loadRows(damaged); !errors.Is(err, ErrCorrupt) {
				t.Errorf("row %x cut to %d of %d bytes: %v", key, i, len(value), err)
			}
		}
		return nil
	})
}

// FuzzLoadRow feeds garbage rows: no panic, and what loads is exactly what a checkpoint writes.
func FuzzLoadRow(f *testing.F) {
	_, rows := stored(f)
	rows.Each(func(_ RowOp, key, value []byte) error {
		f.Add(key[0], bytes.Clone(value))
		return nil
	})
	f.Fuzz(func(t *testing.T, table byte, value []byte) {
		key := []byte{table}
		switch table {
		case recordTable, orderTable:
			key = rowKey(table, 1)
		case eventTable, resultTable, explanationTable, jobTable:
			key = numberKey(table, 1)
		}
		e := New()
		l := e.BeginLoad()
		if err := l.Row(key, value); err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewerVersion) {
				t.Fatalf("untyped refusal: %v", err)
			}
			return
		}
		var again []byte
		switch table {
		case recordTable:
			again = e.appendRecord(nil, 1)
		case orderTable:
			again = e.appendOrder(nil, 1)
		case schemaTable:
			again = e.appendSchema(nil)
		case placeTable:
			again = e.appendPlaces(nil)
		case groupTable:
			again = e.appendGroups(nil)
		default:
			return
		}
		if !bytes.Equal(again, value) {
			t.Fatalf("%x loads as what is stored as %x", value, again)
		}
	})
}
