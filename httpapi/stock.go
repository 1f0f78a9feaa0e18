package httpapi

import (
	"fmt"
	"net/http"

	"apportion/engine"
	"apportion/httpapi/names"
)

// The stock commands.

func (c *call) refresh() {
	cmd := &c.commands.refresh
	c.body().refresh(cmd)
	if c.loaded(cmd) && c.carryOn(cmd) {
		c.server.redistributor.wakeUp()
		c.out = appendRefreshResult(c.out, &c.result, cmd.Items)
	}
}

func (c *call) adjust() {
	cmd := &c.commands.adjust
	c.body().adjust(cmd)
	if c.loaded(cmd) && c.carryOn(cmd) {
		c.server.redistributor.wakeUp()
		c.out = appendStockResult(c.out, &c.result)
	}
}

func (c *call) transfer() {
	cmd := &c.commands.transfer
	c.body().transfer(cmd)
	if c.parsed() && c.carryOut(cmd) {
		c.out = appendStockResult(c.out, &c.result)
	}
}

func (c *call) deleteRecords() {
	cmd := &c.commands.deletion
	c.body().deletion(cmd)
	if !c.parsed() || !c.check(cmd) || !c.propose(cmd) {
		return
	}
	c.markReplayed()
	// To a dry run, records in the way are an answer like any other.
	if code := c.result.Code; code == engine.CodeOK || code == engine.CodeInUse && cmd.DryRun {
		c.out = appendDeleteResult(c.out, &c.result, cmd.DryRun)
		return
	}
	c.refused()
}

func (c *call) startCount() {
	cmd := &c.commands.startCount
	*cmd = engine.StartCount{Location: c.path[0], Count: c.body().count()}
	if c.parsed() && c.carryOut(cmd) {
		c.countDone(cmd.Location, cmd.Count)
	}
}

func (c *call) closeCount() {
	cmd := &c.commands.closeCount
	*cmd = engine.CloseCount{Location: c.path[0], Count: c.body().count()}
	if c.parsed() && c.carryOut(cmd) {
		c.countDone(cmd.Location, cmd.Count)
	}
}

func (c *call) countDone(location, count string) {
	c.out = appendUnits(c.out, `{"asOf":`, int64(c.result.Index))
	c.out = appendText(c.out, `,"location":`, location)
	c.out = appendText(c.out, `,"count":`, count)
	c.out = append(c.out, '}')
}

// The schema.

func (c *call) putTagCategory() {
	cmd := &c.commands.category
	c.body().tagCategory(cmd)
	cmd.Name = c.path[0]
	if c.parsed() && c.looksLikeNoOther(cmd) && c.carryOut(cmd) {
		c.out = appendSchemaResult(c.out, &c.result, cmd.Name)
	}
}

// looksLikeNoOther refuses a category or a value that people could not tell from another one.
func (c *call) looksLikeNoOther(cmd *engine.PutTagCategory) bool {
	field, value, like := names.Alike(c.schema(), cmd)
	if field != "" {
		c.fail(http.StatusBadRequest, codeInvalid, fmt.Sprintf("it looks like %q, which is there; use that one, or "+
			"a name that differs in more than case or style", like), field, value)
	}
	return field == ""
}

func (c *call) deleteTagCategory() {
	cmd := &c.commands.noCategory
	*cmd = engine.DeleteTagCategory{Name: c.path[0], MoveTo: c.moveTo}
	if c.carryOut(cmd) {
		c.out = appendSchemaResult(c.out, &c.result, cmd.Name)
	}
}

func (c *call) listTagCategories() {
	if !c.barrier() {
		return
	}
	asOf := c.server.store.AppliedIndex()
	categories := c.schema().Categories()
	c.out = appendUnits(c.out, `{"asOf":`, int64(asOf))
	c.out = append(c.out, `,"categories":[`...)
	for i := range categories {
		c.out = append(comma(c.out, i), '{')
		c.out = appendCategory(c.out, &categories[i])
		c.out = append(c.out, '}')
	}
	c.out = append(c.out, "]}"...)
}

func (c *call) readTagCategory() {
	if !c.barrier() {
		return
	}
	asOf := c.server.store.AppliedIndex()
	category, ok := c.schema().Category(c.path[0])
	if !ok {
		c.fail(http.StatusNotFound, engine.CodeUnknownCategory.String(), codeDetails[engine.CodeUnknownCategory],
			"name", c.path[0])
		return
	}
	c.out = appendUnits(c.out, `{"asOf":`, int64(asOf))
	c.out = append(c.out, ',')
	c.out = appendCategory(c.out, category)
	c.out = append(c.out, '}')
}
