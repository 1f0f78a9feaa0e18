package raftstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// TestSnapshotIsTheState: Raft finds one snapshot, that of the last checkpoint, and a body that names its index.
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
	if err != nil || len(list) != 1 || list[0].Index != s.checkpoints.coveredIndex() ||
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

// checkRestore: a snapshot restores only a state that is there already.
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

func TestCoverRow(t *testing.T) {
	meta := raft.SnapshotMeta{Version: 1, ID: "2-7", Index: 7, Term: 2}
	row, err := appendCover(nil, meta)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeCover(row); err != nil || got.Index != 7 || got.Term != 2 || got.ID != "2-7" {
		t.Fatalf("got %+v, %v", got, err)
	}
	f := func(what string, want error, damage func(row []byte) []byte) {
		t.Helper()
		if _, err := decodeCover(damage(bytes.Clone(row))); !errors.Is(err, want) {
			t.Fatalf("%s: got %v, want %v", what, err, want)
		}
	}
	f("empty", ErrFormat, func([]byte) []byte { return nil })
	f("a newer version", ErrFormat, func(row []byte) []byte { row[0]++; return row })
	f("a flipped bit", ErrInconsistent, func(row []byte) []byte { row[len(row)-3] ^= 1; return row })
	f("cut off", ErrInconsistent, func(row []byte) []byte { return row[:len(row)-1] })
}

// TestStateOfSomethingElse: rows without a cover row are not taken for a new store.
func TestStateOfSomethingElse(t *testing.T) {
	fs := vfs.NewMem()
	cfg := testConfig(fs).withDefaults()
	p := newPaths(fs, cfg.Dir)
	state, err := openState(stateConfig{
		fs: fs, dir: p.state, ingestDir: p.ingest, logger: slog.New(slog.DiscardHandler), onFatal: cfg.OnFatal,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := state.db.Set([]byte("foreign"), nil, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(state.db.Flush(), state.close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), cfg); !errors.Is(err, ErrFormat) {
		t.Fatalf("got %v, want ErrFormat", err)
	}
}

// TestFullDisk: while checkpoints fail, they are not tried at each entry.
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
	cfg.CheckpointLogBytes = 200
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

// TestNoGoroutineIsLeft after a store was closed.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	s := openReady(t, testConfig(vfs.NewMem()))
	mustDo(t, s, refresh("A", 1))
	mustClose(t, s)
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}
