package rig

// parsedOrder has the fields that the constant handler reads from a body. Its scanner knows this one shape and reuses
// its memory. It is fast on purpose: beside a general JSON decoder the server would look better than it is.
type parsedOrder struct {
	lines  []parsedLine
	body   []byte
	at     int
	failed bool
}

type parsedLine struct {
	itemID, upc, location []byte
	quantity              int64
}

// parse reads {"lines":[{...},...]} or {} and reports whether the body has that shape.
func (p *parsedOrder) parse(body []byte) bool {
	p.lines, p.body, p.at, p.failed = p.lines[:0], body, 0, false
	p.want('{')
	if p.have('}') {
		p.blank()
		return !p.failed && p.at == len(p.body)
	}
	if string(p.text()) != "lines" {
		return false
	}
	p.want(':')
	p.want('[')
	for first := true; !p.failed && !p.have(']'); first = false {
		if !first {
			p.want(',')
		}
		p.lines = append(p.lines, parsedLine{})
		p.object(&p.lines[len(p.lines)-1])
	}
	p.want('}')
	p.blank()
	return !p.failed && p.at == len(p.body)
}

func (p *parsedOrder) object(line *parsedLine) {
	p.want('{')
	for first := true; !p.failed && !p.have('}'); first = false {
		if !first {
			p.want(',')
		}
		name := p.text()
		p.want(':')
		p.field(line, name)
	}
}

func (p *parsedOrder) field(line *parsedLine, name []byte) {
	switch string(name) {
	case "itemId":
		line.itemID = p.text()
	case "upc":
		line.upc = p.text()
	case "location":
		line.location = p.text()
	case "quantity":
		line.quantity = p.number()
	default:
		p.failed = true
	}
}

// text reads a string without escapes; control characters are refused, as the server does.
func (p *parsedOrder) text() []byte {
	p.want('"')
	start := p.at
	for ; p.at < len(p.body); p.at++ {
		switch c := p.body[p.at]; {
		case c == '"':
			p.at++
			return p.body[start : p.at-1]
		case c < ' ' || c == '\\':
			p.failed = true
			return nil
		}
	}
	p.failed = true
	return nil
}

func (p *parsedOrder) number() (n int64) {
	p.blank()
	start := p.at
	for ; p.at < len(p.body) && p.body[p.at] >= '0' && p.body[p.at] <= '9' && p.at-start < 13; p.at++ {
		n = n*10 + int64(p.body[p.at]-'0')
	}
	if p.at == start {
		p.failed = true
	}
	return n
}

func (p *parsedOrder) want(c byte) {
	if !p.have(c) {
		p.failed = true
	}
}

// have skips c if it comes next, and reports whether it did.
func (p *parsedOrder) have(c byte) bool {
	p.blank()
	if p.at < len(p.body) && p.body[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parsedOrder) blank() {
	for p.at < len(p.body) && (p.body[p.at] == ' ' || p.body[p.at] == '\n' || p.body[p.at] == '\r' ||
		p.body[p.at] == '\t') {
		p.at++
	}
}
