//go:build !race

package engine_test

import (
	"fmt"
	"testing"

	"apportion/engine"
)

// The race detector allocates, so these tests run without it.

// TestAllocateAllocations measures many commands: memory comes in chunks, so that a command allocates nothing on
// average.
func TestAllocateAllocations(t *testing.T) {
	e := stockedEngine(t, 1000, 5, bigStock)
	countChanges(t, e)
	a := newAllocator(1000)
	for range 100_000 {
		a.apply(e)
	}
	if allocs := testing.AllocsPerRun(100_000, func() { a.apply(e) }); allocs != 0 {
		t.Errorf("an Allocate allocates %v times on the heap", allocs)
	}
	a.check(t)
}

// TestPlannedAllocateAllocations is TestAllocateAllocations for lines with a rule's plan.
func TestPlannedAllocateAllocations(t *testing.T) {
	const orders = 20_000
	e := stockedEngine(t, 1, 5, bigStock)
	mustApply(t, e, 2, &engine.PutRule{Name: "r", Source: "s", Hooks: []engine.RuleHook{engine.HookSelect}})
	mustApply(t, e, 2, &engine.ActivateRule{Name: "r", Hook: engine.HookSelect, FailuresMax: 1})
	env := engine.Envelope{RulesIndex: e.Rules().Index(), Plans: []engine.PlannedLine{{Rule: "r", Version: 1,
		Outcome: engine.PlanCandidates, Candidates: []engine.PlannedCandidate{
			{Tags: []engine.Tag{tag("Channel", "v1")}, Max: 1}, {Tags: []engine.Tag{tag("Channel", "v2")}, Keep: 3}}}}}
	commands := make([][]byte, 2*orders+1) // AllocsPerRun makes one call more
	for i := range commands {
		commands[i] = engine.AppendCommand(nil, &env, &engine.Allocate{OrderID: fmt.Sprint("o", i),
			Lines: []engine.AllocateLine{
				{ItemID: "1", UPC: benchUPC(0), Location: "X", Quantity: 2, Tags: []engine.Tag{tag("Channel", "v0")}}}})
	}
	var dst []byte
	next := 0
	apply := func() {
		dst = e.Apply(uint64(3+next), benchNowMS, commands[next], dst[:0])
		next++
	}
	for range orders {
		apply()
	}
	if allocs := testing.AllocsPerRun(orders, apply); allocs != 0 {
		t.Errorf("a planned Allocate allocates %v times on the heap", allocs)
	}
	var r engine.Result
	if err := engine.DecodeResult(dst, &r); err != nil || r.Code != engine.CodeOK || len(r.Lines[0].Parts) != 2 {
		t.Fatalf("the last allocate answers %+v, %v", r, err)
	}
}

func TestReadAllocations(t *testing.T) {
	e := stockedEngine(t, 1000, 5, bigStock)
	var v engine.RecordView
	upc := benchUPC(17)
	if allocs := testing.AllocsPerRun(1000, func() { e.ReadRecord(upc, "X", &v) }); allocs != 0 {
		t.Errorf("a ReadRecord allocates %v times on the heap", allocs)
	}
	if v.OnHand != 5*bigStock {
		t.Errorf("the record reads %+v", v)
	}

	keys := make([]engine.RecordKey, 0, 500)
	after := engine.RecordKey{Location: "X", UPC: benchUPC(17)}
	if allocs := testing.AllocsPerRun(1000, func() { keys = e.RecordsAfter(after, 500, keys[:0]) }); allocs != 0 {
		t.Errorf("a page of records allocates %v times on the heap", allocs)
	}
	if len(keys) != 500 || keys[0].UPC != benchUPC(18) {
		t.Errorf("the page has %d records", len(keys))
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
