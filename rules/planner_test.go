package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"apportion/engine"
)

// planHost is an engine with stock and one active rule.
type planHost struct {
	t         *testing.T
	e         *engine.Engine
	p         *Planner
	index     uint64
	suspended []engine.SuspendRule
}

func newPlanHost(t *testing.T, source string, onError engine.RuleFallback) *planHost {
	h := &planHost{t: t, e: engine.New()}
	h.p = NewPlanner(h.e, Limits{}, func(c engine.SuspendRule) { h.suspended = append(h.suspended, c) })
	h.do(&engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
		{Name: "A", Percent: engine.NoPercent, Default: true, Max: engine.NoMax}, {Name: "B", Percent: engine.NoPercent, Max: engine.NoMax}}})
	h.do(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 10}, {UPC: "U", Quantity: 5, Tags: []engine.Tag{{Category: "Channel", Value: "B"}}}}})
	h.do(&engine.PutRule{Name: "r", Source: source, Hooks: []engine.RuleHook{engine.HookSelect}})
	h.do(&engine.ActivateRule{Name: "r", Hook: engine.HookSelect, OnError: onError, FailuresMax: 3})
	return h
}

func (h *planHost) do(c engine.Command) engine.Result {
	h.t.Helper()
	return h.apply(&engine.Envelope{}, c)
}

func (h *planHost) apply(env *engine.Envelope, c engine.Command) (r engine.Result) {
	h.t.Helper()
	h.index++
	if err := engine.DecodeResult(h.e.Apply(h.index, 1, engine.AppendCommand(nil, env, c), nil), &r); err != nil {
		h.t.Fatal(err)
	}
	return r
}

func order(lines int) *engine.Allocate {
	c := &engine.Allocate{OrderID: "o", Mode: engine.ModeLine}
	for i := range lines {
		c.Lines = append(c.Lines, engine.AllocateLine{ItemID: fmt.Sprint(i), UPC: "U", Location: "L", Quantity: 3,
			Attributes: []engine.Attribute{{Name: "vip", Value: "yes"}}})
	}
	return c
}

func (h *planHost) plan(c *engine.Allocate) engine.Envelope {
	h.t.Helper()
	var env engine.Envelope
	if err := h.p.Plan(time.Time{}, c, 1, &env); err != nil {
		h.t.Fatal(err)
	}
	return env
}

func TestPlannerFillsAnOrder(t *testing.T) {
	h := newPlanHost(t, `function select(item, record)
		if item.attributes.vip ~= "yes" then return nil, "vips only" end
		return { {tags={Channel="B"}, keep=1}, {tags={Channel="A"}, max=2} }
	end`, engine.FallbackDefault)
	c := order(2)
	c.Lines[1].Attributes = nil
	env := h.plan(c)
	if len(env.Plans) != 2 || env.RulesIndex != 1 || env.Plans[1].Outcome != engine.PlanRefused || env.Plans[1].Reason != "vips only" {
		t.Fatalf("planned %+v", env)
	}
	r := h.apply(&env, c)
	if l := r.Lines[0]; l.Units != 3 || l.Rule != "r" || r.Lines[1].Code != engine.CodeRuleRefused {
		t.Errorf("answers %+v", r.Lines)
	}
	unknown := order(1)
	unknown.Lines[0].UPC = "V"
	if env := h.plan(unknown); len(env.Plans) != 0 {
		t.Errorf("a rule was asked about a record that is not there: %+v", env.Plans)
	}
}

func TestPlannerWithoutRules(t *testing.T) {
	h := newPlanHost(t, `function select(item, record) return {} end`, engine.FallbackDefault)
	h.do(&engine.DeactivateRule{Name: "r"})
	c := order(1)
	var env engine.Envelope
	if n := testing.AllocsPerRun(100, func() { _ = h.p.Plan(time.Time{}, c, 1, &env) }); n > 0 || env.RulesIndex != 2 || len(env.Plans) > 0 {
		t.Errorf("%v allocations, %+v", n, env)
	}
}

func TestPlannerFailures(t *testing.T) {
	for onError, want := range map[engine.RuleFallback]engine.PlanOutcome{
		engine.FallbackDefault: engine.PlanFallback, engine.FallbackReject: engine.PlanRejected,
	} {
		h := newPlanHost(t, `function select(item, record)
			if item.itemId == "good" then return { {tags=item.tags} } end
			while true do end
		end`, onError)
		bad, good := order(1), order(1)
		good.Lines[0].ItemID = "good"
		for _, c := range []*engine.Allocate{bad, bad, good, bad, bad} {
			h.plan(c)
		}
		if len(h.suspended) != 0 {
			t.Fatalf("suspended after two failures in a row: %+v", h.suspended)
		}
		p := h.plan(bad).Plans[0]
		if p.Outcome != want || !strings.Contains(p.Reason, "steps") || strings.ContainsAny(p.Reason, "\n\t") {
			t.Errorf("planned %+v", p)
		}
		if len(h.suspended) != 1 || h.suspended[0].Failures != 3 {
			t.Fatalf("suspended %+v", h.suspended)
		}
		h.do(&h.suspended[0])
		calls := h.p.Counters().Calls.Load()
		if p := h.plan(good).Plans[0]; p.Outcome != want || !strings.HasPrefix(p.Reason, "suspended: ") || h.p.Counters().Calls.Load() != calls {
			t.Errorf("a suspended rule planned %+v", p)
		}
	}
}

// TestPlannerBoundsARequest has a rule that comes close to its bound for each line.
func TestPlannerBoundsARequest(t *testing.T) {
	h := newPlanHost(t, `function select(item, record)
		for i = 1, 50000 do end
		return { {tags=item.tags} }
	end`, engine.FallbackDefault)
	plans := h.plan(order(1000)).Plans
	planned := 0
	for _, p := range plans {
		if p.Outcome == engine.PlanCandidates {
			planned++
		}
	}
	if last := plans[len(plans)-1]; planned < 2 || planned > RequestSteps/50_000+1 || last.Outcome != engine.PlanFallback || !strings.Contains(last.Reason, "used up") {
		t.Errorf("%d of %d lines were planned, the last one %+v", planned, len(plans), last)
	}
	if len(h.suspended) > 0 {
		t.Error("a rule was suspended for a request that was too large")
	}
	var env engine.Envelope
	if err := h.p.Plan(time.Now().Add(-time.Second), order(1), 1, &env); !errors.Is(err, ErrDeadline) {
		t.Errorf("after the deadline: %v", err)
	}
}
