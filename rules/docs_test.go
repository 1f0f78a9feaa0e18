package rules

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"apportion/engine"
)

// TestDocs: docs/rules.md shows sources that work, names the whole library, and has the bounds' numbers.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```lua\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of Lua", len(blocks))
	}
	if _, warnings, err := Compile("first", blocks[0][1], Limits{}); err != nil || len(warnings) > 0 {
		t.Errorf("the first source: %v, %v", err, warnings)
	}
	p := mustCompile(t, "function select(item) return {{tags = item.tags}, {tags = {Channel = 'Amazon'}}} end\n"+
		blocks[2][1], Limits{})
	results, err := p.Test(t.Context())
	if err != nil || len(results) != 1 || !results[0].Passed {
		t.Errorf("the self-test: %+v, %v", results, err)
	}
	for _, n := range []int{StepsDefault, DepthMax, StringBytesMax, ListMax, OutputBytesMax, engine.CandidatesMax,
		engine.SegmentsPerRecordMax,
		engine.RuleReasonBytesMax,
		TestsMax, SourceBytesMax, nestingMax, nodesMax, functionsMax, constantsMax, registersMax, upvaluesMax,
		unpackMax,
		patternDepthMax, registersOfStateMax - registersOfCallMax} {
		if !strings.Contains(string(page), "| "+thousands(n)) {
			t.Errorf("the bound %s is not in the page", thousands(n))
		}
	}
	for name, f := range globals {
		if name == "string" || name == "table" || name == "math" {
			continue
		}
		if !strings.Contains(string(page), name) {
			t.Errorf("the page does not name %s (%s)", name, f.Type())
		}
	}
	for library, functions := range map[string][]string{"string": keys(stringFunctions), "table": keys(tableFunctions),
		"math": append(keys(mathFunctions), "huge", "pi")} {
		slices.Sort(functions)
		if line := fmt.Sprintf("| `%s` | `%s`", library, strings.Join(functions, " ")); !strings.Contains(string(page),
			line) {
			t.Errorf("the page has no line %s", line)
		}
	}
	paths, _ := os.ReadDir("examples")
	for _, path := range paths {
		if !strings.Contains(string(page), "**`"+path.Name()+"`**") {
			t.Errorf("the page does not tell of %s", path.Name())
		}
	}
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	if len(s) > 3 {
		return s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}

func keys[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}
