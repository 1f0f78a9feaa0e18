package api

import "fmt"

// Problem is the part of a problem document (RFC 9457) that a client acts on.
type Problem struct {
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Field  string `json:"field"`
	Value  string `json:"value"`
	Line   int    `json:"line"` // of a rule's source; 0: none
	Column int    `json:"column"`
}

// Error gives the detail, with the code and the field after it.
func (p *Problem) Error() string {
	text := p.Detail + " (" + p.Code
	if p.Field != "" {
		text += ", " + p.Field
		if p.Value != "" {
			text += fmt.Sprintf(" %q", p.Value)
		}
	}
	return text + ")"
}
