package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"apportion/engine"
	"apportion/httpapi/lists"
	"apportion/httpapi/stockfile"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
)

// Lists are read in pages, which package lists makes.

func listRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/orders", params: paramReads | paramState | paramLocation | paramUPC |
			paramOlderThan | paramLimit | paramCursor, serve: (*request).listOrders},
		{method: methodPost, pattern: "/v1/orders/deallocate", body: bodyRequired, lead: true,
			serve: (*request).deallocateMany},
		{method: methodGet, pattern: "/v1/inventory", params: paramReads | recordParams | paramSort | paramLimit |
			paramCursor, serve: (*request).listRecords},
		{method: methodGet, pattern: "/v1/inventory/{location}/{upc}/history",
			params: paramReads | paramLimit | paramCursor, serve: (*request).recordHistory},
		{method: methodGet, pattern: "/v1/locations", params: paramReads | paramSearch | paramLimit | paramCursor,
			serve: (*request).listLocations},
		{method: methodGet, pattern: "/v1/upcs", params: paramReads | paramSearch | paramLimit | paramCursor,
			serve: (*request).listUPCs},
		{method: methodGet, pattern: "/v1/export/{content}", params: paramReads | recordParams | paramFormat,
			serve: (*request).export},
	}
}

// listParams are the query parameters that lists share. The list decides what they may be.
type listParams struct {
	state, location, upc, search, sort, cursor string
	olderThanSeconds                           int64
	format                                     stockfile.Format // of an export
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
	case paramFormat:
		ok := false
		if p.format, ok = stockfile.FormatOf(value); !ok {
			expected = "csv or ndjson is expected"
		}
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

// deallocateMany releases what the orders that a filter finds hold: each as it was found, or not at all.
func (req *request) deallocateMany() {
	var query lists.OrderQuery
	var release lists.Release
	req.body().deallocateMany(&query, &release)
	if !req.parsed() || !req.check(&engine.OrderChange{Action: engine.KindDeallocate, OrderID: "of the filter",
		Reason: release.Reason}) || !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	fault := release.Read(query, req.server.store, req.nowMS())
	if !req.sound(&fault) {
		return
	}
	if !release.DryRun {
		err := req.doRelease(&release)
		if err != nil && (!rules.IsPartlyDone(err) || errors.Is(err, raftstore.ErrOutcomeUnknown)) {
			req.storeFailed(err)
			return
		}
		asOf = max(asOf, req.server.store.AppliedIndex())
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(release.Append(append(req.out, ','), req.schema()), '}')
}

// doRelease proposes the commands of a release, all in one entry.
func (req *request) doRelease(release *lists.Release) error {
	req.proposals = req.proposals[:0]
	for i := range release.Orders {
		p := rules.Proposal{IfSeen: true, Seen: release.Orders[i].Changed}
		if command := release.Command(i); command != nil {
			p.Command = command
		}
		req.proposals = append(req.proposals, p)
	}
	req.run.Apart = true
	return req.do(releaseAnswers{req.result(), release})
}

// releaseAnswers hands on what became of each order.
type releaseAnswers struct {
	result  *engine.Result
	release *lists.Release
}

// Answer implements rules.Answers.
func (a releaseAnswers) Answer(i int) { a.release.Answered(i, a.result.Code) }

// listRecords lists records by location and UPC, or by UPC and location.
func (req *request) listRecords() {
	if !req.barrier() || !req.knows(req.feed.tags, "tags") {
		return
	}
	query := req.recordQuery()
	query.Sort, query.Cursor, query.Limit = req.list.sort, req.list.cursor, req.limit
	req.answerList(query.Append)
}

// recordQuery is what the parameters pick.
func (req *request) recordQuery() lists.RecordQuery {
	p := &req.list
	return lists.RecordQuery{Location: p.location, UPC: p.upc, Search: p.search, Tags: req.feed.tags, State: p.state}
}

// recordHistory lists the events of a record, also of one that was deleted.
func (req *request) recordHistory() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	query := lists.HistoryQuery{Record: engine.RecordKey{Location: req.path[0], UPC: req.path[1]},
		Cursor: req.list.cursor, Limit: req.limit}
	page, fault := query.Read(req.server.store)
	if !req.sound(&fault) {
		return
	}
	if len(page.Events) == 0 && page.Next == "" && query.Cursor == "" &&
		!req.server.reader.ReadRecord(req.path[1], req.path[0], &req.reads.record) {
		req.fail(http.StatusNotFound, engine.CodeUnknownRecord.String(), "the UPC has no record at the location, and "+
			"no event of one is kept", "upc", req.path[1])
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(page.Append(append(req.out, ','), req.schema()), '}')
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

// An export is a list as one file, as of one log index.

// exporting is a store that gives its state as of one index.
type exporting interface {
	OpenExport(ctx context.Context) (*raftstore.Export, error)
}

// export answers with a file of the stock, the orders or the events. It is made while it is sent.
func (req *request) export() {
	store, ok := req.server.store.(exporting)
	if !ok || !stockfile.IsContent(req.path[0]) {
		req.fail(http.StatusNotFound, codeNotFound, "stock, orders or events is expected", "path",
			req.path[0])
		return
	}
	filter, ok := req.exportFilter()
	if !ok || !req.barrier() || !req.knows(filter.Tags, "tags") {
		return
	}
	if !take(&req.server.exports, ExportsMax, 1) {
		req.fail(http.StatusServiceUnavailable, codeBusy, fmt.Sprintf("%d exports are being read, as many as "+
			"may be: send it again later", ExportsMax), "", "")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	state, err := store.OpenExport(ctx)
	if err != nil {
		req.server.exports.Add(-1)
		req.storeFailed(err)
		return
	}
	format := req.list.format
	header := &req.ctx.Response.Header
	header.Set("Apportion-As-Of", strconv.FormatUint(state.Index(), 10))
	header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", req.path[0]+"."+format.String()))
	req.ctx.SetContentType(format.MediaType() + "; charset=utf-8")
	req.content = "" // the response is there already
	req.ctx.SetBodyStream(&exportBody{of: req.server, conn: req.ctx.Conn(), export: state,
		file:  stockfile.NewExport(req.path[0], format, &exportRows{export: state}, filter),
		until: time.Now().Add(exportAgeMax)}, -1)
}

// recordParams are the parameters that pick records.
const recordParams = paramState | paramLocation | paramUPC | paramSearch | paramTags

// exportFilter is what the parameters pick of stock; orders and events are exported whole.
func (req *request) exportFilter() (stockfile.Filter, bool) {
	query := req.recordQuery()
	query.Tags = slices.Clone(query.Tags) // the request ends before the file does
	if req.path[0] != stockfile.Stock {
		for name, value := range req.ctx.QueryArgs().All() {
			if paramWords[string(name)]&recordParams != 0 {
				req.fail(http.StatusBadRequest, codeUnknownParam, "only an export of stock has this query parameter",
					string(name), string(value))
				return stockfile.Filter{}, false
			}
		}
	}
	fault := query.Check()
	return stockfile.Filter{Picks: query.Picks, Tags: query.Tags}, req.sound(&fault)
}

// exportBody is the body of an export. Each read of it has the time that other replies have for the whole. If one
// fails, the reply has no end, and the client sees that the file is not complete.
type exportBody struct {
	of     *Server
	conn   net.Conn
	file   *stockfile.Export
	export *raftstore.Export
	until  time.Time
}

// Read implements io.Reader.
func (b *exportBody) Read(p []byte) (int, error) {
	now := time.Now()
	if now.After(b.until) {
		return 0, errExportAge
	}
	_ = b.conn.SetWriteDeadline(now.Add(b.of.config.WriteTimeout)) // or the write fails
	n, err := b.file.Read(p)
	if err != nil && err != io.EOF {
		b.of.log.Warn("an export was not finished", "error", err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *exportBody) Close() error {
	b.of.exports.Add(-1)
	return b.export.Close()
}

var errExportAge = fmt.Errorf("httpapi: an export was read for more than %s", exportAgeMax)

// exportRows are the rows of a state.
type exportRows struct {
	export *raftstore.Export
	rows   raftstore.ExportRows
}

// Schema implements stockfile.Rows.
func (r *exportRows) Schema() *engine.Schema { return r.export.Schema() }

// Next implements stockfile.Rows.
func (r *exportRows) Next(table byte, f func(key, value []byte) error) (bool, error) {
	more, err := r.export.Next(&r.rows, table)
	if err != nil || !more {
		return false, err
	}
	return true, r.rows.Each(f)
}
