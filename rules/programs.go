package rules

import (
	"slices"
	"strings"
	"sync/atomic"

	"apportion/engine"
)

// programsKept bounds the programs that are kept besides the active ones: of rules that were just uploaded, or that are
// activated again.
const programsKept = 64

// askedRules is the programs of the active rules of one RuleSet.
type askedRules struct {
	set      *engine.RuleSet
	programs map[uint64]*askedRule // by activation
}

type askedRule struct {
	program    *Program
	fault      string // why there is no program
	failures   atomic.Int64
	suspending atomic.Bool // its suspension is on the way
}

// programs gives the programs of the active rules. It compiles them when the rules have changed.
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
		next.programs[a.ID] = p.compileLocked(set, a)
	}
	if a, source := set.CandidateRule(); a != nil {
		if known != nil && known.programs[a.ID] != nil {
			next.programs[a.ID] = known.programs[a.ID]
		} else {
			next.programs[a.ID] = p.compileSourceLocked(a.Rule, source)
		}
	}
	if known == nil || set.Index() >= known.set.Index() { // a late request does not bring back older rules
		p.forgetLocked(next)
		p.asked.Store(next)
	}
	return next
}

// compileLocked gives an activation's program. Activations of one source share a program. On the node that took the
// upload, and after an earlier activation, the program is still there.
func (p *Planner) compileLocked(set *engine.RuleSet, a *engine.Activation) *askedRule {
	rule, ok := set.Rule(a.Rule)
	if !ok {
		return &askedRule{fault: "the rule is gone"}
	}
	v, ok := rule.Version(a.Version)
	if !ok {
		return &askedRule{fault: "the rule's version is gone"}
	}
	if program := p.mu.programs[v.Hash]; program != nil {
		return &askedRule{program: program}
	}
	return p.compileSourceLocked(a.Rule, v.Source)
}

func (p *Planner) compileSourceLocked(name, source string) *askedRule {
	program, _, err := Compile(name, source, p.limits)
	if err != nil {
		return &askedRule{fault: err.Error()}
	}
	p.keepLocked(program)
	return &askedRule{program: program}
}

// Compile is Compile with the planner's limits. It keeps the program: the first order after an activation need not wait
// for the compiler.
func (p *Planner) Compile(name, source string) (*Program, []Warning, error) {
	// The name of a request is of memory that is used again.
	program, warnings, err := Compile(strings.Clone(name), source, p.limits)
	if err != nil {
		return nil, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keepLocked(program)
	p.forgetLocked(p.asked.Load())
	return program, warnings, nil
}

func (p *Planner) keepLocked(program *Program) {
	if p.mu.programs[program.Hash()] == nil {
		p.mu.order = append(p.mu.order, program.Hash())
		p.mu.programs[program.Hash()] = program
	}
}

// forgetLocked drops the oldest programs that are not active, when there are more than programsKept. asked may be nil.
func (p *Planner) forgetLocked(asked *askedRules) {
	active := map[*Program]bool{}
	if asked != nil {
		for _, rule := range asked.programs {
			if rule.program != nil {
				active[rule.program] = true
			}
		}
	}
	excess := len(p.mu.order) - len(active) - programsKept
	p.mu.order = slices.DeleteFunc(p.mu.order, func(hash string) bool {
		if excess <= 0 || active[p.mu.programs[hash]] {
			return false
		}
		excess--
		delete(p.mu.programs, hash)
		return true
	})
}
