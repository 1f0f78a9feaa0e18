package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/kibo"
	"apportion/httpapi/render"
	"apportion/httpapi/stockfile"
	"apportion/httpapi/strictjson"
	"apportion/rules"
)

func inventoryRoutes() []*route {
	return []*route{
		{method: methodPost, pattern: "/v1/inventory/refresh", body: bodyRequired, write: true,
			serve: (*request).refresh},
		{method: methodPost, pattern: "/v1/inventory/adjust", body: bodyRequired, write: true,
			serve: (*request).adjust},
		{method: methodPost, pattern: "/v1/inventory/transfer", body: bodyRequired, write: true,
			serve: (*request).transfer},
		{method: methodPost, pattern: "/v1/inventory/redistribute", body: bodyRequired, write: true,
			serve: (*request).redistribute},
		{method: methodPost, pattern: "/v1/inventory/delete", body: bodyRequired, write: true,
			serve: (*request).deleteRecords},
		{method: methodPost, pattern: "/v1/inventory/query", body: bodyRequired, params: paramReads,
			serve: (*request).query},
		{method: methodPost, pattern: "/v1/inventory/aggregate", body: bodyRequired, params: paramReads,
			serve: (*request).aggregate},
		{method: methodPost, pattern: "/v1/import/stock", body: bodyFile, write: true,
			params: paramAction | paramLocation | paramCount | paramDryRun | paramAllOrNothing,
			serve:  (*request).importStock},
		{method: methodGet, pattern: "/v1/inventory/{location}/{upc}", params: paramReads,
			serve: (*request).readRecord},
	}
}

func (req *request) refresh() {
	cmd := &req.commands.refresh
	req.body().refresh(cmd)
	if req.loaded(cmd) && req.executeChecked(cmd) {
		req.server.runner.WakeUp()
		req.out = appendRefreshResult(req.out, req.result(), cmd.Items)
	}
}

func (req *request) adjust() {
	cmd := &req.commands.adjust
	req.body().adjust(cmd)
	if req.loaded(cmd) && req.executeChecked(cmd) {
		req.server.runner.WakeUp()
		req.out = appendStockResult(req.out, req.result())
	}
}

func (req *request) transfer() {
	cmd := &req.commands.transfer
	req.body().transfer(cmd)
	if req.parsed() && req.execute(cmd) {
		req.out = appendStockResult(req.out, req.result())
	}
}

func (req *request) deleteRecords() {
	cmd := &req.commands.deletion
	req.body().deletion(cmd)
	if !req.parsed() || !req.check(cmd) || !req.propose(cmd) {
		return
	}
	req.markReplayed()
	// For a dry run, the records that block the delete are the answer, not a refusal.
	if code := req.result().Code; code == engine.CodeOK || code == engine.CodeInUse && cmd.DryRun {
		req.out = appendDeleteResult(req.out, req.result(), cmd.DryRun)
		return
	}
	req.refused()
}

// The bad rows of a load. One answer lists up to kibo.RowFaultsMax, so that the client can mend a file of thousands in
// one go.

// rowFault is the fault of one row of a body.
type rowFault struct {
	strictjson.Fault
	row int
}

// loaded ends the reading of a refresh or an adjust. It reports whether the body is sound, and otherwise answers with
// all bad rows.
func (req *request) loaded(cmd engine.Command) bool {
	req.scan.End()
	if req.scan.OK() && len(req.scan.rows) == 0 {
		if engine.CheckCommand(cmd) == nil {
			return true
		}
	}
	rows := req.badRows(cmd)
	if len(rows) == 0 {
		return req.parsed() && req.check(cmd)
	}
	p := faultProblem(&rows[0].Fault)
	p.rows = rows
	req.problem(&p)
	return false
}

// tellRows adds all bad rows to the refusal of a load for a tag that the schema does not have.
func (req *request) tellRows(p *problem) {
	if req.result().Code != engine.CodeUnknownCategory && req.result().Code != engine.CodeUnknownValue {
		return
	}
	switch req.result().Kind {
	case engine.KindRefresh:
		p.rows = req.badRows(&req.commands.refresh)
	case engine.KindAdjust:
		p.rows = req.badRows(&req.commands.adjust)
	}
}

// badRows lists the faults of a load's items: unreadable items, values outside the limits, and tags that the schema
// does not have. The fault that ended the reading comes last.
func (req *request) badRows(cmd engine.Command) (rows []rowFault) {
	var items []engine.StockItem
	switch cmd := cmd.(type) {
	case *engine.Refresh:
		items = cmd.Items
	case *engine.Adjust:
		items = cmd.Items
	}
	unread, schema := req.scan.rows, req.schema()
	for i := range items {
		if len(rows) == kibo.RowFaultsMax {
			return rows
		}
		if len(unread) > 0 && unread[0].row == i {
			rows, unread = append(rows, unread[0]), unread[1:]
		} else if req.scan.OK() || i < len(items)-1 { // the last one may not have been read to its end
			if f, ok := badItem(cmd.Kind(), schema, &items[i], i); !ok {
				rows = append(rows, rowFault{f, i})
			}
		}
	}
	if n := len(rows); n > 0 && n < kibo.RowFaultsMax && !req.scan.OK() {
		rows = append(rows, rowFault{req.scan.Fault, len(items)})
	}
	return rows
}

// badItem finds the fault of an item. ok means that there is none.
func badItem(kind engine.Kind, schema *engine.Schema, it *engine.StockItem, i int) (f strictjson.Fault, ok bool) {
	if f := engine.CheckItem(kind, it); f != nil {
		return strictjson.Fault{Code: codeInvalid, Detail: f.Reason, Field: fmt.Sprintf("items[%d].%s", i, f.Field),
			Value: f.Value, Offset: -1}, false
	}
	if _, code, _ := schema.Resolve(it.Tags); code == engine.CodeOK {
		return strictjson.Fault{}, true
	}
	return unknownTag(schema, it.Tags, fmt.Sprintf("items[%d].tags", i))
}

// appendStockResult appends the answer to a refresh, an adjust or a transfer.
func appendStockResult(dst []byte, r *engine.Result) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(r.Index))
	dst = strictjson.AppendNumber(dst, `,"items":`, r.Stock.Items)
	dst = strictjson.AppendNumber(dst, `,"records":`, r.Stock.Records)
	dst = strictjson.AppendNumber(dst, `,"units":`, r.Stock.Units)
	return append(dst, '}')
}

// appendRefreshResult appends the answer to a refresh, with the shortfalls of a stock count.
func appendRefreshResult(dst []byte, r *engine.Result, items []engine.StockItem) []byte {
	dst = appendStockResult(dst, r)
	if len(r.Shortfalls) == 0 {
		return dst
	}
	dst = append(dst[:len(dst)-1], `,"shortfalls":[`...)
	for i, s := range r.Shortfalls {
		dst = strictjson.AppendNumber(strictjson.Comma(dst, i), `{"item":`, int64(s.Item))
		dst = strictjson.AppendText(dst, `,"upc":`, items[s.Item].UPC)
		dst = strictjson.AppendNumber(dst, `,"counted":`, items[s.Item].Quantity)
		dst = strictjson.AppendNumber(dst, `,"units":`, s.Units)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// appendMismatches appends the records whose version is another than an item depends on, as a JSON member.
func appendMismatches(dst []byte, records []engine.RecordState) []byte {
	dst = append(dst, `,"mismatches":[`...)
	for i := range records {
		x := &records[i]
		dst = strictjson.AppendNumber(strictjson.Comma(dst, i), `{"item":`, int64(x.Item))
		dst = strictjson.AppendText(dst, `,"upc":`, x.UPC)
		dst = strictjson.AppendText(dst, `,"location":`, x.Location)
		dst = strictjson.AppendNumber(dst, `,"version":`, int64(x.Version))
		f := render.Figures{OnHand: x.OnHand, Allocated: x.Allocated, Pending: x.Pending, SafetyStock: x.SafetyStock}
		dst = append(render.AppendFigures(dst, &f), '}')
	}
	return append(dst, ']')
}

// appendDeleteResult appends the answer to a delete.
func appendDeleteResult(dst []byte, r *engine.Result, dryRun bool) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(r.Index))
	dst = strictjson.AppendBool(dst, `,"dryRun":`, dryRun)
	dst = strictjson.AppendNumber(dst, `,"records":`, r.Stock.Records)
	dst = strictjson.AppendNumber(dst, `,"units":`, r.Stock.Units)
	dst = strictjson.AppendNumber(dst, `,"promised":`, r.Stock.Promised)
	dst = appendBlocked(dst, r.Blocked)
	return append(dst, '}')
}

// appendBlocked appends the records that block a delete, as a JSON member.
func appendBlocked(dst []byte, blocked []engine.BlockedRecord) []byte {
	dst = append(dst, `,"blocked":[`...)
	for i := range blocked {
		b := &blocked[i]
		dst = strictjson.AppendText(strictjson.Comma(dst, i), `{"upc":`, b.UPC)
		dst = strictjson.AppendText(dst, `,"location":`, b.Location)
		dst = strictjson.AppendNumber(dst, `,"onHand":`, b.OnHand)
		dst = strictjson.AppendNumber(dst, `,"allocated":`, b.Allocated)
		dst = strictjson.AppendNumber(dst, `,"pending":`, b.Pending)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func countRoutes() []*route {
	return []*route{
		{method: methodPost, pattern: "/v1/counts/{location}/start", body: bodyRequired, write: true,
			serve: (*request).startCount},
		{method: methodPost, pattern: "/v1/counts/{location}/close", body: bodyRequired, write: true,
			serve: (*request).closeCount},
	}
}

func (req *request) startCount() {
	cmd := &req.commands.startCount
	*cmd = engine.StartCount{Location: req.path[0], Count: req.body().count()}
	if req.parsed() && req.execute(cmd) {
		req.countDone(cmd.Location, cmd.Count)
	}
}

func (req *request) closeCount() {
	cmd := &req.commands.closeCount
	*cmd = engine.CloseCount{Location: req.path[0], Count: req.body().count()}
	if req.parsed() && req.execute(cmd) {
		req.countDone(cmd.Location, cmd.Count)
	}
}

func (req *request) countDone(location, count string) {
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.result().Index))
	req.out = strictjson.AppendText(req.out, `,"location":`, location)
	req.out = strictjson.AppendText(req.out, `,"count":`, count)
	req.out = append(req.out, '}')
}

// Files of stock, which package stockfile reads.

// readImportParam reads one query parameter of an import. If its value is wrong, it returns what is expected.
func (req *request) readImportParam(param paramSet, value string) (expected string) {
	o := &req.imports
	ok := false
	switch param {
	case paramAction:
		if o.Kind = engine.KindRefresh; value == "adjust" {
			o.Kind = engine.KindAdjust
		}
		ok, expected = value == "refresh" || value == "adjust", "refresh or adjust is expected"
	case paramCount:
		o.Count = value
		ok, expected = value != "", "the name of an open stock count is expected"
	case paramDryRun:
		o.DryRun = value == "" || value == "true"
		ok, expected = o.DryRun || value == "false", "true or false is expected"
	case paramAllOrNothing:
		o.AllOrNothing = value == "" || value == "true"
		ok, expected = o.AllOrNothing || value == "false", "true or false is expected"
	}
	if ok {
		return ""
	}
	return expected
}

// checkFileType refuses a file of another media type, and notes its format.
func (req *request) checkFileType(content []byte) bool {
	for _, format := range []stockfile.Format{stockfile.CSV, stockfile.NDJSON} {
		if isMediaType(content, format.MediaType()) {
			req.imports.Format = format
			return true
		}
	}
	req.fail(http.StatusUnsupportedMediaType, codeMediaType, "Content-Type: text/csv or application/x-ndjson is "+
		"expected", "Content-Type", string(content))
	return false
}

// importStock applies a file of stock.
func (req *request) importStock() {
	bodies := &req.server.bodies
	if !bodies.take(importBytes) {
		p := req.server.unreadProblem(errBodies)
		req.problem(&p)
		return
	}
	defer bodies.give(importBytes)
	o := &req.imports
	o.Key, o.Location = req.key, req.list.location
	o.Clean = func(name string) (clean, fault string) { return cleanName(name, req.stored) }
	report, err := stockfile.Import(&req.file, *o, importLog{req})
	req.unread = !req.file.ended && req.ctx.Request.BodyStream() != nil
	if report.Applied > 0 && !o.DryRun {
		req.server.runner.WakeUp()
	}
	reply := importReply(&report, o.DryRun)
	if report.AsOf == 0 {
		reply.AsOf = req.server.store.AppliedIndex()
	}
	if err == nil {
		req.out = appendImported(req.out, reply)
		return
	}
	req.importFailed(err)
	req.out = append(req.out[:len(req.out)-1], `,"import":`...) // instead of the closing brace
	req.out = append(appendImported(req.out, reply), '}')
}

// importFailed answers with what has ended an import.
func (req *request) importFailed(err error) {
	var file *stockfile.FileError
	var refused *stockfile.RefusedError
	switch {
	case errors.As(err, &file):
		req.fail(http.StatusBadRequest, file.Code, err.Error(), file.Column, file.Value)
	case errors.As(err, &refused):
		p := resultProblem(&refused.Result)
		req.problem(&p)
	case errors.Is(err, stockfile.ErrBadRows):
		req.fail(http.StatusBadRequest, codeBadRows, "the file has bad rows, so nothing was changed: see import.errors",
			"", "")
	case errors.Is(err, stockfile.ErrNotOneChunk):
		req.fail(http.StatusBadRequest, codeInvalid, err.Error()+": leave allOrNothing out, or split the file",
			"allOrNothing", "true")
	case errors.Is(err, errImportRetry):
		req.fail(http.StatusServiceUnavailable, codeRetry, codeDetails[engine.CodeRetry], "", "")
	case req.file.err != nil:
		p := req.server.unreadProblem(err)
		req.problem(&p)
	default:
		req.storeFailed(err)
	}
}

// importReply is a report as the API shows it.
func importReply(r *stockfile.Report, dryRun bool) *api.Imported {
	reply := &api.Imported{AsOf: r.AsOf, DryRun: dryRun, Rows: r.Rows, Applied: r.Applied, Bad: r.Bad,
		Records: r.Records, Units: r.Units, Errors: make([]api.BadRow, 0, len(r.Faults))}
	for _, f := range r.Faults {
		reply.Errors = append(reply.Errors, api.BadRow(f))
	}
	return reply
}

func appendImported(dst []byte, reply *api.Imported) []byte {
	text, err := json.Marshal(reply)
	if err != nil {
		panic(fmt.Sprintf("BUG: httpapi: a reply cannot be written: %v", err))
	}
	return append(dst, text...)
}

// errImportRetry means that a command of an import has to be sent again.
var errImportRetry = errors.New("httpapi: the state changed while a command of an import was planned")

// importLog takes the commands of an import through rules and log.
type importLog struct{ req *request }

// Schema implements stockfile.Log.
func (l importLog) Schema() *engine.Schema { return l.req.schema() }

// Detail implements stockfile.Log.
func (l importLog) Detail(code engine.Code) string { return codeDetails[code] }

// Do implements stockfile.Log. Each entry has the time that other requests have for the whole.
func (l importLog) Do(commands []stockfile.Command, answer func(i int, r *engine.Result)) error {
	req := l.req
	req.deadline = time.Now().Add(req.server.config.RequestTimeout)
	req.proposals = req.proposals[:0]
	for i := range commands {
		req.proposals = append(req.proposals, rules.Proposal{Command: commands[i].Command, Key: commands[i].Key})
	}
	answers := importAnswers{result: req.result(), answer: answer}
	if err := req.do(&answers); err != nil {
		return err
	}
	if answers.count < len(commands) {
		return errImportRetry
	}
	return nil
}

// importAnswers hands on the results that stand.
type importAnswers struct {
	result *engine.Result
	answer func(i int, r *engine.Result)
	count  int
}

// Answer implements rules.Answers.
func (a *importAnswers) Answer(i int) {
	if a.result.Code != engine.CodeRetry {
		a.count++
		a.answer(i, a.result)
	}
}
