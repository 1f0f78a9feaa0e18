package raftstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/datadir"
	"apportion/raftstore/statedb"
)

// TestDamagedState flips single bytes in all files of the state. The log is empty, so there is no other copy. Open and
// Verify return an error, or the state is unchanged.
func TestDamagedState(t *testing.T) {
	const parts = 12
	disk := vfs.NewCrashableMem()
	cfg := testConfig(disk)
	want := writeTwoLives(t, cfg)
	refused := map[string]int{} // by the extension of the file's name
	dir := datadir.NewPaths(disk, cfg.Dir).State
	names, err := disk.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for part := range int64(parts) {
			damaged := func() *vfs.MemFS {
				fs := disk.CrashClone(vfs.CrashCloneCfg{})
				flipByte(t, fs, fs.PathJoin(dir, name), part, parts)
				return fs
			}
			openErr := openAndCompare(t, damaged(), want)
			problems := verifyAndCompare(t, damaged(), want)
			if (openErr == nil) != (problems == "") || t.Failed() {
				t.Fatalf("%s, a byte at %d/%d: Open %v, Verify %q", name, part, parts, openErr, problems)
			}
			if openErr == nil {
				continue
			}
			if !errors.Is(openErr, ErrCorrupt) && !errors.Is(openErr, ErrInconsistent) {
				t.Errorf("%s, a byte at %d/%d: %v, want ErrCorrupt or ErrInconsistent", name, part, parts, openErr)
			}
			refused[kindOf(name)]++
		}
	}
	t.Logf("refused: %v", refused)
	if refused["sst"] == 0 || refused["MANIFEST"] == 0 {
		t.Fatal("damage to a table or to the manifest was never noticed")
	}
}

// writeTwoLives fills a store in two runs with two checkpoints each and returns the hash of its state.
func writeTwoLives(t *testing.T, cfg Config) (hash [32]byte) {
	for life := range 2 {
		cfg.Metrics = nil
		s := openReady(t, cfg)
		for i := range 40 {
			upc := fmt.Sprint("U", life, "-", i)
			mustDo(t, s, refresh(upc, 10))
			mustDo(t, s, allocate("order of "+upc, upc, 3))
			if i == 20 || i == 39 {
				if err := s.Checkpoint(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		hash = hashOf(s)
		mustClose(t, s)
	}
	return hash
}

// openAndCompare returns the error of Open. Without an error, the state must be the expected one.
func openAndCompare(t *testing.T, fs vfs.FS, want [32]byte) error {
	t.Helper()
	s, err := Open(context.Background(), testConfig(fs))
	if err != nil {
		return err
	}
	defer mustClose(t, s)
	if err := s.WaitReady(context.Background()); err != nil {
		t.Error(err)
	}
	if hashOf(s) != want {
		t.Error("the store serves another state without an error")
	}
	return nil
}

func verifyAndCompare(t *testing.T, fs vfs.FS, want [32]byte) (problems string) {
	t.Helper()
	summary, err := verifyFS(context.Background(), fs, testConfig(fs).Dir, func(problem string) { problems += problem })
	if err != nil {
		return problems + err.Error()
	}
	if problems == "" && summary.Hash != want {
		t.Error("verify finds another state and nothing wrong with it")
	}
	return problems
}

func kindOf(name string) string {
	if kind, _, ok := strings.Cut(name, "-"); ok {
		return kind
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

// flipByte changes the byte at part/parts of a file, unless it is empty.
func flipByte(t *testing.T, fs vfs.FS, path string, part, parts int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == 0 {
		return
	}
	var b [1]byte
	at := info.Size() * part / parts
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x40
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedArchive: a running store finds damage in the row of an archived order. This look-up fails, the damage is
// logged, and other look-ups succeed.
func TestDamagedArchive(t *testing.T) {
	const orders = 2000
	fs := vfs.NewMem()
	var logged bytes.Buffer
	c := statedb.Config{
		FS: fs, Dir: "state", IngestDir: "ingest", Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		OnFatal: func(msg string) { panic("FATAL: " + msg) },
	}
	id := func(i int) string { return fmt.Sprintf("o%06d", i) }
	row := func(i int) []byte {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		return fmt.Appendf(nil, "%x%x%x%x", rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64())
	}
	s := mustOpenState(t, c)
	tables, err := s.NewTableWriter(raft.SnapshotMeta{Index: 7, Term: 1}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range orders {
		if err := tables.Row(engine.RowSet, engine.ArchivedKey(nil, id(i)), row(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tables.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ingest(context.Background(), tables); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			flipByte(t, fs, fs.PathJoin(c.Dir, name), 1, 2)
		}
	}

	s = mustOpenState(t, c)
	refused := 0
	for i := range orders {
		got, found, err := s.ArchivedRow(nil, id(i))
		switch {
		case errors.Is(err, ErrCorrupt):
			refused++
		case err != nil || !found || !bytes.Equal(got, row(i)):
			t.Fatalf("order %d: %q, %v, %v", i, got, found, err)
		}
	}
	if refused == 0 || refused > orders/2 {
		t.Errorf("%d of %d look-ups were refused, want those of one block", refused, orders)
	}
	if !strings.Contains(logged.String(), "damaged data") {
		t.Errorf("the damage was not logged:\n%s", logged.String())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustOpenState(t *testing.T, c statedb.Config) *statedb.DB {
	t.Helper()
	s, err := statedb.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rewrite changes the bytes of a file.
func rewrite(t testing.TB, fs vfs.FS, path string, change func(data []byte) []byte) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	f, err = fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(change(data))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func flip(at int) func(data []byte) []byte {
	return func(data []byte) []byte {
		data[at] ^= 0x40
		return data
	}
}
