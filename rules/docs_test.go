package rules

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"apportion/engine"
)

// TestDocs: docs/rules.md shows sources that work, names every example, and has the figures of the bounds.
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
	for _, n := range []int{engine.CandidatesMax, engine.SegmentsPerRecordMax, engine.RuleReasonBytesMax, TestsMax} {
		if !strings.Contains(string(page), "| "+thousands(n)) {
			t.Errorf("the bound %s is not in the page", thousands(n))
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
