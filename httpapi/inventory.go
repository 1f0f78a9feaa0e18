package httpapi

import (
	"fmt"

	"apportion/engine"
	"apportion/httpapi/kibo"
	"apportion/httpapi/render"
	"apportion/httpapi/strictjson"
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
