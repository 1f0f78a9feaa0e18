package raftstore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/history"
	"apportion/raftstore/peernet"
)

// A node may have lost its leadership. It answers from its own state only after a quorum has confirmed that it still
// leads.

// toldRaft leads in term 7 until a test changes that.
type toldRaft struct {
	raftNode
	state raft.RaftState
	term  uint64
}

func (r *toldRaft) State() raft.RaftState { return r.state }
func (r *toldRaft) CurrentTerm() uint64   { return r.term }

func leadingRaft() *toldRaft { return &toldRaft{state: raft.Leader, term: 7} }

// TestLeaderCheck: a quorum of voters confirms the leader, if none is in a later term.
func TestLeaderCheck(t *testing.T) {
	const none = laterTerm
	f := func(what string, self raft.ServerID, terms map[raft.ServerID]uint64, want error,
		change func(*toldRaft, *leaderCheck)) {
		t.Helper()
		node := leadingRaft()
		var voters []raft.Server
		for id := range terms {
			voters = append(voters, raft.Server{ID: id, Address: raft.ServerAddress(id)})
		}
		c := newLeaderCheck(&peernet.Network{Identity: &peernet.Identity{Self: self}}, node, func() []raft.Server {
			return voters
		})
		c.termOf = func(line *peernet.AskConn) uint64 {
			if line.Node == self {
				t.Errorf("%s: it asks itself", what)
			}
			return terms[line.Node]
		}
		if change != nil {
			change(node, c)
		}
		if err := c.ask(t.Context().Done()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	// The node does not ask itself, so it never sees term 99.
	f("alone", "a", map[raft.ServerID]uint64{"a": 99}, nil, nil)
	f("all are in its term", "a", map[raft.ServerID]uint64{"a": 99, "b": 7, "c": 7}, nil, nil)
	f("in earlier ones", "a", map[raft.ServerID]uint64{"a": 99, "b": 6, "c": 1}, nil, nil)
	f("one does not answer", "a", map[raft.ServerID]uint64{"a": 99, "b": none, "c": 7}, nil, nil)
	f("both do not answer", "a", map[raft.ServerID]uint64{"a": 99, "b": none, "c": none}, ErrNotLeader, nil)
	f("one is in a later term", "a", map[raft.ServerID]uint64{"a": 99, "b": 8, "c": 7}, nil, nil)
	f("both are", "a", map[raft.ServerID]uint64{"a": 99, "b": 8, "c": 8}, ErrNotLeader, nil)
	f("of two, the other is", "a", map[raft.ServerID]uint64{"a": 99, "b": 8}, ErrNotLeader, nil)
	f("half of four do not do", "a", map[raft.ServerID]uint64{"a": 99, "b": 7, "c": none, "d": 8}, ErrNotLeader, nil)
	f("three of five do", "a", map[raft.ServerID]uint64{"a": 99, "b": 7, "c": 7, "d": 8, "e": none}, nil, nil)
	f("without a vote it does not count itself", "x", map[raft.ServerID]uint64{"a": 7, "b": 8}, ErrNotLeader, nil)
	f("nor does it need to", "x", map[raft.ServerID]uint64{"a": 7, "b": 7}, nil, nil)

	two := map[raft.ServerID]uint64{"a": 99, "b": 7}
	f("it has stepped down meanwhile", "a", two, ErrNotLeader, func(r *toldRaft, c *leaderCheck) {
		c.termOf = func(*peernet.AskConn) uint64 { r.state = raft.Follower; return 7 }
	})
	f("it leads again, in a later term", "a", two, ErrNotLeader, func(r *toldRaft, c *leaderCheck) {
		c.termOf = func(*peernet.AskConn) uint64 { r.term = 8; return 7 }
	})
	f("too many questions wait for the other", "a", two, ErrNotLeader, func(_ *toldRaft, c *leaderCheck) {
		c.conn(raft.Server{ID: "b", Address: "b"}).Pending.Store(questionsPendingMax)
	})
	f("one fewer", "a", two, nil, func(_ *toldRaft, c *leaderCheck) {
		c.conn(raft.Server{ID: "b", Address: "b"}).Pending.Store(questionsPendingMax - 1)
	})
}

// TestLeaderCheckStops: a closed node does not wait for other nodes.
func TestLeaderCheckStops(t *testing.T) {
	voters := []raft.Server{{ID: "a"}, {ID: "b"}}
	c := newLeaderCheck(&peernet.Network{Identity: &peernet.Identity{Self: "a"}}, leadingRaft(), func() []raft.Server {
		return voters
	})
	answer, stop := make(chan struct{}), make(chan struct{})
	c.termOf = func(*peernet.AskConn) uint64 { <-answer; return 7 }
	close(stop)
	if err := c.ask(stop); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	close(answer)
}

// TestCoalescer: a caller during a round gets the answer of the next round, which begins after the call.
func TestCoalescer(t *testing.T) {
	stop, begun, answers := make(chan struct{}), make(chan int), make(chan error)
	n, ended := 0, make(chan struct{})
	r := newCoalescer(stop, func(<-chan struct{}) error {
		n++
		begun <- n
		return <-answers
	}, func() { close(ended) })
	go r.run(stop)
	wait := func() <-chan error {
		done := make(chan error, 1)
		go func() { done <- r.wait(time.Now().Add(patience)) }()
		return done
	}
	first := wait()
	receive(t, "the first round", begun)
	queued := func() *round { r.mu.Lock(); defer r.mu.Unlock(); return r.mu.next }
	second := wait()
	eventually(t, "the second waits", func() bool { return queued() != nil })
	third := wait()
	answers <- ErrNotLeader
	if err := receive(t, "the first answer", first); !errors.Is(err, ErrNotLeader) {
		t.Errorf("the first is told %v", err)
	}
	if got := receive(t, "the second round", begun); got != 2 {
		t.Errorf("round %d", got)
	}
	select {
	case err := <-second:
		t.Errorf("the second has the answer of a round that began before it asked: %v", err)
	default:
	}
	answers <- nil
	if err := receive(t, "the second answer", second); err != nil {
		t.Error(err)
	}
	select { // the third is in the second round, or in a round of its own
	case <-begun:
		answers <- nil
		if err := receive(t, "the third answer", third); err != nil {
			t.Error(err)
		}
	case err := <-third:
		if err != nil {
			t.Error(err)
		}
	}
	if err := r.wait(time.Now()); !errors.Is(err, ErrTimeout) {
		t.Errorf("past the deadline: %v", err)
	}
	receive(t, "a round that no caller waits for any more", begun)
	answers <- nil
	close(stop)
	receive(t, "the end", ended)
	if err := r.wait(time.Now().Add(patience)); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// deposable makes the parts of a store that answer from its state, for a group of several nodes. The test decides the
// answer of the leader check.
func (w *bench) deposable(confirm func() error) *Store {
	s := w.store
	s.proposer, s.peers, s.history = &proposer{}, &peernet.Network{}, &history.Keeper{}
	s.leadership = &leadership{raft: leadingRaft()}
	s.leadership.term.Store(7)
	stop := make(chan struct{})
	s.reads = &readIndex{leadership: s.leadership, applied: s.AppliedIndex,
		leaderChecks: newCoalescer(stop, func(<-chan struct{}) error {
			return confirm()
		}, func() {})}
	done := make(chan struct{})
	go func() { defer close(done); s.reads.leaderChecks.run(stop) }()
	w.t.Cleanup(func() { close(stop); <-done })
	return s
}

func refuses(s *Store, c *engine.Allocate) (bool, *engine.Result) {
	var r engine.Result
	return s.Refuses(time.Now().Add(patience), 1, "", c, &r), &r
}

// TestDeposed: an old leader that does not know of the new one gives no refusal and no read without a quorum.
func TestDeposed(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 3))
	var confirm func() error
	s := w.deposable(func() error { return confirm() })
	order := allocate("o", "A", 4)
	f := func(what string, wantRefused bool, wantRead error, wantIndex uint64) {
		t.Helper()
		refused, r := refuses(s, order)
		if refused != wantRefused || refused && (r.Code != engine.CodeInsufficient || r.Index != w.index) {
			t.Errorf("%s: refused %t with %v at %d, want %t at %d", what, refused, r.Code, r.Index, wantRefused,
				w.index)
		}
		if err := s.ReadBarrier(time.Now().Add(patience)); !errors.Is(err, wantRead) {
			t.Errorf("%s: a read is told %v, want %v", what, err, wantRead)
		}
		if index := s.reads.answerReadIndex(); index != wantIndex {
			t.Errorf("%s: a follower is told %d, want %d", what, index, wantIndex)
		}
	}
	confirm = func() error { return nil }
	f("it leads", true, nil, w.index+1)
	confirm = func() error { return ErrNotLeader }
	f("it was deposed", false, ErrNotLeader, 0)
	confirm = func() error { return errors.New("asked, though it knows that it does not lead") }
	s.leadership.term.Store(6)
	s.peers = nil // so that a follower does not ask its leader
	f("it knows that it was deposed", false, ErrNotLeader, 0)
}

// TestRefusedTwice: a change during the leader check counts.
func TestRefusedTwice(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 3))
	meanwhile := func() {}
	s := w.deposable(func() error { meanwhile(); return nil })
	asked := 0
	meanwhile = func() { asked++; w.apply(refresh("A", 4)) }
	if refused, r := refuses(s, allocate("o", "A", 4)); refused {
		t.Errorf("stock has come, and it is refused with %v", r.Code)
	}
	order := allocate("p", "A", 4)
	w.apply(refresh("A", 0))
	meanwhile = func() { // another client makes and ships the same order, and it leaves memory
		asked++
		w.apply(refresh("A", 4))
		w.apply(order)
		w.apply(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "p"})
		w.pass(engine.ClosedOrderEntries)
	}
	if refused, r := refuses(s, order); refused {
		t.Errorf("the order was shipped meanwhile, and it is refused with %v", r.Code)
	}
	if asked != 2 {
		t.Errorf("the others were asked %d times, want 2", asked)
	}
}

// TestRefusalAsksArchive: a repeated order that was closed and has left memory gets no early refusal: the log has its
// first answer.
func TestRefusalAsksArchive(t *testing.T) {
	w := newBench(t, testConfig(vfs.NewMem()))
	w.apply(refresh("A", 10))
	order := allocate("o", "A", 10)
	w.apply(order)
	w.apply(&engine.OrderChange{Action: engine.KindFulfill, OrderID: "o"})
	several := w.deposable(func() error { return nil })
	f := func(where string) {
		t.Helper()
		for _, peers := range []*peernet.Network{nil, {}} {
			several.peers = peers
			if refused, r := refuses(several, order); refused {
				t.Errorf("%s, peers %t: refused with %v", where, peers != nil, r.Code)
			}
			if refused, _ := refuses(several, allocate(fmt.Sprint("new ", where), "A", 10)); !refused {
				t.Errorf("%s, peers %t: a new order is not refused, though nothing is left", where, peers != nil)
			}
		}
	}
	f("in memory")
	w.pass(engine.ClosedOrderEntries)
	if w.applier.engine.MayHaveOrder("o") {
		t.Fatal("the order is in memory still")
	}
	f("on its way into the database")
	w.checkpoint()
	if w.applier.engine.MayHaveArchived("o") {
		t.Fatal("the order is in memory still")
	}
	f("in the database")
	if r := w.apply(order); r.Code != engine.CodeOK || !r.Lines[0].Repeated {
		t.Errorf("the log answers %v %+v", r.Code, r.Lines)
	}
}
