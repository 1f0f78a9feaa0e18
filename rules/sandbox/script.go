package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"

	lua "github.com/yuin/gopher-lua"
)

// Script is a compiled source. It does not change, and any number of goroutines may use it.
type Script struct {
	hash      string
	proto     *lua.FunctionProto
	limits    Limits
	functions []string // that a caller may call
	defined   []string // those of them that the source defines
	states    sync.Pool
}

// Usage is what a call used of its Limits.
type Usage struct {
	Steps       int64
	MemoryBytes int64
}

// Compile checks a source and compiles it. functions name the global functions that may be called; the source need not
// define all of them. The error is a *SyntaxError, a *LimitError, or what stopped the top level, which
// runs here for the first time. Warnings come with a Script only.
func Compile(source string, functions []string, limits Limits) (*Script, []Warning, error) {
	limits.fill()
	proto, warnings, err := compile(source)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256([]byte(source))
	p := &Script{hash: hex.EncodeToString(sum[:]), proto: proto, limits: limits, functions: functions}
	s, err := p.newState()
	if err != nil {
		return nil, nil, err
	}
	for i, name := range functions {
		if s.functions[i] != nil {
			p.defined = append(p.defined, name)
		}
	}
	p.states.Put(s)
	return p, warnings, nil
}

// Hash is the SHA-256 of the source, in hex.
func (p *Script) Hash() string { return p.hash }

// Limits are the bounds of a call, with the defaults filled in.
func (p *Script) Limits() Limits { return p.limits }

// Defines reports whether the source defines a function.
func (p *Script) Defines(function string) bool { return slices.Contains(p.defined, function) }

// State gives a state that no other call uses. The error is what stopped the top level.
func (p *Script) State() (*State, error) {
	if s, _ := p.states.Get().(*State); s != nil {
		return s, nil
	}
	return p.newState()
}

// Reuse gives a state back after a call without an error: the caller must not use it any more. A state that saw an
// error is dropped.
func (p *Script) Reuse(s *State) { p.states.Put(s) }

var globalNames = slices.Sorted(maps.Keys(globals))
