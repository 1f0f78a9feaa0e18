package rules

import (
	"context"
	"errors"
	"hash/fnv"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// State is what the planner reads of the engine. All of it may be called at any time.
type State interface {
	Rules() *engine.RuleSet
	Schema() *engine.Schema
	ReadRecord(upc, location string, v *engine.RecordView) bool
	AppliedIndex() uint64
	PlansWaiting() int64
}

// RequestSteps and LineSteps bound the steps of the rules of one request: RequestSteps, or LineSteps for each line if
// that is more. An order takes at most some 100 ms, a list of orders with 12,000 lines 600 ms. Further lines are
// answered as if their rule had failed.
//
// RequestMemoryBytes and LineMemoryBytes bound in the same way what these rules allocate, for the garbage collector's
// sake: five calls with all their memory, or 16 KB for each line.
const (
	RequestSteps = 2_000_000
	LineSteps    = 1_000

	RequestMemoryBytes = 40 << 20
	LineMemoryBytes    = 16 << 10
)

// ErrDeadline: the request's deadline passed before all of its lines were planned.
var ErrDeadline = errors.New("rules: the deadline passed before the order was planned")

// Budget is what the rules of one request may still use, for all of its orders. It belongs to the request's goroutine.
type Budget struct {
	deadline time.Time
	steps    int64
	memory   int64 // bytes
}

// NewBudget gives the budget of a request with a number of lines. The zero deadline is none.
func NewBudget(deadline time.Time, lines int) Budget {
	return Budget{deadline: deadline, steps: max(RequestSteps, int64(lines)*LineSteps),
		memory: max(RequestMemoryBytes, int64(lines)*LineMemoryBytes)}
}

// Planner asks the active rules, before the log. Its methods may be called from any goroutine.
type Planner struct {
	state   State
	suspend Suspend
	limits  Limits
	gate    *sandbox.MemoryGate

	asked   atomic.Pointer[askedRules]
	schema  atomic.Pointer[knownSchema]
	scratch sync.Pool // of *planScratch

	mu struct {
		sync.Mutex
		programs map[string]*Program // by the source's hash
		order    []string            // the hashes, the one put last at the end
	}

	counters        Counters
	redistributions Counters
}

// Suspend has an activation suspended through the log, after too many failures in a row. It must not wait. It calls
// lost if the log did not take it, so that the next failure tries again.
type Suspend func(c engine.SuspendRule, lost func())

// Failure is the way in which a rule failed.
type Failure uint8

// The ways in which a rule fails.
const (
	FailureLimit   Failure = iota // it was stopped at a bound
	FailureRuntime                // an error in Lua
	FailureResult                 // it returned something of the wrong shape
	FailureSource                 // its source does not compile here
	failuresCount
)

var failureTexts = [failuresCount]string{"limit", "runtime", "result", "source"}

// String is the name in metrics.
func (f Failure) String() string { return failureTexts[f] }

// Counters count what the planner did for one hook: for lines of orders, or for records.
type Counters struct {
	Calls       atomic.Int64 // of the hook
	Refused     atomic.Int64 // lines that a rule refused, or records that it left as they are
	Failed      [failuresCount]atomic.Int64
	Suspended   atomic.Int64 // lines or records whose rule is suspended
	OverBudget  atomic.Int64 // lines whose request had used up its steps or memory
	Steps       atomic.Int64
	MemoryBytes atomic.Int64 // allocated in all
	Nanoseconds atomic.Int64 // of planning
}

func (c *Counters) spent(usage Usage) {
	c.Steps.Add(usage.Steps)
	c.MemoryBytes.Add(usage.MemoryBytes)
}

func (c *Counters) took(begin time.Time) { c.Nanoseconds.Add(int64(time.Since(begin))) }

type knownSchema struct {
	engine *engine.Schema
	rules  *Schema
}

type planScratch struct {
	view   engine.RecordView
	record Record
	item   Item
}

// NewPlanner makes a planner. suspend is called on the request's goroutine, once for an activation unless it is lost.
func NewPlanner(state State, limits Limits, suspend Suspend) *Planner {
	// A call that needs much memory also keeps the garbage collector busy: half of the processors stay free of them.
	p := &Planner{state: state, suspend: suspend, limits: limits,
		gate: sandbox.NewMemoryGate(max(1, runtime.GOMAXPROCS(0)/2))}
	p.mu.programs = map[string]*Program{}
	p.scratch.New = func() any { return new(planScratch) }
	return p
}

// Counters gives the counters of a hook.
func (p *Planner) Counters(hook engine.RuleHook) *Counters {
	if hook == engine.HookRedistribute {
		return &p.redistributions
	}
	return &p.counters
}

// Plan asks the rules about the lines of an order and fills in env.RulesIndex and env.Plans. Without an active select
// rule it costs a few loads. The only error is ErrDeadline; a rule's failure is in the plan.
func (p *Planner) Plan(budget *Budget, c *engine.Allocate, nowMS int64, env *engine.Envelope) error {
	set := p.state.Rules()
	env.RulesIndex, env.Plans = set.Index(), env.Plans[:0]
	if !set.Asked(engine.HookSelect) {
		return nil
	}
	defer p.counters.took(time.Now())
	asked := p.programs(set)
	s := p.scratch.Get().(*planScratch)
	defer p.scratch.Put(s)
	for i := range c.Lines {
		l := &c.Lines[i]
		a := set.Find(engine.HookSelect, p.state.Schema(), l.Location, l.UPC, l.Tags)
		if a == nil || !p.state.ReadRecord(l.UPC, l.Location, &s.view) {
			continue
		}
		if !budget.deadline.IsZero() && time.Now().After(budget.deadline) {
			return ErrDeadline
		}
		planned := engine.PlannedLine{Line: i, Rule: a.Rule, Version: a.Version, RecordVersion: s.view.Version}
		switch {
		case a.Suspended:
			p.counters.Suspended.Add(1)
			setFallback(a, plainReason("suspended: "+a.Reason), &planned)
		case budget.steps <= 0:
			p.counters.OverBudget.Add(1)
			setFallback(a, "the request has used up the steps of its rules", &planned)
		case budget.memory <= 0:
			p.counters.OverBudget.Add(1)
			setFallback(a, "the request has used up the memory of its rules", &planned)
		default:
			schema := p.state.Schema() // read after the record, it knows all of its tag sets
			s.record.Fill(&s.view, schema, p.schemaOf(schema))
			s.fillItem(c, l, nowMS)
			if err := p.ask(asked.programs[a.ID], a, s, &planned, budget); err != nil {
				return err
			}
		}
		env.Plans = append(env.Plans, planned)
	}
	return nil
}

// ask asks one rule about one line, within the budget. The only error is ErrDeadline.
func (p *Planner) ask(rule *askedRule, a *engine.Activation, s *planScratch, planned *engine.PlannedLine,
	budget *Budget) error {
	if rule.program == nil {
		setFallback(a, p.failure(&p.counters, rule, a, FailureSource, rule.fault), planned)
		return nil
	}
	p.counters.Calls.Add(1)
	in := Input{Item: &s.item, Record: &s.record, Seed: ItemSeed(s.item.OrderID, s.item.ItemID), gate: p.gate,
		deadline: budget.deadline}
	plan, usage, err := rule.program.Select(context.Background(), &in)
	p.counters.spent(usage)
	budget.steps -= usage.Steps
	budget.memory -= usage.MemoryBytes
	if errors.Is(err, sandbox.ErrMemoryBusy) && !budget.deadline.IsZero() {
		return ErrDeadline
	}
	if err != nil {
		setFallback(a, p.failed(&p.counters, rule, a, err), planned)
		return nil
	}
	rule.failures.Store(0)
	if plan.Refused {
		p.counters.Refused.Add(1)
	}
	plan.fill(planned)
	return nil
}

// failed counts a rule's failure and gives the reason for the plan. Memory that other calls hold is no failure of the
// rule.
func (p *Planner) failed(counters *Counters, rule *askedRule, a *engine.Activation, err error) string {
	if errors.Is(err, sandbox.ErrMemoryBusy) {
		counters.OverBudget.Add(1)
		return sandbox.ErrMemoryBusy.Error()
	}
	return p.failure(counters, rule, a, failureOf(err), err.Error())
}

func failureOf(err error) Failure {
	var limit *LimitError
	var result *ResultError
	switch {
	case errors.As(err, &limit):
		return FailureLimit
	case errors.As(err, &result):
		return FailureResult
	}
	return FailureRuntime
}

// fill writes a plan in the engine's form.
func (plan *Plan) fill(planned *engine.PlannedLine) {
	planned.Outcome = engine.PlanCandidates
	if plan.Refused {
		planned.Outcome, planned.Reason = engine.PlanRefused, plan.Reason
	}
	planned.Candidates = plan.Candidates
}

// failure counts a failure and gives the reason for the plan. After too many in a row it has the rule suspended.
func (p *Planner) failure(counters *Counters, rule *askedRule, a *engine.Activation, kind Failure, why string) string {
	counters.Failed[kind].Add(1)
	why = plainReason(why)
	if n := rule.failures.Add(1); n >= int64(a.FailuresMax) && rule.suspending.CompareAndSwap(false, true) {
		p.suspend(engine.SuspendRule{Activation: a.ID, Failures: uint32(n), Reason: why}, func() {
			rule.suspending.Store(false)
		})
	}
	return why
}

// setFallback answers as the activation's OnError says.
func setFallback(a *engine.Activation, why string, planned *engine.PlannedLine) {
	planned.Outcome, planned.Reason = engine.PlanFallback, why
	if a.OnError == engine.FallbackReject {
		planned.Outcome = engine.PlanRejected
	}
}

// plainReason makes one line of bounded length of a message.
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
	s.item = Item{OrderID: c.OrderID, ItemID: l.ItemID, UPC: l.UPC, Location: l.Location, Quantity: l.Quantity,
		Tags: l.Tags, NowMS: nowMS}
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

func (p *Planner) schemaOf(s *engine.Schema) *Schema {
	if known := p.schema.Load(); known != nil && known.engine == s {
		return known.rules
	}
	known := &knownSchema{engine: s, rules: SchemaOf(s)}
	p.schema.Store(known)
	return known.rules
}
