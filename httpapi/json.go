package httpapi

import (
	"unicode/utf8"
	"unsafe"
)

// scanner reads one JSON text strictly and without allocating: no unknown or repeated fields (the callers decide which
// are known), no control characters, no lone surrogates, no leading zeros, nothing after the value.
//
// A fault is sticky: the first one is kept with its place, and the scanner then stands at the end of the text, where
// every further step fails too. So the callers read field after field without looking, and ask once at the end.
//
// Strings without escapes alias the text, others the scratch buffer: both are valid until the next reset.
type scanner struct {
	text      []byte
	at        int
	scratch   []byte // unescaped strings
	multiline bool   // strings may have line ends and tabs
	foreign   bool   // the last string had an escape, or a character beyond ASCII

	// path holds, for each open object or array, where in it the scanner is. Only faults read it.
	path  [jsonDepthMax]step
	depth int

	fault fault
}

// step is one level of the path: a field of an object or an element of an array.
type step struct {
	key   string
	count int // fields or elements begun, the current one among them
	array bool
}

// fault is what was wrong with a request, before any state was asked.
type fault struct {
	code   string // empty: no fault
	detail string
	field  string
	value  string
	offset int // in the body; -1: not about a place in the body
}

// reset makes the scanner ready to read text.
func (s *scanner) reset(text []byte) {
	s.text, s.at, s.depth = text, 0, 0
	s.scratch = s.scratch[:0]
	s.fault = fault{}
}

// ok reports whether nothing was wrong so far.
func (s *scanner) ok() bool { return s.fault.code == "" }

// fail records a fault at the current field, unless there is one already.
func (s *scanner) fail(code, detail, value string) {
	s.failAt(s.at, code, detail, "", value)
}

// failAt records a fault at a byte of the text and at a field below the current one (empty: the current one itself).
func (s *scanner) failAt(offset int, code, detail, below, value string) {
	if s.ok() {
		s.fault = fault{code: code, detail: detail, field: s.fieldPath(below), value: cut(value, valueBytesMax),
			offset: offset}
	}
	s.at = len(s.text)
}

// fieldPath is the path of the current field, such as items[3].tags.Channel, with below as a last step.
func (s *scanner) fieldPath(below string) string {
	var path []byte
	for i := range s.path[:s.depth] {
		path = s.path[i].appendTo(path)
	}
	if below != "" {
		path = (&step{key: below, count: 1}).appendTo(path)
	}
	return cut(string(path), fieldBytesMax)
}

func (p *step) appendTo(path []byte) []byte {
	if p.count == 0 {
		return path
	}
	if p.array {
		path = append(path, '[')
		path = appendInt(path, int64(p.count-1))
		return append(path, ']')
	}
	if len(path) > 0 {
		path = append(path, '.')
	}
	return append(path, p.key...)
}

// space skips white space and gives the next byte, 0 at the end of the text.
func (s *scanner) space() byte {
	for s.at < len(s.text) {
		c := s.text[s.at]
		if c > ' ' || (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
			return c
		}
		s.at++
	}
	return 0
}

// open enters an object or array.
func (s *scanner) open(bracket byte, expected string) bool {
	if s.space() != bracket {
		s.failType(expected)
		return false
	}
	if s.depth == jsonDepthMax {
		s.fail(codeBadJSON, "nested too deeply", "")
		return false
	}
	s.at++
	s.path[s.depth] = step{array: bracket == '['}
	s.depth++
	return true
}

// openObject enters an object; nextField then steps through it.
func (s *scanner) openObject() bool { return s.open('{', "an object is expected") }

// openArray enters an array; nextElement then steps through it.
func (s *scanner) openArray() bool { return s.open('[', "an array is expected") }

// nextField goes to the value of the object's next field and gives its name. It leaves the object at its end.
func (s *scanner) nextField() (key string, ok bool) {
	if !s.more('}') {
		return "", false
	}
	if s.space() != '"' {
		s.fail(codeBadJSON, "a field name in double quotes is expected", "")
		return "", false
	}
	key = s.stringToken()
	if s.space() != ':' {
		s.fail(codeBadJSON, "a colon is expected after a field name", "")
		return "", false
	}
	s.at++
	at := &s.path[s.depth-1]
	at.key = key
	at.count++
	return key, true
}

// nextElement goes to the array's next element. It leaves the array at its end.
func (s *scanner) nextElement() bool {
	if !s.more(']') {
		return false
	}
	s.path[s.depth-1].count++
	return true
}

// more goes past the comma before the next field or element, or past the closing bracket.
func (s *scanner) more(closing byte) bool {
	if !s.ok() {
		return false
	}
	c := s.space()
	if c == closing {
		s.at++
		s.depth--
		return false
	}
	if s.path[s.depth-1].count == 0 {
		return true
	}
	if c != ',' {
		s.failSyntax(c)
		return false
	}
	s.at++
	return true
}

// end checks that nothing follows the value.
func (s *scanner) end() {
	if s.space(); s.at < len(s.text) {
		s.fail(codeBadJSON, "something follows the value", "")
	}
}

// null takes a null, if that is what comes next.
func (s *scanner) null() bool {
	return s.space() == 'n' && s.literal("null")
}

func (s *scanner) literal(word string) bool {
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// boolean reads true or false.
func (s *scanner) boolean() bool {
	switch c := s.space(); {
	case c == 't' && s.literal("true"):
		return true
	case c == 'f' && s.literal("false"):
		return false
	}
	s.failType("true or false is expected")
	return false
}

// string reads a string. Control characters are refused even when they are escaped: no name of ours has any.
func (s *scanner) string() string {
	if s.space() != '"' {
		s.failType("a string is expected")
		return ""
	}
	return s.stringToken()
}

// The classes of bytes inside a string.
const (
	bytePlain = iota
	byteQuote
	byteEscape
	byteControl
	byteHigh // part of a character beyond ASCII
)

var stringClasses = func() (classes [256]uint8) {
	for c := range classes {
		switch {
		case c == '"':
			classes[c] = byteQuote
		case c == '\\':
			classes[c] = byteEscape
		case c < ' ' || c == 0x7f:
			classes[c] = byteControl
		case c >= utf8.RuneSelf:
			classes[c] = byteHigh
		}
	}
	return classes
}()

// stringToken reads the string that begins at the quote under the scanner.
func (s *scanner) stringToken() string {
	begin := s.at + 1
	high := false
	for i := begin; i < len(s.text); i++ {
		switch stringClasses[s.text[i]] {
		case bytePlain:
		case byteHigh:
			high = true
		case byteQuote:
			token := s.text[begin:i]
			if high && !utf8.Valid(token) {
				s.fail(codeBadJSON, "not valid UTF-8", "")
				return ""
			}
			s.at, s.foreign = i+1, high
			return alias(token)
		case byteEscape:
			s.foreign = true
			return s.escapedToken(begin)
		default:
			s.failControl(i)
			return ""
		}
	}
	s.fail(codeBadJSON, "a string has no end", "")
	return ""
}

// failControl records a control character at offset: bad JSON below U+0020, else (DEL) a value that no name may have.
func (s *scanner) failControl(offset int) {
	code := codeBadJSON
	if s.text[offset] >= ' ' {
		code = codeInvalid
	}
	s.failAt(offset, code, "a control character in a string", "", "")
}

// alias gives b as a string without copying it; it is valid as long as b does not change.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// cut shortens s to at most bytesMax bytes, at a character's end.
func cut(s string, bytesMax int) string {
	if len(s) <= bytesMax {
		return s
	}
	end := bytesMax
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
