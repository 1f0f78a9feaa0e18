package raftstore

import (
	"math/rand/v2"
	"slices"
	"time"
)

// plan is the kind of a run. Each run has only some of the faults, with different rates. With all faults at once, a run
// would not get far.
type plan struct {
	nodes, clients, steps int
	tags                  bool // stock has a distributed category
	old                   bool // the group has old orders; see oldGroup

	crash, crashLater, crashInStart, fault, faultState int // percent of the faults, crashInStart percent of the starts
	partition, heal, jump, pass, wipe                  int

	drop, duplicate int // percent of the messages
	checkpoint      int // percent of the checks

	sliceBytesMax int
	passMS        int64 // longest pause
	historyAge    time.Duration
	entryBytes    int
	queueBatches  int
}

func drawPlan(rng *rand.Rand) plan {
	some := func(max int) int { return max * rng.IntN(2) * (1 + rng.IntN(4)) / 4 }
	p := plan{
		nodes: 3, clients: 2 + rng.IntN(4), steps: 300 + rng.IntN(3000), tags: rng.IntN(2) == 0, old: rng.IntN(3) == 0,
		crash: some(10), crashLater: some(20), crashInStart: some(40), fault: some(5), faultState: some(15),
		partition: some(20), heal: 10, jump: some(10), pass: 5 + some(20), drop: some(20), duplicate: some(20),
		checkpoint: some(60), sliceBytesMax: 20 << rng.IntN(6), historyAge: -1, passMS: 15_000,
		entryBytes: 100 + rng.IntN(2000), queueBatches: 1 + rng.IntN(6),
	}
	if rng.IntN(4) == 0 {
		p.nodes = 1
	}
	if rng.IntN(5) == 0 {
		p.passMS = (10 * time.Hour).Milliseconds()
	}
	if p.nodes == 3 && !p.old && rng.IntN(3) == 0 {
		p.wipe = 2 + rng.IntN(10)
	}
	if rng.IntN(3) == 0 {
		p.historyAge = time.Duration(1+rng.IntN(20)) * time.Second
	}
	return p
}

// trouble makes or ends a fault.
func (w *world) trouble(n *node) {
	dice := w.rng.IntN(100)
	among := func(percent int) bool {
		dice -= percent
		return dice < 0
	}
	p := &w.plan
	switch {
	case among(p.crash):
		w.crash(n)
	case among(p.crashLater):
		if n.process != nil {
			n.process.disk.crashAfter(1 + w.rng.Int64N(12))
		}
	case among(p.fault):
		w.fault(n, simFault{log: true, sync: w.chance(50)})
	case among(p.faultState):
		w.fault(n, simFault{sync: w.chance(50)})
	case among(p.partition):
		w.cutLinks()
	case among(p.heal):
		w.network.heal()
	case among(p.jump):
		if n.process != nil {
			n.process.clock.skewMS = w.skew()
			w.tracef("the clock of node %d is off by %d ms now", n.id, n.process.clock.skewMS)
		}
	case among(p.wipe):
		w.wipe(n)
	case among(p.pass):
		w.nowMS += w.rng.Int64N(p.passMS)
	}
}

func (w *world) fault(n *node, fault simFault) {
	if n.process != nil {
		n.process.disk.faultAfter(1+w.rng.Int64N(5), fault)
		w.tracef("the disk of node %d will fail: %+v", n.id, fault)
	}
}

// network has the messages in flight and the cut links.
type network struct {
	messages []message
	blocked  [][]bool // from, to
}

// networkMessagesMax bounds the messages in flight. Above it the oldest are lost.
const networkMessagesMax = 60

func (w *world) post(p *process, m message) {
	if p.disk.crashed() {
		return
	}
	w.network.messages = append(w.network.messages, m)
	if len(w.network.messages) > networkMessagesMax {
		w.network.messages = w.network.messages[1:]
	}
}

// deliver takes one message, mostly an old one: it arrives, or is lost, or arrives and stays in flight.
func (w *world) deliver() {
	messages := w.network.messages
	if len(messages) == 0 {
		return
	}
	at := w.rng.IntN(len(messages))
	if w.chance(70) {
		at = w.rng.IntN(min(len(messages), 3))
	}
	m := messages[at]
	if !w.chance(w.plan.duplicate) {
		w.network.messages = slices.Delete(messages, at, at+1)
	}
	if w.network.blocked[m.from][m.to] || w.chance(w.plan.drop) {
		return
	}
	w.arrive(m)
}

func (w *world) arrive(m message) {
	w.act(w.nodes[m.to], func(p *process) {
		w.tracef("%v %d>%d term %d, %d/%d, %d entries, commit %d, %v %d", m.kind, m.from, m.to, m.term, m.index,
			m.indexTerm,
			len(m.entries), m.commit, m.ok, m.match)
		if w.letsIn(p, &m) {
			p.raft.receive(m)
		}
	})
}

// cutLinks disconnects a node from the network, in one or both directions.
func (w *world) cutLinks() {
	alone := w.rng.IntN(w.plan.nodes)
	in, out := true, true
	switch w.rng.IntN(4) {
	case 0:
		in = false
	case 1:
		out = false
	}
	w.tracef("node %d is cut off: in %v, out %v", alone, in, out)
	for other := range w.plan.nodes {
		if other != alone {
			w.network.blocked[other][alone] = in
			w.network.blocked[alone][other] = out
		}
	}
}

func (n *network) heal() {
	for _, row := range n.blocked {
		clear(row)
	}
}
