package sandbox

import (
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Limits of a program's source. A breach is a SyntaxError or a LimitError at upload.
const (
	// SourceBytesMax bounds a source. The parser's stack takes about 300 bytes a token, so this bounds it at some 40
	// MB.
	SourceBytesMax = 64 << 10

	// nestingMax bounds how deep expressions and blocks nest: the compiler recurses, and folds constants in time that
	// is quadratic in the depth.
	nestingMax = 150

	// nodesMax, functionsMax and constantsMax bound the work of the compiler: it looks for each constant among all of
	// the function, and reserves 12 KB for each function.
	nodesMax     = 30_000
	functionsMax = 256
	constantsMax = 4_096

	// registersMax is a little less than what the compiler can number (200); it does not notice an overflow of a long
	// call.
	registersMax = 190

	// upvaluesMax bounds the outer locals of one function, whose number the compiler keeps in 8 bits.
	upvaluesMax = 60

	// warningsMax bounds the warnings of one source.
	warningsMax = 100
)

// Limits of one call that are the same for every program.
const (
	// DepthMax bounds the calls in calls.
	DepthMax = 100

	// StringBytesMax bounds every string that a rule makes.
	StringBytesMax = 16 << 10

	// ListMax bounds the list part of a table: it is more than a record has segments (4096).
	ListMax = 8_192

	// OutputBytesMax bounds what print leaves of one call.
	OutputBytesMax = 8 << 10

	// registersOfStateMax bounds the registers of all calls in calls; one call has at most registersMax and the
	// arguments.
	registersOfStateMax = 16 << 10
	registersOfCallMax  = 1 << 10

	// unpackMax bounds the values that unpack, string.byte and the captures of a pattern give at once.
	unpackMax = 256

	// stopEvery is how many steps lie between two looks at the caller's context.
	stopEvery = 2_000

	// memoryFree is what a call may take of memory before it needs a place of the planner's memoryGate: a hundred times
	// what a rule takes that sorts a record's segments.
	memoryFree = 256 << 10

	// gateWaitMax is how long a call waits for such a place that has no deadline.
	gateWaitMax = time.Second

	// patternDepthMax bounds how deep a pattern's match recurses.
	patternDepthMax = 200
)

// The calls in calls fit into the state's registers if they are of usual size; the meter stops the others.
const _ = uint(registersOfStateMax - 2*registersOfCallMax)

// Limits bound one call of a hook. A field that is zero takes the default.
type Limits struct {
	// Steps bounds the instructions, and work in library functions that is counted as such.
	Steps int64

	// MemoryBytes bounds what the call allocates in all, freed or not.
	MemoryBytes int64
}

// The default Limits. 200,000 steps take some 10 ms at worst.
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

// The library's package variables are set once, before any state exists. A number from ListMax+1 on as a key is kept as
// any other key and does not stretch the list to it. Functions with variable arguments get no table "arg".
func init() {
	lua.MaxArrayIndex = ListMax + 1
	lua.CompatVarArg = false
}
