package sandbox

import (
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Limits of a program's source. A breach is a SyntaxError or a LimitError at upload.
const (
	// SourceBytesMax bounds a source. The parser's stack takes about 300 bytes a token, so at most some 40 MB.
	SourceBytesMax = 64 << 10

	// nestingMax bounds how deep expressions and blocks nest: the compiler recurses, and folds constants in time that
	// is quadratic in the depth.
	nestingMax = 150

	// nodesMax, functionsMax and constantsMax bound the work of the compiler: it looks for each constant among all of
	// the function, and reserves 12 KB for each function.
	nodesMax     = 30_000
	functionsMax = 256
	constantsMax = 4_096

	// registersMax is a little less than the 200 that the compiler can number: it does not notice an overflow in a long
	// call.
	registersMax = 190

	// upvaluesMax bounds the outer locals that one function uses. The compiler counts them in 8 bits.
	upvaluesMax = 60

	// warningsMax bounds the warnings of one source.
	warningsMax = 100
)

// Limits of one call that are the same for every script.
const (
	// DepthMax bounds the calls in calls.
	DepthMax = 100

	// StringBytesMax bounds every string that a rule makes.
	StringBytesMax = 16 << 10

	// ListMax bounds the list of a table.
	ListMax = 8_192

	// OutputBytesMax bounds what print writes in one call.
	OutputBytesMax = 8 << 10

	// registersOfStateMax bounds the registers of a call and all calls inside it. One call has at most registersMax and
	// its arguments.
	registersOfStateMax = 16 << 10
	registersOfCallMax  = 1 << 10

	// unpackMax bounds the values that unpack, string.byte and the captures of a pattern return at once.
	unpackMax = 256

	// stopEvery is how many steps lie between two checks of the caller's context.
	stopEvery = 2_000

	// memoryFree is the memory that a call may use without a place at the MemoryGate: a hundred times what a rule uses
	// to sort a record's segments.
	memoryFree = 256 << 10

	// gateWaitMax is how long a call without a deadline waits for a place.
	gateWaitMax = time.Second

	// patternDepthMax bounds how deep a pattern's match recurses.
	patternDepthMax = 200
)

// Nested calls of usual size fit into the state's registers; the meter stops others.
const _ = uint(registersOfStateMax - 2*registersOfCallMax)

// Limits bound one call. A field that is zero takes the default.
type Limits struct {
	// Steps bounds the instructions, and the work of library functions in steps.
	Steps int64

	// MemoryBytes bounds all that the call allocates, freed or not.
	MemoryBytes int64
}

// The default Limits. 200,000 steps take at most some 10 ms.
const (
	StepsDefault       = 200_000
	MemoryBytesDefault = 8 << 20
)

func (l *Limits) fill() {
	if l.Steps <= 0 {
		l.Steps = StepsDefault
	}
	if l.MemoryBytes <= 0 {
		l.MemoryBytes = MemoryBytesDefault
	}
}

// The library's package variables are set once, before any state exists. A key above ListMax does not extend a list.
// Functions with variable arguments get no table "arg".
func init() {
	lua.MaxArrayIndex = ListMax + 1
	lua.CompatVarArg = false
}
