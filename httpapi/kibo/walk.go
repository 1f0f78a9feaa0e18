package kibo

import (
	"net/http"

	"apportion/engine"
)

// walk calls see for all records, until it returns false or the request's deadline has passed.
func walk(r *Request, see func(v *engine.RecordView) (more bool)) error {
	var v engine.RecordView
	e, looks := r.Host.Reader(), 0
	for row := e.NextRecord(0, &v); row != 0; row = e.NextRecord(row, &v) {
		if looks++; looks%walkLooks == 0 && r.Host.Overdue() {
			return &Fault{Status: http.StatusServiceUnavailable, Code: "busy",
				Message: "the request's time was up before all records were looked at; nothing was changed: ask for " +
					"less, by names or by location"}
		}
		if !see(&v) {
			return nil
		}
	}
	return nil
}
