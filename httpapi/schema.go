package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"apportion/engine"
	"apportion/httpapi/names"
	"apportion/httpapi/strictjson"
)

func schemaRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/tag-categories", params: paramReads, serve: (*request).listTagCategories},
		{method: methodGet, pattern: "/v1/tag-categories/{name}", params: paramReads,
			serve: (*request).readTagCategory},
		{method: methodPut, pattern: "/v1/tag-categories/{name}", body: bodyRequired, write: true,
			serve: (*request).putTagCategory},
		{method: methodDelete, pattern: "/v1/tag-categories/{name}", params: paramMoveTo, write: true,
			serve: (*request).deleteTagCategory},
	}
}

func (req *request) putTagCategory() {
	var body tagCategoryBody
	if !req.readBody(&body) {
		return
	}
	k := req.checker()
	cmd := body.command(req.path[0], k, namesOf(req.field("moveTo")))
	if !req.sound(&k.fault) || !req.looksLikeNoOther(cmd) {
		return
	}
	if body.DryRun {
		req.dryTagCategory(cmd)
	} else if req.execute(cmd) {
		req.out = append(appendSchemaResult(req.out, req.result(), cmd.Name), '}')
	}
}

// dryTagCategory tells what the command would do, and what a redistribution after it would. It makes no log entry.
func (req *request) dryTagCategory(cmd *engine.PutTagCategory) {
	if !req.check(cmd) || !req.barrier() {
		return
	}
	if !take(&req.server.dryRuns, CategoryDryRunsMax, 1) {
		req.fail(http.StatusServiceUnavailable, codeBusy, fmt.Sprintf("%d dry runs of tag categories are being done, "+
			"as many as may be: send it again later", CategoryDryRunsMax), "", "")
		return
	}
	d, done := req.server.reader.DryRunCategory(cmd, func() bool { return time.Now().Before(req.deadline) })
	req.server.dryRuns.Add(-1)
	if !done {
		req.fail(http.StatusServiceUnavailable, codeBusy, "the dry run did not come to the last record in the time of "+
			"a request: send it again, or give requests more time (serve --request-timeout)", "dryRun", "true")
		return
	}
	result := req.result()
	*result = d.Result
	switch result.Code {
	case engine.CodeOK:
		req.out = strictjson.AppendBool(appendSchemaResult(req.out, result, cmd.Name), `,"dryRun":`, true)
		req.out = append(appendRedistribution(append(req.out, `,"redistribution":`...), d), '}')
	case engine.CodeRetry:
		req.fail(http.StatusServiceUnavailable, codeRetry, codeDetails[engine.CodeRetry], "", "")
	default:
		req.refused()
	}
}

// appendRedistribution appends what a redistribution after a change of a tag category would do.
func appendRedistribution(dst []byte, d *engine.CategoryDryRun) []byte {
	r := &d.Redistribution
	dst = strictjson.AppendNumber(dst, `{"records":`, r.Records)
	dst = strictjson.AppendNumber(dst, `,"changed":`, r.Changed)
	dst = strictjson.AppendNumber(dst, `,"byRule":`, r.ByRule)
	dst = strictjson.AppendNumber(dst, `,"units":`, r.Units)
	dst = append(dst, `,"segments":[`...)
	for i := range r.Segments {
		t := &r.Segments[i]
		dst = append(append(strictjson.Comma(dst, i), `{"tags":`...), d.Schema.TagsJSON(t.TagSet)...)
		dst = strictjson.AppendNumber(dst, `,"before":`, t.Before)
		dst = append(strictjson.AppendNumber(dst, `,"after":`, t.After), '}')
	}
	changes := redistributed{}
	changes.addChanges(d.Schema, r.Changes)
	return append(changes.appendChanges(append(dst, ']')), '}')
}

// looksLikeNoOther reports whether people can tell the command's names from the schema's names, and otherwise refuses
// the command.
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
		req.out = append(appendSchemaResult(req.out, req.result(), cmd.Name), '}')
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

// appendSchemaResult appends the answer to a change of a tag category, without the closing brace.
func appendSchemaResult(dst []byte, r *engine.Result, name string) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(r.Index))
	dst = strictjson.AppendText(dst, `,"name":`, name)
	dst = strictjson.AppendNumber(dst, `,"records":`, r.Stock.Records)
	dst = strictjson.AppendNumber(dst, `,"units":`, r.Stock.Units)
	return strictjson.AppendNumber(dst, `,"promised":`, r.Stock.Promised)
}

// appendCategory appends the JSON members of a category, without the braces.
func appendCategory(dst []byte, c *engine.Category) []byte {
	dst = strictjson.AppendText(dst, `"name":`, c.Name)
	dst = append(dst, `,"rounding":"`...)
	dst = append(dst, roundingWords[c.Rounding]...)
	dst = strictjson.AppendBool(dst, `","distributed":`, c.Distributed())
	dst = append(dst, `,"values":[`...)
	for i := range c.Values {
		dst = appendValue(strictjson.Comma(dst, i), &c.Values[i])
	}
	return append(dst, ']')
}

func appendValue(dst []byte, v *engine.Value) []byte {
	dst = strictjson.AppendText(dst, `{"value":`, v.Name)
	dst = append(dst, `,"percent":`...)
	dst = strictjson.AppendPercent(dst, v.Percent)
	dst = strictjson.AppendBool(dst, `,"default":`, v.Default)
	dst = strictjson.AppendNumber(dst, `,"min":`, v.Min)
	if v.Max == engine.NoMax {
		return append(dst, `,"max":null}`...)
	}
	dst = strictjson.AppendNumber(dst, `,"max":`, v.Max)
	return append(dst, '}')
}

// The body that defines a tag category.

// roundingWords are the names of the rounding rules, in the order of engine.Rounding.
var roundingWords = []string{
	engine.RoundingLargestRemainder: "largest-remainder",
	engine.RoundingUnbiased:         "unbiased",
}

type tagCategoryBody struct {
	Values   []tagValueBody `json:"values" required:"true"`
	Rounding *string        `json:"rounding"`
	MoveTo   moves          `json:"moveTo"`
	DryRun   bool           `json:"dryRun"`
}

type tagValueBody struct {
	Name    string       `json:"value" required:"true"`
	Percent *basisPoints `json:"percent"`
	Default bool         `json:"default"`
	Min     *int64       `json:"min"`
	Max     *int64       `json:"max"`
}

// basisPoints is a percentage in hundredths of a percent.
type basisPoints int32

// moves maps each deleted value to the value that gets its stock.
type moves map[string]string

// command makes the command that defines the category. moved are the names in moveTo in the order of the body, which is
// that of the command's list: a repeated command must be the same.
func (b *tagCategoryBody) command(name string, k *bodyCheck, moved []string) *engine.PutTagCategory {
	cmd := &engine.PutTagCategory{Name: name, Rounding: engine.Rounding(k.word("rounding", b.Rounding, roundingWords))}
	for i := range b.Values {
		from, field := &b.Values[i], fmt.Sprintf("values[%d].", i)
		value := engine.Value{Name: k.name(field+"value", from.Name), Percent: engine.NoPercent, Default: from.Default,
			Min: k.integer(field+"min", from.Min, 0, math.MaxInt64, 0),
			Max: k.integer(field+"max", from.Max, 0, math.MaxInt64, engine.NoMax)}
		if from.Percent != nil {
			value.Percent = int32(*from.Percent)
		}
		cmd.Values = append(cmd.Values, value)
	}
	k.pairs("moveTo", b.MoveTo, moved, "the value is given twice: send it once", func(name, value, field string) {
		cmd.MoveTo = append(cmd.MoveTo, engine.Move{From: name, To: k.name(field, value)})
	})
	return cmd
}
