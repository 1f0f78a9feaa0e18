package raftstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// countingPacer counts the rests of a checkpoint.
type countingPacer struct{ rests int }

func (p *countingPacer) yield()             {}
func (p *countingPacer) rest(time.Duration) { p.rests++ }

// TestCheckpointRests: a checkpoint rests after each slice, unless a caller waits for it, or the next checkpoint is
// already due.
func TestCheckpointRests(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.checkpointSliceBytes = 100
	w := newBench(t, cfg)
	f := func(what string, prepare, end func(), wantRests bool) {
		t.Helper()
		p := &countingPacer{}
		w.checkpoints.pacer = p
		for i := range 50 {
			w.apply(refresh(fmt.Sprint("U", i), 10))
		}
		prepare()
		w.checkpoint()
		end()
		if (p.rests > 1) != wantRests {
			t.Errorf("%s: it rested %d times", what, p.rests)
		}
	}
	nothing := func() {}
	f("in the background", nothing, nothing, true)
	f("a caller waits", func() { w.checkpoints.waiting.Add(1) }, func() { w.checkpoints.waiting.Add(-1) }, false)
	usual := w.checkpoints.logBytesMax
	f("the log is long", func() { w.checkpoints.logBytesMax = 0 }, func() { w.checkpoints.logBytesMax = usual }, false)
	f("again in the background", nothing, nothing, true)
}
