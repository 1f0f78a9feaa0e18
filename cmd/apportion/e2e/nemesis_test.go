package e2e

import (
	"math/rand/v2"
	"net/http"
	"syscall"
	"time"

	"apportion/cmd/apportion/e2e/faulty"
	"apportion/cmd/apportion/servertest"
)

// nemesis makes random faults, one after the other and sometimes two at a time.
type nemesis struct {
	c    *cluster
	rng  *rand.Rand
	deck []*fault // the faults that this turn has not used yet
	made map[string]int
	lost *node // the node whose disk is lost; nil: none
}

// fault is one kind of fault. begin makes it at a node, and returns a function that ends it.
type fault struct {
	name  string
	layer string // two faults of one layer are not made at the same time
	begin func(n *nemesis, at *node) (end func())
}

// holdMin and holdMax bound how long a fault lasts.
const (
	holdMin = 300 * time.Millisecond
	holdMax = 3 * time.Second
)

// allFaults returns the kinds of faults.
func allFaults() []*fault {
	cut := func(links func(at string, all []string) []link) func(*nemesis, *node) func() {
		return func(n *nemesis, at *node) func() {
			rule := linkRule{cut: true}
			if n.rng.IntN(4) == 0 {
				rule = linkRule{reset: true}
			}
			resume := n.rng.IntN(2) == 0
			n.c.network.set(rule, resume, links(at.id, n.c.names())...)
			return func() { n.c.network.heal(resume) }
		}
	}
	inject := func(make func(n *nemesis) faulty.Faults) func(*nemesis, *node) func() {
		return func(n *nemesis, at *node) func() {
			at.inject(make(n))
			return func() { at.inject(faulty.Faults{}) }
		}
	}
	return []*fault{
		{"kill -9", "process", func(_ *nemesis, at *node) func() { return at.endBy(syscall.SIGKILL) }},
		{"kill -9 of all", "process", (*nemesis).killAll},
		{"SIGTERM", "process", func(_ *nemesis, at *node) func() { return at.endBy(syscall.SIGTERM) }},
		{"SIGSTOP", "process", (*nemesis).freeze},
		{"leadership transfer", "process", (*nemesis).transferLeadership},
		{"lost disk", "process", (*nemesis).loseDisk},
		{"isolated", "network", cut(func(at string, all []string) []link { return between([]string{at}, all) })},
		{"not heard", "network", cut(oneWay)},
		{"hears nothing", "network", cut(inWay)},
		{"split", "network", (*nemesis).split},
		{"slow network", "network", (*nemesis).slowNetwork},
		{"slow disk", "disk", inject(func(n *nemesis) faulty.Faults {
			return faulty.Faults{SyncDelayMS: 5 + n.rng.Int64N(100)}
		})},
		{"stalled disk", "disk", inject(func(*nemesis) faulty.Faults { return faulty.Faults{Stalled: true} })},
		{"full disk", "disk", inject(func(*nemesis) faulty.Faults { return faulty.Faults{Full: true} })},
		{"clock ahead", "disk", inject(func(n *nemesis) faulty.Faults {
			return faulty.Faults{ClockOffsetMS: n.rng.Int64N(100_000_000)}
		})},
		{"clock back", "disk", inject(func(n *nemesis) faulty.Faults {
			return faulty.Faults{ClockOffsetMS: -n.rng.Int64N(100_000_000)}
		})},
	}
}

// endBy ends a process by a signal, and returns a function that starts it again. With a full disk it may have ended
// before, and with a full or silent disk it may end with an error.
func (n *node) endBy(signal syscall.Signal) (start func()) {
	n.cluster.t.Helper()
	if n.ended() {
		return func() {} // heal starts it
	}
	_ = n.TrySignal(signal) // fails if it has just ended
	err := n.Wait()
	n.running = false
	if signal == syscall.SIGTERM && err != nil && !diskFailed(n) && !diskSilent(n) {
		n.cluster.t.Errorf("%s was told to end and did so with %v\n%s", n.id, err, n.logEnd())
	}
	return n.start
}

func (n *nemesis) killAll(*node) func() {
	var starts []func()
	for _, at := range n.c.nodes {
		starts = append(starts, at.endBy(syscall.SIGKILL))
	}
	return func() {
		for _, start := range starts {
			start()
		}
	}
}

// loseDisk restarts a node with an empty directory. In half of the cases another node is down, which may be the only
// one with the acknowledged writes. heal replaces the node.
func (n *nemesis) loseDisk(at *node) func() {
	n.lost = at
	others := n.c.others(at)
	other, startOther := others[n.rng.IntN(len(others))], func() {}
	if n.rng.IntN(2) == 0 {
		startOther = other.endBy(syscall.SIGKILL)
	}
	start := at.endBy(syscall.SIGKILL)
	servertest.Remove(n.c.t, at.data)
	start()
	return func() {
		n.hold()
		startOther()
	}
}

// replaceLost demands that a node whose disk is lost takes no part in the cluster, and replaces it.
func (n *nemesis) replaceLost() {
	n.c.t.Helper()
	lost := n.lost
	if lost == nil {
		return
	}
	n.lost = nil
	for _, at := range n.c.others(lost) {
		n.c.await(at.id+" is ready", func() bool { n.revive(at); return at.isReady() })
	}
	if !lost.ended() {
		n.c.await(lost.id+" answers", func() bool {
			info, err := lost.info()
			if err == nil && (info.Cluster != "" || info.LogIndex != 0) {
				n.c.t.Fatalf("%s, whose disk was lost, takes part: %+v", lost.id, info)
			}
			return err == nil || lost.ended()
		})
	}
	n.c.replace(lost)
}

func (n *nemesis) freeze(at *node) func() {
	if at.ended() {
		return func() {}
	}
	_ = at.TrySignal(syscall.SIGSTOP) // both calls fail if it has ended
	return func() { _ = at.TrySignal(syscall.SIGCONT) }
}

// transferLeadership asks the leader to transfer its leadership.
func (n *nemesis) transferLeadership(at *node) func() {
	// The result does not matter here.
	_, _ = servertest.Send(lookClient, http.MethodPost, at.url+"/v1/cluster/transfer-leader", "", "{}")
	return func() {}
}

// split divides the nodes into two parts that do not reach each other.
func (n *nemesis) split(*node) func() {
	names := n.c.names()
	n.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	at := 1 + n.rng.IntN(len(names)-1)
	n.c.network.set(linkRule{cut: true}, true, between(names[:at], names[at:])...)
	return func() { n.c.network.heal(true) }
}

func (n *nemesis) slowNetwork(at *node) func() {
	delay := time.Duration(1+n.rng.IntN(150)) * time.Millisecond
	n.c.network.set(linkRule{delay: delay}, true, between([]string{at.id}, n.c.names())...)
	return func() { n.c.network.heal(true) }
}

// next takes a fault of another layer from the deck. An empty deck is filled and shuffled.
func (n *nemesis) next(notLayer string) *fault {
	if len(n.deck) == 0 {
		n.deck = allFaults()
		n.rng.Shuffle(len(n.deck), func(i, j int) { n.deck[i], n.deck[j] = n.deck[j], n.deck[i] })
	}
	for i, f := range n.deck {
		if f.layer != notLayer {
			n.deck = append(n.deck[:i:i], n.deck[i+1:]...)
			return f
		}
	}
	return nil
}

// strike makes one or two faults and ends them.
func (n *nemesis) strike() {
	c := n.c
	c.t.Helper()
	first := n.next("")
	end := n.begin(first)
	n.hold()
	if n.rng.IntN(2) == 0 {
		if second := n.next(first.layer); second != nil {
			endSecond := n.begin(second)
			n.hold()
			defer endSecond()
		}
	}
	end()
}

// begin makes a fault at a node, mostly the leader.
func (n *nemesis) begin(f *fault) (end func()) {
	at := n.c.nodes[n.rng.IntN(len(n.c.nodes))]
	if n.rng.IntN(5) < 3 {
		if leader := n.c.leaderNow(); leader != nil {
			at = leader
		}
	}
	n.made[f.name]++
	n.c.t.Logf("fault: %s at %s", f.name, at.id)
	return f.begin(n, at)
}

// hold waits for a random time.
func (n *nemesis) hold() {
	timer := time.NewTimer(holdMin + time.Duration(n.rng.Int64N(int64(holdMax-holdMin))))
	<-timer.C
}

// heal ends the remaining faults, and waits until all nodes are ready.
func (n *nemesis) heal() {
	n.c.t.Helper()
	n.c.network.heal(false)
	n.replaceLost()
	for _, at := range n.c.nodes {
		n.c.await(at.id+" is ready", func() bool { n.revive(at); return at.isReady() })
	}
}

// revive restarts a node that has ended because of a full disk.
func (n *nemesis) revive(at *node) {
	n.c.t.Helper()
	if at.Log.Alarmed() {
		n.c.t.Fatalf("%s reports a fault", at.id)
	}
	if !at.ended() {
		return
	}
	if !diskFailed(at) {
		n.c.t.Fatalf("%s has ended by itself", at.id)
	}
	at.start()
}
