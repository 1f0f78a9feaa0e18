package strictjson

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// The parts of a text that most bodies have: fields of an object, lists, words, numbers within limits.

// Fields is the set of an object's fields that were read, one bit each.
type Fields uint32

// Seen notes that a field is there; it may be there once.
func (s *Scanner) Seen(has *Fields, field Fields) {
	if *has&field != 0 {
		s.Fail(CodeDuplicateField, "the field is given twice: send it once", "")
	}
	*has |= field
}

// Present notes an optional field and reports whether it has a value other than null.
func (s *Scanner) Present(has *Fields, field Fields) bool {
	s.Seen(has, field)
	return !s.null()
}

// Require checks, at an object's end, that a required field was there.
func (s *Scanner) Require(has, field Fields, name string) {
	if has&field == 0 {
		s.FailAt(s.at, CodeMissingField, "a required field is missing", name, "")
	}
}

// Unknown refuses the current field.
func (s *Scanner) Unknown() {
	s.Fail(CodeUnknownField, "there is no such field here; names are case-sensitive", "")
}

// AtMost refuses the current element if there are countMax already.
func (s *Scanner) AtMost(count, countMax int) {
	if count >= countMax && s.OK() {
		s.Fail(CodeInvalid, fmt.Sprintf("at most %d elements are allowed", countMax), "")
	}
}

// Empty reports whether nothing but white space is left of the text.
func (s *Scanner) Empty() bool { return s.Space() == 0 && s.at == len(s.input) }

// EmptyText reports whether an empty string comes next. It reads nothing.
func (s *Scanner) EmptyText() bool {
	return s.Space() == '"' && s.at+1 < len(s.input) && s.input[s.at+1] == '"'
}

// OptionalBool reads an optional field that is true or false.
func (s *Scanner) OptionalBool(has *Fields, field Fields, into *bool) {
	if s.Present(has, field) {
		*into = s.bool()
	}
}

// RequiredBool reads a required field that is true or false.
func (s *Scanner) RequiredBool(has *Fields, field Fields) bool {
	s.Seen(has, field)
	return s.bool()
}

// IntegerIn reads a whole number from low to high.
func (s *Scanner) IntegerIn(low, high int64, expected string) int64 {
	s.Space()
	begin := s.at
	n := s.Integer()
	if n < low || n > high {
		s.FailAt(begin, CodeInvalid, expected, "", string(s.input[begin:s.at]))
		return 0
	}
	return n
}

// Scalar reads a text, or a number or a boolean as its text.
func (s *Scanner) Scalar() string {
	switch first := s.Space(); {
	case first == '"':
		return s.Text()
	case first == 't' || first == 'f':
		return strconv.FormatBool(s.bool())
	case first == '-' || first >= '0' && first <= '9':
		text := s.token()
		if !json.Valid([]byte(text)) {
			s.Fail(CodeBadJSON, "a number is expected, without leading zeros", text)
		}
		s.at += len(text)
		return text
	}
	s.failType("a text, a number or a boolean is expected")
	return ""
}

// OneOf reads a string that must be one of words, and gives its index.
func (s *Scanner) OneOf(words []string, expected string) int {
	s.Space()
	begin := s.at
	text := s.Text()
	for i, word := range words {
		if text == word {
			return i
		}
	}
	s.FailAt(begin, CodeInvalid, expected, "", text)
	return 0
}

// MultilineText reads a string that may have line ends and tabs.
func (s *Scanner) MultilineText() string {
	s.multiline = true
	defer func() { s.multiline = false }()
	return s.Text()
}

// Extend adds an element to list and gives a pointer to it. The element may be an old one, whose slices can be used
// again; the caller sets every field.
func Extend[T any](list []T) ([]T, *T) {
	if len(list) < cap(list) {
		list = list[:len(list)+1]
	} else {
		var zero T
		list = append(list, zero)
	}
	return list, &list[len(list)-1]
}
