package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Warning is a probable mistake in a source.
type Warning struct {
	Line    int
	Message string
}

// String gives the line and the message.
func (w Warning) String() string { return at(w.Line) + w.Message }

// compile parses a source, checks the limits that the library's compiler lacks, and compiles it.
func compile(source string) (proto *lua.FunctionProto, warnings []Warning, err error) {
	if len(source) > SourceBytesMax {
		return nil, nil, &LimitError{What: WhatSource, Limit: SourceBytesMax}
	}
	defer func() {
		if r := recover(); r != nil {
			proto, warnings, err = nil, nil, &SyntaxError{Line: 1, Message: fmt.Sprint(r)}
		}
	}()
	chunk, err := parse.Parse(strings.NewReader(source), chunkName)
	if err != nil {
		return nil, nil, syntaxError(err, source)
	}
	warnings, err = check(chunk)
	if err != nil {
		return nil, nil, err
	}
	proto, err = lua.Compile(chunk, chunkName)
	if err != nil {
		return nil, nil, syntaxError(err, source)
	}
	withoutTailCalls(proto)
	return proto, warnings, nil
}

func syntaxError(err error, source string) error {
	var parsed *parse.Error
	if errors.As(err, &parsed) {
		message := parsed.Message
		if parsed.Pos.Line == parse.EOF {
			return &SyntaxError{Line: 1 + strings.Count(source, "\n"), Message: message + " at the end of the source"}
		}
		return &SyntaxError{Line: parsed.Pos.Line, Column: max(1, parsed.Pos.Column-len(parsed.Token)+1),
			Message: fmt.Sprintf("%s near %q", message, shorten(parsed.Token))}
	}
	var compiled *lua.CompileError
	if errors.As(err, &compiled) {
		return &SyntaxError{Line: compiled.Line, Message: compiled.Message}
	}
	return &SyntaxError{Line: 1, Message: err.Error()}
}

func shorten(s string) string {
	const shown = 40
	if len(s) > shown {
		return strings.ToValidUTF8(s[:shown], "") + "..."
	}
	return s
}

// withoutTailCalls turns tail calls into calls. A tail call takes no frame, so it would escape the bound on nested
// calls, and the VM's traceback has a line for each.
func withoutTailCalls(proto *lua.FunctionProto) {
	for pc := 0; pc < len(proto.Code); pc++ {
		switch inst := proto.Code[pc]; int(inst >> 26) {
		case lua.OP_TAILCALL:
			const opMask = 1<<26 - 1
			proto.Code[pc] = inst&opMask | uint32(lua.OP_CALL)<<26
		case lua.OP_SETLIST:
			if inst>>9&0x1ff == 0 {
				pc++ // the next word is a number
			}
		}
	}
	for _, inner := range proto.FunctionPrototypes {
		withoutTailCalls(inner)
	}
}

// checker walks the syntax tree. It refuses what would take the compiler long or make it produce wrong code. It warns
// of names that do not exist when the script runs.
type checker struct {
	nodes, functions int
	function         *functionScope
	defined          map[string]bool // globals that the top level sets
	read             []Warning       // reads of unknown globals; those in defined are dropped at the end
	readNames        []string
	warnings         []Warning
}

// functionScope is what is known of a function during the walk.
type functionScope struct {
	outer     *functionScope
	locals    []string
	upvalues  map[string]bool
	constants int
}

// refusal ends the walk.
type refusal struct{ err error }

func check(chunk []ast.Stmt) (warnings []Warning, err error) {
	defer func() {
		if r := recover(); r != nil {
			refused, ok := r.(refusal)
			if !ok {
				panic(r)
			}
			warnings, err = nil, refused.err
		}
	}()
	c := &checker{defined: map[string]bool{}, function: &functionScope{upvalues: map[string]bool{}}}
	c.block(chunk, 0)
	for i, w := range c.read {
		if !c.defined[c.readNames[i]] {
			c.warn(w.Line, w.Message)
		}
	}
	slices.SortStableFunc(c.warnings, func(a, b Warning) int { return a.Line - b.Line })
	return c.warnings, nil
}

func (c *checker) refuse(line int, format string, arguments ...any) {
	panic(refusal{&SyntaxError{Line: max(line, 1), Message: fmt.Sprintf(format, arguments...)}})
}

func (c *checker) warn(line int, message string) {
	if len(c.warnings) < warningsMax {
		c.warnings = append(c.warnings, Warning{Line: line, Message: message})
	}
}

// node counts a node of the tree.
func (c *checker) node(line, depth int) {
	c.nodes++
	if c.nodes > nodesMax {
		c.refuse(line, "the source has more than %d expressions and statements", nodesMax)
	}
	if depth > nestingMax {
		c.refuse(line, "nested more than %d deep: move inner parts into functions", nestingMax)
	}
}

func (c *checker) constant(line int) {
	if c.function.constants++; c.function.constants > constantsMax {
		c.refuse(line, "a function has more than %d names, texts and numbers: divide it", constantsMax)
	}
}

// registers refuses more values at one time than the compiler can number.
func (c *checker) registers(line, needed int) {
	if len(c.function.locals)+needed > registersMax {
		c.refuse(line, "too many locals and values at one time (%d, at most %d): divide the function",
			len(c.function.locals)+needed,
			registersMax)
	}
}

// where is the kind of variable that a name stands for.
type where uint8

const (
	isGlobal where = iota
	isLocal
	isOuter    // a local of a function around this one
	isTopLevel // a local of the top level, seen from a function
)

// find looks up a name and notes it as an upvalue of the functions in between.
func (c *checker) find(name string, line int) where {
	for f := c.function; f != nil; f = f.outer {
		for i := len(f.locals) - 1; i >= 0; i-- {
			if f.locals[i] != name {
				continue
			}
			switch {
			case f == c.function:
				return isLocal
			case f.outer == nil:
				c.captured(name, f, line)
				return isTopLevel
			}
			c.captured(name, f, line)
			return isOuter
		}
	}
	return isGlobal
}

func (c *checker) captured(name string, owner *functionScope, line int) {
	for f := c.function; f != owner; f = f.outer {
		f.upvalues[name] = true
		if len(f.upvalues) > upvaluesMax {
			c.refuse(line, "a function uses more than %d locals of the functions around it: put them into a table",
				upvaluesMax)
		}
	}
}

// reads notes that a name is read.
func (c *checker) reads(name string, line int) {
	c.constant(line)
	if c.find(name, line) != isGlobal || globals[name] != nil {
		return
	}
	message := fmt.Sprintf("unknown global %q", name)
	if why, known := notOffered[name]; known {
		message = fmt.Sprintf("%q is not offered: %s", name, why)
	}
	c.read = append(c.read, Warning{Line: line, Message: message})
	c.readNames = append(c.readNames, name)
}

// writes notes that a name is assigned to.
func (c *checker) writes(name string, line int) {
	c.constant(line)
	inFunction := c.function.outer != nil
	switch found := c.find(name, line); {
	case found == isGlobal && inFunction:
		c.warn(line, fmt.Sprintf("sets the global %q in a function: that stops the rule when it runs; use local", name))
		c.defined[name] = true
	case found == isGlobal:
		c.defined[name] = true
	case found == isTopLevel:
		c.warn(line, fmt.Sprintf("sets %q of the top level in a function: that stops the rule when it runs, since "+
			"nothing outlives a call", name))
	}
}
