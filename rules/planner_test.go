package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"apportion/engine"
)

// planHost is an engine with stock and one active rule.
type planHost struct {
	t         *testing.T
	e         *engine.Engine
	p         *Planner
	index     uint64
	suspended []engine.SuspendRule
	lose      bool // the commands that suspend a rule
}

func newPlanHost(t *testing.T, source string, onError engine.RuleFallback) *planHost {
	h := &planHost{t: t, e: engine.New()}
	h.p = NewPlanner(h.e, Limits{}, func(c engine.SuspendRule, lost func()) {
		if h.suspended = append(h.suspended, c); h.lose {
			lost()
		}
	})
	h.do(&engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
		{Name: "A", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
		{Name: "B", Percent: engine.NoPercent, Max: engine.NoMax}}})
	h.do(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 10},
		{UPC: "U", Quantity: 5, Tags: []engine.Tag{{Category: "Channel", Value: "B"}}}}})
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
	budget := NewBudget(time.Time{}, len(c.Lines))
	if err := h.p.Plan(&budget, c, 1, &env); err != nil {
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
	if len(env.Plans) != 2 || env.RulesIndex != 1 || env.Plans[1].Outcome != engine.PlanRefused ||
		env.Plans[1].Reason != "vips only" {
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
	var budget Budget
	if n := testing.AllocsPerRun(100, func() {
		_ = h.p.Plan(&budget, c, 1, &env)
	}); n > 0 || env.RulesIndex != 2 || len(env.Plans) > 0 {
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
		h.plan(bad)
		if len(h.suspended) != 1 || h.suspended[0].Failures != 3 {
			t.Fatalf("suspended %+v", h.suspended)
		}
		h.do(&h.suspended[0])
		calls := h.p.Counters(engine.HookSelect).Calls.Load()
		if p := h.plan(good).Plans[0]; p.Outcome != want || !strings.HasPrefix(p.Reason, "suspended: ") ||
			h.p.Counters(engine.HookSelect).Calls.Load() != calls {
			t.Errorf("a suspended rule planned %+v", p)
		}
	}
}

// TestPlannerBoundsRequest: a request has a bound of its own, here with a rule that nearly reaches its bound of steps
// for each line.
func TestPlannerBoundsRequest(t *testing.T) {
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
	if last := plans[len(plans)-1]; planned < 2 || planned > RequestSteps/50_000+1 ||
		last.Outcome != engine.PlanFallback || !strings.Contains(last.Reason, "used up") {
		t.Errorf("%d of %d lines were planned, the last one %+v", planned, len(plans), last)
	}
	if len(h.suspended) > 0 {
		t.Error("a rule was suspended for a request that was too large")
	}
	var env engine.Envelope
	late := NewBudget(time.Now().Add(-time.Second), 1)
	if err := h.p.Plan(&late, order(1), 1, &env); !errors.Is(err, ErrDeadline) {
		t.Errorf("after the deadline: %v", err)
	}
}

func TestPlannerCountsFailures(t *testing.T) {
	for _, tt := range []struct {
		body string
		kind Failure
	}{
		{`while true do end`, FailureLimit},
		{`error("no")`, FailureRuntime},
		{`return 1`, FailureResult},
	} {
		h := newPlanHost(t, "function select(item, record) "+tt.body+" end", engine.FallbackDefault)
		h.plan(order(2))
		for kind := range h.p.Counters(engine.HookSelect).Failed {
			want := int64(0)
			if Failure(kind) == tt.kind {
				want = 2
			}
			if got := h.p.Counters(engine.HookSelect).Failed[kind].Load(); got != want {
				t.Errorf("%s: %d failures of kind %s, want %d", tt.body, got, Failure(kind), want)
			}
		}
	}
}

// TestPlannerKeepsTexts: the log gets valid text, even if a rule returns other bytes.
func TestPlannerKeepsTexts(t *testing.T) {
	for _, body := range []string{`error("a\255\nb\237\160\128")`, `return nil, "\255"`,
		`return {{tags={["\255"]="A"}}}`, `return {{tags={Channel="A\255"}}}`, `return {{["\255"]=1}}`} {
		h := newPlanHost(t, "function select(item, record) "+body+" end", engine.FallbackReject)
		env := h.plan(order(1))
		plan := env.Plans[0]
		if plan.Outcome != engine.PlanRejected || !utf8.ValidString(plan.Reason) ||
			strings.ContainsFunc(plan.Reason, unicode.IsControl) || plan.Reason == "" {
			t.Errorf("%s is planned %+v", body, plan)
		}
		if r := h.apply(&env, order(1)); r.Lines[0].Code != engine.CodeRuleFailed {
			t.Errorf("%s: %s at %s %q", body, r.Code, r.Field, r.Value)
		}
	}
}

// TestPlannerSuspendsAgain: if a suspension is lost, the next failure suspends.
func TestPlannerSuspendsAgain(t *testing.T) {
	h := newPlanHost(t, `function select(item, record) error("no") end`, engine.FallbackDefault)
	h.lose = true
	h.plan(order(4))
	if len(h.suspended) != 2 || h.suspended[1].Failures != 4 {
		t.Errorf("suspended %+v", h.suspended)
	}
}

// TestPlannerBoundsList: the orders of one request share one bound.
func TestPlannerBoundsList(t *testing.T) {
	h := newPlanHost(t, `function select(item, record)
		for i = 1, 10000 do end
		return { {tags=item.tags} }
	end`, engine.FallbackReject)
	const orders, lines = 4, 750
	budget := NewBudget(time.Time{}, orders*lines)
	var env engine.Envelope
	for range orders {
		if err := h.p.Plan(&budget, order(lines), 1, &env); err != nil {
			t.Fatal(err)
		}
	}
	calls := h.p.Counters(engine.HookSelect).Calls.Load()
	if over := h.p.Counters(engine.HookSelect).OverBudget.Load(); calls+over != orders*lines ||
		calls > orders*lines*LineSteps/10_000+1 || calls < 100 {
		t.Errorf("%d lines were planned, %d were not", calls, over)
	}
	if last := env.Plans[lines-1]; last.Outcome != engine.PlanRejected || last.Reason == "" {
		t.Errorf("the last line is planned %+v", last)
	}
}

// TestPlannerKeepsPrograms activates one source in two scopes, and then more sources than the planner keeps.
func TestPlannerKeepsPrograms(t *testing.T) {
	h := newPlanHost(t, `function select(item, record) return {} end`, engine.FallbackDefault)
	program := func(at int) *Program {
		set := h.e.Rules()
		return h.p.programs(set).programs[set.Active()[at].ID].program
	}
	first := program(0)
	h.do(&engine.ActivateRule{Name: "r", Hook: engine.HookSelect, FailuresMax: 1,
		RuleScope: engine.RuleScope{Locations: []string{"M"}}})
	if program(1) != first {
		t.Error("two activations of a source do not share a program")
	}
	h.do(&engine.DeactivateRule{Name: "r", Hook: engine.HookSelect})
	for i := range programsKept + 2 {
		name := fmt.Sprint("s", i)
		h.do(&engine.PutRule{Name: name, Source: fmt.Sprintf("function select(item, record) return {} end -- %d", i),
			Hooks: []engine.RuleHook{engine.HookSelect}})
		h.do(&engine.ActivateRule{Name: name, Hook: engine.HookSelect, FailuresMax: 1})
		second := program(1)
		h.do(&engine.DeactivateRule{Name: name})
		program(0)
		h.do(&engine.ActivateRule{Name: name, Hook: engine.HookSelect, FailuresMax: 1})
		if program(1) != second {
			t.Fatal("a rule that is activated again was compiled again")
		}
		h.do(&engine.DeactivateRule{Name: name})
		program(0)
	}
	if n := len(h.p.mu.programs); n != programsKept+1 || n != len(h.p.mu.order) ||
		h.p.mu.programs[first.Hash()] != first {
		t.Errorf("%d programs are kept, of %d hashes", n, len(h.p.mu.order))
	}
}

// TestPlannerKeepsUploads: an activation finds the program of its upload. The planner keeps programsKept at most.
func TestPlannerKeepsUploads(t *testing.T) {
	h := newPlanHost(t, `function select(item, record) return {} end`, engine.FallbackDefault)
	source := func(i int) string { return fmt.Sprintf("function select(item, record) return {} end -- %d", i) }
	var uploaded *Program
	for i := range programsKept + 2 {
		var err error
		if uploaded, _, err = h.p.Compile("s", source(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.p.mu.programs); n != programsKept || n != len(h.p.mu.order) {
		t.Errorf("%d programs are kept, of %d hashes", n, len(h.p.mu.order))
	}
	h.do(&engine.DeactivateRule{Name: "r"})
	h.do(&engine.PutRule{Name: "s", Source: source(programsKept + 1), Hooks: []engine.RuleHook{engine.HookSelect}})
	h.do(&engine.ActivateRule{Name: "s", Hook: engine.HookSelect, FailuresMax: 1})
	set := h.e.Rules()
	if h.p.programs(set).programs[set.Active()[0].ID].program != uploaded {
		t.Error("the activated rule was compiled again")
	}
	if _, _, err := h.p.Compile("s", "x = = 1"); err == nil {
		t.Error("a source that does not compile has a program")
	}
}

// movingState changes the schema and the record just before a request reads the record, after it has found its rule.
type movingState struct {
	*engine.Engine
	move func()
}

func (s *movingState) ReadRecord(upc, location string, v *engine.RecordView) bool {
	s.move()
	return s.Engine.ReadRecord(upc, location, v)
}

func TestPlannerKnowsAllTags(t *testing.T) {
	h := newPlanHost(t, `function select(item, record)
		for i, s in ipairs(record.segments) do
			if s.tags.Colour == "red" and s.onHand == 7 then return { {tags=s.tags} } end
		end
		return nil, "not seen"
	end`, engine.FallbackReject)
	h.p.state = &movingState{h.e, func() {
		h.do(&engine.PutTagCategory{Name: "Colour", Values: []engine.Value{
			{Name: "blue", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
			{Name: "red", Percent: engine.NoPercent, Max: engine.NoMax}}})
		h.do(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 7,
			Tags: []engine.Tag{{Category: "Colour", Value: "red"}}}}})
	}}
	if p := h.plan(order(1)).Plans[0]; p.Outcome != engine.PlanCandidates || len(p.Candidates) != 1 {
		t.Errorf("planned %+v", p)
	}
}

// TestPlannerOthersGoOn: an order with endless loops does not stop orders on other goroutines.
func TestPlannerOthersGoOn(t *testing.T) {
	h := newPlanHost(t, `function select(item, record)
		while item.quantity > 3 do end
		return { {tags=item.tags} }
	end`, engine.FallbackDefault)
	h.p.suspend = func(engine.SuspendRule, func()) {}
	loops := order(1000)
	for i := range loops.Lines {
		loops.Lines[i].Quantity = 4
	}
	looped := make(chan error)
	go func() {
		var env engine.Envelope
		budget := NewBudget(time.Time{}, len(loops.Lines))
		looped <- h.p.Plan(&budget, loops, 1, &env)
	}()
	for planned := 0; ; planned++ {
		select {
		case err := <-looped:
			if err != nil || planned < 10 {
				t.Errorf("%v; %d orders were planned beside the loops", err, planned)
			}
			return
		default:
			if p := h.plan(order(1)).Plans[0]; p.Outcome != engine.PlanCandidates {
				t.Errorf("planned %+v", p)
			}
		}
	}
}
