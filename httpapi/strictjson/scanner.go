package strictjson

import (
	"fmt"
	"unicode/utf8"
	"unsafe"
)

// The codes of faults. They are part of the API.
const (
	CodeBadJSON        = "bad-json"
	CodeWrongType      = "wrong-type"
	CodeUnknownField   = "unknown-field"
	CodeDuplicateField = "duplicate-field"
	CodeMissingField   = "missing-field"
	CodeInvalid        = "invalid"
)

// Scanner reads one JSON text.
//
// A fault is sticky: the scanner keeps the first one and moves to the end of the text, where every further step fails
// too. So callers read field after field without checking, and check once at the end.
type Scanner struct {
	input     []byte
	at        int
	scratch   []byte // unescaped strings
	multiline bool   // strings may have line ends and tabs
	foreign   bool   // the last string had an escape, or a character beyond ASCII

	// path holds the place in each open object or array. Only faults read it.
	path  [DepthMax]step
	depth int

	Fault Fault // the first one
}

// step is one level of the path: a field of an object or an element of an array.
type step struct {
	key   string
	count int // fields or elements begun, the current one among them
	array bool
}

// Fault is what is wrong with a text.
type Fault struct {
	Code   string // empty: no fault
	Detail string
	Field  string
	Value  string
	Offset int // in the text; -1: not about a place in it
}

// Reset makes the scanner ready for a text.
func (s *Scanner) Reset(text []byte) {
	s.input, s.at, s.depth = text, 0, 0
	s.scratch = s.scratch[:0]
	s.Fault = Fault{}
}

// OK reports whether no fault was found so far.
func (s *Scanner) OK() bool { return s.Fault.Code == "" }

// Fail records a fault at the current field, unless there is one already.
func (s *Scanner) Fail(code, detail, value string) {
	s.FailAt(s.at, code, detail, "", value)
}

// FailAt records a fault at a byte of the text and at a field below the current one (empty: the current one itself).
func (s *Scanner) FailAt(offset int, code, detail, below, value string) {
	if s.OK() {
		s.Fault = Fault{Code: code, Detail: detail, Field: s.fieldPath(below), Value: Cut(value, ValueBytesMax),
			Offset: offset}
	}
	s.at = len(s.input)
}

// fieldPath is the path of the current field, such as items[3].tags.Channel, with below as a last step.
func (s *Scanner) fieldPath(below string) string {
	var path []byte
	for i := range s.path[:s.depth] {
		path = s.path[i].appendTo(path)
	}
	if below != "" {
		path = (&step{key: below, count: 1}).appendTo(path)
	}
	return Cut(string(path), FieldBytesMax)
}

func (p *step) appendTo(path []byte) []byte {
	if p.count == 0 {
		return path
	}
	if p.array {
		path = append(path, '[')
		path = AppendInt(path, int64(p.count-1))
		return append(path, ']')
	}
	if len(path) > 0 {
		path = append(path, '.')
	}
	return append(path, p.key...)
}

// Space skips white space and gives the next byte, 0 at the end of the text.
func (s *Scanner) Space() byte {
	for s.at < len(s.input) {
		c := s.input[s.at]
		if c > ' ' || (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
			return c
		}
		s.at++
	}
	return 0
}

// Next skips white space and gives the offset of what follows.
func (s *Scanner) Next() int {
	s.Space()
	return s.at
}

// Here gives the offset of the scanner.
func (s *Scanner) Here() int { return s.at }

// Plain reports whether the last string or field name was ASCII without escapes.
func (s *Scanner) Plain() bool { return !s.foreign }

// MemoryBytes is the memory that the scanner keeps for the next text.
func (s *Scanner) MemoryBytes() int { return cap(s.scratch) }

// open enters an object or array.
func (s *Scanner) open(bracket byte, expected string) bool {
	if s.Space() != bracket {
		s.failType(expected)
		return false
	}
	if s.depth == DepthMax {
		s.Fail(CodeBadJSON, fmt.Sprintf("nested more than %d levels deep", DepthMax), "")
		return false
	}
	s.at++
	s.path[s.depth] = step{array: bracket == '['}
	s.depth++
	return true
}

// OpenObject enters an object; NextField steps through it.
func (s *Scanner) OpenObject() bool { return s.open('{', "an object is expected") }

// OpenArray enters an array; NextElement steps through it.
func (s *Scanner) OpenArray() bool { return s.open('[', "an array is expected") }

// NextField gives the name of the object's next field and goes to its value. At the end it leaves the object.
func (s *Scanner) NextField() (key string, ok bool) {
	if !s.more('}') {
		return "", false
	}
	if s.Space() != '"' {
		s.Fail(CodeBadJSON, "a field name in double quotes is expected", "")
		return "", false
	}
	key = s.stringToken()
	if s.Space() != ':' {
		s.Fail(CodeBadJSON, "a colon is expected after a field name", "")
		return "", false
	}
	s.at++
	at := &s.path[s.depth-1]
	at.key = key
	at.count++
	return key, true
}

// NextElement goes to the array's next element. At the end it leaves the array.
func (s *Scanner) NextElement() bool {
	if !s.more(']') {
		return false
	}
	s.path[s.depth-1].count++
	return true
}

// more goes past the comma before the next field or element, or past the closing bracket.
func (s *Scanner) more(closing byte) bool {
	if !s.OK() {
		return false
	}
	c := s.Space()
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

// End refuses anything that follows the value.
func (s *Scanner) End() {
	if s.Space(); s.at < len(s.input) {
		s.Fail(CodeBadJSON, "one JSON value is expected, and something follows it", "")
	}
}

// null takes a null, if that is what comes next.
func (s *Scanner) null() bool {
	return s.Space() == 'n' && s.literal("null")
}

func (s *Scanner) literal(word string) bool {
	if len(s.input)-s.at < len(word) || string(s.input[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// bool reads true or false.
func (s *Scanner) bool() bool {
	switch c := s.Space(); {
	case c == 't' && s.literal("true"):
		return true
	case c == 'f' && s.literal("false"):
		return false
	}
	s.failType("true or false is expected")
	return false
}

// Text reads a string. Control characters are refused even if they are escaped: no name has any.
func (s *Scanner) Text() string {
	if s.Space() != '"' {
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
func (s *Scanner) stringToken() string {
	begin := s.at + 1
	high := false
	for i := begin; i < len(s.input); i++ {
		switch stringClasses[s.input[i]] {
		case bytePlain:
		case byteHigh:
			high = true
		case byteQuote:
			token := s.input[begin:i]
			if high && !utf8.Valid(token) {
				s.Fail(CodeBadJSON, "the string is not valid UTF-8", "")
				return ""
			}
			s.at, s.foreign = i+1, high
			return Alias(token)
		case byteEscape:
			s.foreign = true
			return s.escapedToken(begin)
		default:
			s.failControl(i)
			return ""
		}
	}
	s.Fail(CodeBadJSON, "the string has no closing quote", "")
	return ""
}

// failControl records a control character at offset: bad JSON below U+0020, else (DEL) a value that no name may have.
func (s *Scanner) failControl(offset int) {
	code := CodeBadJSON
	if s.input[offset] >= ' ' {
		code = CodeInvalid
	}
	s.FailAt(offset, code, "a string without control characters is expected", "", "")
}

// PlainText reports whether s is valid UTF-8 without ASCII's control characters, and whether it is all ASCII.
func PlainText(s string) (ascii, ok bool) {
	ascii = true
	for i := range len(s) {
		switch stringClasses[s[i]] {
		case byteControl:
			return ascii, false
		case byteHigh:
			ascii = false
		}
	}
	return ascii, ascii || utf8.ValidString(s)
}

// Alias gives b as a string without copying it; it is valid as long as b does not change.
func Alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Cut shortens s to at most bytesMax bytes, at a character's end.
func Cut(s string, bytesMax int) string {
	if len(s) <= bytesMax {
		return s
	}
	end := bytesMax
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
