package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"apportion/engine"
)

// Plan is what a select hook decided: candidates in order, or a refusal.
type Plan struct {
	// Candidates have the tags that the rule gave: those of the item, of a segment, or a table's.
	Candidates []engine.PlannedCandidate
	Refused    bool
	Reason     string // of the refusal
}

// readPlan checks what select gave back.
func readPlan(value, reason lua.LValue) (Plan, error) {
	if value == lua.LNil {
		text, err := readReason(reason)
		return Plan{Refused: true, Reason: text}, err
	}
	list, err := readList("candidates", value, engine.CandidatesMax)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Candidates: make([]engine.PlannedCandidate, 0, len(list))}
	for i, v := range list {
		c, err := readCandidate(v)
		if err != nil {
			return Plan{}, in("candidates", i, err)
		}
		plan.Candidates = append(plan.Candidates, c)
	}
	return plan, nil
}

var candidateFields = []string{"tags", "keep", "max"}

func readCandidate(v lua.LValue) (c engine.PlannedCandidate, err error) {
	f, err := readFields("", v, candidateFields...)
	if err != nil {
		return c, err
	}
	if c.Tags, err = f.tags("tags"); err != nil {
		return c, err
	}
	if c.Keep, err = f.units("keep", 0); err != nil {
		return c, err
	}
	if f.has("max") {
		c.Max, err = f.units("max", 1)
	}
	return c, err
}

func readReason(v lua.LValue) (string, error) {
	s, ok := v.(lua.LString)
	switch {
	case !ok:
		return "", &ResultError{Path: "reason",
			Message: "nil is given with a reason, as in: return nil, \"why\"; got " + v.Type().String()}
	case len(s) > engine.RuleReasonBytesMax:
		return "", &ResultError{Path: "reason", Message: fmt.Sprintf("longer than %d bytes", engine.RuleReasonBytesMax)}
	case !engine.IsText(string(s), engine.RuleReasonBytesMax):
		return "", &ResultError{Path: "reason", Message: "empty, or no plain text"}
	}
	return strings.Clone(string(s)), nil
}

// in puts the place in a list before the path of a ResultError. Paths are made only when they are needed.
func in(list string, i int, err error) error { return below(fmt.Sprintf("%s[%d]", list, i+1), err) }

// below puts a path before that of a ResultError.
func below(path string, err error) error {
	e, ok := err.(*ResultError)
	if !ok {
		return err
	}
	if e.Path != "" && e.Path[0] != '[' {
		path += "."
	}
	return &ResultError{Path: path + e.Path, Message: e.Message}
}

// join is a path's field.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// readList gives the elements of a table that is a list and nothing else.
func readList(path string, v lua.LValue, limit int) ([]lua.LValue, error) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil, &ResultError{Path: path, Message: "must be a list, is a " + v.Type().String()}
	}
	list := viewOf(t).array
	list = list[:len(list)-trailingNils(viewOf(t))]
	if len(viewOf(t).strdict)+len(viewOf(t).dict) > 0 {
		return nil, &ResultError{Path: path, Message: "must be a list, has the field " + firstKey(t)}
	}
	if len(list) > limit {
		return nil, &ResultError{Path: path, Message: fmt.Sprintf("has %d entries, more than %d", len(list), limit)}
	}
	return list, nil
}

// firstKey names a key that is no list index, for a message.
func firstKey(t *lua.LTable) string {
	for _, k := range viewOf(t).keys {
		if t.RawGet(k) != lua.LNil {
			return fmt.Sprintf("%q", shorten(display(k)))
		}
	}
	return ""
}

// fields is a table with known fields.
type fields struct {
	path  string
	table *lua.LTable
}

// readFields checks that v is a table with no other fields than the names.
func readFields(path string, v lua.LValue, names ...string) (fields, error) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return fields{}, &ResultError{Path: path, Message: "must be a table, is a " + v.Type().String()}
	}
	view := viewOf(t)
	if trailingNils(view) != len(view.array) {
		return fields{}, &ResultError{Path: path + "[1]", Message: "unknown field: must be a table of fields, not a " +
			"list"}
	}
	for _, k := range view.keys {
		name, ok := k.(lua.LString)
		if (!ok || !slices.Contains(names, string(name))) && t.RawGet(k) != lua.LNil {
			return fields{}, &ResultError{Path: join(path, shorten(display(k))), Message: "unknown field; known are " +
				strings.Join(names, ", ")}
		}
	}
	return fields{path, t}, nil
}

func (f fields) get(name string) lua.LValue { return f.table.RawGetString(name) }

func (f fields) has(name string) bool { return f.get(name) != lua.LNil }

func (f fields) fault(name, format string, arguments ...any) error {
	return &ResultError{Path: join(f.path, name), Message: fmt.Sprintf(format, arguments...)}
}

// units reads a whole number from least to engine.RecordUnitsMax, 0 if it is missing.
func (f fields) units(name string, least int64) (int64, error) {
	v := f.get(name)
	if v == lua.LNil {
		return 0, nil
	}
	n, ok := v.(lua.LNumber)
	switch {
	case !ok:
		return 0, f.fault(name, "must be a number, is a %s", v.Type().String())
	case float64(n) != math.Trunc(float64(n)) || math.IsInf(float64(n), 0):
		return 0, f.fault(name, "must be a whole number of units, is %s", n.String())
	case float64(n) < float64(least) || float64(n) > engine.RecordUnitsMax:
		return 0, f.fault(name, "must be between %d and %d, is %s", least, int64(engine.RecordUnitsMax), n.String())
	}
	return int64(n), nil
}

// tags reads tags: a table of category and value, or the tags of an item or a segment.
func (f fields) tags(name string) ([]engine.Tag, error) {
	switch v := f.get(name).(type) {
	case *lua.LUserData:
		if ref, ok := v.Value.(*tagsRef); ok {
			return ref.tags, nil
		}
		return nil, f.fault(name, "must be tags, is a %s", kindName(v))
	case *lua.LTable:
		return f.tagsOf(name, v)
	default:
		return nil, f.fault(name, "must be a table such as {Channel=\"Web\"}, is a %s", v.Type().String())
	}
}

func (f fields) tagsOf(name string, t *lua.LTable) ([]engine.Tag, error) {
	view := viewOf(t)
	if trailingNils(view) != len(view.array) {
		return nil, f.fault(name+"[1]", "a tag is named by its category, as in {Channel=\"Web\"}")
	}
	var tags []engine.Tag
	for _, k := range view.keys {
		v := t.RawGet(k)
		if v == lua.LNil {
			continue
		}
		category, okCategory := k.(lua.LString)
		value, okValue := v.(lua.LString)
		at := name + "." + shorten(display(k))
		switch {
		case !okCategory:
			return nil, f.fault(at, "a category's name must be a text")
		case !okValue:
			return nil, f.fault(at, "must be a text, is a %s", v.Type().String())
		case len(category) > engine.TagBytesMax || len(value) > engine.TagBytesMax:
			return nil, f.fault(at, "longer than %d bytes", engine.TagBytesMax)
		case !engine.IsText(string(category), engine.TagBytesMax) || !engine.IsText(string(value), engine.TagBytesMax):
			return nil, f.fault(at, "empty, or no plain text")
		case len(tags) == engine.CategoriesMax:
			return nil, f.fault(name, "more than %d categories", engine.CategoriesMax)
		}
		tags = append(tags, engine.Tag{Category: strings.Clone(string(category)), Value: strings.Clone(string(value))})
	}
	// The order in which a rule happened to set them says nothing.
	slices.SortFunc(tags, func(a, b engine.Tag) int { return strings.Compare(a.Category, b.Category) })
	return tags, nil
}
