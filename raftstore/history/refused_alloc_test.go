//go:build !race

package history

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// TestRefusalAllocations: the record of a refusal allocates nothing, even for a repeated refusal, or one above the
// rate.
func TestRefusalAllocations(t *testing.T) {
	r := newTestRefusals(t, vfs.NewMem(), 0)
	defer r.close()
	c := order("order-0001", "U", 1)
	i := uint64(0)
	for _, test := range []struct {
		name string
		step uint64
	}{{"recorded", 1}, {"repeated", 0}} {
		f := func() {
			i += test.step
			r.record(place(i), engine.CodeInsufficient, c)
		}
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", test.name, n)
		}
	}
	if len(r.mu.frames) < 1000*frameHeaderBytes || r.metrics.refusalsRepeated.Get() < 1000 || r.mu.lost.count > 0 {
		t.Fatalf("%d bytes recorded, %d repeated, %d lost", len(r.mu.frames), r.metrics.refusalsRepeated.Get(),
			r.mu.lost.count)
	}
	r.mu.budget, r.mu.paidMS = 0, place(1_000_000).TimeMS
	if n := testing.AllocsPerRun(1000, func() {
		r.record(place(2_000), engine.CodeInsufficient, c)
	}); n != 0 || r.mu.lost.count < 1000 {
		t.Errorf("too fast: %v allocations, %d lost", n, r.mu.lost.count)
	}
	// The writer reuses its buffers.
	spare, frames := cap(r.files.spare), cap(r.mu.frames)
	r.flush()
	r.flush()
	if spare != cap(r.files.spare) || frames != cap(r.mu.frames) {
		t.Error("the buffers were allocated again")
	}
}
