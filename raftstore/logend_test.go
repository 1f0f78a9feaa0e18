package raftstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/datadir"
	"apportion/wal"
)

// TestLostLogEnd: after some damage, the last file of the log seems to have a torn tail. Only the note beside the log
// shows the damage.
func TestLostLogEnd(t *testing.T) {
	origin := filepath.Join(t.TempDir(), "origin")
	cfg := testConfig(vfs.Default)
	cfg.Dir = origin
	s := openReady(t, cfg)
	for entry := range 100 {
		b := s.NewBatch()
		for i := range 20 {
			b.Append(nil, refresh(fmt.Sprint("U", entry, "-", i, strings.Repeat("x", 40)), int64(i)))
		}
		if err := s.Do(time.Now().Add(patience), b); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the end is noted", func() bool {
		noted, _, err := datadir.ReadLogEnd(cfg.FS, s.paths.LogEnd)
		return err == nil && noted == s.AppliedIndex()
	})
	killed := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(killed, os.DirFS(origin)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)

	f := func(name string, damage func(log []byte) []byte, want string) {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(vfs.Default)
			cfg.Dir = filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(cfg.Dir, os.DirFS(killed)); err != nil {
				t.Fatal(err)
			}
			path := lastLogFile(t, cfg.Dir)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(bytes.TrimRight(before, "\x00")), 0o600); err != nil {
				t.Fatal(err)
			}
			var problems []string
			_, err = verifyFS(context.Background(), cfg.FS, cfg.Dir, func(problem string) {
				problems = append(problems, problem)
			})
			if said := fmt.Sprint(err, problems); (want == "") != (err == nil && problems == nil) ||
				!strings.Contains(said, want) {
				t.Errorf("verify says %s, want %q", said, want)
			}
			for range 2 { // a second start refuses it too
				s, err := Open(context.Background(), cfg)
				if want == "" && err == nil {
					mustClose(t, s)
					break
				}
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), want) || want == "" {
					t.Fatalf("open: %v, want %q", err, want)
				}
			}
		})
	}
	const lost = "the entries between them are lost"
	f("none", func(log []byte) []byte { return log }, "")
	f("cut in the middle", func(log []byte) []byte { return log[:len(log)/2] }, lost)
	f("cut at the very end", func(log []byte) []byte { return log[:len(log)-1] }, lost)
	f("cut to nothing", func(log []byte) []byte { return nil }, lost)
	f("zeros from the middle on", func(log []byte) []byte {
		clear(log[len(log)/2:])
		return log
	}, lost)
	for _, every := range []int{16 << 10, 4 << 10, 1 << 10} { // the first leave valid chunks that prove the damage
		f(fmt.Sprintf("a flip every %d bytes of the last 200 KB", every), func(log []byte) []byte {
			for at := max(0, len(log)-200<<10); at < len(log); at += every {
				log[at] ^= 0x10
			}
			return log
		}, "damaged data")
	}
	f("a flip in the last entry", func(log []byte) []byte {
		log[len(log)-20] ^= 0x10
		return log
	}, lost)
}

// lastLogFile returns the newest file of the log.
func lastLogFile(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no log file: %v", err)
	}
	return paths[len(paths)-1]
}

// TestLogEndOfOldVersion: a directory with no note, or a damaged one, opens, and gets a new note.
func TestLogEndOfOldVersion(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	s := openReady(t, cfg)
	mustDo(t, s, refresh("A", 1))
	mustClose(t, s)
	noted := func() uint64 {
		noted, _, err := datadir.ReadLogEnd(cfg.FS, s.paths.LogEnd)
		if err != nil {
			t.Fatal(err)
		}
		return noted
	}
	want := noted()
	if want == 0 {
		t.Fatal("an orderly end noted nothing")
	}
	for _, damage := range []func() error{
		func() error { return cfg.FS.Remove(s.paths.LogEnd) },
		func() error {
			f, err := cfg.FS.Create(s.paths.LogEnd, vfs.WriteCategoryUnspecified)
			if err == nil {
				_, err = f.Write(bytes.Repeat([]byte{1}, 100))
			}
			return err
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		cfg.Metrics = nil
		mustClose(t, openReady(t, cfg))
		if got := noted(); got != want {
			t.Errorf("noted %d, want %d", got, want)
		}
	}
}

// TestLogEndIsNotAhead: in a busy store, the log always has the noted entry. The crash tests and the simulation show
// the same after each crash.
func TestLogEndIsNotAhead(t *testing.T) {
	cfg := testConfig(vfs.NewCrashableMem())
	s := openReady(t, cfg)
	for i := range 300 {
		mustDo(t, s, refresh(fmt.Sprint(i), 1))
		clone := cfg.FS.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
		noted, _, err := datadir.ReadLogEnd(clone, s.paths.LogEnd)
		if err != nil {
			t.Fatal(err)
		}
		log, err := wal.Open(wal.Config{Dir: s.paths.Log, FS: clone, ReadOnly: true, Logger: cfg.Logger})
		if err != nil {
			t.Fatal(err)
		}
		if last, _ := log.LastIndex(); noted > last {
			t.Fatalf("%d is noted, and the log ends at %d", noted, last)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, s)
}
