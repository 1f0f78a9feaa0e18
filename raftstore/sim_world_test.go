package raftstore

import (
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// world is one run of the simulation: nodes with their disks and clocks, the network between them, and clients. It does
// one step after another, drawn from one random source, so a seed fixes the run: the order of the steps and the whole
// trace. Pebble's goroutines do not change it (see simDisk).
type world struct {
	seed   uint64
	rng    *rand.Rand
	random io.Reader // for identities
	plan   plan
	nowMS  int64

	nodes   []*node
	members []simMember
	lost    int // the node with the lost disk; -1: none
	network network
	clients []*client
	audit   *audit
	calm    bool // no more faults

	trace  hash.Hash64
	print  io.Writer // nil: no trace
	steps  int
	counts counts
}

// counts has the events of a run, so that a test can detect an idle simulation.
type counts struct {
	Entries, Answers, Repeats, Unknown, Expired, Archived, Carried, Forgotten, Replayed int
	Crashes, Torn, Faults, Checkpoints, FailedCheckpoints, Notes                        int
	Leaders, LogsCut, Wiped, Replaced                                                   int
}

func (c *counts) add(o counts) {
	sum, more := reflect.ValueOf(c).Elem(), reflect.ValueOf(o)
	for i := range sum.NumField() {
		sum.Field(i).SetInt(sum.Field(i).Int() + more.Field(i).Int())
	}
}

// node has the disk and the clock, which survive a process.
type node struct {
	id      int
	mem     *vfs.MemFS // while no process runs
	skewMS  int64
	process *process // nil: it is down
	upMS    int64    // when it is started again
}

// simFailure is the panic of failf.
type simFailure struct{ msg string }

// failf ends the run after an error of the program under test.
func (w *world) failf(format string, args ...any) {
	panic(simFailure{fmt.Sprintf(format, args...)})
}

// tracef adds a line to the trace.
func (w *world) tracef(format string, args ...any) {
	_, _ = fmt.Fprintf(w.trace, format, args...)
	if w.print != nil {
		_, _ = fmt.Fprintf(w.print, "%5d %8d ms  %s\n", w.steps, w.nowMS-simStartMS, fmt.Sprintf(format, args...))
	}
}

// simStartMS is the begin of each run.
const simStartMS = 1_700_000_000_000

func newWorld(seed uint64, print io.Writer) *world {
	w := &world{seed: seed, nowMS: simStartMS}
	w.fill(seed, print)
	w.plan = drawPlan(w.rng)
	w.tracef("seed %d: %+v", seed, w.plan)
	w.members = slices.Repeat([]simMember{{voter: true}}, w.plan.nodes)
	w.network.blocked = make([][]bool, w.plan.nodes)
	for i := range w.plan.nodes {
		w.network.blocked[i] = make([]bool, w.plan.nodes)
		w.nodes = append(w.nodes, &node{id: i, mem: vfs.NewCrashableMem(), skewMS: w.skew()})
	}
	for i := range w.plan.clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	if w.plan.old {
		w.growOld()
	}
	return w
}

// fill makes the parts of the world before the first step.
func (w *world) fill(seed uint64, print io.Writer) {
	w.rng, w.trace, w.print = rand.New(rand.NewPCG(seed, 0x5eed)), fnv.New64a(), print
	w.random, w.lost = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}), -1
	w.audit = newAudit(w)
}

// skew draws the error of a clock: mostly small, sometimes an hour.
func (w *world) skew() int64 {
	limitMS := int64(50)
	if w.rng.IntN(4) == 0 {
		limitMS = time.Hour.Milliseconds()
	}
	return w.rng.Int64N(2*limitMS+1) - limitMS
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// run runs a seed: a time with faults, then a time without faults, in which everything must end.
func (w *world) run() {
	for _, n := range w.nodes {
		w.start(n)
	}
	for w.steps < w.plan.steps {
		w.step()
	}
	w.heal()
}

// act lets a node do something. It handles a crash or the end of the process meanwhile.
func (w *world) act(n *node, do func(p *process)) {
	p := n.process
	if p == nil {
		return
	}
	func() {
		defer func() {
			switch r := recover().(type) {
			case nil:
			case processEnd:
				p.fatal = r.msg
			default:
				panic(r)
			}
		}()
		do(p)
	}()
	switch {
	case p.fatal != "":
		w.counts.Faults++
		w.tracef("node %d ends itself", n.id)
		p.disk.crash()
		w.bury(n)
	case p.disk.crashed():
		w.bury(n)
	}
}

// bury removes a crashed process and keeps its disk.
func (w *world) bury(n *node) {
	p, percent := n.process, 0
	switch w.rng.IntN(4) {
	case 0:
		percent = 100
	case 1, 2:
		percent = 1 + w.rng.IntN(99)
		w.counts.Torn++
	}
	w.counts.Crashes++
	w.tracef("node %d has crashed, %d %% of what was not synced is left", n.id, percent)
	n.mem = p.disk.remainder(percent, w.rng.Uint64())
	n.skewMS, n.upMS = w.skew(), w.nowMS+w.rng.Int64N(3000)
	n.process = nil
	for _, c := range w.clients {
		c.lost(p)
	}
	p.end()
}

// crash stops a node at once.
func (w *world) crash(n *node) {
	w.act(n, func(p *process) { p.disk.crash() })
}

// start starts a node from its disk. It may crash meanwhile.
func (w *world) start(n *node) {
	p := newProcess(w, n.id, n.mem, n.skewMS)
	n.process = p
	if !w.calm && w.chance(w.plan.crashInStart) {
		p.disk.crashAfter(1 + w.rng.Int64N(40))
	}
	w.act(n, func(p *process) {
		err := p.start()
		if err != nil && !p.disk.crashed() {
			w.failf("node %d cannot start: %v", n.id, err)
		}
		if err == nil {
			p.disk.crashAfter(-1)
			w.tracef("node %d has started: state %d, log to %d, term %d", n.id, p.raft.snap, p.raft.last, p.raft.term)
		}
	})
}

// step does one thing.
func (w *world) step() {
	w.steps++
	w.nowMS += w.rng.Int64N(4)
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	switch dice := w.rng.IntN(1000); {
	case dice < 500:
		for range 1 + w.rng.IntN(3) {
			w.deliver()
		}
	case dice < 650:
		w.clients[w.rng.IntN(len(w.clients))].step()
	case dice < 980:
		w.act(n, w.work)
	default:
		w.trouble(n)
	}
	for _, n := range w.nodes {
		if n.process == nil && w.nowMS >= n.upMS {
			w.start(n)
		}
	}
}

// work does one of the node's waiting tasks.
func (w *world) work(p *process) {
	dice := w.rng.IntN(100)
	switch {
	case dice < 40 && p.propose():
	case dice < 70 && p.raft.apply(1+w.rng.IntN(raftEntriesPerApply)):
	case dice < 80 && p.checkpoint != nil:
		for range 1 + w.rng.IntN(3) {
			if p.checkpoint != nil && !p.disk.crashed() {
				p.stepCheckpoint()
			}
		}
	case dice < 90:
		p.raft.timer()
	case dice < 92 && p.noteLogEnd():
	case dice < 95 && p.ticks():
	case p.checkpoint == nil && (p.wantsCheckpoint() || dice > 97 && w.chance(w.plan.checkpoint)):
		p.beginCheckpoint()
	case p.propose():
	default:
		p.raft.apply(1)
	}
}

// timer is Raft's timer: a leader sends heartbeats. The others wait for one, and then begin an election.
func (r *simRaft) timer() {
	if r.role == simLeader {
		r.replicate()
		return
	}
	w := r.p.w
	if w.plan.wipe > 0 && w.chance(5) {
		w.replace()
	}
	if w.plan.nodes == 1 || w.nowMS-r.heardMS > 100+w.rng.Int64N(300) {
		r.campaign()
	}
}
