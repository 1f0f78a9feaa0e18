package rules

import (
	"apportion/engine"
	"apportion/rules/sandbox"
)

// TestsMax bounds the self-tests of one source.
const TestsMax = 200

// What the sandbox compiles, the engine stores; and a list in the sandbox holds a record's segments.
const (
	_ = uint(engine.RuleSourceBytesMax - sandbox.SourceBytesMax)
	_ = uint(sandbox.ListMax - engine.SegmentsPerRecordMax)
)
