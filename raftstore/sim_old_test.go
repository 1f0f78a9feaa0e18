package raftstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/peernet"
)

// oldGroup is a group with old orders. They were closed so many entries ago that they leave memory soon after a run
// begins. A run alone is too short for that. Its disk has a checkpoint of the last entry and an empty log. Each node of
// a run begins with a copy.
type oldGroup struct {
	mem     *vfs.MemFS
	entries []*raft.Log
}

const (
	oldOrders = 6
	oldTerm   = 2

	// oldIndex is the last entry of the past. The orders were closed in the first entries.
	oldIndex = engine.ClosedOrderEntries - 5
)

// makeOldGroup makes the group once, for all runs.
var makeOldGroup = sync.OnceValue(func() *oldGroup {
	g := &oldGroup{mem: vfs.NewCrashableMem(), entries: oldEntries()}
	w := &world{seed: 0, plan: plan{nodes: 1, historyAge: -1, sliceBytesMax: 1000, queueBatches: 1, entryBytes: 1000},
		nowMS: simStartMS}
	w.fill(0, nil)
	p := newProcess(w, 0, g.mem, 0)
	s := p.store
	steps := []func(context.Context) error{
		s.lockDirectory, p.openState, s.loadState, s.openLog,
		// the group had no other nodes
		func(context.Context) error { s.identity = &peernet.Identity{Self: "node0"}; return nil },
		s.bootstrap, s.openHistory,
		func(context.Context) error { return s.log.SetUint64(keyCurrentTerm, oldTerm) },
		func(context.Context) error { return g.apply(s) },
		func(context.Context) error { return s.log.DeleteRange(1, 1) },
		func(context.Context) error { return s.unwind() },
	}
	for _, step := range steps {
		if err := step(context.Background()); err != nil {
			panic(fmt.Sprintf("BUG: simulation: make an old group: %v", err))
		}
	}
	return g
})

// oldEntries makes stock of everything, and orders that were allocated and fulfilled.
func oldEntries() []*raft.Log {
	var commands []engine.Command
	for _, location := range []string{"X", "Y"} {
		commands = append(commands, &engine.Refresh{Location: location, Items: []engine.StockItem{
			{UPC: "A", Quantity: 30}, {UPC: "B", Quantity: 30}, {UPC: "C", Quantity: 30}}})
	}
	for i := range oldOrders {
		id := fmt.Sprint("old", i)
		commands = append(commands,
			&engine.Allocate{OrderID: id, Lines: []engine.AllocateLine{{ItemID: "1", UPC: "A", Location: "X",
				Quantity: 4}}},
			&engine.OrderChange{Action: engine.KindFulfill, OrderID: id})
	}
	commands = append(commands, &engine.Expire{})
	var entries []*raft.Log
	for i, c := range commands {
		index := uint64(2 + i)
		if i == len(commands)-1 {
			index = oldIndex
		}
		data := makeEntry(simStartMS-1000, engine.AppendCommand(nil, &engine.Envelope{}, c))
		entries = append(entries, &raft.Log{Index: index, Term: oldTerm, Type: raft.LogCommand, Data: data})
	}
	return entries
}

func (g *oldGroup) apply(s *Store) error {
	for _, log := range g.entries {
		s.applier.apply(log).release()
	}
	frozen, err := s.checkpoints.freeze()
	if err != nil {
		return err
	}
	defer frozen.Release()
	snaps := &snapshots{state: s.state, checkpoints: s.checkpoints}
	sink, err := snaps.Create(raft.SnapshotVersionMax, oldIndex, oldTerm, raft.Configuration{}, 1, nil)
	return errors.Join(err, frozen.Persist(sink))
}

// growOld gives the past to the nodes and to the audit.
func (w *world) growOld() {
	g := makeOldGroup()
	for _, n := range w.nodes {
		n.mem = g.mem.CrashClone(vfs.CrashCloneCfg{})
	}
	a := newApplier(engine.New(), newStoreMetrics(testMetrics()))
	for _, log := range g.entries {
		w.audit.observe(0, log)
		results := a.apply(log)
		w.audit.applied(0, log, results, a.engine)
		results.release()
	}
}

// compareOrders demands that every node has every order, in memory or in the archive, with the same content.
func (w *world) compareOrders() {
	ids := map[string]bool{}
	for key := range w.audit.stock.items {
		ids[key[0]] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		var first []byte
		for _, n := range w.nodes {
			row, found, err := n.process.store.archive.anyRow(id)
			if err != nil || !found {
				w.failf("node %d: order %s: found %v, %v", n.id, id, found, err)
			}
			if n.process.store.archive.mayHave(id) {
				w.counts.Archived++
			}
			if n.id == 0 {
				first = row
			} else if !bytes.Equal(first, row) {
				w.failf("nodes 0 and %d have order %s differently", n.id, id)
			}
		}
	}
}
