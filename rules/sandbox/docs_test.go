package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDocs: docs/rules.md names the whole library, and has the figures of the bounds.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{StepsDefault, DepthMax, StringBytesMax, ListMax, OutputBytesMax, SourceBytesMax, nestingMax,
		nodesMax, functionsMax, constantsMax, registersMax, upvaluesMax, unpackMax, patternDepthMax,
		registersOfStateMax - registersOfCallMax} {
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
}

// TestConsoleOffers: the console's editor completes exactly the names of the library.
func TestConsoleOffers(t *testing.T) {
	text, err := os.ReadFile("../../httpapi/console/src/rules/offered.json")
	if err != nil {
		t.Fatal(err)
	}
	var offered struct {
		Globals   []string
		Libraries map[string][]string
	}
	if err := json.Unmarshal(text, &offered); err != nil {
		t.Fatal(err)
	}
	all := append(offered.Globals, keys(offered.Libraries)...)
	libraries := map[string][]string{"string": keys(stringFunctions), "table": keys(tableFunctions),
		"math": append(keys(mathFunctions), "huge", "pi"), "globals": keys(globals)}
	offered.Libraries["globals"] = all
	for library, want := range libraries {
		got := offered.Libraries[library]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("offered.json has %v for %s, want %v", got, library, want)
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
