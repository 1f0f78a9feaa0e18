package kibo

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"apportion/engine"
)

// patternBytes make a name a pattern. A full stop does not, since names have them.
const patternBytes = `*+?^$[]`

func isPattern(name string) bool { return strings.ContainsAny(name, patternBytes) }

// patterns are the patterns of one call, each for a whole name. The time to match a name rises with its length and with
// the steps of the patterns.
type patterns struct {
	list  []*regexp.Regexp
	steps int
}

// add compiles a pattern. Its length is bounded before, its steps after: a repeat counts once for each time.
func (p *patterns) add(field, text string) error {
	switch {
	case len(text) > patternBytesMax:
		return badRequest(field, text, "%s: a pattern of %d bytes; at most %d are expected", field, len(text),
			patternBytesMax)
	case len(p.list) == patternsMax:
		return badRequest(field, text, "%s: more than %d patterns in a call", field, patternsMax)
	}
	whole := "^(?:" + text + ")$"
	parsed, err := syntax.Parse(whole, syntax.Perl)
	if err != nil {
		return badRequest(field, text, "%s: %q is no pattern: %v", field, text, err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return badRequest(field, text, "%s: %q is no pattern: %v", field, text, err)
	}
	if p.steps += len(program.Inst); p.steps > patternStepsMax {
		return badRequest(field, text, "%s: the patterns have more than %d steps in all; a repeat by a number "+
			"counts for each time", field, patternStepsMax)
	}
	compiled, err := regexp.Compile(whole)
	if err != nil {
		return badRequest(field, text, "%s: %q is no pattern: %v", field, text, err)
	}
	p.list = append(p.list, compiled)
	return nil
}

// names gives the names that match, of all records at locations that has selects.
func (p *patterns) names(r *Request, has func(location string) bool) (names []string, err error) {
	if len(p.list) == 0 {
		return nil, nil
	}
	seen := map[string]bool{}
	err = walk(r, func(v *engine.RecordView) bool {
		if seen[v.UPC] || !has(v.Location) {
			return true
		}
		seen[v.UPC] = true
		if slices.ContainsFunc(p.list, func(p *regexp.Regexp) bool { return p.MatchString(v.UPC) }) {
			names = append(names, v.UPC)
		}
		return len(names) <= engine.ScopeNamesMax
	})
	if err == nil && len(names) > engine.ScopeNamesMax {
		err = badRequest("items", "", "the patterns are for more than %d items; nothing was deleted: make them "+
			"narrower, or name locations", engine.ScopeNamesMax)
	}
	return names, err
}
