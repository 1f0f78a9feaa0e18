//go:build !race

package engine_test

import (
	"testing"

	"apportion/engine"
)

// The race detector allocates on its own, so these tests are not for it.

// TestAllocateDoesNotAllocate measures over many commands: memory comes in chunks, which is nothing per command.
func TestAllocateDoesNotAllocate(t *testing.T) {
	e := stockedEngine(t, 1000, 5, bigStock)
	a := newAllocator(1000)
	for range 100_000 {
		a.apply(e)
	}
	if allocs := testing.AllocsPerRun(100_000, func() { a.apply(e) }); allocs != 0 {
		t.Errorf("an Allocate allocates %v times on the heap", allocs)
	}
	a.check(t)
}

func TestReadsDoNotAllocate(t *testing.T) {
	e := stockedEngine(t, 1000, 5, bigStock)
	var v engine.RecordView
	upc := benchUPC(17)
	if allocs := testing.AllocsPerRun(1000, func() { e.ReadRecord(upc, "X", &v) }); allocs != 0 {
		t.Errorf("a ReadRecord allocates %v times on the heap", allocs)
	}
	if v.OnHand != 5*bigStock {
		t.Errorf("the record reads %+v", v)
	}

	var r engine.Result
	c := tooMuch()
	refused := true
	if allocs := testing.AllocsPerRun(1000, func() { refused = e.Refuses("", c, &r) && refused }); allocs != 0 {
		t.Errorf("a Refuses allocates %v times on the heap", allocs)
	}
	if !refused || r.Code != engine.CodeInsufficient || r.Lines[0].Available != bigStock {
		t.Errorf("the refusal is %t, %+v", refused, r)
	}
}
