package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// TestHelpPages: each command has a page of help with an example, which names each default once and has no placeholder
// that reads like a slip.
func TestHelpPages(t *testing.T) {
	var walk func(command *cli.Command, path []string)
	walk = func(command *cli.Command, path []string) {
		for _, below := range command.Commands {
			walk(below, append(path[:len(path):len(path)], below.Name))
		}
		status, page, stderr := runHere(t, append(path, "--help")...)
		if status != 0 || stderr != "" {
			t.Errorf("%q --help: status %d, %s", path, status, stderr)
		}
		for _, fault := range helpFaults(page) {
			t.Errorf("%q --help: %s", path, fault)
		}
	}
	walk(newApp(io.Discard, io.Discard), nil)
}

var (
	defaults    = regexp.MustCompile(`\bdefault: |\bby default\b`)
	article     = regexp.MustCompile(`\ban? [A-Z]{3,}\b`)
	placeholder = regexp.MustCompile(`[A-Z]{2,}[a-z]{3,}`) // a word that goes on behind its placeholder
)

// helpFaults finds what is odd in a page of help.
func helpFaults(page string) (faults []string) {
	if !strings.Contains(page, "Example") {
		faults = append(faults, "no example")
	}
	_, flags, _ := strings.Cut(page, "OPTIONS:\n")
	for _, line := range strings.Split(flags, "\n") {
		if len(defaults.FindAllString(line, -1)) > 1 || strings.Contains(line, "(default: 0)") {
			faults = append(faults, "more than one default, or one of 0 that means none: "+line)
		}
		if article.MatchString(line) {
			faults = append(faults, "a placeholder with an article: "+line)
		}
		if placeholder.MatchString(line) {
			faults = append(faults, "a placeholder inside a word: "+line)
		}
	}
	return faults
}

// TestHelpFaults: the faults are found.
func TestHelpFaults(t *testing.T) {
	for line, want := range map[string]string{
		`--version NUMBER  NUMBER of the version; default: the newest (default: 3)`: "more than one default",
		`--quantity UNITS  UNITS to add (default: 0)`:                               "more than one default",
		`--data DIR        data DIRectory (default: "./data")`:                      "inside a word",
		`--data DIR        data directory, a DIR (default: "./data")`:               "with an article",
		`--data DIR        DIR of the data (default: "./data")`:                     "",
	} {
		faults := helpFaults("Example:\nOPTIONS:\n" + line)
		if want == "" && len(faults) > 0 || want != "" && (len(faults) != 1 || !strings.Contains(faults[0], want)) {
			t.Errorf("%s: got %q, want %q", line, faults, want)
		}
	}
}
