package httpapi

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// The parts of a text that most bodies have: fields of an object, lists, words, numbers within limits.

// fields is the set of an object's fields that were read, one bit each.
type fields uint32

// seen notes that a field is there; it may be there once.
func (s *scanner) seen(has *fields, field fields) {
	if *has&field != 0 {
		s.fail(jsonCodeDuplicateField, "the field is given twice", "")
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
		s.failAt(s.at, jsonCodeMissingField, "a required field is missing", name, "")
	}
}

// unknown refuses the current field.
func (s *scanner) unknown() { s.fail(jsonCodeUnknownField, "unknown field", "") }

// atMost refuses the current element if there are countMax already.
func (s *scanner) atMost(count, countMax int) {
	if count >= countMax && s.ok() {
		s.fail(jsonCodeInvalid, fmt.Sprintf("more than %d elements", countMax), "")
	}
}

// empty reports whether nothing but white space is left of the text.
func (s *scanner) empty() bool { return s.space() == 0 && s.at == len(s.input) }

// emptyText reports whether an empty string comes next. It reads nothing.
func (s *scanner) emptyText() bool {
	return s.space() == '"' && s.at+1 < len(s.input) && s.input[s.at+1] == '"'
}

// optionalBool reads an optional field that is true or false.
func (s *scanner) optionalBool(has *fields, field fields, into *bool) {
	if s.present(has, field) {
		*into = s.bool()
	}
}

// integerIn reads a whole number from low to high.
func (s *scanner) integerIn(low, high int64, expected string) int64 {
	s.space()
	begin := s.at
	n := s.integer()
	if n < low || n > high {
		s.failAt(begin, jsonCodeInvalid, expected, "", string(s.input[begin:s.at]))
		return 0
	}
	return n
}

// scalar reads a text, or a number or a boolean as its text.
func (s *scanner) scalar() string {
	switch first := s.space(); {
	case first == '"':
		return s.text()
	case first == 't' || first == 'f':
		return strconv.FormatBool(s.bool())
	case first == '-' || first >= '0' && first <= '9':
		text := s.token()
		if !json.Valid([]byte(text)) {
			s.fail(jsonCodeBadJSON, "a number is expected", text)
		}
		s.at += len(text)
		return text
	}
	s.failType("a text, a number or a boolean is expected")
	return ""
}

// oneOf reads a string that must be one of words, and gives its index.
func (s *scanner) oneOf(words []string, expected string) int {
	s.space()
	begin := s.at
	text := s.text()
	for i, word := range words {
		if text == word {
			return i
		}
	}
	s.failAt(begin, jsonCodeInvalid, expected, "", text)
	return 0
}

// multilineText reads a string that may have line ends and tabs.
func (s *scanner) multilineText() string {
	s.multiline = true
	defer func() { s.multiline = false }()
	return s.text()
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
