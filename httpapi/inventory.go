package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/api"
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
		{method: methodPost, pattern: "/v1/inventory/block", body: bodyRequired, write: true,
			serve: (*request).block},
		{method: methodPost, pattern: "/v1/inventory/redistribute", body: bodyRequired, write: true,
			serve: (*request).redistribute},
		{method: methodPost, pattern: "/v1/inventory/delete", body: bodyRequired, write: true,
			serve: (*request).deleteRecords},
		{method: methodPost, pattern: "/v1/inventory/query", body: bodyRequired, params: paramReads,
			serve: (*request).query},
		{method: methodPost, pattern: "/v1/inventory/aggregate", body: bodyRequired, params: paramReads,
			serve: (*request).aggregate},
		{method: methodPost, pattern: "/v1/import/stock", body: bodyFile, write: true,
			params: paramAction | paramLocation | paramCount | paramDryRun | paramAllOrNothing | paramComplete |
				paramReason | paramReference,
			serve: (*request).importStock},
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

func (req *request) block() {
	cmd := &req.commands.block
	req.body().block(cmd)
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

// appendStockResult appends the answer to a refresh, an adjust, a transfer or a block.
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

// Stock counts.

func countRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/counts", params: paramReads | paramLocation, serve: (*request).listCounts},
		{method: methodPost, pattern: "/v1/counts/{location}/start", body: bodyRequired, write: true,
			serve: (*request).startCount},
		{method: methodPost, pattern: "/v1/counts/{location}/close", body: bodyRequired, write: true,
			serve: (*request).closeCount},
	}
}

// listCounts lists the open counts, or that of a location. There are few: it needs no pages.
func (req *request) listCounts() {
	if !req.barrier() {
		return
	}
	reply := api.CountList{AsOf: req.server.store.AppliedIndex(), Counts: []api.OpenCount{}}
	for _, c := range req.server.store.Counts() {
		if req.list.location != "" && req.list.location != c.Location {
			continue
		}
		reply.Counts = append(reply.Counts, api.OpenCount{Location: c.Location, Count: c.Count, Index: c.Index,
			StartedAt: strictjson.FormatTime(c.StartedMS),
			ClosesAt:  strictjson.FormatTime(c.StartedMS + engine.CountAgeMS),
			Changed:   c.Changed, Named: c.Named})
	}
	req.reply(reply)
}

func (req *request) startCount() {
	cmd := &req.commands.startCount
	*cmd = engine.StartCount{Location: req.path[0], Count: req.body().count()}
	if req.parsed() && req.execute(cmd) {
		req.countDone(cmd.Location, cmd.Count, nil)
	}
}

func (req *request) closeCount() {
	cmd := &req.commands.closeCount
	*cmd = engine.CloseCount{Location: req.path[0]}
	req.body().closeCount(cmd)
	if !req.parsed() || !req.check(cmd) {
		return
	}
	if !cmd.Complete {
		if req.executeChecked(cmd) {
			req.countDone(cmd.Location, cmd.Count, nil)
		}
		return
	}
	closed, err := req.closeComplete(cmd, req.key)
	if err != nil {
		req.closeFailed(err)
		return
	}
	req.markReplayed()
	req.countDone(cmd.Location, cmd.Count, closed)
}

func (req *request) countDone(location, count string, unnamed *api.Unnamed) {
	req.reply(api.Count{AsOf: req.result().Index, Location: location, Count: count, Unnamed: unnamed})
}

// closeComplete closes a complete count: a command for each part of the location's records. The first one has the key,
// and the others have keys that are made of it. Between two commands the count is open, so what fails is done again.
func (req *request) closeComplete(cmd *engine.CloseCount, key string) (*api.Unnamed, error) {
	unnamed := &api.Unnamed{DryRun: cmd.DryRun, Changes: []api.UnnamedChange{}}
	for part := 1; ; part++ {
		req.proposals = append(req.proposals[:0], rules.Proposal{Command: cmd, Key: key})
		if part > 1 && key != "" {
			req.proposals[0].Key = fmt.Sprintf("%s/%d", key, part)
		}
		req.deadline = time.Now().Add(req.server.config.RequestTimeout)
		if err := req.do(nil); err != nil {
			return nil, err
		}
		r := req.result()
		switch r.Code {
		case engine.CodeOK:
		case engine.CodeRetry:
			return nil, errImportRetry
		default:
			return nil, &stockfile.RefusedError{Result: *r}
		}
		addUnnamed(unnamed, req.schema(), r)
		if len(r.Records) == 0 {
			return unnamed, nil
		}
		cmd.After = strings.Clone(r.Records[0].UPC)
	}
}

// addUnnamed adds what a command has set, or would set.
func addUnnamed(to *api.Unnamed, schema *engine.Schema, r *engine.Result) {
	to.Records, to.Units = to.Records+r.Stock.Records, to.Units+r.Stock.Units
	for i := range r.Changes {
		if c := &r.Changes[i]; len(to.Changes) < engine.ReportedItemsMax {
			to.Changes = append(to.Changes, api.UnnamedChange{UPC: strings.Clone(c.UPC),
				Tags: tagMap(schema.Tags(c.TagSet)), Before: c.Before, After: c.After})
		}
	}
}

// closeFailed answers with what has kept a complete count open.
func (req *request) closeFailed(err error) {
	var refused *stockfile.RefusedError
	switch {
	case errors.As(err, &refused):
		p := resultProblem(&refused.Result)
		req.problem(&p)
	case errors.Is(err, errImportRetry):
		req.fail(http.StatusServiceUnavailable, codeRetry, codeDetails[engine.CodeRetry], "", "")
	default:
		req.storeFailed(err)
	}
}

// Files of stock, which package stockfile reads.

// noteExpected is what is expected of a reason and of a reference.
var noteExpected = fmt.Sprintf("a text of 1 to %d bytes is expected", engine.StockReasonBytesMax)

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
	case paramReason:
		o.Note.Reason = value
		ok, expected = engine.IsText(value, engine.StockReasonBytesMax), noteExpected
	case paramReference:
		o.Note.Reference = value
		ok, expected = engine.IsText(value, engine.StockReferenceBytesMax), noteExpected
	case paramDryRun:
		o.DryRun = value == "" || value == "true"
		ok, expected = o.DryRun || value == "false", "true or false is expected"
	case paramComplete:
		o.Complete = value == "" || value == "true"
		ok, expected = o.Complete || value == "false", "true or false is expected"
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
	if o.Complete && !req.checkComplete() {
		return
	}
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
	if err == nil && o.Complete {
		err = req.completeImport(&report, reply)
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
	case errors.Is(err, errNotComplete):
		req.fail(http.StatusBadRequest, codeBadRows, "the file has bad rows, or none: the good ones are applied, "+
			"nothing was set to zero, and the count stays open. Mend the bad rows, and send the file again with the "+
			"same count", "", "")
	case errors.Is(err, stockfile.ErrBadRows):
		req.fail(http.StatusBadRequest, codeBadRows, "the file has bad rows, so nothing was changed: see import.errors",
			"", "")
	case errors.Is(err, stockfile.ErrNotOneChunk):
		req.fail(http.StatusBadRequest, codeInvalid, err.Error()+": leave allOrNothing out, or split the file",
			"allOrNothing", "true")
	case errors.As(err, &refused):
		req.closeFailed(err)
	case req.file.err != nil:
		p := req.server.unreadProblem(err)
		req.problem(&p)
	default:
		req.closeFailed(err)
	}
}

// errNotComplete means that a file that should be complete has bad rows, or none.
var errNotComplete = errors.New("httpapi: the file is not complete")

// checkComplete refuses what cannot be a complete file.
func (req *request) checkComplete() bool {
	field, value, reason := "", "", ""
	switch o := &req.imports; {
	case o.Kind == engine.KindAdjust:
		field, value, reason = "action", "adjust", "complete=true is for action=refresh"
	case o.Location == "":
		field, reason = "location", "complete=true needs the location of the file: a complete file is of one location"
	case o.Count == "":
		field, reason = "count", "complete=true needs the open stock count that the file belongs to"
	case o.DryRun:
		field, value, reason = "dryRun", "true", "dryRun=true changes nothing, so nothing is known of what the file "+
			"names: import it with its count, and then close that with complete and dryRun"
	default:
		return true
	}
	req.fail(http.StatusBadRequest, codeInvalid, reason, field, value)
	return false
}

// completeImport closes the count of a complete file that has been applied.
func (req *request) completeImport(report *stockfile.Report, reply *api.Imported) error {
	if report.Bad > 0 || report.Rows == 0 {
		return errNotComplete
	}
	cmd := &req.commands.closeCount
	*cmd = engine.CloseCount{Location: req.imports.Location, Count: req.imports.Count, Complete: true}
	key := ""
	if req.key != "" {
		key = req.key + "/close"
	}
	unnamed, err := req.closeComplete(cmd, key)
	if err == nil {
		reply.AsOf, reply.Unnamed = req.result().Index, unnamed
	}
	return err
}

// importReply is a report as the API shows it.
func importReply(r *stockfile.Report, dryRun bool) *api.Imported {
	reply := &api.Imported{AsOf: r.AsOf, DryRun: dryRun, Rows: r.Rows, Applied: r.Applied, Bad: r.Bad,
		Records: r.Records, Units: r.Units, Errors: make([]api.BadRow, 0, len(r.Faults))}
	for _, f := range r.Faults {
		reply.Errors = append(reply.Errors, api.BadRow(f))
	}
	slices.SortStableFunc(reply.Errors, func(a, b api.BadRow) int { return a.Line - b.Line })
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
