package sandbox

import (
	"context"
	"math"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// meter counts what a script does. It is the context of a Lua state: the VM calls Done before each instruction and
// stops if the channel is closed. A fault stays, so every further instruction fails, also in functions that the library
// calls.
type meter struct {
	l *lua.LState

	steps, stepsMax   int64
	memory, memoryMax int64
	memoryAt          int64 // the memory at which check is called
	checkAt           int64 // the steps at which check is called
	fault             error
	ctx               context.Context // the caller's; nil: none

	gate     *MemoryGate
	deadline time.Time // of the wait at the gate
	inside   bool      // holds a place at the gate

	// running reports whether the top level has ended: what it made is frozen.
	running bool
	frozen  map[*lua.Upvalue]struct{}

	random uint64
	output *Output
}

var _ context.Context = (*meter)(nil)

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Deadline is none.
func (m *meter) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Value is none.
func (m *meter) Value(any) any { return nil }

// Err gives the fault.
func (m *meter) Err() error { return m.fault }

// start begins a call.
func (m *meter) start(ctx context.Context, limits Limits, seed uint64) {
	m.steps, m.stepsMax = 0, limits.Steps
	m.memory, m.memoryMax, m.memoryAt = 0, limits.MemoryBytes, limits.MemoryBytes
	m.fault, m.ctx = nil, ctx
	m.random = seed
	m.checkAt = m.stepsMax
	if ctx != nil {
		m.checkAt = min(m.stepsMax, stopEvery)
	}
}

// Done counts the instruction that the VM executes next.
func (m *meter) Done() <-chan struct{} {
	f := currentFrame(m.l)
	inst := f.Fn.Proto.Code[f.Pc-1]
	m.steps++
	if closer[inst>>26] {
		m.look(f, inst)
	}
	if m.steps > m.checkAt || m.memory > m.memoryAt || f.Idx >= DepthMax {
		m.check(f.Idx)
	}
	if m.fault != nil {
		return closedChannel
	}
	return nil
}

// check finds the bound that is exceeded, if any.
func (m *meter) check(depth int) {
	switch {
	case m.fault != nil:
	case m.steps > m.stepsMax:
		m.limit(WhatSteps, m.stepsMax)
	case m.memory > m.memoryMax:
		m.limit(WhatMemory, m.memoryMax)
	case depth >= DepthMax:
		m.limit(WhatDepth, DepthMax)
	case m.memory > m.memoryAt:
		m.enterGate()
	case m.ctx != nil && m.steps > m.checkAt:
		if err := m.ctx.Err(); err != nil {
			m.fault = &StoppedError{Cause: err}
		}
		m.checkAt = min(m.stepsMax, m.steps+stopEvery)
	}
}

// useGate makes the call wait at a gate, if there is one, before it uses more than memoryFree.
func (m *meter) useGate(gate *MemoryGate, deadline time.Time) {
	m.gate, m.deadline, m.inside = gate, deadline, false
	if gate != nil {
		m.memoryAt = min(memoryFree, m.memoryMax)
	}
}

func (m *meter) enterGate() {
	m.memoryAt = m.memoryMax
	if m.inside = m.gate.Enter(m.deadline); !m.inside {
		m.fault = &StoppedError{Cause: ErrMemoryBusy}
	}
}

func (m *meter) leaveGate() {
	if m.inside {
		m.inside = false
		m.gate.Leave()
	}
}

func (m *meter) limit(what What, limit int64) {
	if m.fault == nil {
		m.fault = &LimitError{What: what, Limit: limit}
	}
}

// charge counts the work of a library function before the work is done. It ends the call at a bound.
func (m *meter) charge(steps, bytes int) {
	m.steps += int64(steps)
	m.memory += int64(bytes)
	if m.steps > m.checkAt || m.memory > m.memoryAt {
		m.check(0)
	}
	m.raise()
}

// chargeString counts a string before a library function makes it.
func (m *meter) chargeString(bytes int) {
	if bytes > StringBytesMax {
		m.limit(WhatString, StringBytesMax)
	}
	m.charge(bytes>>textShift, bytes+stringHeader)
}

// raise ends the call if there is a fault.
func (m *meter) raise() {
	if m.fault != nil {
		m.l.RaiseError("%s", m.fault.Error())
	}
}

// refuse ends the call: the script does what it must not.
func (m *meter) refuse(message string) {
	if m.fault == nil {
		m.fault = &RuntimeError{Message: message}
	}
}

const (
	// A step is charged for 10 to 50 ns. textShift: comparing, hashing or copying 2^6 bytes is one step.
	// moveShift: moving 2^4 values. scanShift: looking at 2 elements of a list. openShift: walking over 2^5 open
	// upvalues.
	textShift = 6
	moveShift = 4
	scanShift = 1
	openShift = 5

	stringHeader = 16
	valueBytes   = 16
	numberBytes  = 8
	tableBytes   = 112
	closureBytes = 112
	upvalueBytes = 72

	// hashKeyBytes is the memory of a new key outside the list: in the map of values, in the two lists of keys, and
	// what these leave behind when they grow.
	hashKeyBytes = 330
)

// closer lists the instructions whose operands the meter must look at.
var closer = func() (ops [64]bool) {
	for _, op := range []int{
		lua.OP_GETTABLE, lua.OP_SETGLOBAL, lua.OP_SETUPVAL, lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_NEWTABLE,
		lua.OP_ADD, lua.OP_SUB, lua.OP_MUL, lua.OP_DIV, lua.OP_MOD, lua.OP_POW, lua.OP_UNM, lua.OP_LEN, lua.OP_CONCAT,
		lua.OP_EQ, lua.OP_LT, lua.OP_LE, lua.OP_CALL, lua.OP_RETURN, lua.OP_FORLOOP, lua.OP_FORPREP, lua.OP_SETLIST,
		lua.OP_CLOSE, lua.OP_CLOSURE, lua.OP_VARARG,
	} {
		ops[op] = true
	}
	return ops
}()

// look charges an instruction by its operands, in addition to its one step.
func (m *meter) look(f *frame, inst uint32) {
	a, b, c := int(inst>>18)&0xff, int(inst&0x1ff), int(inst>>9)&0x1ff
	switch int(inst >> 26) {
	case lua.OP_GETTABLE:
		m.steps += textSteps(m.operand(f, c))
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		m.lookSet(m.register(f, a), m.operand(f, b), m.operand(f, c))
	case lua.OP_SETGLOBAL:
		m.memory += hashKeyBytes
		if m.running {
			m.refuse("a global cannot be set when a rule runs, since nothing outlives a call: use a local")
		}
	case lua.OP_SETUPVAL:
		if _, is := m.frozen[f.Fn.Upvalues[b]]; is {
			m.refuse("a local of the top level cannot be set when a rule runs, since nothing outlives a call: use a " +
				"local " +
				"of the function")
		}
	case lua.OP_NEWTABLE:
		m.memory += int64(tableBytes + b*valueBytes)
		if c > 0 {
			m.memory += mapBytes(c)
		}
	case lua.OP_SETLIST:
		m.lookList(f, a, b)
	case lua.OP_ADD, lua.OP_SUB, lua.OP_MUL, lua.OP_DIV, lua.OP_MOD, lua.OP_POW:
		m.lookArithmetic(int(inst>>26) == lua.OP_MOD, m.operand(f, b), m.operand(f, c))
	case lua.OP_FORLOOP, lua.OP_FORPREP:
		m.memory += 2 * numberBytes
	case lua.OP_UNM:
		m.lookArithmetic(false, m.operand(f, b), lua.LNil)
	case lua.OP_LEN:
		m.memory += numberBytes
		if t, ok := m.operand(f, b).(*lua.LTable); ok {
			m.steps += int64(trailingNils(viewOf(t)) >> scanShift)
		}
	case lua.OP_CONCAT:
		m.lookConcat(f, b, c)
	case lua.OP_EQ, lua.OP_LT, lua.OP_LE:
		m.lookCompare(int(inst>>26) == lua.OP_EQ, m.operand(f, b), m.operand(f, c))
	default:
		m.lookCall(f, int(inst>>26), a, b, inst)
	}
}

// lookCall charges the instructions that move registers or walk the list of open upvalues, at most one for each
// register in use.
func (m *meter) lookCall(f *frame, op, a, b int, inst uint32) {
	top := registersOf(m.l).top
	switch op {
	case lua.OP_CALL:
		if b == 0 {
			m.steps += int64(max(0, top-f.LocalBase-a) >> moveShift)
		}
	case lua.OP_VARARG:
		m.steps += int64(max(0, f.NArgs) >> moveShift)
		top += max(0, f.NArgs)
	case lua.OP_RETURN, lua.OP_CLOSE:
		m.steps += int64(top >> openShift)
	case lua.OP_CLOSURE:
		upvalues := int(f.Fn.Proto.FunctionPrototypes[inst&0x3ffff].NumUpvalues)
		m.steps += int64(upvalues * (top + 16) >> openShift)
		m.memory += int64(closureBytes + upvalues*upvalueBytes)
	}
	if top > registersOfStateMax-registersOfCallMax {
		m.limit(WhatStack, registersOfStateMax-registersOfCallMax)
	}
}

func (m *meter) register(f *frame, i int) lua.LValue { return registersOf(m.l).array[f.LocalBase+i] }

// operand is a register or a constant.
func (m *meter) operand(f *frame, i int) lua.LValue {
	const isConstant = 1 << 8
	if i&isConstant != 0 {
		return f.Fn.Proto.Constants[i&^isConstant]
	}
	return m.register(f, i)
}

func textSteps(v lua.LValue) int64 {
	s, _ := v.(lua.LString)
	return int64(len(s) >> textShift)
}

func (m *meter) lookArithmetic(isMod bool, x, y lua.LValue) {
	m.memory += numberBytes
	nx, okX := x.(lua.LNumber)
	ny, okY := y.(lua.LNumber)
	if okX && okY {
		if isMod && ny != 0 {
			m.steps += modSteps(float64(nx), float64(ny))
		}
		return
	}
	for _, v := range [...]lua.LValue{x, y} {
		if s, ok := v.(lua.LString); ok { // parsed as a number; the error has a copy of other texts
			m.steps += int64(len(s) >> 4)
			m.memory += int64(4*len(s) + 128)
		}
	}
}

// modSteps is what math.Mod costs: it works through the quotient bit by bit.
func modSteps(x, y float64) int64 {
	_, ex := math.Frexp(x)
	_, ey := math.Frexp(y)
	return int64(max(0, ex-ey) >> 3)
}

func (m *meter) lookCompare(equal bool, x, y lua.LValue) {
	sx, okX := x.(lua.LString)
	if !okX {
		return
	}
	sy, okY := y.(lua.LString)
	switch {
	case !okY || equal && len(sx) != len(sy):
	case equal:
		m.steps += int64(len(sx) >> textShift)
	default:
		m.steps += int64(min(len(sx), len(sy)) >> 4) // the VM compares byte by byte
	}
}

// lookConcat bounds the string that a chain of .. makes.
func (m *meter) lookConcat(f *frame, from, to int) {
	bytes := 0
	for i := from; i <= to; i++ {
		switch v := m.register(f, i).(type) {
		case lua.LString:
			bytes += len(v)
		case lua.LNumber:
			bytes += numberTextBytes
			m.memory += 2 * numberTextBytes
		}
	}
	m.steps += int64(bytes >> textShift)
	m.memory += int64(bytes + stringHeader + (to-from+2)*stringHeader)
	if bytes > StringBytesMax {
		m.limit(WhatString, StringBytesMax)
	}
}

// numberTextBytes is more than the text of any number takes.
const numberTextBytes = 24
