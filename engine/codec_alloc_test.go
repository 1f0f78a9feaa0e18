//go:build !race

package engine

import "testing"

// TestCodecAllocations measures what Apply does for each command, and what encodes the answer. The first run grows the
// scratch.
func TestCodecAllocations(t *testing.T) {
	var (
		scratch commandScratch
		result  Result
		split   splitScratch
		dst     []byte
	)
	env := &Envelope{Key: "0f4c1d6e-7a53-4c1e", Archived: []byte("row"), ArchivedAt: 9}
	encodedResult := AppendResult(nil, &oneResult)
	rule := ruleOf(8000, 1000, 1000)
	ranked := ruleOf(8000, 1000, 1000)
	ranked.mins, ranked.maxs = []int64{0, 1, 2}, noMaxs(3)
	current, out := []int64{1, 2, 3}, make([]int64, 3)
	runs := map[string]func(){
		"DecodeResult":   func() { mustSucceed(DecodeResult(encodedResult, &result)) },
		"AppendResult":   func() { dst = AppendResult(dst[:0], &oneResult) },
		"AppendRepeated": func() { dst = AppendRepeated(dst[:0], encodedResult) },
		"split":          func() { split.split(1001, rule, current, 7, out) },
		"split by rank":  func() { split.split(1001, ranked, current, 7, out) },
		"fillLayers":     func() { split.fillLayers(4, current, current, current, out) },
	}
	for name, c := range timedCommands {
		encoded := AppendCommand(nil, env, c)
		runs["AppendCommand "+name] = func() { dst = AppendCommand(dst[:0], env, c) }
		runs["decode "+name] = func() {
			_, _, err := scratch.decode(encoded)
			mustSucceed(err)
		}
		runs["CheckCommand "+name] = func() { mustBeRight(c) }
		runs["appendDigest "+name] = func() { dst = appendDigest(dst[:0], c) }
	}
	for name, run := range runs {
		if allocs := testing.AllocsPerRun(100, run); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}
