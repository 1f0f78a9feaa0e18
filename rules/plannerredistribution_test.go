package rules

import (
	"fmt"
	"strings"
	"testing"

	"apportion/engine"
)

// newRedistributeHost makes a planHost that also has a redistribute rule.
func newRedistributeHost(t *testing.T, source string, onError engine.RuleFallback) *planHost {
	h := newPlanHost(t, `function select(item, record) return { {tags=item.tags} } end`, engine.FallbackDefault)
	h.do(&engine.PutRule{Name: "s", Source: source, Hooks: []engine.RuleHook{engine.HookRedistribute}})
	h.do(&engine.ActivateRule{Name: "s", Hook: engine.HookRedistribute, OnError: onError, FailuresMax: 2,
		RuleScope: engine.RuleScope{Locations: []string{"L"}}})
	return h
}

// redistribute plans and executes the waiting redistributions, and returns them as text.
func (h *planHost) redistribute(wanted ...engine.PlanWanted) string {
	h.t.Helper()
	if wanted == nil {
		wanted, _ = h.e.NextPlans(0, 10, nil)
	}
	var env engine.Envelope
	var c engine.RedistributePlan
	h.p.PlanRedistribution(wanted, &env, &c)
	if len(c.Items) == 0 {
		return ""
	}
	r := h.apply(&env, &c)
	it := c.Items[0]
	return fmt.Sprintf("%s %d action %d %v: %s, %d of %d done", it.Rule, it.RuleVersion, it.Action, it.Targets,
		it.Reason, r.Stock.Records, r.Stock.Items)
}

func TestPlanRedistribution(t *testing.T) {
	now := &engine.Redistribute{Scope: engine.Scope{All: true}, Now: true}
	for _, test := range []struct {
		body    string
		onError engine.RuleFallback
		want    string
	}{
		{`return {units = { {tags={Channel="A"}, units=4}, {tags={Channel="B"}, units=11} }, across={"Channel"}}`,
			engine.FallbackDefault,
			"s 1 action 1 [{[{Channel A}] 4} {[{Channel B}] 11}]: , 1 of 1 done"},
		{`return nil, "as it is"`, engine.FallbackDefault, "s 1 action 3 []: as it is, 1 of 1 done"},
		{`error("no")`, engine.FallbackDefault, "s 1 action 2 []: line 1: no, 1 of 1 done"},
		{`error("no")`, engine.FallbackReject, "s 1 action 3 []: line 1: no, 1 of 1 done"},
		{`return {units = {}}`, engine.FallbackReject,
			`s 1 action 3 []: result.units: is empty; to change nothing: return nil, "why", 1 of 1 done`},
	} {
		h := newRedistributeHost(t, "function redistribute(record, schema) "+test.body+" end", test.onError)
		h.do(now)
		got := h.redistribute()
		if got != test.want && !strings.Contains(test.want, "is empty") || !strings.HasPrefix(got, test.want[:12]) {
			t.Errorf("%s: %s, want %s", test.body, got, test.want)
		}
		if h.e.PlansWaiting() != 0 {
			t.Errorf("%s: %d records wait", test.body, h.e.PlansWaiting())
		}
	}
}

// TestPlanRedistributionSuspends: repeated failures suspend the rule. For records that wait, its activation decides.
func TestPlanRedistributionSuspends(t *testing.T) {
	h := newRedistributeHost(t,
		`function redistribute(record, schema) if record.onHand > 14 then error("no") end return nil, "fine" end`,
		engine.FallbackReject)
	now := &engine.Redistribute{Scope: engine.Scope{All: true}, Now: true}
	for range 2 {
		h.do(now)
		h.redistribute()
	}
	if len(h.suspended) != 1 || h.suspended[0].Failures != 2 || !strings.Contains(h.suspended[0].Reason, "no") {
		t.Fatalf("%+v", h.suspended)
	}
	h.do(now)
	h.do(&h.suspended[0])
	if got := h.redistribute(); !strings.HasPrefix(got, "s 1 action 3 []: suspended: ") {
		t.Error(got)
	}
	c := h.p.Counters(engine.HookRedistribute)
	if c.Calls.Load() != 2 || c.Failed[FailureRuntime].Load() != 2 || c.Suspended.Load() != 1 ||
		h.p.HasRedistributeRule("U", "L") {
		t.Errorf("%d calls, %d failures, %d suspended", c.Calls.Load(), c.Failed[FailureRuntime].Load(),
			c.Suspended.Load())
	}
	h.do(&engine.DeactivateRule{Name: "s"})
	if got := h.redistribute(engine.PlanWanted{UPC: "U", Location: "L"}); got != " 0 action 2 []: , 0 of 1 done" {
		t.Error(got)
	}
	if got := h.redistribute(engine.PlanWanted{UPC: "none", Location: "L"}); got != "" {
		t.Error(got)
	}
}
