package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runTestRules returns the output and the error of rules test.
func runTestRules(t *testing.T, files ...string) (string, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := newApp(&stdout, &stderr).Run(t.Context(), append([]string{"apportion", "rules", "test"}, files...))
	return stdout.String(), err
}

func TestTestRulesExamples(t *testing.T) {
	files, err := filepath.Glob("../../rules/examples/*.lua")
	if err != nil || len(files) < 6 {
		t.Fatalf("found %v, %v", files, err)
	}
	out, err := runTestRules(t, files...)
	if err != nil || strings.Count(out, ": ok, ") != len(files) || strings.Contains(out, "no tests") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTestRulesRefuses(t *testing.T) {
	const hook = "function select(item, record) return {} end\n"
	tests := []struct{ name, source, want string }{
		{"syntax", "function select(item, record)\n  return {\nend", "rule.lua:3:"},
		{"no hook", "x = 1", "no such hook"},
		{"a test that fails", hook +
			`tests = { {name="takes", item={quantity=1}, record={segments={ {tags={}, onHand=1} }}, expect={missing=0}} }`, `test "takes" fails`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rule.lua")
			if err := os.WriteFile(file, []byte(tt.source), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := runTestRules(t, file)
			if err == nil || !strings.Contains(out, tt.want) {
				t.Errorf("%v\n%s\nwant %s", err, out, tt.want)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "rule.lua")
	if err := os.WriteFile(file, []byte(hook), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := runTestRules(t, file); err != nil || !strings.Contains(out, "ok, no tests") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := runTestRules(t, file+".gone"); err == nil {
		t.Error("a file that is not there passes")
	}
	if _, err := runTestRules(t); err == nil {
		t.Error("no file passes")
	}
}
