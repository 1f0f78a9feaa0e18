package httpapi

import (
	"apportion/engine"
	"apportion/httpapi/names"
	"apportion/httpapi/strictjson"
)

// bodyReader reads bodies straight into the engine's commands, field by field.
type bodyReader struct {
	strictjson.Scanner

	// stored reports whether something that is kept has this very name; see name. nil: nothing has.
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

// name reads a string that names something that is kept, and gives it in the form in which names are kept. A name that
// is no good, and that nothing has from before there was that rule, is refused.
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

// cleanName gives the form in which a name is kept, or says what is wrong with it. What is stored under this very name,
// from before names had to have that form, is still found by it.
func cleanName(name string, stored func(name string) bool) (clean, fault string) {
	clean, fault = names.Clean(name)
	if (fault != "" || clean != name) && stored != nil && stored(name) {
		return name, ""
	}
	return clean, fault
}

// prefix reads what names begin with, in their form. A blank may be its end.
func (s *bodyReader) prefix() string {
	text := s.Text()
	clean, _ := names.Clean(text)
	return clean
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
