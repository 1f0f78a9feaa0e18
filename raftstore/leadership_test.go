package raftstore

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
)

// hangingRaft leads, and refuses barriers while a leadership transfer hangs.
type hangingRaft struct {
	raftNode
	hangs func() bool
}

func (r hangingRaft) State() raft.RaftState { return raft.Leader }
func (r hangingRaft) CurrentTerm() uint64   { return 7 }
func (r hangingRaft) Barrier(time.Duration) raft.Future {
	if r.hangs() {
		return endedFuture{raft.ErrLeadershipTransferInProgress}
	}
	return endedFuture{}
}

type endedFuture struct{ err error }

func (f endedFuture) Error() error { return f.err }

// A node is elected before a leadership transfer of an earlier term has ended. It serves after the end of the transfer,
// or exits if the transfer never ends.
func TestHungLeadershipTransfer(t *testing.T) {
	for _, test := range []struct {
		name  string
		hangs time.Duration
		fatal bool
	}{
		{"not at all", 0, false},
		{"for as long as a call may take", peernet.RaftTimeout, false},
		{"for ever", time.Hour, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				notify, stop := make(chan bool, 1), make(chan struct{})
				said := make(chan string, 1)
				l := &leadership{
					raft: hangingRaft{hangs: func() bool {
						return time.Since(begin) < test.hangs
					}}, notify: notify, settled: make(chan struct{}),
					notReady: func() error {
						return nil
					}, check: func() error { return nil }, logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
				}
				ended := errors.New("ended")
				l.fatal = func(msg string) {
					said <- msg
					panic(ended) // it does not return, like the end of a process
				}
				done := make(chan any, 1)
				go func() {
					defer func() { done <- recover() }()
					l.run(stop)
				}()
				notify <- true
				if test.fatal {
					if got := <-done; got != ended || !strings.Contains(<-said, "leadership transfer") {
						t.Fatalf("it ended with %v", got)
					}
					if took := time.Since(begin); took < transferHangMax || took > transferHangMax+5*progressInterval {
						t.Errorf("it gave up after %s", took)
					}
					return
				}
				<-l.settled
				if took := time.Since(begin); !l.valid() || took > test.hangs+2*progressInterval {
					t.Errorf("valid: %t, after %s", l.valid(), took)
				}
				close(stop)
				if got := <-done; got != nil {
					t.Fatal(got)
				}
			})
		})
	}
}

// A checkpoint waits for the end of a leadership transfer, because Raft refuses a snapshot until then.
func TestCheckpointDuringLeadershipTransfer(t *testing.T) {
	g := newGroupOf(t, 3, calm)
	g.mustDo(channels())
	leader := g.leader()
	to := g.others(leader)[0]
	to.peers.Isolate(true) // so that the transfer lasts until its timeout
	transferred := make(chan error, 1)
	go func() { transferred <- leader.TransferLeadership(t.Context(), to.cfg.NodeID) }()
	for i, ended := 0, false; !ended; i++ {
		select {
		case err := <-transferred:
			if ended = true; err == nil {
				t.Error("a node that hears nothing took the lead")
			}
		default:
		}
		if _, err := do(leader.Store, "", refresh("A", int64(i))); err != nil && !errors.Is(err, ErrNotLeader) {
			t.Fatal(err)
		}
		if err := leader.Checkpoint(t.Context()); err != nil {
			t.Fatalf("checkpoint %d: %v", i, err)
		}
	}
	to.peers.Isolate(false)
	g.agree()
}

// TestCountsChanges: a group of one counts changes before it serves, be it new or an old one's. A larger one does not,
// since a node may run an older program.
func TestCountsChanges(t *testing.T) {
	counted := func(s *Store) bool {
		_, err := s.LastChange()
		return err == nil
	}
	fresh := openReady(t, testConfig(vfs.NewMem()))
	if !counted(fresh) {
		t.Error("a new group does not count changes")
	}
	mustClose(t, fresh)

	cfg := testConfig(vfs.NewMem())
	cfg.uncounted = true
	old := openReady(t, cfg)
	mustDo(t, old, refresh("U", 5))
	if counted(old) {
		t.Fatal("the old group counts changes")
	}
	mustClose(t, old)
	cfg.uncounted = false
	for range 2 { // the second time, they are counted
		old = openReady(t, cfg)
		if at, err := old.LastChange(); err != nil || at.Seq != 1 {
			t.Errorf("the old group is at change %d, %v", at.Seq, err)
		}
		mustClose(t, old)
	}

	g := newGroupOf(t, 2, func(c *Config) { c.uncounted = true })
	for _, n := range g.nodes {
		mustClose(t, n.Store)
		n.cfg.uncounted = false
	}
	for _, n := range g.nodes {
		s, err := Open(t.Context(), n.cfg)
		if err != nil {
			t.Fatal(err)
		}
		n.Store = s
	}
	if g.mustDo(refresh("U", 5)); counted(g.leader().Store) {
		t.Error("a group of two counts changes of itself")
	}
}
