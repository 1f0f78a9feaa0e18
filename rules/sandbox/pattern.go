package sandbox

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Lua's patterns, matched by backtracking as in Lua. Each comparison counts as a step and the recursion is bounded, so
// a pattern that would take forever exceeds the steps.

const capturesMax = 32

const (
	captureOpen     = -1
	capturePosition = -2
)

type capture struct{ start, length int }

type matcher struct {
	m        *meter
	s, p     string
	level    int
	depth    int
	captures [capturesMax]capture
}

func (ms *matcher) step() {
	ms.m.steps++
	if ms.m.steps > ms.m.checkAt {
		ms.m.check(0)
		ms.m.raise()
	}
}

func (ms *matcher) fail(message string) { ms.m.l.RaiseError("pattern %q: %s", ms.p, message) }

// classEnd is the position after the single character class at p.
func (ms *matcher) classEnd(p int) int {
	if p >= len(ms.p) {
		ms.fail("ends too early")
	}
	c := ms.p[p]
	p++
	switch c {
	case '%':
		if p >= len(ms.p) {
			ms.fail("ends with %")
		}
		return p + 1
	case '[':
		if p < len(ms.p) && ms.p[p] == '^' {
			p++
		}
		for first := true; first || p >= len(ms.p) || ms.p[p] != ']'; first = false {
			ms.step()
			if p >= len(ms.p) {
				ms.fail("[ without ]")
			}
			if ms.p[p] == '%' {
				p++
			}
			p++
		}
		return p + 1
	}
	return p
}

func inClass(c, class byte) bool {
	var in bool
	switch lower(class) {
	case 'a':
		in = isLetter(c)
	case 'c':
		in = c < 32 || c == 127
	case 'd':
		in = isDigit(c)
	case 'l':
		in = 'a' <= c && c <= 'z'
	case 'p':
		in = c > 32 && c < 127 && !isLetter(c) && !isDigit(c)
	case 's':
		in = c == ' ' || c >= 9 && c <= 13
	case 'u':
		in = 'A' <= c && c <= 'Z'
	case 'w':
		in = isLetter(c) || isDigit(c)
	case 'x':
		in = isDigit(c) || 'a' <= lower(c) && lower(c) <= 'f'
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	return in != ('A' <= class && class <= 'Z')
}

func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// inSet: p is at the [, end at the ] of a set.
func (ms *matcher) inSet(c byte, p, end int) bool {
	in := true
	p++
	if ms.p[p] == '^' {
		in = false
		p++
	}
	for p < end {
		ms.step()
		switch {
		case ms.p[p] == '%':
			if inClass(c, ms.p[p+1]) {
				return in
			}
			p += 2
		case p+2 < end && ms.p[p+1] == '-':
			if ms.p[p] <= c && c <= ms.p[p+2] {
				return in
			}
			p += 3
		default:
			if ms.p[p] == c {
				return in
			}
			p++
		}
	}
	return !in
}

func (ms *matcher) single(s, p, end int) bool {
	ms.step()
	if s >= len(ms.s) {
		return false
	}
	c := ms.s[s]
	switch ms.p[p] {
	case '.':
		return true
	case '%':
		return inClass(c, ms.p[p+1])
	case '[':
		return ms.inSet(c, p, end-1)
	}
	return ms.p[p] == c
}

// again is special's answer when it has moved on.
const again = -2

// special handles what is no single character: captures, the end, %b and back references.
func (ms *matcher) special(s, p *int) (end int, done bool) {
	rest := ms.p[*p:]
	switch {
	case strings.HasPrefix(rest, "()"):
		return ms.open(*s, *p+2, capturePosition), true
	case rest[0] == '(':
		return ms.open(*s, *p+1, captureOpen), true
	case rest[0] == ')':
		return ms.close(*s, *p+1), true
	case rest == "$":
		if *s == len(ms.s) {
			return *s, true
		}
		return -1, true
	case rest[0] != '%' || len(rest) == 1:
	case rest[1] == 'b':
		*s = ms.balance(*s, *p+2)
		*p += 4
		return againOr(*s), *s < 0
	case rest[1] == 'f':
		ms.fail("%f is not offered")
	case isDigit(rest[1]):
		*s = ms.back(*s, rest[1])
		*p += 2
		return againOr(*s), *s < 0
	}
	return 0, false
}

func againOr(s int) int {
	if s < 0 {
		return -1
	}
	return again
}

// match gives the end of the match of the pattern from p at s, or -1.
func (ms *matcher) match(s, p int) int {
	ms.depth++
	defer func() { ms.depth-- }()
	if ms.depth > patternDepthMax {
		ms.fail("too complex")
	}
	for {
		ms.step()
		if p == len(ms.p) {
			return s
		}
		if e, done := ms.special(&s, &p); done {
			return e
		} else if e == again {
			continue
		}
		end := ms.classEnd(p)
		suffix := byte(0)
		if end < len(ms.p) {
			suffix = ms.p[end]
		}
		switch suffix {
		case '?':
			if ms.single(s, p, end) {
				if e := ms.match(s+1, end+1); e >= 0 {
					return e
				}
			}
			p = end + 1
		case '*', '+':
			return ms.repeat(s, p, end, suffix == '+')
		case '-':
			return ms.repeatLeast(s, p, end)
		default:
			if !ms.single(s, p, end) {
				return -1
			}
			s, p = s+1, end
		}
	}
}

func (ms *matcher) repeat(s, p, end int, once bool) int {
	n := 0
	for ms.single(s+n, p, end) {
		n++
	}
	for least := btoi(once); n >= least; n-- {
		if e := ms.match(s+n, end+1); e >= 0 {
			return e
		}
	}
	return -1
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (ms *matcher) repeatLeast(s, p, end int) int {
	for {
		if e := ms.match(s, end+1); e >= 0 {
			return e
		}
		if !ms.single(s, p, end) {
			return -1
		}
		s++
	}
}

func (ms *matcher) open(s, p, kind int) int {
	if ms.level >= capturesMax {
		ms.fail("too many captures")
	}
	ms.captures[ms.level] = capture{s, kind}
	ms.level++
	e := ms.match(s, p)
	if e < 0 {
		ms.level--
	}
	return e
}

func (ms *matcher) close(s, p int) int {
	i := ms.level - 1
	for i >= 0 && ms.captures[i].length != captureOpen {
		i--
	}
	if i < 0 {
		ms.fail(") without (")
	}
	ms.captures[i].length = s - ms.captures[i].start
	e := ms.match(s, p)
	if e < 0 {
		ms.captures[i].length = captureOpen
	}
	return e
}

func (ms *matcher) balance(s, p int) int {
	if p+1 >= len(ms.p) {
		ms.fail("%b needs two characters")
	}
	if s >= len(ms.s) || ms.s[s] != ms.p[p] {
		return -1
	}
	depth := 1
	for s++; s < len(ms.s); s++ {
		ms.step()
		switch ms.s[s] {
		case ms.p[p+1]:
			if depth--; depth == 0 {
				return s + 1
			}
		case ms.p[p]:
			depth++
		}
	}
	return -1
}

func (ms *matcher) back(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= ms.level || ms.captures[i].length < 0 {
		ms.fail("no such capture")
	}
	text := ms.s[ms.captures[i].start:][:ms.captures[i].length]
	ms.m.charge(len(text)>>textShift, 0)
	if !strings.HasPrefix(ms.s[s:], text) {
		return -1
	}
	return s + len(text)
}

// value is capture i, or the whole match for the first one of a pattern without captures.
func (ms *matcher) value(i, start, end int) lua.LValue {
	ms.m.charge(0, stringHeader)
	if i >= ms.level {
		if i != 0 {
			ms.fail("no such capture")
		}
		return lua.LString(ms.s[start:end])
	}
	c := ms.captures[i]
	switch c.length {
	case capturePosition:
		return lua.LNumber(c.start + 1)
	case captureOpen:
		ms.fail("( without )")
	}
	return lua.LString(ms.s[c.start : c.start+c.length])
}

func (ms *matcher) push(start, end int) int {
	n := max(1, ms.level)
	for i := range n {
		ms.m.l.Push(ms.value(i, start, end))
	}
	return n
}

// search finds the first match from position at on.
func (ms *matcher) search(at int) (start, end int) {
	anchored := strings.HasPrefix(ms.p, "^")
	for start = at; start <= len(ms.s); start++ {
		ms.level = 0
		if end = ms.match(start, btoi(anchored)); end >= 0 {
			return start, end
		}
		if anchored {
			break
		}
	}
	return -1, -1
}
