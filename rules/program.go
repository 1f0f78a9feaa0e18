package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// The types of the sandbox that callers of rules need.
type (
	Limits       = sandbox.Limits
	Usage        = sandbox.Usage
	Output       = sandbox.Output
	Warning      = sandbox.Warning
	SyntaxError  = sandbox.SyntaxError
	LimitError   = sandbox.LimitError
	RuntimeError = sandbox.RuntimeError
	ResultError  = sandbox.ResultError
	StoppedError = sandbox.StoppedError
)

// ErrNoHook: the source defines neither select nor redistribute, or not the one that is called.
var ErrNoHook = errors.New("no such hook: the source must define function select(item, record) or function " +
	"redistribute(record, schema)")

// ruleHooks are the hooks that a source can define, each by a global function of the hook's name.
var (
	ruleHooks     = []engine.RuleHook{engine.HookSelect, engine.HookRedistribute}
	hookFunctions = []string{engine.HookSelect.String(), engine.HookRedistribute.String()}
)

// Program is a compiled rule. It does not change, and any number of goroutines may use it.
type Program struct {
	name   string
	script *sandbox.Script
	hooks  []engine.RuleHook
}

// Input is what a hook sees, and what the caller wants besides.
type Input struct {
	Item   *Item // for select only
	Record *Record

	// Seed makes math.random repeatable: the same input and seed give the same answer.
	Seed uint64

	// Output, if not nil, gets what print writes.
	Output *Output

	// gate, if not nil, is where the call waits, until deadline, before it uses much memory.
	gate     *sandbox.MemoryGate
	deadline time.Time
}

// Compile checks and compiles a source. The error is a *SyntaxError, a *LimitError, ErrNoHook, or what stopped the top
// level, which runs here for the first time. Warnings come with a Program only.
func Compile(name, source string, limits Limits) (*Program, []Warning, error) {
	script, warnings, err := sandbox.Compile(source, hookFunctions, limits)
	if err != nil {
		return nil, nil, err
	}
	p := &Program{name: name, script: script}
	for _, hook := range ruleHooks {
		if script.Defines(hook.String()) {
			p.hooks = append(p.hooks, hook)
		}
	}
	if len(p.hooks) == 0 {
		return nil, nil, ErrNoHook
	}
	return p, warnings, nil
}

// Name is the name given to Compile.
func (p *Program) Name() string { return p.name }

// Hash is the SHA-256 of the source, in hex.
func (p *Program) Hash() string { return p.script.Hash() }

// Limits are the bounds of a call, with the defaults filled in.
func (p *Program) Limits() Limits { return p.script.Limits() }

// Hooks are the hooks that the source defines, in order. The caller must not change them.
func (p *Program) Hooks() []engine.RuleHook { return p.hooks }

// Has reports whether the source defines the hook.
func (p *Program) Has(hook engine.RuleHook) bool { return slices.Contains(p.hooks, hook) }

// Select asks from which segments an order item is filled. The error is ErrNoHook, a *LimitError, *RuntimeError,
// *ResultError or *StoppedError. The first three of these types are the rule's fault.
//
// A context that ends stops the rule within some thousand steps. This alone depends on time.
func (p *Program) Select(ctx context.Context, in *Input) (plan Plan, usage Usage, err error) {
	usage, err = p.call(ctx, engine.HookSelect, in, func(value, reason sandbox.Value) error {
		plan, err = readPlan(value, reason)
		return err
	})
	return plan, usage, err
}

// Redistribute asks how a record's available units are divided among its segments. The errors are those of Select.
func (p *Program) Redistribute(ctx context.Context, in *Input) (answer Redistribution, usage Usage, err error) {
	usage, err = p.call(ctx, engine.HookRedistribute, in, func(value, reason sandbox.Value) error {
		answer, err = readRedistribution(value, reason, in.Record)
		return err
	})
	return answer, usage, err
}

// call runs a hook on a state of its own and reads the results. After an error the state is dropped.
func (p *Program) call(ctx context.Context, hook engine.RuleHook, in *Input,
	read func(value, reason sandbox.Value) error) (Usage, error) {
	if !p.Has(hook) {
		return Usage{}, fmt.Errorf("%w: %s", ErrNoHook, hook)
	}
	state, err := p.script.State()
	if err != nil {
		return Usage{}, err
	}
	v := viewsOf(state)
	v.show(in)
	second := v.recordValue
	first := v.itemValue
	if hook == engine.HookRedistribute {
		first, second = v.recordValue, v.record.schemaValue(in.Record.Schema)
	}
	call := sandbox.Call{Function: hook.String(), Seed: in.Seed, Output: in.Output, Gate: in.gate,
		Deadline: in.deadline}
	value, reason, err := state.Call(ctx, &call, first, second)
	if err == nil {
		err = read(value, reason)
	}
	usage := state.Usage()
	if err == nil {
		v.clear()
		p.script.Reuse(state)
	}
	return usage, err
}
