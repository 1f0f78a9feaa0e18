package raftstore

import (
	"apportion/raftstore/datadir"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestSnapshotIsTheState: Raft finds one snapshot, the last checkpoint, with a body that names its index.
func TestSnapshotIsTheState(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	defer mustClose(t, s)
	store := &snapshots{state: s.state, checkpoints: s.checkpoints}
	if list, err := store.List(); err != nil || len(list) != 0 {
		t.Fatalf("a new store has snapshots: %v, %v", list, err)
	}
	for range 2 {
		mustDo(t, s, refresh("A", 1))
		if err := s.Checkpoint(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := store.List()
	if err != nil || len(list) != 1 || list[0].Index != s.checkpoints.checkpointIndex() ||
		len(list[0].Configuration.Servers) != 1 {
		t.Fatalf("got %+v, %v", list, err)
	}
	_, reader, err := store.Open(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil || int64(len(body)) != list[0].Size {
		t.Fatalf("a body of %d bytes, want %d: %v", len(body), list[0].Size, err)
	}
	if _, _, err := store.Open("another"); err == nil {
		t.Fatal("opened a snapshot that does not exist")
	}
	checkRestore(t, &fsm{applier: s.applier, checkpoints: s.checkpoints}, body, list[0].Index)
}

// checkRestore demands that Restore accepts only a snapshot of the state on disk.
func checkRestore(t *testing.T, machine *fsm, body []byte, index uint64) {
	t.Helper()
	f := func(what string, body []byte, want error) {
		t.Helper()
		if err := machine.Restore(io.NopCloser(bytes.NewReader(body))); !errors.Is(err, want) {
			t.Fatalf("restore %s: got %v, want %v", what, err, want)
		}
	}
	f("the state on disk", body, nil)
	f("a later state", appendSnapshotBody(nil, index+1), ErrInconsistent)
	f("nothing", nil, ErrFormat)
	f("a newer format", append([]byte{snapshotBodyVersion + 1}, body[1:]...), ErrFormat)
	f("a body too long", make([]byte, 10*snapshotBodyBytesMax), ErrFormat)
}

// silent keeps Pebble's messages out of a test's output.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

// TestStateOfSomethingElse: a database with rows but without an applied row is refused, not used as a new store.
func TestStateOfSomethingElse(t *testing.T) {
	fs := vfs.NewMem()
	cfg := testConfig(fs).withDefaults()
	p := datadir.NewPaths(fs, cfg.Dir)
	db, err := pebble.Open(p.State, &pebble.Options{FS: fs, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("foreign"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), cfg); !errors.Is(err, ErrFormat) {
		t.Fatalf("got %v, want ErrFormat", err)
	}
}

// TestFullDisk: while checkpoints fail, they are not repeated at each entry.
func TestFullDisk(t *testing.T) {
	var full atomic.Bool
	var attempts atomic.Int64
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpCreate && strings.Contains(op.Path, "ingest") {
			attempts.Add(1)
			return errorfs.ErrInjected
		}
		return nil
	}))
	cfg := testConfig(fs)
	cfg.checkpointLogBytes = 200
	full.Store(true)
	start := time.Now()
	s := openReady(t, cfg)
	defer mustClose(t, s)
	for range 300 {
		mustDo(t, s, refresh("A", 1))
	}
	eventually(t, "an attempt", func() bool { return attempts.Load() > 0 })
	if got, took := attempts.Load(), time.Since(start); got < 1 || got > 1+int64(took/checkpointRetryInterval) {
		t.Fatalf("%d attempts in %s, want one each %s", got, took, checkpointRetryInterval)
	}
	if s.applier.logBytes.Load() < 300*20 {
		t.Fatal("a failed checkpoint has forgotten how much log there is")
	}
}

// TestNoGoroutineIsLeft: a closed store has no goroutines.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	s := openReady(t, testConfig(vfs.NewMem()))
	mustDo(t, s, refresh("A", 1))
	mustClose(t, s)
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}
