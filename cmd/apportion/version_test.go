package main

import (
	"os"
	"strings"
	"testing"
)

// TestReleaseIsInChangelog: the newest heading of the changelog is the release that the binary reports.
func TestReleaseIsInChangelog(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "\n## ")
	heading, _, _ := strings.Cut(after, "\n")
	if got, _, _ := strings.Cut(heading, " "); !ok || got != release {
		t.Errorf("CHANGELOG.md begins with %q; apportion version reports %q: give both the same version", heading,
			release)
	}
}
