package raftstore

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"apportion/raftstore/durable"
	"apportion/raftstore/history"
	"apportion/raftstore/statedb"
)

// keptDir returns the directory of a kept checkpoint.
func (p *past) keptDir(index uint64) string {
	p.t.Helper()
	for _, name := range p.stateDirs() {
		if k, ok := history.ParseName(name); ok && k.Index == index {
			return p.cfg.FS.PathJoin(p.paths.History, name)
		}
	}
	p.t.Fatalf("the state of %d is not kept", index)
	return ""
}

func half(data []byte) []byte { return data[:len(data)/2] }

// damages calls f with each kind of damage to each file of a kept checkpoint.
func damages(t *testing.T, fs vfs.FS, dir string, f func(what string, do func(dir string))) {
	t.Helper()
	sizes, err := durable.FileSizes(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range sizes {
		if name == statedb.ManifestName || name == statedb.LockName {
			continue
		}
		of := func(how func([]byte) []byte) func(string) {
			return func(dir string) { rewrite(t, fs, fs.PathJoin(dir, name), how) }
		}
		f("no "+name, func(dir string) {
			if err := fs.Remove(fs.PathJoin(dir, name)); err != nil {
				t.Fatal(err)
			}
		})
		f("more of "+name, of(func(data []byte) []byte { return append(data, 0) }))
		if size > 0 {
			f("half of "+name, of(half))
			f("a flip in "+name, of(flip(int(size)/3)))
		}
	}
}

// TestKeptDamage: after any damage to a file of a kept checkpoint, a replay from it fails with the reason, and the
// checkpoint is dropped. The next replay begins at the checkpoint before it, and nothing else is affected.
func TestKeptDamage(t *testing.T) {
	var logged bytes.Buffer
	fs := vfs.NewMem()
	p := openPast(t, fs, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	p.churn(1)
	tried := 0
	for n := 2; ; n++ {
		p.churn(n)
		kept := p.indexes()
		last, before := kept[len(kept)-1], kept[len(kept)-2]
		at := 0
		var damage func(dir string)
		what := ""
		damages(t, fs, p.keptDir(last), func(name string, do func(dir string)) {
			if at++; at == tried+1 {
				what, damage = name, do
			}
		})
		if damage == nil {
			break
		}
		tried++
		damage(p.keptDir(last))
		errorsBefore := p.faults()
		r, other := p.record(last), p.record(last)
		logged.Reset()
		for _, r := range []*Recording{r, other} {
			if _, err := r.Load(t.Context(), func() {}); !errors.Is(err, ErrHistoryDamaged) {
				t.Errorf("%s: %v, want ErrHistoryDamaged", what, err)
			}
		}
		if lines := strings.Count(logged.String(), "damaged and was dropped"); lines != 1 ||
			p.faults() != errorsBefore+1 {
			t.Errorf("%s: %d lines were logged", what, lines)
		}
		if got := p.indexes(); !slices.Equal(got, kept[:len(kept)-1]) {
			t.Fatalf("%s: kept %v, want %v without the last", what, got, kept)
		}
		if err := errors.Join(r.Close(), other.Close()); err != nil {
			t.Fatal(err)
		}
		if names := p.stateDirs(); len(names) != len(kept)-2 {
			t.Fatalf("%s: %d states in %v", what, len(kept)-2, names)
		}
		if base := p.replay(last, math.MaxInt64); base.Index != before {
			t.Errorf("%s: the next replay begins at %d, want %d", what, base.Index, before)
		}
	}
	if tried < 12 { // four kinds for each of at least three files: Pebble decides the number of tables
		t.Errorf("only %d damages were tried", tried)
	}
}

// TestKeptOfOtherState: a directory with intact files of another checkpoint. The manifest shows it at a start; without
// a manifest the applied row shows it.
func TestKeptOfOtherState(t *testing.T) {
	for _, withList := range []bool{true, false} {
		fs := vfs.NewMem()
		p := openPast(t, fs, nil)
		p.hour(1)
		p.hour(2)
		kept := p.indexes()
		wrong := p.keptDir(kept[2])
		if err := fs.RemoveAll(wrong); err != nil {
			t.Fatal(err)
		}
		if ok, err := vfs.Clone(fs, fs, p.keptDir(kept[1]), wrong); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if !withList {
			if err := fs.Remove(fs.PathJoin(wrong, statedb.ManifestName)); err != nil {
				t.Fatal(err)
			}
		}
		p.reopen()
		if !withList {
			r := p.record(kept[2])
			if _, err := r.Load(t.Context(), func() {}); !errors.Is(err, ErrHistoryDamaged) {
				t.Errorf("without a list: %v, want ErrHistoryDamaged", err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.indexes(); !slices.Equal(got, kept[:2]) {
			t.Errorf("kept %v, want %v", got, kept[:2])
		}
	}
}

// TestKeptWithDamagedList: a start reads the manifests, and drops a checkpoint with a damaged manifest.
func TestKeptWithDamagedList(t *testing.T) {
	for what, how := range map[string]func([]byte) []byte{"a flip": flip(40), "half": half,
		"nothing": func([]byte) []byte {
			return nil
		}} {
		fs := vfs.NewMem()
		p := openPast(t, fs, nil)
		p.hour(1)
		p.hour(2)
		kept := p.indexes()
		rewrite(t, fs, fs.PathJoin(p.keptDir(kept[1]), statedb.ManifestName), how)
		p.reopen()
		if got := p.indexes(); !slices.Equal(got, []uint64{0, kept[2]}) {
			t.Errorf("%s: kept %v, want %v without the second", what, got, kept)
		}
		if names := p.stateDirs(); len(names) != 1 || p.faults() != 1 {
			t.Errorf("%s: %v are left, and %d faults counted", what, names, p.faults())
		}
		p.replay(kept[2], math.MaxInt64)
	}
}

// TestKeptWithoutList: checkpoints of a version without manifests can be replayed. Their applied row, the content of
// the rows, and the tables' own checksums show damage.
func TestKeptWithoutList(t *testing.T) {
	fs := vfs.NewMem()
	p := openPast(t, fs, nil)
	for n := range 4 {
		p.churn(n)
	}
	for _, index := range p.indexes()[1:] {
		if err := fs.Remove(fs.PathJoin(p.keptDir(index), statedb.ManifestName)); err != nil {
			t.Fatal(err)
		}
	}
	p.reopen()
	kept := p.indexes()
	if len(kept) != 5 {
		t.Fatalf("kept %v, want all five", kept)
	}
	for _, index := range kept {
		if base := p.replay(index, math.MaxInt64); base.Index != index {
			t.Errorf("a replay from %d began at %d", index, base.Index)
		}
	}
	p.churn(5) // reads the tables that it shares with them, for its manifest
	for _, index := range p.indexes() {
		p.replay(index, math.MaxInt64)
	}
	tried := 0
	damages(t, fs, p.keptDir(kept[2]), func(what string, do func(dir string)) {
		if !strings.Contains(what, " MANIFEST") && !strings.HasSuffix(what, ".sst") || strings.HasPrefix(what, "more") {
			return // Pebble does not need the other files, or does not read additional bytes
		}
		tried++
		dir := p.keptDir(kept[2])
		saved := fs.PathJoin(p.paths.Dir, "saved")
		if ok, err := vfs.Clone(fs, fs, dir, saved); !ok || err != nil {
			t.Fatal(ok, err)
		}
		do(dir)
		p.reopen() // finds the files as they are now
		r := p.record(kept[2])
		if _, err := r.Load(t.Context(), func() {}); err == nil {
			t.Errorf("%s: the state was loaded", what)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(fs.RemoveAll(dir), fs.Rename(saved, dir)); err != nil {
			t.Fatal(err)
		}
		p.reopen()
	})
	if tried < 6 {
		t.Errorf("only %d damages were tried", tried)
	}
}

// TestKeptTablesAreReadOnce: for a new manifest, tables of an earlier checkpoint are not read again.
func TestKeptTablesAreReadOnce(t *testing.T) {
	var opened atomic.Int64
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpOpen && strings.Contains(op.Path, "history/new") && statedb.IsTable(op.Path) {
			opened.Add(1)
		}
		return nil
	}))
	p := openPast(t, fs, func(c *Config) { c.stateTableBytes = 4000 })
	p.churn(1)
	if first := opened.Swap(0); first < 4 {
		t.Fatalf("%d tables were read for the first state, the test shows nothing", first)
	}
	p.hour(2)
	if second := opened.Load(); second == 0 || second > 3 {
		t.Errorf("%d tables were read for the second state, want those of its own checkpoint", second)
	}
	p.replay(p.indexes()[2], math.MaxInt64)
}
