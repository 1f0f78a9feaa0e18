package httpapi

import (
	"fmt"
	"strconv"

	"apportion/httpapi/lists"
	"apportion/httpapi/strictjson"
)

// Lists are read in pages, which package lists makes.

func listRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/orders", params: paramReads | paramState | paramLocation | paramUPC |
			paramOlderThan | paramLimit | paramCursor, serve: (*request).listOrders},
	}
}

// listParams are the query parameters that lists share. The list decides what they may be.
type listParams struct {
	state, location, upc, cursor string
	olderThanSeconds             int64
}

var olderThanExpected = fmt.Sprintf("a number of seconds from 0 to %d is expected", lists.OlderThanSecondsMax)

// readListParam reads one query parameter of a list. If its value is wrong, it returns what is expected.
func (req *request) readListParam(param paramSet, value string) (expected string) {
	p := &req.list
	switch param {
	case paramState:
		p.state = value
	case paramLocation:
		p.location, expected = cleanName(value, req.stored)
	case paramUPC:
		p.upc, expected = cleanName(value, req.stored)
	case paramCursor:
		p.cursor = value
	case paramOlderThan:
		seconds, err := strconv.ParseInt(value, 10, 64)
		if p.olderThanSeconds = seconds; err != nil || seconds < 0 {
			expected = olderThanExpected
		}
	}
	return expected
}

// listOrders lists orders in memory, those that changed longest ago first.
func (req *request) listOrders() {
	if !req.barrier() {
		return
	}
	p := &req.list
	asOf := req.server.store.AppliedIndex()
	query := lists.OrderQuery{State: p.state, UPC: p.upc, Location: p.location, OlderThanSeconds: p.olderThanSeconds,
		Cursor: p.cursor, Limit: req.limit}
	page, fault := query.Read(req.server.store, req.nowMS())
	if !req.sound(&fault) {
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(page.Append(append(req.out, ','), req.schema()), '}')
}

// nowMS is the time that ages are counted from. The leader's clock, which stamps entries, may be ahead of this one.
func (req *request) nowMS() int64 { return max(req.begin.UnixMilli(), req.server.reader.NowMS()) }
