package raftstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A checkpoint leaves the processor to others after each slice, but not while somebody waits for it, nor when the log
// has grown as long as one is made at.
func TestCheckpointRests(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.CheckpointSliceBytes = 100
	w := newBench(t, cfg)
	f := func(what string, prepare, end func(), wantRests bool) {
		t.Helper()
		rests := 0
		w.checkpoints.rest = func(time.Duration) { rests++ }
		for i := range 50 {
			w.apply(refresh(fmt.Sprint("U", i), 10))
		}
		prepare()
		w.checkpoint()
		end()
		if (rests > 1) != wantRests {
			t.Errorf("%s: it rested %d times", what, rests)
		}
	}
	nothing := func() {}
	f("in the background", nothing, nothing, true)
	f("somebody waits", func() { w.checkpoints.hurries.Add(1) }, func() { w.checkpoints.hurries.Add(-1) }, false)
	usual := w.checkpoints.logBytesMax
	f("the log is long", func() { w.checkpoints.logBytesMax = 0 }, func() { w.checkpoints.logBytesMax = usual }, false)
	f("again in the background", nothing, nothing, true)
}
