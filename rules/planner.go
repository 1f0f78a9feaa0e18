package rules

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"apportion/engine"
)

// State is what the planner reads of the engine. All of it may be called at any time.
type State interface {
	Rules() *engine.RuleSet
	Schema() *engine.Schema
	ReadRecord(upc, location string, v *engine.RecordView) bool
}

// RequestSteps bounds the steps that the rules of one request may take over all of its lines: some 100 ms at worst. The
// lines behind that are answered as if their rule had failed.
const RequestSteps = 2_000_000

// ErrDeadline says that a request's time was up before all of its lines were planned.
var ErrDeadline = errors.New("rules: the time was up before the order was planned")

// Planner asks the rules that are active, before the log. Its methods may be called from any goroutine.
type Planner struct {
	state   State
	suspend func(engine.SuspendRule)
	limits  Limits

	asked   atomic.Pointer[askedRules]
	schema  atomic.Pointer[knownSchema]
	scratch sync.Pool // of *planScratch
	mu      sync.Mutex

	counters Counters
}

// Counters count what the planner did.
type Counters struct {
	Calls    atomic.Int64 // of select
	Refused  atomic.Int64 // lines that a rule refused
	Failed   atomic.Int64 // calls in which a rule failed
	Fallback atomic.Int64 // lines for which no rule was asked because it is suspended, or the request's steps were used up
	Steps    atomic.Int64
}

// askedRules is the programs of what is active in one set of rules.
type askedRules struct {
	set      *engine.RuleSet
	programs map[uint64]*askedRule // by activation
}

type askedRule struct {
	program  *Program
	fault    string // why there is no program
	failures atomic.Int64
}

type knownSchema struct {
	engine *engine.Schema
	rules  *Schema
}

type planScratch struct {
	view   engine.RecordView
	record Record
	item   Item
}

// NewPlanner makes a planner. suspend is called when an activation has failed as often in a row as it may, on the goroutine of
// the request; it must not wait.
func NewPlanner(state State, limits Limits, suspend func(engine.SuspendRule)) *Planner {
	p := &Planner{state: state, suspend: suspend, limits: limits}
	p.scratch.New = func() any { return new(planScratch) }
	return p
}

// Counters give what the planner has done so far.
func (p *Planner) Counters() *Counters { return &p.counters }

// Plan asks the rules about the lines of an order and fills in env.RulesIndex and env.Plans. While nothing is active for
// select it costs a few loads. The only error is ErrDeadline; what is wrong with a rule is in the plan.
func (p *Planner) Plan(deadline time.Time, c *engine.Allocate, nowMS int64, env *engine.Envelope) error {
	set := p.state.Rules()
	env.RulesIndex, env.Plans = set.Index(), env.Plans[:0]
	if !set.Asked(engine.HookSelect) {
		return nil
	}
	asked := p.programs(set)
	s := p.scratch.Get().(*planScratch)
	defer p.scratch.Put(s)
	schema := p.state.Schema()
	stepsLeft := int64(RequestSteps)
	for i := range c.Lines {
		l := &c.Lines[i]
		a := set.Find(engine.HookSelect, schema, l.Location, l.UPC, l.Tags)
		if a == nil || !p.state.ReadRecord(l.UPC, l.Location, &s.view) {
			continue
		}
		if !deadline.IsZero() && time.Now().After(deadline) {
			return ErrDeadline
		}
		planned := engine.PlannedLine{Line: i, Rule: a.Rule, Version: a.Version, RecordVersion: s.view.Version}
		switch {
		case a.Suspended:
			p.fallBack(a, "suspended: "+a.Reason, &planned)
		case stepsLeft <= 0:
			p.fallBack(a, "the steps of one request are used up", &planned)
		default:
			s.record.Fill(&s.view, schema, p.schemaOf(schema))
			s.fillItem(c, l, nowMS)
			stepsLeft -= p.ask(asked.programs[a.ID], a, s, &planned)
		}
		env.Plans = append(env.Plans, planned)
	}
	return nil
}

// ask has one rule plan one line, and returns the steps that it took.
func (p *Planner) ask(rule *askedRule, a *engine.Activation, s *planScratch, planned *engine.PlannedLine) int64 {
	if rule.program == nil {
		p.failed(rule, a, rule.fault, planned)
		return 0
	}
	p.counters.Calls.Add(1)
	in := Input{Item: &s.item, Record: &s.record, Seed: ItemSeed(s.item.OrderID, s.item.ItemID)}
	plan, usage, err := rule.program.Select(context.Background(), &in)
	p.counters.Steps.Add(usage.Steps)
	switch {
	case err != nil:
		p.failed(rule, a, err.Error(), planned)
	default:
		rule.failures.Store(0)
		if plan.Refused {
			p.counters.Refused.Add(1)
		}
		plan.fill(planned)
	}
	return usage.Steps
}

// fill writes a plan as the engine reads it.
func (plan *Plan) fill(planned *engine.PlannedLine) {
	planned.Outcome = engine.PlanCandidates
	if plan.Refused {
		planned.Outcome, planned.Reason = engine.PlanRefused, plan.Reason
	}
	for _, c := range plan.Candidates {
		planned.Candidates = append(planned.Candidates, engine.PlannedCandidate{Tags: c.Tags, Keep: c.Keep, Max: c.Max})
	}
}

// failed counts a failure, and has the rule suspended when there were too many in a row. Should that be lost on its way to
// the log, it is said again after as many.
func (p *Planner) failed(rule *askedRule, a *engine.Activation, why string, planned *engine.PlannedLine) {
	p.counters.Failed.Add(1)
	why = plainReason(why)
	if n := rule.failures.Add(1); n%int64(a.FailuresMax) == 0 {
		p.suspend(engine.SuspendRule{Activation: a.ID, Failures: uint32(n), Reason: why})
	}
	setFallback(a, why, planned)
}

func (p *Planner) fallBack(a *engine.Activation, why string, planned *engine.PlannedLine) {
	p.counters.Fallback.Add(1)
	setFallback(a, plainReason(why), planned)
}

// setFallback answers as the activation's OnError says.
func setFallback(a *engine.Activation, why string, planned *engine.PlannedLine) {
	planned.Outcome, planned.Reason = engine.PlanFallback, why
	if a.OnError == engine.FallbackReject {
		planned.Outcome = engine.PlanRejected
	}
}

// plainReason makes a message fit to be kept: one line of bounded length.
func plainReason(message string) string {
	b := make([]rune, 0, len(message))
	bytes := 0
	for _, r := range message {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			r = ' '
		}
		if bytes += len(string(r)); bytes > engine.RuleReasonBytesMax {
			break
		}
		b = append(b, r)
	}
	return string(b)
}

func (s *planScratch) fillItem(c *engine.Allocate, l *engine.AllocateLine, nowMS int64) {
	s.item = Item{OrderID: c.OrderID, ItemID: l.ItemID, UPC: l.UPC, Location: l.Location, Quantity: l.Quantity, Tags: l.Tags, NowMS: nowMS}
	if len(l.Attributes) > 0 {
		s.item.Attributes = make(map[string]string, len(l.Attributes))
		for _, a := range l.Attributes {
			s.item.Attributes[a.Name] = a.Value
		}
	}
}

// ItemSeed is the seed of math.random for an order item.
func ItemSeed(orderID, itemID string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(orderID))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(itemID))
	return h.Sum64()
}

// programs gives the programs of what is active, compiled when the rules have changed.
func (p *Planner) programs(set *engine.RuleSet) *askedRules {
	if known := p.asked.Load(); known != nil && known.set == set {
		return known
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.asked.Load()
	if known != nil && known.set == set {
		return known
	}
	next := &askedRules{set: set, programs: map[uint64]*askedRule{}}
	for _, a := range set.Active() {
		if known != nil && known.programs[a.ID] != nil {
			next.programs[a.ID] = known.programs[a.ID]
			continue
		}
		next.programs[a.ID] = p.compile(set, a)
	}
	p.asked.Store(next)
	return next
}

// compile makes an activation's program. It was compiled when it was put, but maybe by another version of this package.
func (p *Planner) compile(set *engine.RuleSet, a *engine.Activation) *askedRule {
	rule, ok := set.Rule(a.Rule)
	if !ok {
		return &askedRule{fault: "the rule is gone"}
	}
	v, ok := rule.Version(a.Version)
	if !ok {
		return &askedRule{fault: "the rule's version is gone"}
	}
	program, _, err := Compile(a.Rule, v.Source, p.limits)
	if err != nil {
		return &askedRule{fault: err.Error()}
	}
	return &askedRule{program: program}
}

func (p *Planner) schemaOf(s *engine.Schema) *Schema {
	if known := p.schema.Load(); known != nil && known.engine == s {
		return known.rules
	}
	known := &knownSchema{engine: s, rules: SchemaOf(s)}
	p.schema.Store(known)
	return known.rules
}
