package engine

import (
	"apportion/engine/mem"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
)

// stored gives a host with rows of every table, and the rows of its checkpoint.
func stored(t testing.TB) (*host, *Rows) {
	h := newHost(t)
	h.must(channels(8000, 2000))
	h.must(orderTypes())
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 3),
		units("U", 2, Tag{"OrderType", "BOPIS"}),
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
	h.must(&Refresh{Location: "L", Count: "night", Items: []StockItem{units("W", 1)}})
	h.must(&PutLocation{Location: "L", Name: "the store", Flags: LocationActive | LocationPickup, Latitude: -1,
		Longitude: 5})
	h.must(&PutLocation{Location: "K"})
	h.must(&PutLocationGroup{Group: "north", Locations: []string{"L", "K"}})
	h.must(webhookOf(func(c *PutWebhook) { c.Tags = []Tag{{"Channel", "A"}} }))
	h.must(webhookOf(func(c *PutWebhook) { c.Secret = webhookSecret('2') }))
	h.must(webhookOf(func(c *PutWebhook) { c.Name, c.Disabled = "off", true }))
	h.do(&Envelope{Job: &JobInfo{Type: "ALLOCATE", Owner: "x", Location: "L", Items: 1}},
		allocate("r", ModeAll, ask("1", "W", 1)))
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
	// Both continue alike: deliveries, expiries, counts, pending queues and keys were all stored.
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
	// The rows of V and of the order that waits for it, and the meta row.
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
	h.must(&DeleteWebhook{Name: "off"})
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

// TestCheckpointGoesOn: a checkpoint in small slices has each row once. Rows of later slices are as of the freeze.
func TestCheckpointGoesOn(t *testing.T) {
	h := newHost(t)
	for i := range 200 {
		h.must(&Refresh{Location: "L", Items: []StockItem{units(fmt.Sprint("U", i), 1)}})
	}
	c := h.e.Freeze()
	defer c.Done()
	rows, last := new(Rows), []byte(nil)
	for more := true; more; {
		rows.Reset()
		more = c.Next(rows, 1, new(sync.Mutex))
		err := rows.Each(func(_ RowOp, key, _ []byte) error {
			if bytes.Compare(key, last) <= 0 {
				return fmt.Errorf("row %q comes after row %q", key, last)
			}
			last = bytes.Clone(key)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCheckpointsShareMemory: the next checkpoint reuses the memory of the last one's sets of rows.
func TestCheckpointsShareMemory(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 1)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 1)))
	for range 3 {
		h.e.Freeze().Done()
		if n := h.e.changes.sets.Len(); n != mem.BitsetPoolMax {
			t.Errorf("%d sets are kept for the next checkpoint, want %d", n, mem.BitsetPoolMax)
		}
	}
}

// merged loads the rows of checkpoints that are written one after the other.
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
				last = nil // the range may begin at the key of a row that is set
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
	h.must(&SetWebhookPosition{Items: []WebhookPosition{{Name: "shop"}}})
	h.do(&Envelope{Job: &JobInfo{Type: "ADJUST"}}, &Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
	c := h.e.Freeze()
	c.Next(new(Rows), 1, new(sync.Mutex))
	h.must(&Adjust{Location: "L", Items: []StockItem{units("U", 1), units("X", 1)}})
	c.Abort()
	if got := merged(t, rows, rowsOf(h.e)).Hash(); got != h.e.Hash() {
		t.Error("rows of an aborted checkpoint are missing in the next one")
	}
}

// TestAbortedCheckpointOfAgedLogs: after an aborted checkpoint, the next one deletes the aged entries of all four logs.
func TestAbortedCheckpointOfAgedLogs(t *testing.T) {
	for _, all := range []bool{true, false} {
		h, rows := stored(t)
		h.do(&Envelope{Job: &JobInfo{Type: "ADJUST"}}, &Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
		more := rowsOf(h.e)
		h.nowMS += max(IdempotencyAgeMS, EventAgeMS, ExplanationAgeMS, JobAgeMS)
		h.must(&Expire{})
		if s := h.e.Stats(); s.Results+s.Explanations+s.Jobs > 0 || h.e.logs[eventLog].First() == 1 {
			t.Fatalf("not all has aged: %+v", s)
		}
		if !all { // the next ones are after the deleted range
			h.applyKeyed("another", &Adjust{Location: "L", Items: []StockItem{units("V", 1)}})
			h.must(activate("r", 1, RuleScope{}))
			h.planned(allocate("s", ModeAll, ask("1", "U", 1)), candidates(candidate("A", 0, 0)))
			h.do(&Envelope{Job: &JobInfo{Type: "ADJUST"}}, &Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
		}
		c := h.e.Freeze()
		for c.Next(new(Rows), 1<<20, new(sync.Mutex)) {
		}
		c.Abort()
		if got := merged(t, rows, more, rowsOf(h.e)).Hash(); got != h.e.Hash() {
			t.Error("the state after the next checkpoint is another one")
		}
	}
}

// TestTransitionBetweenCheckpoints: both orders are written, and a checkpoint that began before shows neither change.
func TestTransitionBetweenCheckpoints(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	rows := rowsOf(h.e)
	h.must(cart("cart", ask("a", "U", 1), ask("b", "U", 1), ask("c", "U", 1)))
	first := rowsOf(h.e)
	h.must(&Transition{FromOrderID: "cart", OrderID: "new", Lines: []TransitionLine{{"a", "1"}}})
	second := rowsOf(h.e)
	if got := merged(t, rows, first, second).Hash(); got != h.e.Hash() {
		t.Error("the state after the next checkpoint is another one")
	}
	want := h.e.Hash()
	c, during := h.e.Freeze(), new(Rows)
	h.must(&Transition{FromOrderID: "cart", OrderID: "new", Lines: []TransitionLine{{"b", "2"}}})
	for c.Next(during, 1, new(sync.Mutex)) {
	}
	c.Done()
	if got := merged(t, rows, first, second, during).Hash(); got != want {
		t.Error("the checkpoint is not the state at its freeze")
	}
	if got := merged(t, rows, first, second, during, rowsOf(h.e)).Hash(); got != h.e.Hash() {
		t.Error("the state after the last checkpoint is another one")
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
	h.e.Apply(h.index, h.nowMS, AppendCommand(nil, &Envelope{Archived: row, ArchivedAt: h.index - 1},
		change(KindReturn, "p", some("1", 1))), nil)
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

// TestWrongSumsAreRefused: rows that decode, but do not add up, alone or together.
func TestWrongSumsAreRefused(t *testing.T) {
	_, rows := stored(t)
	f := func(what string, change func(e *Engine)) {
		t.Helper()
		e := merged(t, rows)
		change(e)
		for row := uint32(1); row < e.records.Used(); row++ {
			e.changes.records.Add(row)
		}
		for row := uint32(1); row < e.orders.Used(); row++ {
			e.changes.orders.Add(row)
		}
		all := new(Rows)
		rows.Each(func(op RowOp, key, value []byte) error {
			if key[0] != recordTable && key[0] != orderTable {
				all.add(op, key, value)
			}
			return nil
		})
		rowsOf(e).Each(func(op RowOp, key, value []byte) error {
			if key[0] == recordTable || key[0] == orderTable {
				all.add(op, key, value)
			}
			return nil
		})
		_, err := loadRows(all)
		if what == "" && err != nil || what != "" && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", what, err)
		}
		if e.Verify(func(string) { what = "" }); what != "" {
			t.Errorf("%s: the check of a running engine does not see it", what)
		}
	}
	record := func(e *Engine) *record { return e.records.At(e.findRecord("U", "L")) }
	open := func(e *Engine) *line { return e.lines.At(e.items.At(e.orders.At(e.findOrder("o")).items).lines) }
	closed := func(e *Engine) *line { return e.lines.At(e.items.At(e.orders.At(e.findOrder("p")).items).lines) }
	f("", func(*Engine) {})
	f("the record's on hand", func(e *Engine) { record(e).onHand++ })
	f("the record's allocated", func(e *Engine) { record(e).allocated++ })
	f("the record's pending", func(e *Engine) { record(e).pending++ })
	f("the record's safety stock", func(e *Engine) { record(e).safety++ })
	f("promised by a segment, held by nobody", func(e *Engine) {
		record(e).allocated++
		e.segments.At(record(e).segments).allocated++
	})
	f("waited for at a segment, by nobody", func(e *Engine) {
		record(e).pending++
		e.segments.At(record(e).segments).pending++
	})
	f("held of a segment that promised less", func(e *Engine) { open(e).allocated++; open(e).took++ })
	f("waiting at a segment that knows of less", func(e *Engine) { open(e).pending++; open(e).waited++ })
	f("more than was taken", func(e *Engine) { open(e).fulfilled++ })
	f("less than was taken", func(e *Engine) { open(e).took++ })
	f("released and never taken", func(e *Engine) { closed(e).released++ })
	f("shipped and never taken", func(e *Engine) { closed(e).fulfilled++ })
	f("returned and never shipped", func(e *Engine) { closed(e).returned += 2 })
}

// TestMissingEntriesAreNoticed: the newest, the oldest, a middle or every entry of a kept log is missing.
func TestMissingEntriesAreNoticed(t *testing.T) {
	h, _ := stored(t)
	for i := range 4 {
		h.applyKeyed(fmt.Sprint("key", i), &Adjust{Location: "L", Items: []StockItem{units("V", 1)}})
		h.must(activate("r", 1, RuleScope{}))
		h.planned(allocate(fmt.Sprint("s", i), ModeAll, ask("1", "U", 1)), candidates(candidate("A", 0, 0)))
		h.do(&Envelope{Job: &JobInfo{Type: "ADJUST"}}, &Adjust{Location: "L", Items: []StockItem{units("U", 1)}})
	}
	rows := wholeRows(t, h.e)
	for _, table := range []byte{eventTable, resultTable, explanationTable, jobTable} {
		var keys [][]byte
		rows.Each(func(op RowOp, key, _ []byte) error {
			if op == RowSet && key[0] == table {
				keys = append(keys, bytes.Clone(key))
			}
			return nil
		})
		if len(keys) < 3 {
			t.Fatalf("table %c has %d entries", table, len(keys))
		}
		for what, gone := range map[string][][]byte{"the newest": keys[len(keys)-1:], "the oldest": keys[:1],
			"one between": keys[1:2], "all": keys} {
			less := new(Rows)
			rows.Each(func(op RowOp, key, value []byte) error {
				if !slices.ContainsFunc(gone, func(k []byte) bool { return bytes.Equal(k, key) }) {
					less.add(op, key, value)
				}
				return nil
			})
			if _, err := loadRows(less); !errors.Is(err, ErrCorrupt) {
				t.Errorf("table %c without %s: %v", table, what, err)
			}
		}
	}
}

// wholeRows is all rows of an engine, as if its earlier checkpoints were lost.
func wholeRows(t *testing.T, e *Engine) *Rows {
	t.Helper()
	ch := &e.changes
	for row := uint32(1); row < e.records.Used(); row++ {
		ch.records.Add(row)
	}
	for row := uint32(1); row < e.orders.Used(); row++ {
		ch.orders.Add(row)
	}
	ch.schema, ch.details, ch.locationGroups, ch.webhooks, ch.rules = true, true, true, true, &RuleSet{}
	for id := range e.logs {
		e.logs[id].saved = entrySpan{}
	}
	return rowsOf(e)
}

// TestCheckArchivedOrder: the row of an order that left memory is that order's, closed, and adds up.
func TestCheckArchivedOrder(t *testing.T) {
	h, _ := stored(t)
	row := func(change func(l *line)) []byte {
		l := h.e.lines.At(h.e.items.At(h.e.orders.At(h.e.findOrder("p")).items).lines)
		was := *l
		defer func() { *l = was }()
		change(l)
		return h.e.appendOrder(nil, h.e.findOrder("p"))
	}
	f := func(what, orderID string, row []byte, want error) {
		t.Helper()
		if err := CheckArchivedOrder(orderID, row); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	f("as it is", "p", row(func(*line) {}), nil)
	f("under another id", "q", row(func(*line) {}), ErrCorrupt)
	f("half", "p", row(func(*line) {})[:20], ErrCorrupt)
	f("shipped more", "p", row(func(l *line) { l.fulfilled++ }), ErrCorrupt)
	f("released more", "p", row(func(l *line) { l.released++ }), ErrCorrupt)
	f("returned more", "p", row(func(l *line) { l.returned = l.fulfilled + 1 }), ErrCorrupt)
	f("holds units", "p", row(func(l *line) { l.allocated++; l.took++ }), ErrCorrupt)
	f("waits for units", "p", row(func(l *line) { l.pending++; l.waited++ }), ErrCorrupt)
}

// openStored opens the count that the one loaded record has segments of. It reports false if there are several, or if
// the row is of an older version.
func openStored(e *Engine) bool {
	for _, s := range e.counts.stored {
		if s.index == 0 || s.index != e.counts.stored[0].index {
			return false
		}
		if e.counts.of(s.location) == nil {
			e.counts.open = append(e.counts.open, &stockCount{location: s.location, name: "c", index: s.index})
		}
	}
	e.counts.finishLoad()
	return true
}

// FuzzLoadRow loads garbage rows: it never panics, and what loads is exactly what a checkpoint writes.
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
			if !openStored(e) {
				return
			}
			again = e.appendRecord(nil, 1)
		case orderTable:
			again = e.appendOrder(nil, 1)
		case schemaTable:
			again = e.appendSchema(nil)
		case placeTable:
			again = e.appendDetails(nil)
		case groupTable:
			again = e.appendLocationGroups(nil)
		case hookTable:
			again = e.appendWebhooks(nil)
		default:
			return
		}
		if !bytes.Equal(again, value) {
			t.Fatalf("%x loads as what is stored as %x", value, again)
		}
	})
}
