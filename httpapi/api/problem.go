package api

import (
	"encoding/json"
	"fmt"
)

// Problem is a problem document (RFC 9457): why a request was refused.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Code   string       `json:"code"`
	Detail string       `json:"detail"`
	Field  string       `json:"field"`
	Value  string       `json:"value"`
	Offset *int         `json:"offset,omitempty"` // of the fault in the body
	Errors []RowProblem `json:"errors,omitempty"` // of a refresh or an adjust, every bad row
	Line   int          `json:"line,omitempty"`   // of a rule's source
	Column int          `json:"column,omitempty"`

	Import *Imported `json:"import,omitempty"` // what an import had done before

	OrderID  string          `json:"orderId,omitempty"`
	AsOf     uint64          `json:"asOf,omitempty"`
	Records  int64           `json:"records,omitempty"`
	Units    int64           `json:"units,omitempty"`
	Promised int64           `json:"promised,omitempty"`
	Blocked  []BlockedRecord `json:"blocked,omitempty"`

	Mismatches []VersionMismatch `json:"mismatches,omitempty"`

	Lines json.RawMessage `json:"lines,omitempty"` // AllocatedLine or ChangedLine, as the request's answer would have
}

// RowProblem is what is wrong with one row of a body.
type RowProblem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Value  string `json:"value"`
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
