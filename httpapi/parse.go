package httpapi

import (
	"fmt"

	"apportion/engine"
	"apportion/httpapi/names"
)

// What all bodies have in common: which fields an object had, tags, lists of names.

// fields is the set of an object's fields that were read, one bit each.
type fields uint32

// seen notes that a field is there; it may be there once.
func (s *scanner) seen(has *fields, field fields) {
	if *has&field != 0 {
		s.fail(codeDuplicateField, "the field is given twice", "")
	}
	*has |= field
}

// present notes an optional field and reports whether it has a value other than null.
func (s *scanner) present(has *fields, field fields) bool {
	s.seen(has, field)
	return !s.null()
}

// require checks, at an object's end, that a required field was there.
func (s *scanner) require(has, field fields, name string) {
	if has&field == 0 {
		s.failAt(s.at, codeMissingField, "a required field is missing", name, "")
	}
}

// unknown refuses the current field.
func (s *scanner) unknown() { s.fail(codeUnknownField, "unknown field", "") }

// atMost refuses the current element if there are countMax already.
func (s *scanner) atMost(count, countMax int) {
	if count >= countMax && s.ok() {
		s.fail(codeInvalid, fmt.Sprintf("more than %d elements", countMax), "")
	}
}

// oneOf reads a string that must be one of words, and gives its index.
func (s *scanner) oneOf(words []string, expected string) int {
	s.space()
	begin := s.at
	text := s.string()
	for i, word := range words {
		if text == word {
			return i
		}
	}
	s.failAt(begin, codeInvalid, expected, "", text)
	return 0
}

// tags reads an object of category to value into dst.
func (s *scanner) tags(dst []engine.Tag) []engine.Tag {
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		key = s.nameKey(key)
		s.atMost(len(dst), engine.CategoriesMax)
		for i := range dst {
			if dst[i].Category == key {
				s.fail(codeDuplicateField, "the category is given twice", "")
			}
		}
		if s.space() == '"' && s.at+1 < len(s.text) && s.text[s.at+1] == '"' {
			s.fail(codeInvalid, "a tag needs a value", "")
		}
		dst = append(dst, engine.Tag{Category: key, Value: s.name()})
	}
	return dst
}

// optionalTags is tags for an optional field.
func (s *scanner) optionalTags(has *fields, field fields, dst []engine.Tag) []engine.Tag {
	if !s.present(has, field) {
		return dst
	}
	return s.tags(dst)
}

// name reads a string that names something that is kept, and gives it in the form in which names are kept. A name that
// is no good, and that nothing has from before there was that rule, is refused.
func (s *scanner) name() string {
	s.space()
	begin := s.at
	text := s.string()
	if !s.foreign && (text == "" || text[0] != ' ' && text[len(text)-1] != ' ') {
		return text
	}
	return s.clean(begin, text)
}

// nameKey is name for a field's name that was read just now.
func (s *scanner) nameKey(key string) string {
	if !s.foreign && (key == "" || key[0] != ' ' && key[len(key)-1] != ' ') {
		return key
	}
	return s.clean(s.at, key)
}

func (s *scanner) clean(begin int, text string) string {
	clean, fault := cleanName(text, s.stored)
	if fault != "" {
		s.failAt(begin, codeInvalid, fault, "", names.Shown(text))
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
func (s *scanner) prefix() string {
	text := s.string()
	clean, _ := names.Clean(text)
	return clean
}

// names reads a list of names into dst.
func (s *scanner) names(dst []string, countMax int) []string {
	s.openArray()
	for s.nextElement() {
		s.atMost(len(dst), countMax)
		dst = append(dst, s.name())
	}
	return dst
}

// extend adds an element to list and gives a pointer to it. The element may be one of an earlier request, so that its
// slices can be used again; the caller sets every field.
func extend[T any](list []T) ([]T, *T) {
	if len(list) < cap(list) {
		list = list[:len(list)+1]
	} else {
		var zero T
		list = append(list, zero)
	}
	return list, &list[len(list)-1]
}
