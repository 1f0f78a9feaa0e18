package httpapi

import (
	"fmt"
	"net/http"

	"apportion/engine"
	"apportion/httpapi/names"
	"apportion/httpapi/strictjson"
)

// The stock commands.

func (req *request) refresh() {
	cmd := &req.commands.refresh
	req.body().refresh(cmd)
	if req.loaded(cmd) && req.executeChecked(cmd) {
		req.out = appendRefreshResult(req.out, req.result(), cmd.Items)
	}
}

func (req *request) adjust() {
	cmd := &req.commands.adjust
	req.body().adjust(cmd)
	if req.loaded(cmd) && req.executeChecked(cmd) {
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
	// To a dry run, records in the way are an answer like any other.
	if code := req.result().Code; code == engine.CodeOK || code == engine.CodeInUse && cmd.DryRun {
		req.out = appendDeleteResult(req.out, req.result(), cmd.DryRun)
		return
	}
	req.refused()
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

// The schema.

func (req *request) putTagCategory() {
	var body tagCategoryBody
	if !req.readBody(&body) {
		return
	}
	k := req.checker()
	cmd := body.command(req.path[0], k)
	if req.sound(&k.fault) && req.looksLikeNoOther(cmd) && req.execute(cmd) {
		req.out = appendSchemaResult(req.out, req.result(), cmd.Name)
	}
}

// looksLikeNoOther refuses a category or a value that people could not tell from another one.
func (req *request) looksLikeNoOther(cmd *engine.PutTagCategory) bool {
	field, value, like := names.Alike(req.schema(), cmd)
	if field != "" {
		req.fail(http.StatusBadRequest, codeInvalid, fmt.Sprintf("it looks like %q, which is there; use that one, or "+
			"a name that differs in more than case or style", like), field, value)
	}
	return field == ""
}

func (req *request) deleteTagCategory() {
	cmd := &req.commands.noCategory
	*cmd = engine.DeleteTagCategory{Name: req.path[0], MoveTo: req.moveTo}
	if req.execute(cmd) {
		req.out = appendSchemaResult(req.out, req.result(), cmd.Name)
	}
}

func (req *request) listTagCategories() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	categories := req.schema().Categories()
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(req.out, `,"categories":[`...)
	for i := range categories {
		req.out = append(strictjson.Comma(req.out, i), '{')
		req.out = appendCategory(req.out, &categories[i])
		req.out = append(req.out, '}')
	}
	req.out = append(req.out, "]}"...)
}

func (req *request) readTagCategory() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	category, ok := req.schema().Category(req.path[0])
	if !ok {
		req.fail(http.StatusNotFound, engine.CodeUnknownCategory.String(), codeDetails[engine.CodeUnknownCategory],
			"name", req.path[0])
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(req.out, ',')
	req.out = appendCategory(req.out, category)
	req.out = append(req.out, '}')
}
