package rules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"apportion/engine"
)

// ruleHooks are the hooks that a source can define, each by a global function of the hook's name.
var ruleHooks = [...]engine.RuleHook{engine.HookSelect, engine.HookRedistribute}

var globalNames = slices.Sorted(maps.Keys(globals))

// Program is a compiled source. It is not changed any more and may be used by any number of goroutines.
type Program struct {
	name   string
	hash   string
	proto  *lua.FunctionProto
	limits Limits
	hooks  []engine.RuleHook
	states sync.Pool // of *state
}

// Input is what a hook sees, and what the caller wants besides.
type Input struct {
	Item   *Item // for select only
	Record *Record

	// Seed makes math.random repeatable: the same input and seed give the same answer.
	Seed uint64

	// Output, if not nil, gets what print writes.
	Output *Output

	// gate, if not nil, is what the call goes through if it takes much memory, and deadline when it ends waiting for
	// that.
	gate     *memoryGate
	deadline time.Time
}

// Usage is what a call used of its Limits.
type Usage struct {
	Steps       int64
	MemoryBytes int64
}

// Compile checks a source and makes a Program of it. The error is a *SyntaxError, a *LimitError, ErrNoHook, or what
// stopped the top level, which is run here for the first time. Warnings come with a Program only.
func Compile(name, source string, limits Limits) (*Program, []Warning, error) {
	limits.fill()
	proto, warnings, err := compile(source)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256([]byte(source))
	p := &Program{name: name, hash: hex.EncodeToString(sum[:]), proto: proto, limits: limits}
	s, err := p.newState(nil)
	if err != nil {
		return nil, nil, err
	}
	for _, hook := range ruleHooks {
		if s.hooks[hook] != nil {
			p.hooks = append(p.hooks, hook)
		}
	}
	if len(p.hooks) == 0 {
		return nil, nil, ErrNoHook
	}
	p.states.Put(s)
	return p, warnings, nil
}

// Name is the name given to Compile.
func (p *Program) Name() string { return p.name }

// Hash is the SHA-256 of the source, in hex.
func (p *Program) Hash() string { return p.hash }

// Limits are the bounds of a call, with the defaults filled in.
func (p *Program) Limits() Limits { return p.limits }

// Hooks are the hooks that the source defines, in order. The caller must not change them.
func (p *Program) Hooks() []engine.RuleHook { return p.hooks }

// Has reports whether the source defines the hook.
func (p *Program) Has(hook engine.RuleHook) bool { return slices.Contains(p.hooks, hook) }

// Select asks from which segments an order item is filled. The error is ErrNoHook, or a *LimitError, *RuntimeError,
// *ResultError or *StoppedError; the first three of these say that the rule is at fault.
//
// A context that ends stops the rule within some thousand steps. That depends on the time it takes, as nothing else
// does.
func (p *Program) Select(ctx context.Context, in *Input) (plan Plan, usage Usage, err error) {
	usage, err = p.call(ctx, engine.HookSelect, in, func(s *state, value, reason lua.LValue) error {
		plan, err = readPlan(value, reason)
		return err
	})
	return plan, usage, err
}

// Redistribute asks how a record's available units are divided among its segments. The errors are those of Select.
func (p *Program) Redistribute(ctx context.Context, in *Input) (answer Redistribution, usage Usage, err error) {
	usage, err = p.call(ctx, engine.HookRedistribute, in, func(s *state, value, reason lua.LValue) error {
		answer, err = readRedistribution(value, reason, in.Record)
		return err
	})
	return answer, usage, err
}

// call runs a hook on a state that no other call uses, and reads its results before the state is given back.
func (p *Program) call(ctx context.Context, hook engine.RuleHook, in *Input,
	read func(s *state, value, reason lua.LValue) error) (Usage, error) {
	if !p.Has(hook) {
		return Usage{}, fmt.Errorf("%w: %s", ErrNoHook, hook)
	}
	s, _ := p.states.Get().(*state)
	if s == nil {
		var err error
		if s, err = p.newState(nil); err != nil {
			return Usage{}, err
		}
	}
	usage, err := p.callOn(ctx, s, hook, in, read)
	if err == nil {
		p.states.Put(s)
	}
	return usage, err
}

// callOn runs a hook on a state. After an error the state is not used any more.
func (p *Program) callOn(ctx context.Context, s *state, hook engine.RuleHook, in *Input,
	read func(s *state, value, reason lua.LValue) error) (Usage, error) {
	s.begin(ctx, p, in)
	defer s.meter.leaveGate()
	s.l.Push(s.hooks[hook])
	if hook == engine.HookSelect {
		s.l.Push(s.itemData)
		s.l.Push(s.recordData)
	} else {
		s.l.Push(s.recordData)
		s.l.Push(s.record.schemaTable(in.Record.Schema))
	}
	if err := s.protect(2, 2); err != nil {
		return s.usage(), err
	}
	err := read(s, s.l.Get(-2), s.l.Get(-1))
	usage := s.usage()
	s.end()
	return usage, err
}
