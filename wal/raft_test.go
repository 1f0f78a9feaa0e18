package wal

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// lines is a state machine that keeps every command.
type lines struct {
	sync.Mutex
	applied []string
}

func (f *lines) Apply(e *raft.Log) any {
	f.Lock()
	defer f.Unlock()
	f.applied = append(f.applied, string(e.Data))
	return len(f.applied)
}

func (f *lines) Snapshot() (raft.FSMSnapshot, error) { return nothing{}, nil }
func (f *lines) Restore(r io.ReadCloser) error       { return r.Close() }

type nothing struct{}

func (nothing) Persist(sink raft.SnapshotSink) error { return sink.Close() }
func (nothing) Release()                             {}

func startNode(t *testing.T, l *Log, snaps raft.SnapshotStore, fsm *lines) *raft.Raft {
	t.Helper()
	cfg := raft.DefaultConfig()
	cfg.LocalID = "node-1"
	cfg.Logger = hclog.NewNullLogger()
	cfg.HeartbeatTimeout, cfg.ElectionTimeout = 50*time.Millisecond, 50*time.Millisecond
	cfg.LeaderLeaseTimeout = 50 * time.Millisecond
	cfg.TrailingLogs = 5
	address, transport := raft.NewInmemTransport("")
	node, err := raft.NewRaft(cfg, fsm, l, l, snaps, transport)
	if err != nil {
		t.Fatalf("NewRaft: %v", err)
	}
	if last, _ := l.LastIndex(); last == 0 {
		servers := []raft.Server{{ID: cfg.LocalID, Address: address}}
		if err := node.BootstrapCluster(raft.Configuration{Servers: servers}).Error(); err != nil {
			t.Fatal(err)
		}
	}
	for leader := range node.LeaderCh() {
		if leader {
			break
		}
	}
	return node
}

func stopNode(t *testing.T, node *raft.Raft, l *Log) {
	t.Helper()
	if err := node.Shutdown().Error(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
}

// TestRaft runs the real library on the log: commands, a restart that replays them, and a compaction.
func TestRaft(t *testing.T) {
	fs := vfs.NewMem()
	snaps := raft.NewInmemSnapshotStore()
	var want []string
	for life := range 3 {
		l := mustOpen(t, Config{FS: fs})
		fsm := &lines{}
		node := startNode(t, l, snaps, fsm)
		for i := range 20 {
			want = append(want, fmt.Sprintf("command %d of life %d", i, life))
			if err := node.Apply([]byte(want[len(want)-1]), time.Minute).Error(); err != nil {
				t.Fatal(err)
			}
		}
		fsm.Lock()
		if got := fmt.Sprint(fsm.applied); got != fmt.Sprint(want) {
			t.Fatalf("life %d: applied %s, want %s", life, got, fmt.Sprint(want))
		}
		fsm.Unlock()
		stopNode(t, node, l)
	}
	checkCompaction(t, fs, snaps)
}

// checkCompaction takes a snapshot. Raft then truncates the log to the trailing entries.
func checkCompaction(t *testing.T, fs vfs.FS, snaps raft.SnapshotStore) {
	l := mustOpen(t, Config{FS: fs})
	node := startNode(t, l, snaps, &lines{})
	if err := node.Barrier(time.Minute).Error(); err != nil {
		t.Fatal(err)
	}
	if err := node.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	stopNode(t, node, l)
	l = mustOpen(t, Config{FS: fs})
	defer mustClose(t, l)
	first, _ := l.FirstIndex()
	last, _ := l.LastIndex()
	if last < 60 || first != last-4 {
		t.Fatalf("after the compaction the log is %d to %d, want the last 5 entries", first, last)
	}
	if n, err := l.Verify(context.Background()); n != 5 || err != nil {
		t.Fatalf("Verify: %d and %v", n, err)
	}
}
