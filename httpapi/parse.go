package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/kibo"
	"apportion/httpapi/names"
	"apportion/httpapi/strictjson"
)

// bodyReader reads bodies straight into the engine's commands, field by field.
type bodyReader struct {
	strictjson.Scanner

	// stored reports whether the state has exactly this name; see name. nil: it has not.
	stored func(name string) bool

	// expiresAt holds the expiresAt of each allocate of the body as it was written: a refusal repeats it.
	expiresAt []string

	rows []rowFault
}

// reset makes the reader ready for a body.
func (s *bodyReader) reset(body []byte) {
	s.Scanner.Reset(body)
	s.expiresAt = s.expiresAt[:0]
	s.rows = s.rows[:0]
}

// tags reads an object of category to value into dst.
func (s *bodyReader) tags(dst []engine.Tag) []engine.Tag {
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		key = s.nameKey(key)
		s.AtMost(len(dst), engine.CategoriesMax)
		for i := range dst {
			if dst[i].Category == key {
				s.Fail(codeDuplicateField, "the category is given twice: send it once", "")
			}
		}
		if s.EmptyText() {
			s.Fail(codeInvalid, "a tag needs a value: leave the category out for its default", "")
		}
		dst = append(dst, engine.Tag{Category: key, Value: s.name()})
	}
	return dst
}

// optionalTags is tags for an optional field.
func (s *bodyReader) optionalTags(has *strictjson.Fields, field strictjson.Fields, dst []engine.Tag) []engine.Tag {
	if !s.Present(has, field) {
		return dst
	}
	return s.tags(dst)
}

// name reads a string as a name, in the form in which names are kept. It refuses a name that cannot have that form,
// unless the state has that name from the time before the form was required.
func (s *bodyReader) name() string {
	begin := s.Next()
	text := s.Text()
	if s.Plain() && (text == "" || text[0] != ' ' && text[len(text)-1] != ' ') {
		return text
	}
	return s.clean(begin, text)
}

// nameKey is name for a field's name that was read just now.
func (s *bodyReader) nameKey(key string) string {
	if s.Plain() && (key == "" || key[0] != ' ' && key[len(key)-1] != ' ') {
		return key
	}
	return s.clean(s.Here(), key)
}

func (s *bodyReader) clean(begin int, text string) string {
	clean, fault := cleanName(text, s.stored)
	if fault != "" {
		s.FailAt(begin, codeInvalid, fault, "", names.Shown(text))
	}
	return clean
}

// cleanName gives a name in the form in which names are kept, or the fault of a name that cannot have it. A name that
// the state has from the time before that form was required stays as it is.
func cleanName(name string, stored func(name string) bool) (clean, fault string) {
	clean, fault = names.Clean(name)
	if (fault != "" || clean != name) && stored != nil && stored(name) {
		return name, ""
	}
	return clean, fault
}

// names reads a list of names into dst.
func (s *bodyReader) names(dst []string, countMax int) []string {
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(dst), countMax)
		dst = append(dst, s.name())
	}
	return dst
}

// endRow ends the reading of the row that begins at begin. What is wrong with it is noted, and the reading goes on
// behind it: unless nobody can tell where it ends, or enough is noted.
func (s *bodyReader) endRow(row int, begin strictjson.Mark) {
	if s.OK() || s.Fault.Code == codeBadJSON {
		return
	}
	s.rows = append(s.rows, rowFault{s.Fault, row})
	if len(s.rows) == kibo.RowFaultsMax {
		return
	}
	s.SkipAfterFault(begin)
}

// Bodies of operator routes are decoded into structs; then their values are checked field by field.

// operatorTypes reads the types in these bodies that are more than a text, a number or a struct.
var operatorTypes = strictjson.Join(
	strictjson.Value(func(s *strictjson.Scanner) api.Source { return api.Source(s.MultilineText()) }),
	strictjson.Value(func(s *strictjson.Scanner) api.Bound {
		if s.Space() == '"' {
			return api.Bound(s.Text())
		}
		return api.Bound(strconv.FormatInt(s.Integer(), 10))
	}),
	strictjson.Value(func(s *strictjson.Scanner) basisPoints { return basisPoints(s.Percent()) }),
	strictjson.Map[api.Tags](engine.CategoriesMax, (*strictjson.Scanner).Text),
	strictjson.Map[api.Attributes](engine.AttributesMax, (*strictjson.Scanner).Scalar),
	strictjson.Map[moves](engine.CategoryValuesMax, (*strictjson.Scanner).Text),
	strictjson.List[string](engine.RuleScopeLocationsMax),
	strictjson.List[api.DryRunSegment](engine.SegmentsPerRecordMax),
	strictjson.List[tagValueBody](engine.CategoryValuesMax),
)

// readBody decodes the body into a struct, or answers what is wrong with it. A body that may be missing leaves the
// struct as it is.
func (req *request) readBody(into any) bool {
	if req.route.body == bodyOptional && len(bytes.Trim(req.received, " \t\r\n")) == 0 {
		return true
	}
	f := strictjson.Decode(req.received, into, operatorTypes)
	return req.sound(&f)
}

// field is the JSON text of a field of a body that has been decoded, nil if the body does not have it: a struct does
// not tell null from a field that is missing.
func (req *request) field(path ...string) json.RawMessage {
	text := json.RawMessage(req.received)
	for _, name := range path {
		var fields map[string]json.RawMessage
		if json.Unmarshal(text, &fields) != nil {
			return nil
		}
		text = fields[name]
	}
	return text
}

// namesOf gives the names of a JSON object whose values are texts, in its order.
func namesOf(object json.RawMessage) (list []string) {
	dec := json.NewDecoder(bytes.NewReader(object))
	for i := 0; ; i++ {
		token, err := dec.Token()
		if err != nil {
			return list
		}
		if name, ok := token.(string); ok && i%2 == 1 { // the brace is 0, then names and values take turns
			list = append(list, name)
		}
	}
}

// sound reports whether there is no fault, or answers it.
func (req *request) sound(f *strictjson.Fault) bool {
	if f.Code == "" {
		return true
	}
	p := faultProblem(f)
	req.problem(&p)
	return false
}

// bodyCheck checks the values of a decoded body and keeps the first fault.
type bodyCheck struct {
	stored func(name string) bool
	fault  strictjson.Fault
}

// checker begins the check of a body.
func (req *request) checker() *bodyCheck { return &bodyCheck{stored: req.stored} }

func (k *bodyCheck) fail(code, detail, field, value string) {
	if k.fault.Code == "" {
		k.fault = strictjson.Fault{Code: code, Detail: detail, Field: strictjson.Cut(field, strictjson.FieldBytesMax),
			Value: strictjson.Cut(value, strictjson.ValueBytesMax), Offset: -1}
	}
}

// integer gives a number from low to high, or the fallback if it is missing.
func (k *bodyCheck) integer(field string, n *int64, low, high, fallback int64) int64 {
	if n == nil {
		return fallback
	}
	if *n < low || *n > high {
		k.fail(codeInvalid, fmt.Sprintf("a number from %d to %d is expected", low, high), field, fmt.Sprint(*n))
	}
	return *n
}

// number32 gives a number of a version or of failures.
func (k *bodyCheck) number32(field string, n *int64, fallback uint32) uint32 {
	return uint32(k.integer(field, n, 1, engine.RuleFailuresMax, int64(fallback)))
}

// word gives the index of a text in words, 0 if it is missing.
func (k *bodyCheck) word(field string, text *string, words []string) int {
	if text == nil {
		return 0
	}
	i := slices.Index(words, *text)
	if i < 0 {
		k.fail(codeInvalid, strings.Join(words, " or ")+" is expected", field, *text)
	}
	return max(i, 0)
}

// hook gives a hook, 0 if it is missing.
func (k *bodyCheck) hook(field string, text *string) engine.RuleHook {
	if text == nil {
		return 0
	}
	return engine.HookSelect + engine.RuleHook(k.word(field, text, hookWords))
}

func (k *bodyCheck) fallback(text *string) engine.RuleFallback {
	return engine.RuleFallback(k.word("onError", text, fallbackWords))
}

// name gives a name in the form in which names are kept.
func (k *bodyCheck) name(field, text string) string {
	clean, fault := cleanName(text, k.stored)
	if fault != "" {
		k.fail(codeInvalid, fault, field, names.Shown(text))
	}
	return clean
}

// pairs calls do for each name of a map, in the order of keys, in the form in which names are kept, and its value. Two
// names may not have the same form.
func (k *bodyCheck) pairs(field string, m map[string]string, keys []string, twice string,
	do func(name, value, field string)) {
	seen := map[string]bool{}
	for _, key := range keys {
		at := field + "." + key
		name := k.name(at, key)
		if seen[name] {
			k.fail(codeDuplicateField, twice, at, "")
		}
		seen[name] = true
		do(name, m[key], at)
	}
}

func (k *bodyCheck) tags(field string, from api.Tags) (tags []engine.Tag) {
	k.pairs(field, from, slices.Sorted(maps.Keys(from)), "the category is given twice: send it once",
		func(name, value, field string) {
			if value == "" {
				k.fail(codeInvalid, "a tag needs a value: leave the category out for its default", field, "")
			}
			tags = append(tags, engine.Tag{Category: name, Value: k.name(field, value)})
		})
	return tags
}

// scope gives the scope of a rule. A missing field selects all.
func (k *bodyCheck) scope(from *api.Scope) (scope engine.RuleScope) {
	if from == nil {
		return scope
	}
	for i, location := range from.Locations {
		scope.Locations = append(scope.Locations, k.name(fmt.Sprintf("scope.locations[%d]", i), location))
	}
	scope.UPCPrefix, _ = names.Clean(from.UPCPrefix) // a blank may be its end
	scope.Tags = k.tags("scope.tags", from.Tags)
	return scope
}
