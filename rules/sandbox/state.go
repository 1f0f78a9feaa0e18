package sandbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// State is one Lua state in which a script's top level has run. It serves one call at a time. After an error it is
// dropped: what the VM leaves behind then is not worth knowing.
type State struct {
	// Data is the caller's. It stays with the state from call to call.
	Data any

	script    *Script
	l         *lua.LState
	meter     meter
	functions []*lua.LFunction // as the script's functions; nil: not defined
}

// Call says how a function is called.
type Call struct {
	Function string

	// Seed makes math.random repeatable: the same arguments and seed give the same answer.
	Seed uint64

	// Output, if not nil, gets what print writes.
	Output *Output

	// Gate, if not nil, is where the call waits before it takes much memory, until Deadline.
	Gate     *MemoryGate
	Deadline time.Time
}

// newState runs the script's top level.
func (p *Script) newState() (*State, error) {
	s := &State{script: p, l: lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: DepthMax + 64,
		RegistrySize: 512, RegistryMaxSize: registersOfStateMax, RegistryGrowStep: registersOfStateMax / 4})}
	s.meter.l = s.l
	s.l.SetContext(&s.meter)
	s.l.SetMetatable(lua.LString(""), stringMeta)
	top := s.l.G.Global
	for _, name := range globalNames {
		top.RawSetString(name, globals[name])
	}
	s.meter.start(context.Background(), p.limits, 0)
	s.l.Push(s.l.NewFunctionFromProto(p.proto))
	if err := s.protect(0, 0); err != nil {
		return nil, err
	}
	s.freeze()
	for _, name := range p.functions {
		f, ok := top.RawGetString(name).(*lua.LFunction)
		if !ok || f.IsG {
			f = nil // no function, or one of the library
		}
		s.functions = append(s.functions, f)
	}
	return s, nil
}

// Global is a global of the top level, nil if there is none.
func (s *State) Global(name string) Value { return Value{s.l.G.Global.RawGetString(name)} }

// Call calls a function that the script defines and gives its first two results. The error is a *LimitError, a
// *RuntimeError or a *StoppedError; after it the state must not be used again.
//
// A context that ends stops the call within some thousand steps. This alone depends on time.
func (s *State) Call(ctx context.Context, c *Call, arguments ...Value) (first, second Value, err error) {
	s.meter.start(ctx, s.script.limits, c.Seed)
	s.meter.output = c.Output
	s.meter.useGate(c.Gate, c.Deadline)
	defer s.meter.leaveGate()
	s.l.Push(s.functions[slices.Index(s.script.functions, c.Function)])
	for _, argument := range arguments {
		s.l.Push(argument.v)
	}
	if err := s.protect(len(arguments), 2); err != nil {
		return Value{}, Value{}, err
	}
	first, second = Value{s.l.Get(-2)}, Value{s.l.Get(-1)}
	s.l.SetTop(0)
	s.meter.ctx, s.meter.output = nil, nil
	return first, second, nil
}

// Usage is what the last call has used.
func (s *State) Usage() Usage { return Usage{Steps: s.meter.steps, MemoryBytes: s.meter.memory} }

// protect calls the function below its arguments on the stack.
func (s *State) protect(arguments, results int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
		if err != nil {
			err = failed(err, s.meter.fault)
		} else if s.meter.fault != nil {
			err = s.meter.fault
		}
	}()
	return s.l.PCall(arguments, results, nil)
}

// freeze marks every table that the top level left behind, and every local of it that functions share. So no call can
// leave anything for the next one.
func (s *State) freeze() {
	s.meter.running = true
	s.meter.frozen = map[*lua.Upvalue]struct{}{}
	pending := []lua.LValue{s.l.G.Global}
	seen := map[*lua.LFunction]struct{}{}
	for len(pending) > 0 {
		v := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		switch v := v.(type) {
		case *lua.LTable:
			if !isFrozen(v) {
				v.Metatable = frozenMark
				v.ForEach(func(key, value lua.LValue) { pending = append(pending, key, value) })
			}
		case *lua.LFunction:
			if _, known := seen[v]; known {
				continue
			}
			seen[v] = struct{}{}
			for _, upvalue := range v.Upvalues {
				s.meter.frozen[upvalue] = struct{}{}
				pending = append(pending, upvalue.Value())
			}
		}
	}
}
