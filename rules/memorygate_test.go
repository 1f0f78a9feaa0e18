package rules

import (
	"errors"
	"strings"
	"testing"
	"time"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// hungryRule uses about 6 MB for the item "hungry", and more than the limit of a call for the item "greedy".
const hungryRule = `function select(item, record)
	local rounds = ({hungry=400, greedy=4000})[item.itemId] or 0
	for i = 1, rounds do local s = string.rep("x", 15000) end
	return { {tags=item.tags} }
end`

func itemOrder(itemID string) *engine.Allocate {
	c := order(1)
	c.Lines[0].ItemID = itemID
	return c
}

// A call that uses much memory waits for the end of other such calls. Small calls do not wait. A deadline during the
// wait is not a failure of the rule.
func TestPlannerBoundsMemoryOfAllCalls(t *testing.T) {
	h := newPlanHost(t, hungryRule, engine.FallbackReject)
	h.p.gate = sandbox.NewMemoryGate(1)
	for range 5 { // each frees its place, after success or failure
		for itemID, outcome := range map[string]engine.PlanOutcome{"hungry": engine.PlanCandidates,
			"greedy": engine.PlanRejected} {
			if p := h.plan(itemOrder(itemID)).Plans[0]; p.Outcome != outcome || outcome == engine.PlanRejected &&
				!strings.Contains(p.Reason, "memory bytes") {
				t.Fatalf("%s: %+v", itemID, p)
			}
		}
	}

	if !h.p.gate.Enter(time.Time{}) {
		t.Fatal("there is no place")
	}
	if p := h.plan(itemOrder("light")).Plans[0]; p.Outcome != engine.PlanCandidates {
		t.Errorf("a call that takes little: %+v", p)
	}
	var env engine.Envelope
	soon := NewBudget(time.Now().Add(20*time.Millisecond), 1)
	if err := h.p.Plan(&soon, itemOrder("hungry"), 1, &env); !errors.Is(err, ErrDeadline) {
		t.Errorf("after the deadline: %v", err)
	}
	if p := h.plan(itemOrder("hungry")).Plans[0]; p.Outcome != engine.PlanRejected ||
		p.Reason != sandbox.ErrMemoryBusy.Error() {
		t.Errorf("without a deadline: %+v", p)
	}
	if n := h.p.counters.OverBudget.Load(); n != 1 || len(h.suspended) > 0 {
		t.Errorf("%d over the budget, %d suspended", n, len(h.suspended))
	}

	planned := make(chan engine.PlannedLine)
	go func() { planned <- h.plan(itemOrder("hungry")).Plans[0] }()
	h.p.gate.Leave()
	if p := <-planned; p.Outcome != engine.PlanCandidates {
		t.Errorf("after a place was free: %+v", p)
	}
}

// TestPlannerBoundsMemoryOfRequest: a request has a bound of its own, here with a rule that nearly reaches its memory
// bound for each line.
func TestPlannerBoundsMemoryOfRequest(t *testing.T) {
	h := newPlanHost(t, strings.Replace(hungryRule, "or 0", "or 400", 1), engine.FallbackDefault)
	plans := h.plan(order(20)).Plans
	planned := 0
	for _, p := range plans {
		if p.Outcome == engine.PlanCandidates {
			planned++
		}
	}
	if last := plans[len(plans)-1]; planned < 2 || planned > RequestMemoryBytes/6_000_000+1 ||
		last.Outcome != engine.PlanFallback || last.Reason != "the request has used up the memory of its rules" {
		t.Errorf("%d of %d lines were planned, the last one %+v", planned, len(plans), last)
	}
	if n := h.p.counters.MemoryBytes.Load(); len(h.suspended) > 0 || n < RequestMemoryBytes || n > RequestMemoryBytes+
		sandbox.MemoryBytesDefault {
		t.Errorf("%d bytes were counted, %d suspended", n, len(h.suspended))
	}
}
