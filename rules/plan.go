package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// Plan is select's answer: candidates in order, or a refusal.
type Plan struct {
	// Candidates have the tags as the rule named them.
	Candidates []engine.PlannedCandidate
	Refused    bool
	Reason     string // of the refusal
}

// readPlan reads what select returned.
func readPlan(value, reason sandbox.Value) (Plan, error) {
	if value.IsNil() {
		text, err := readReason(reason)
		return Plan{Refused: true, Reason: text}, err
	}
	list, err := sandbox.ReadList("candidates", value, engine.CandidatesMax)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Candidates: make([]engine.PlannedCandidate, 0, len(list))}
	for i := range list {
		c, err := readCandidate(list.At(i))
		if err != nil {
			return Plan{}, sandbox.At("candidates", i, err)
		}
		plan.Candidates = append(plan.Candidates, c)
	}
	return plan, nil
}

var candidateFields = []string{"tags", "keep", "max"}

func readCandidate(v sandbox.Value) (c engine.PlannedCandidate, err error) {
	f, err := sandbox.ReadFields("", v, candidateFields...)
	if err != nil {
		return c, err
	}
	if c.Tags, err = readTags(f, "tags"); err != nil {
		return c, err
	}
	if c.Keep, err = readUnits(f, "keep", 0); err != nil {
		return c, err
	}
	if f.Has("max") {
		c.Max, err = readUnits(f, "max", 1)
	}
	return c, err
}

func readReason(v sandbox.Value) (string, error) {
	s, ok := v.Text()
	switch {
	case !ok:
		return "", &ResultError{Path: "reason",
			Message: "must be a text that says why, as in: return nil, \"why\"; is a " + v.Type()}
	case len(s) > engine.RuleReasonBytesMax:
		return "", &ResultError{Path: "reason", Message: fmt.Sprintf("is %d bytes long, at most %d are allowed", len(s),
			engine.RuleReasonBytesMax)}
	case !engine.IsText(s, engine.RuleReasonBytesMax):
		return "", &ResultError{Path: "reason", Message: "must be a text without control characters, and not empty"}
	}
	return strings.Clone(s), nil
}

// readUnits reads a whole number from least to engine.RecordUnitsMax, 0 if it is missing.
func readUnits(f sandbox.Fields, name string, least int64) (int64, error) {
	v := f.Get(name)
	if v.IsNil() {
		return 0, nil
	}
	n, ok := v.Number()
	switch {
	case !ok:
		return 0, f.Fault(name, "must be a number, is a %s", v.Type())
	case n != math.Trunc(n) || math.IsInf(n, 0):
		return 0, f.Fault(name, "must be a whole number of units, is %s", v)
	case n < float64(least) || n > engine.RecordUnitsMax:
		return 0, f.Fault(name, "must be between %d and %d, is %s", least, int64(engine.RecordUnitsMax), v)
	}
	return int64(n), nil
}

// readTags reads tags: a table of category and value, or the tags of an item or a segment.
func readTags(f sandbox.Fields, name string) ([]engine.Tag, error) {
	v := f.Get(name)
	switch o := v.Object().(type) {
	case nil:
	case *tagsView:
		return o.tags, nil
	default:
		return nil, f.Fault(name, "must be tags, such as item.tags or {Channel=\"Web\"}, is a %s", o.Kind())
	}
	switch {
	case !v.IsTable():
		return nil, f.Fault(name, "must be a table such as {Channel=\"Web\"}, is a %s", v.Type())
	case v.HasList():
		return nil, f.Fault(name+"[1]", "is a value without its category: write {Channel=\"Web\"}")
	}
	var tags []engine.Tag
	for k, v := range v.Keyed() {
		category, okCategory := k.Text()
		value, okValue := v.Text()
		at := name + "." + k.String()
		switch {
		case !okCategory:
			return nil, f.Fault(at, "the category must be a text, as in {Channel=\"Web\"}")
		case !okValue:
			return nil, f.Fault(at, "must be a text, is a %s", v.Type())
		case len(category) > engine.TagBytesMax || len(value) > engine.TagBytesMax:
			return nil, f.Fault(at, "a category and a value may have at most %d bytes each", engine.TagBytesMax)
		case !engine.IsText(category, engine.TagBytesMax) || !engine.IsText(value, engine.TagBytesMax):
			return nil, f.Fault(at, "must be a text without control characters, and not empty")
		case len(tags) == engine.CategoriesMax:
			return nil, f.Fault(name, "has more than %d categories", engine.CategoriesMax)
		}
		tags = append(tags, engine.Tag{Category: strings.Clone(category), Value: strings.Clone(value)})
	}
	// A table has no order of its own.
	slices.SortFunc(tags, func(a, b engine.Tag) int { return strings.Compare(a.Category, b.Category) })
	return tags, nil
}
