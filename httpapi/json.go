package httpapi

import (
	"unicode/utf8"
	"unsafe"
)

// The codes of faults. They are part of the API.
const (
	jsonCodeBadJSON        = "bad-json"
	jsonCodeWrongType      = "wrong-type"
	jsonCodeUnknownField   = "unknown-field"
	jsonCodeDuplicateField = "duplicate-field"
	jsonCodeMissingField   = "missing-field"
	jsonCodeInvalid        = "invalid"
)

// scanner reads one JSON text strictly and without allocating: no unknown or repeated fields (the callers decide which
// are known), no control characters, no lone surrogates, no leading zeros, nothing after the value.
//
// A fault is sticky: the first one is kept with its place, and the scanner then stands at the end of the text, where
// every further step fails too. So the callers read field after field without looking, and ask once at the end.
//
// Strings without escapes alias the text, others the scratch buffer: both are valid until the next reset.
type scanner struct {
	input     []byte
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
	s.input, s.at, s.depth = text, 0, 0
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
	s.at = len(s.input)
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
	for s.at < len(s.input) {
		c := s.input[s.at]
		if c > ' ' || (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
			return c
		}
		s.at++
	}
	return 0
}

// next skips white space and gives the offset of what follows.
func (s *scanner) next() int {
	s.space()
	return s.at
}

// here gives the offset of the scanner.
func (s *scanner) here() int { return s.at }

// plain reports whether the last string or field name was ASCII without escapes.
func (s *scanner) plain() bool { return !s.foreign }

// memoryBytes is the memory that the scanner keeps for the next text.
func (s *scanner) memoryBytes() int { return cap(s.scratch) }

// open enters an object or array.
func (s *scanner) open(bracket byte, expected string) bool {
	if s.space() != bracket {
		s.failType(expected)
		return false
	}
	if s.depth == jsonDepthMax {
		s.fail(jsonCodeBadJSON, "nested too deeply", "")
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
		s.fail(jsonCodeBadJSON, "a field name in double quotes is expected", "")
		return "", false
	}
	key = s.stringToken()
	if s.space() != ':' {
		s.fail(jsonCodeBadJSON, "a colon is expected after a field name", "")
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
	if s.space(); s.at < len(s.input) {
		s.fail(jsonCodeBadJSON, "something follows the value", "")
	}
}

// null takes a null, if that is what comes next.
func (s *scanner) null() bool {
	return s.space() == 'n' && s.literal("null")
}

func (s *scanner) literal(word string) bool {
	if len(s.input)-s.at < len(word) || string(s.input[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// bool reads true or false.
func (s *scanner) bool() bool {
	switch c := s.space(); {
	case c == 't' && s.literal("true"):
		return true
	case c == 'f' && s.literal("false"):
		return false
	}
	s.failType("true or false is expected")
	return false
}

// text reads a string. Control characters are refused even when they are escaped: no name of ours has any.
func (s *scanner) text() string {
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
	for i := begin; i < len(s.input); i++ {
		switch stringClasses[s.input[i]] {
		case bytePlain:
		case byteHigh:
			high = true
		case byteQuote:
			token := s.input[begin:i]
			if high && !utf8.Valid(token) {
				s.fail(jsonCodeBadJSON, "not valid UTF-8", "")
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
	s.fail(jsonCodeBadJSON, "a string has no end", "")
	return ""
}

// failControl records a control character at offset: bad JSON below U+0020, else (DEL) a value that no name may have.
func (s *scanner) failControl(offset int) {
	code := jsonCodeBadJSON
	if s.input[offset] >= ' ' {
		code = jsonCodeInvalid
	}
	s.failAt(offset, code, "a control character in a string", "", "")
}

// plainText reports whether s is valid UTF-8 without ASCII's control characters, and whether it is all ASCII.
func plainText(s string) (ascii, ok bool) {
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
