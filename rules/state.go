package rules

import (
	"context"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"apportion/engine"
)

// state is one Lua state in which a program's top level has run. It serves one call at a time. After an error it is
// thrown away: what the VM leaves behind then is not worth knowing.
type state struct {
	l     *lua.LState
	meter meter
	hooks [engine.HookRedistribute + 1]*lua.LFunction

	item   itemRef
	record recordRef
	// The userdata that hooks get as arguments.
	itemData, recordData *lua.LUserData
}

// newState runs the program's top level.
func (p *Program) newState(output *Output) (*state, error) {
	s := &state{l: lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: DepthMax + 64, RegistrySize: 512,
		RegistryMaxSize: registersOfStateMax, RegistryGrowStep: registersOfStateMax / 4})}
	s.meter.l = s.l
	s.l.SetContext(&s.meter)
	s.l.SetMetatable(lua.LString(""), stringMeta)
	top := s.l.G.Global
	for _, name := range globalNames {
		top.RawSetString(name, globals[name])
	}
	s.itemData, s.recordData = userdata(&s.item, kinds.item), userdata(&s.record, kinds.record)
	s.item.tags, s.item.attributes = userdata(&tagsRef{}, kinds.tags), userdata(&attributesRef{}, kinds.attributes)

	s.meter.start(context.Background(), p.limits, 0)
	s.meter.output = output
	s.l.Push(s.l.NewFunctionFromProto(p.proto))
	if err := s.protect(0, 0); err != nil {
		return nil, err
	}
	s.meter.output = nil
	s.freeze()
	for _, hook := range ruleHooks {
		if f, ok := top.RawGetString(hook.String()).(*lua.LFunction); ok && !f.IsG {
			s.hooks[hook] = f
		}
	}
	return s, nil
}

// protect calls the function below its arguments on the stack.
func (s *state) protect(arguments, results int) (err error) {
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

// freeze marks every table that the top level left behind, and every local of it that functions share, so that no call
// can leave anything for the next one.
func (s *state) freeze() {
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

// begin makes a call's input visible.
func (s *state) begin(ctx context.Context, p *Program, in *Input) {
	s.meter.start(ctx, p.limits, in.Seed)
	s.meter.output = in.Output
	s.meter.useGate(in.gate, in.deadline)
	s.item.item, s.item.record = in.Item, in.Record
	var schema *Schema
	if in.Record != nil {
		schema = in.Record.Schema
	}
	if in.Item != nil {
		tags := s.item.tags.Value.(*tagsRef)
		tags.tags, tags.schema = in.Item.Tags, schema
		s.item.attributes.Value.(*attributesRef).attributes = in.Item.Attributes
	}
	s.record.record = in.Record
}

// end lets go of a call's input and of its results.
func (s *state) end() {
	s.l.SetTop(0)
	s.record.clear()
	s.item.item, s.item.record = nil, nil
	*s.item.tags.Value.(*tagsRef) = tagsRef{}
	s.item.attributes.Value.(*attributesRef).attributes = nil
	s.meter.ctx, s.meter.output = nil, nil
}

// usage says what the call has used so far.
func (s *state) usage() Usage { return Usage{Steps: s.meter.steps, MemoryBytes: s.meter.memory} }
