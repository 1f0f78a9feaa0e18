package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/datadir"
	"apportion/raftstore/history"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// bench is a state machine with its state on disk but without Raft. The test applies entries directly, so that hundreds
// of thousands of them need no log.
type bench struct {
	t           testing.TB
	store       *Store
	state       *statedb.DB
	applier     *applier
	archive     *archive
	checkpoints *checkpointer
	index       uint64
}

func newBench(t testing.TB, cfg Config) *bench {
	s := &Store{cfg: cfg.withDefaults(), metrics: newStoreMetrics(testMetrics())}
	s.paths = datadir.NewPaths(s.cfg.FS, s.cfg.Dir)
	for _, step := range []func(context.Context) error{s.lockDirectory, s.openState, s.loadState} {
		if err := step(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := s.unwind(); err != nil {
			t.Error(err)
		}
	})
	log, err := wal.Open(wal.Config{Dir: "log", FS: vfs.NewMem(), Logger: s.cfg.Logger}) // records the checkpoints
	if err != nil {
		t.Fatal(err)
	}
	s.onClose(log.Close)
	s.checkpoints.log, s.checkpoints.history = log, &history.Keeper{}
	return &bench{
		t: t, store: s, state: s.state, applier: s.applier, archive: s.archive, checkpoints: s.checkpoints,
		index: s.engine.AppliedIndex(),
	}
}

// apply applies a command as a request does.
func (w *bench) apply(c engine.Command) engine.Result {
	w.t.Helper()
	b := &Batch{archive: w.archive}
	b.Append(nil, c)
	if b.err != nil {
		w.t.Fatal(b.err)
	}
	w.index++
	data := makeEntry(int64(w.index), b.Command(0))
	results := w.applier.apply(&raft.Log{Index: w.index, Data: data})
	var r engine.Result
	if err := engine.DecodeResult(results.results, &r); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// pass applies n entries without effect.
func (w *bench) pass(n int) {
	expire := engine.AppendCommand(nil, &engine.Envelope{}, &engine.Expire{})
	for range n {
		w.index++
		w.applier.apply(&raft.Log{Index: w.index, Data: makeEntry(int64(w.index), expire)}).release()
	}
}

func (w *bench) checkpoint() {
	w.t.Helper()
	f, err := w.checkpoints.freeze()
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Release()
	store := &snapshots{state: w.state, checkpoints: w.checkpoints}
	sink, err := store.Create(raft.SnapshotVersionMax, f.rows.Index(), 1, raft.Configuration{}, 1, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := f.Persist(sink); err != nil {
		w.t.Fatal(err)
	}
}

// mustFind reads an order and checks how many of its units came back.
func (w *bench) mustFind(what, orderID string, wantReturned int64) {
	w.t.Helper()
	var v engine.OrderView
	found, err := w.archive.read(orderID, &v)
	if err != nil || !found {
		w.t.Fatalf("%s: order %s: found %v, %v", what, orderID, found, err)
	}
	if l := v.Items[0].Lines[0]; v.OrderID != orderID || l.Fulfilled != 10 || l.Returned != wantReturned {
		w.t.Fatalf("%s: order %s reads %+v", what, orderID, v)
	}
	// A repeated allocation must get its first answer, so the present stock must not refuse it.
	if !w.archive.applier.engine.MayHaveOrder(orderID) && !w.archive.mayHave(orderID) {
		w.t.Fatalf("%s: order %s counts as one that never was", what, orderID)
	}
	if w.archive.mayHave("no-such-order") {
		w.t.Fatalf("%s: an order that never was counts as archived", what)
	}
}

func (w *bench) mustReturn(what, orderID string) {
	w.t.Helper()
	r := w.apply(&engine.OrderChange{
		Action: engine.KindReturn, OrderID: orderID, Lines: []engine.OrderLine{{ItemID: "1", Quantity: 2}},
	})
	if r.Code != engine.CodeOK || r.Lines[0].Units != 2 {
		w.t.Fatalf("%s: returning 2 units of %s: %v, %+v", what, orderID, r.Code, r.Lines)
	}
}

// TestArchivedOrders: closed orders leave memory for the rows that wait for a checkpoint, and then for the state
// database. They survive a restart, and a return brings them back into memory.
func TestArchivedOrders(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 1000))
	for i := range 4 {
		id := fmt.Sprint("o", i)
		w.apply(allocate(id, "A", 10))
		w.apply(&engine.OrderChange{Action: engine.KindFulfill, OrderID: id})
	}
	w.apply(allocate("open", "A", 10))
	w.mustFind("just closed", "o0", 0)
	w.checkpoint()
	w.pass(engine.ClosedOrderEntries)
	if got := w.applier.engine.Stats(); got.Orders != 1 || got.Evicted != 4 {
		t.Fatalf("after %d entries: %+v", engine.ClosedOrderEntries, got)
	}
	var v engine.OrderView
	if found, err := w.archive.read("open", &v); err != nil || !found || v.Items[0].Lines[0].Allocated != 10 {
		t.Fatalf("an order that is open for long: %v, %v, %+v", found, err, v)
	}
	if r := w.apply(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "open"}); r.Code != engine.CodeOK {
		t.Fatalf("fulfilling an order that is open for long: %v", r.Code)
	}
	w.mustFind("out of memory", "o0", 0)
	goods := []engine.OrderLine{{ItemID: "01", Quantity: 2, UPC: "A", Location: "L"}}
	if r := w.apply(&engine.OrderChange{Action: engine.KindReturn, OrderID: "o3",
		Lines: goods}); r.Code != engine.CodeUnknownItem {
		t.Fatalf("an item that an archived order does not have: %v, %+v", r.Code, r.Lines)
	}
	w.mustReturn("out of memory", "o0")
	w.mustFind("back in memory", "o0", 2)

	w.checkpoint()
	if !w.archive.stored.Load() {
		t.Fatal("the checkpoint has written no archived order")
	}
	w.mustFind("stored", "o1", 0)
	w.mustReturn("stored", "o1")
	w.mustFind("back in memory", "o1", 2)
	if r := w.apply(allocate("o2", "A", 10)); r.Code != engine.CodeOK || !r.Lines[0].Repeated {
		t.Fatalf("the same order item once more, though archived: %v %+v", r.Code, r.Lines)
	}
	if r := w.apply(allocate("new", "A", 10)); r.Code != engine.CodeOK || r.Lines[0].Repeated {
		t.Fatalf("a new order: %v %+v", r.Code, r.Lines)
	}
	if found, err := w.archive.read("never", &v); err != nil || found {
		t.Fatalf("an order that never was: %v, %v", found, err)
	}
	w.checkpoint()
	w.pass(engine.ClosedOrderEntries)
	w.checkpoint()
	w.reload("o0", 2)
	w.reload("o3", 0)
}

// TestExplain: the explanation of an order is found in memory, in the rows that wait for a checkpoint, and in the state
// database.
func TestExplain(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 1000))
	w.apply(&engine.PutRule{Name: "r", Source: "s", Hooks: []engine.RuleHook{engine.HookSelect}})
	w.apply(&engine.ActivateRule{Name: "r", Hook: engine.HookSelect, FailuresMax: 1})
	w.index++
	planned := engine.AppendCommand(nil, &engine.Envelope{RulesIndex: 1, Plans: []engine.PlannedLine{
		{Rule: "r", Version: 1, Outcome: engine.PlanCandidates, Candidates: []engine.PlannedCandidate{{Keep: 7}}},
	}}, allocate("o", "A", 10))
	w.applier.apply(&raft.Log{Index: w.index, Data: makeEntry(int64(w.index), planned)}).release()
	allocated := w.index
	explain := func(where string) {
		t.Helper()
		var v engine.OrderExplanation
		found, err := w.archive.explain("o", &v)
		if err != nil || !found || len(v.Items) != 1 || len(v.Items[0].Candidates) != 1 {
			t.Fatalf("%s: found %v, %v, %+v", where, found, err, v)
		}
		x := &v.Items[0]
		if c := &x.Candidates[0]; x.Rule != "r" || x.Index != allocated || c.Keep != 7 || c.Available != 1000 ||
			c.Taken != 10 {
			t.Errorf("%s: %+v", where, x)
		}
	}
	explain("in memory")
	w.apply(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "o"})
	w.pass(engine.ClosedOrderEntries + 1)
	explain("out of memory")
	w.checkpoint()
	if w.applier.engine.MayHaveArchived("o") {
		t.Fatal("the order is in memory still")
	}
	explain("stored")
	var v engine.OrderExplanation
	if found, err := w.archive.explain("nobody's", &v); found || err != nil {
		t.Errorf("an order that never was: %v, %v", found, err)
	}
}

// reload reads an archived order in a store that starts from the present disk.
func (w *bench) reload(orderID string, wantReturned int64) {
	w.t.Helper()
	e := engine.New()
	if err := w.state.Load(context.Background(), e, statedb.LogProgress(slog.New(slog.DiscardHandler))); err != nil {
		w.t.Fatal(err)
	}
	e.Verify(func(problem string) { w.t.Error(problem) })
	if e.Hash() != w.applier.engine.Hash() {
		w.t.Fatal("the state loaded differs from the one stored")
	}
	stored, err := w.state.HasArchived()
	if err != nil || !stored {
		w.t.Fatalf("archived orders on disk: %v, %v", stored, err)
	}
	a := &archive{applier: newApplier(e, newStoreMetrics(testMetrics())), state: w.state}
	a.stored.Store(true)
	loaded := &bench{t: w.t, archive: a}
	loaded.mustFind("after a load", orderID, wantReturned)
	if err := w.state.CheckArchived(context.Background(), func(problem string) { w.t.Error(problem) }); err != nil {
		w.t.Fatal(err)
	}
}

// TestVerifyArchived: Verify finds valid rows of archived orders with wrong content.
func TestVerifyArchived(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 1000))
	w.apply(allocate("o", "A", 10))
	w.apply(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "o"})
	w.pass(engine.ClosedOrderEntries)
	w.checkpoint()
	row, found, err := w.state.ArchivedRow(nil, "o")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	problems := func() (all []string) {
		t.Helper()
		if err := w.state.CheckArchived(t.Context(), func(problem string) { all = append(all, problem) }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := problems(); len(all) > 0 {
		t.Fatal(all)
	}
	tables, err := w.state.NewTableWriter(raft.SnapshotMeta{Index: 1 << 30, Term: 1}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(tables.Row(engine.RowSet, engine.ArchivedKey(nil, "another"), row), tables.Close(),
		w.state.Ingest(t.Context(), tables))
	if err != nil {
		t.Fatal(err)
	}
	if all := problems(); len(all) != 1 || !strings.Contains(all[0], "another") {
		t.Errorf("%q, want that the row of another order is not its own", all)
	}
}

// An order leaves memory, comes back and is merged into another order. From then on it is not found, even before the
// next checkpoint deletes its row.
func TestOrderThatIsGone(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 1000))
	order := allocate("o", "A", 10)
	w.apply(order)
	w.apply(&engine.OrderChange{Action: engine.KindDeallocate, OrderID: "o"})
	w.pass(engine.ClosedOrderEntries)
	w.checkpoint()
	there := func() bool {
		t.Helper()
		found, err := w.archive.read("o", new(engine.OrderView))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if !there() {
		t.Fatal("an archived order is not found")
	}
	order.ExpiresAtMS = 1 << 50
	w.apply(order)
	if r := w.apply(&engine.Transition{FromOrderID: "o", OrderID: "p",
		Lines: []engine.TransitionLine{{ItemID: "1", ToItemID: "1"}}}); r.Code != engine.CodeOK {
		t.Fatal(r.Code)
	}
	if there() {
		t.Error("an order that is gone is found in the last checkpoint")
	}
	w.checkpoint()
	if there() {
		t.Error("an order that is gone is found")
	}
}
