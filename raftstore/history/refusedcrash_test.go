package history

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"apportion/raftstore/durable"
)

// TestRefusalsCrash crashes at the k-th change on disk, for every k. A reader reports lost refusals as a gap, and never
// a refusal that did not happen.
func TestRefusalsCrash(t *testing.T) {
	for at := int64(1); ; at++ {
		rng := rand.New(rand.NewPCG(uint64(at), 1))
		config := vfs.CrashCloneCfg{UnsyncedDataPercent: int(at%3) * 40, RNG: rng}
		mem := vfs.NewCrashableMem()
		if err := errors.Join(mem.MkdirAll("/history", durable.DirPermissions), durable.SyncDir(mem, "/")); err != nil {
			t.Fatal(err)
		}
		var flushed, atCrash []string
		var crash *vfs.MemFS
		changes := int64(0)
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				if changes++; changes == at {
					atCrash, crash = slices.Clone(flushed), mem.CrashClone(config)
				}
			}
			return nil
		}))
		var all []string
		for life := range 3 {
			r := newTestRefusals(t, fs, uint64(life*10))
			r.segmentBytes = 150
			for i := life * 10; i < life*10+8; i++ {
				r.refuse(uint64(i), fmt.Sprint("o", i))
				all = append(all, fmt.Sprintf("o%d@%d", i, i))
				if i%3 > 0 {
					r.flush()
					flushed = slices.Clone(all)
				}
			}
			r.close()
			flushed = slices.Clone(all)
		}
		if crash == nil {
			t.Logf("%d changes on disk", at)
			return
		}
		checkCrashedRefusals(t, crash, all, atCrash, fmt.Sprintf("crash at %d, %d%%", at, config.UnsyncedDataPercent))
	}
}

func checkCrashedRefusals(t *testing.T, fs *vfs.MemFS, all, flushed []string, name string) {
	t.Helper()
	r := newTestRefusals(t, fs, 99)
	since, gap := r.since(), false
	got := slices.DeleteFunc(told(t, r, 0), func(s string) bool {
		if strings.HasPrefix(s, "gap@") {
			gap = true
			return true
		}
		return false
	})
	rest := all
	for _, order := range got {
		at := slices.Index(rest, order)
		if at < 0 {
			t.Fatalf("%s: %v is told, of %v", name, got, all)
		}
		rest = rest[at+1:]
	}
	for _, order := range flushed {
		var number, index uint64
		if _, err := fmt.Sscanf(order, "o%d@%d", &number, &index); err != nil {
			t.Fatal(err)
		}
		if !gap && !slices.Contains(got, order) && index >= since.Index {
			t.Fatalf("%s: %s was written, is not told and not missed: %v since %v", name, order, got, since)
		}
	}
	r.refuse(100, "new")
	if got := told(t, r, 0); got[len(got)-1] != "new@100" {
		t.Errorf("%s: %v", name, got)
	}
	r.close()
	r = newTestRefusals(t, fs.CrashClone(vfs.CrashCloneCfg{}), 100)
	r.close()
}
