package httpapi

import (
	"fmt"
	"strconv"

	"apportion/engine"
	"apportion/httpapi/lists"
	"apportion/httpapi/strictjson"
)

// Lists are read in pages, which package lists makes.

func listRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/orders", params: paramReads | paramState | paramLocation | paramUPC |
			paramOlderThan | paramLimit | paramCursor, serve: (*request).listOrders},
		{method: methodGet, pattern: "/v1/inventory", params: paramReads | paramState | paramLocation | paramUPC |
			paramSearch | paramTags | paramSort | paramLimit | paramCursor, serve: (*request).listRecords},
		{method: methodGet, pattern: "/v1/locations", params: paramReads | paramSearch | paramLimit | paramCursor,
			serve: (*request).listLocations},
		{method: methodGet, pattern: "/v1/upcs", params: paramReads | paramSearch | paramLimit | paramCursor,
			serve: (*request).listUPCs},
	}
}

// listParams are the query parameters that lists share. The list decides what they may be.
type listParams struct {
	state, location, upc, search, sort, cursor string
	olderThanSeconds                           int64
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
	case paramSearch:
		p.search, expected = cleanName(value, req.stored)
	case paramSort:
		p.sort = value
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

// listRecords lists records by location and UPC, or by UPC and location.
func (req *request) listRecords() {
	p := &req.list
	tags := req.feed.tags
	if !req.barrier() || !req.knows(tags, "tags") {
		return
	}
	query := lists.RecordQuery{Location: p.location, UPC: p.upc, Search: p.search, Tags: tags, State: p.state,
		Sort: p.sort, Cursor: p.cursor, Limit: req.limit}
	req.answerList(query.Append)
}

// listLocations lists locations that have a record.
func (req *request) listLocations() {
	if req.barrier() {
		query := lists.NameQuery{Search: req.list.search, Cursor: req.list.cursor, Limit: req.limit}
		req.answerList(query.AppendLocations)
	}
}

// listUPCs lists UPCs that have a record.
func (req *request) listUPCs() {
	if req.barrier() {
		query := lists.NameQuery{Search: req.list.search, Cursor: req.list.cursor, Limit: req.limit}
		req.answerList(query.AppendUPCs)
	}
}

// answerList answers with a page of a list, or with what is wrong with its parameters.
func (req *request) answerList(page func(dst []byte, reader *engine.Reader) ([]byte, strictjson.Fault)) {
	out := strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.server.store.AppliedIndex()))
	out, fault := page(append(out, ','), req.server.reader)
	if req.sound(&fault) {
		req.out = append(out, '}')
	}
}

// nowMS is the time that ages are counted from. The leader's clock, which stamps entries, may be ahead of this one.
func (req *request) nowMS() int64 { return max(req.begin.UnixMilli(), req.server.reader.NowMS()) }
