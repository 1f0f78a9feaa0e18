package rules

import (
	"os"
	"path/filepath"
	"testing"
)

// TestExamples: every example compiles without a warning and passes its own tests.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("examples/*.lua")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p, warnings, err := Compile(path, string(source), Limits{})
			if err != nil || len(warnings) > 0 {
				t.Fatalf("%v, warnings %v", err, warnings)
			}
			results, err := p.Test(t.Context())
			if err != nil || len(results) == 0 {
				t.Fatalf("%d tests, %v", len(results), err)
			}
			for _, r := range results {
				if !r.Passed {
					t.Errorf("%s:\n%s%s", r.Name, r.Diff, r.Output)
				}
			}
		})
	}
}
