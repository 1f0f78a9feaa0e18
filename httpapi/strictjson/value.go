package strictjson

import (
	"math"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// escapedToken reads, into the scratch buffer, the string that begins at begin and has an escape.
func (s *Scanner) escapedToken(begin int) string {
	start := len(s.scratch)
	for i := begin; i < len(s.input); {
		c := s.input[i]
		switch stringClasses[c] {
		case byteQuote:
			token := s.scratch[start:]
			if !utf8.Valid(token) {
				s.Fail(CodeBadJSON, "the string is not valid UTF-8", "")
				return ""
			}
			s.at = i + 1
			return Alias(token)
		case byteEscape:
			size := s.escape(i)
			if size == 0 {
				return ""
			}
			i += size
		case byteControl:
			s.failControl(i)
			return ""
		default:
			s.scratch = append(s.scratch, c)
			i++
		}
	}
	s.Fail(CodeBadJSON, "the string has no closing quote", "")
	return ""
}

// escape appends the character of the escape at offset, and gives the size of the escape in bytes, 0 after a fault.
func (s *Scanner) escape(offset int) int {
	if offset+1 >= len(s.input) {
		s.FailAt(offset, CodeBadJSON, "the string has no closing quote", "", "")
		return 0
	}
	c := s.input[offset+1]
	switch c {
	case '"', '\\', '/':
		s.scratch = append(s.scratch, c)
		return 2
	case 'n', 'r', 't':
		if s.multiline {
			s.scratch = append(s.scratch, "\n\r\t"[strings.IndexByte("nrt", c)])
			return 2
		}
		fallthrough
	case 'b', 'f':
		s.FailAt(offset, CodeInvalid, "a string without control characters is expected", "",
			string(s.input[offset:offset+2]))
		return 0
	case 'u':
		return s.unicodeEscape(offset)
	}
	s.FailAt(offset, CodeBadJSON, "the string has an unknown escape", "", "")
	return 0
}

// unicodeEscape is escape for \uXXXX, alone or as a surrogate pair.
func (s *Scanner) unicodeEscape(offset int) int {
	const one, pair = len(`\uXXXX`), len(`\uXXXX\uXXXX`)
	r, ok := hex4(s.input, offset+2)
	size := one
	if ok && utf16.IsSurrogate(r) {
		var low rune
		low, ok = hex4(s.input, offset+one+2)
		ok = ok && s.input[offset+one] == '\\' && s.input[offset+one+1] == 'u'
		r = utf16.DecodeRune(r, low)
		ok = ok && r != utf8.RuneError
		size = pair
	}
	if !ok {
		s.FailAt(offset, CodeBadJSON, "the string has a bad \\u escape", "", "")
		return 0
	}
	if r < ' ' || r == 0x7f {
		s.FailAt(offset, CodeInvalid, "a string without control characters is expected", "",
			string(s.input[offset:offset+size]))
		return 0
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	return size
}

// hex4 reads four hexadecimal digits.
func hex4(text []byte, at int) (r rune, ok bool) {
	if at+4 > len(text) {
		return 0, false
	}
	for _, c := range text[at : at+4] {
		digit, ok := HexDigit(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

// HexDigit gives the value of a hexadecimal digit.
func HexDigit(c byte) (digit byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// Integer reads a whole number: no fraction, no exponent, nothing beyond 64 bits.
func (s *Scanner) Integer() int64 {
	negative := s.Space() == '-'
	begin := s.at
	if negative {
		s.at++
	}
	n, digits := s.digits()
	if digits == 0 || s.at < len(s.input) && isNumberByte(s.input[s.at]) {
		s.failNumber(begin, CodeWrongType, "a whole number is expected")
		return 0
	}
	if n > math.MaxInt64 {
		s.FailAt(begin, CodeInvalid, "a whole number of at most 64 bits is expected", "", string(s.input[begin:s.at]))
		return 0
	}
	if negative {
		return -int64(n)
	}
	return int64(n)
}

// digits reads a run of digits as a number that stops growing beyond 64 bits.
func (s *Scanner) digits() (n uint64, count int) {
	const stop = math.MaxUint64/10 - 1
	for s.at < len(s.input) && isDigit(s.input[s.at]) {
		if n < stop {
			n = n*10 + uint64(s.input[s.at]-'0')
		} else {
			n = math.MaxUint64
		}
		s.at++
		count++
		if count == 2 && s.input[s.at-2] == '0' {
			return n, 0 // a leading zero
		}
	}
	return n, count
}

// Percent reads a percentage of at most two decimals, as basis points, without going through a float.
func (s *Scanner) Percent() int32 {
	const expected = "a percentage from 0 to 100 with at most two decimals is expected"
	s.Space()
	begin := s.at
	whole, digits := s.digits()
	if digits == 0 {
		s.failNumber(begin, CodeInvalid, expected)
		return 0
	}
	points := min(whole, math.MaxInt32/100) * 100
	if s.at < len(s.input) && s.input[s.at] == '.' {
		s.at++
		points += s.decimals()
	}
	if s.at < len(s.input) && isNumberByte(s.input[s.at]) || s.input[s.at-1] == '.' {
		s.failNumber(begin, CodeInvalid, expected)
		return 0
	}
	if points > 100_00 {
		s.FailAt(begin, CodeInvalid, expected, "", string(s.input[begin:s.at]))
		return 0
	}
	return int32(points)
}

// decimals reads up to two decimals as hundredths. It leaves a third one for the caller to refuse.
func (s *Scanner) decimals() (hundredths uint64) {
	for _, unit := range [2]uint64{10, 1} {
		if s.at == len(s.input) || !isDigit(s.input[s.at]) {
			break
		}
		hundredths += uint64(s.input[s.at]-'0') * unit
		s.at++
	}
	return hundredths
}

func isNumberByte(c byte) bool {
	return isDigit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}

// failNumber records that the value at begin is not the expected number. The code is for a value that is a number.
func (s *Scanner) failNumber(begin int, code, expected string) {
	s.at = begin
	end := begin
	for end < len(s.input) && isNumberByte(s.input[end]) {
		end++
	}
	token := s.input[begin:end]
	switch {
	case len(token) == 0:
		s.failType(expected)
	case !validNumber(token):
		s.Fail(CodeBadJSON, "not a number of JSON, which has no leading zeros and no plus sign", string(token))
	default:
		s.Fail(code, expected, string(token))
	}
}

// validNumber reports whether token is a number of JSON.
func validNumber(token []byte) bool {
	rest := token
	if len(rest) > 0 && rest[0] == '-' {
		rest = rest[1:]
	}
	whole := run(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return false
	}
	rest = rest[whole:]
	if len(rest) > 0 && rest[0] == '.' {
		fraction := run(rest[1:])
		if fraction == 0 {
			return false
		}
		rest = rest[1+fraction:]
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		exponent := run(rest)
		return exponent > 0 && exponent == len(rest)
	}
	return len(rest) == 0
}

// run counts the digits that text begins with.
func run(text []byte) (count int) {
	for count < len(text) && isDigit(text[count]) {
		count++
	}
	return count
}

// TimeMS reads an RFC 3339 time after 1970, as Unix milliseconds.
func (s *Scanner) TimeMS() int64 {
	ms, _ := s.TimeText()
	return ms
}

// TimeText is TimeMS with the text.
func (s *Scanner) TimeText() (ms int64, text string) {
	begin := s.at
	text = s.Text()
	if !s.OK() {
		return 0, ""
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil || t.UnixMilli() <= 0 {
		s.FailAt(begin, CodeInvalid, "an RFC 3339 time is expected, such as 2026-11-30T12:00:00Z", "", text)
		return 0, ""
	}
	return t.UnixMilli(), text
}

// failType records that the next value has another type than expected, or is no JSON.
func (s *Scanner) failType(expected string) {
	c := s.Space()
	isValue := c == '"' || c == '{' || c == '['
	for _, word := range [3]string{"true", "false", "null"} {
		isValue = isValue || len(s.input)-s.at >= len(word) && string(s.input[s.at:s.at+len(word)]) == word
	}
	if c == '-' || isDigit(c) {
		isValue = true
	}
	if !isValue {
		s.failSyntax(c)
		return
	}
	s.Fail(CodeWrongType, expected, s.token())
}

// token is the text of the next value, for a fault to show. It is empty for objects and arrays.
func (s *Scanner) token() string {
	end := s.at
	for end < len(s.input) && end-s.at < ValueBytesMax && !isDelimiter(s.input[end]) {
		end++
	}
	return string(s.input[s.at:end])
}

func isDelimiter(c byte) bool {
	return c <= ' ' || c == ',' || c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c >= utf8.RuneSelf
}

// failSyntax records that c (0: the end of the text) is not valid here.
func (s *Scanner) failSyntax(c byte) {
	if c == 0 && s.at >= len(s.input) {
		s.Fail(CodeBadJSON, "the JSON text ends too early: was the body cut off?", "")
		return
	}
	s.Fail(CodeBadJSON, "not valid JSON here", "")
}

// Mark is a place in a text where a value begins.
type Mark struct{ at, depth int }

// Mark gives the place of the scanner, for SkipAfterFault.
func (s *Scanner) Mark() Mark { return Mark{s.at, s.depth} }

// SkipAfterFault forgets the fault and goes past the value at a mark, to read on behind it.
func (s *Scanner) SkipAfterFault(m Mark) {
	s.Fault, s.at, s.depth = Fault{}, m.at, m.depth
	s.skip()
}

// skip goes past a value without checking it.
func (s *Scanner) skip() {
	open := 0
	for s.OK() {
		switch c := s.Space(); c {
		case 0:
			s.failSyntax(c)
		case '"':
			s.skipString()
		case '{', '[':
			open++
			s.at++
		case '}', ']':
			open--
			s.at++
		case ',', ':':
			s.at++
			continue // a value comes
		default:
			for s.at < len(s.input) && !isDelimiter(s.input[s.at]) {
				s.at++
			}
		}
		if open <= 0 {
			return
		}
	}
}

func (s *Scanner) skipString() {
	for s.at++; s.at < len(s.input); s.at++ {
		switch s.input[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return
		}
	}
}
