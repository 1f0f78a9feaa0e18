package rules

import (
	"apportion/engine"
	"apportion/rules/sandbox"
)

const (
	// TestsMax bounds the self-tests of one source.
	TestsMax = 200

	// differencePartsMax bounds the lines and candidates that a backtest's report lists: 10 MB of them.
	differencePartsMax = 20_000
)

// What the sandbox compiles, the engine stores; and a list in the sandbox holds a record's segments.
const (
	_ = uint(engine.RuleSourceBytesMax - sandbox.SourceBytesMax)
	_ = uint(sandbox.ListMax - engine.SegmentsPerRecordMax)
)
