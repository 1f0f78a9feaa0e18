package httpapi

import (
	"fmt"

	"apportion/engine"
	"apportion/httpapi/kibo"
	"apportion/httpapi/strictjson"
)

// The bad rows of a load: all of them are told at once, up to kibo.RowFaultsMax, so that a file of thousands is mended
// in one go.

// rowFault is what is wrong with one row of a body.
type rowFault struct {
	strictjson.Fault
	row int
}

// endRow ends the reading of the row that begins at begin. What is wrong with it is noted, and the reading goes on
// behind it: unless nobody can tell where it ends, or enough is noted.
func (s *bodyReader) endRow(row int, begin strictjson.Mark) {
	if s.OK() || s.Fault.Code == codeBadJSON {
		return
	}
	s.rows = append(s.rows, rowFault{s.Fault, row})
	if len(s.rows) == kibo.RowFaultsMax {
		return
	}
	s.SkipAfterFault(begin)
}

// loaded ends the reading of a refresh or an adjust. One that is no good is answered with all of its bad rows.
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

// tellRows adds, to the refusal of a load for a tag that is not in the schema, the other rows of which that is true.
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

// badRows lists what is wrong with the items of a load: those that could not be read, those outside the limits, and
// those with tags that are not in the schema. What ended the reading comes last.
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

// badItem says what is wrong with an item that was read. ok: nothing is.
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
