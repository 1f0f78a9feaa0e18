package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
)

func orderRoutes() []*route {
	return []*route{
		{method: methodPost, pattern: "/v1/orders/{orderId}/allocate", body: bodyRequired, write: true,
			serve: (*request).allocate},
		{method: methodPost, pattern: "/v1/orders/{orderId}/confirm", body: bodyOptional, write: true,
			serve: (*request).confirm},
		{method: methodPost, pattern: "/v1/orders/{orderId}/deallocate", body: bodyOptional, write: true,
			serve: (*request).deallocate},
		{method: methodPost, pattern: "/v1/orders/{orderId}/fulfill", body: bodyOptional, write: true,
			serve: (*request).fulfill},
		{method: methodPost, pattern: "/v1/orders/{orderId}/return", body: bodyOptional, write: true,
			serve: (*request).returnItems},
		{method: methodGet, pattern: "/v1/orders/{orderId}", params: paramReads, serve: (*request).readOrder},
		{method: methodPost, pattern: "/v1/orders/allocate", body: bodyRequired, write: true,
			serve: (*request).bulkAllocate},
		{method: methodGet, pattern: "/v1/orders/{orderId}/explain", params: paramReads, serve: (*request).explain},
	}
}

// allocate is the hot path: from the body to the answer it allocates nothing of its own.
func (req *request) allocate() {
	cmd := &req.commands.allocate
	req.body().allocate(cmd)
	cmd.OrderID = req.path[0]
	if !req.parsed() || !req.check(cmd) {
		return
	}
	if req.propose(cmd) {
		req.answerOrder(cmd.OrderID)
	}
}

func (req *request) confirm() { req.changeOrder(engine.KindConfirm) }

func (req *request) deallocate() { req.changeOrder(engine.KindDeallocate) }

func (req *request) fulfill() { req.changeOrder(engine.KindFulfill) }

func (req *request) returnItems() { req.changeOrder(engine.KindReturn) }

func (req *request) changeOrder(action engine.Kind) {
	cmd := &req.commands.orderChange
	cmd.Action, cmd.OrderID = action, req.path[0]
	req.body().orderChange(cmd)
	if req.parsed() && req.check(cmd) && req.propose(cmd) {
		req.answerOrder(cmd.OrderID)
	}
}

// answerOrder answers an order command with req.result().
func (req *request) answerOrder(orderID string) {
	req.markReplayed()
	if req.result().Code == engine.CodeOK {
		req.out = appendOrderResult(req.out, req.schema(), req.result(), orderID)
		return
	}
	p := req.orderProblem(0)
	req.openProblem(&p)
	req.out = strictjson.AppendText(req.out, `,"orderId":`, orderID)
	req.out = strictjson.AppendNumber(req.out, `,"asOf":`, int64(req.result().Index))
	req.out = appendLineResults(req.out, req.schema(), req.result())
	req.out = append(req.out, '}')
}

// orderProblem is resultProblem for order i, in the request's terms: the engine has times in milliseconds, and 0 for a
// missing quantity.
func (req *request) orderProblem(i int) problem {
	r := req.result()
	p := resultProblem(r)
	switch {
	case r.Code == engine.CodeRetry:
		p.field, p.value = "", "" // it is nothing of the request's
	case r.Kind == engine.KindAllocate && r.Code == engine.CodeExpired && r.Field == "expiresAt":
		p.value = req.scan.expiresAt[i]
	case r.Kind == engine.KindReturn && r.Code == engine.CodeInvalid && r.Value == "0" &&
		strings.HasSuffix(r.Field, ".quantity"):
		p.code, p.detail, p.value = codeMissingField, "goods of an unknown order need a quantity", ""
	case r.Code == engine.CodeOnHandBelowZero:
		p.detail = "fewer units are on hand than are promised: fulfill as many as the line's available says and " +
			"deallocate the others " +
			"(and allocate them elsewhere), or correct on hand by a refresh or an adjust of the segment"
	case r.Code == engine.CodeNothingLeft || r.Code == engine.CodeExceedsLeft:
		for i := range r.Lines {
			if l := &r.Lines[i]; l.Code == r.Code && l.Reason != "" {
				p.detail = "nothing is left of item " + l.ItemID + " for this: " + leftDetails[l.Reason]
				break
			}
		}
	}
	return p
}

// readOrder shows an order, from memory or from the archive.
func (req *request) readOrder() {
	if !req.barrier() {
		return
	}
	view := &req.reads.order
	asOf := req.server.store.AppliedIndex()
	found, err := req.server.store.ReadOrder(req.path[0], view)
	switch {
	case err != nil:
		req.storeFailed(err)
	case !found:
		req.fail(http.StatusNotFound, engine.CodeUnknownOrder.String(), codeDetails[engine.CodeUnknownOrder], "orderId",
			req.path[0])
	default:
		req.out = appendOrder(req.out, req.schema(), view, asOf)
	}
}

// bulkAnswer is the place of one order's answer in commandBuffers.known.
type bulkAnswer struct{ begin, end int }

// bulkAllocate allocates many orders. Each has its own answer.
func (req *request) bulkAllocate() {
	k := &req.commands
	k.bulk = req.body().bulkAllocate(k.bulk[:0])
	if !req.parsed() || !req.checkBulk() {
		return
	}
	k.answers, k.known = slices.Grow(k.answers[:0], len(k.bulk))[:len(k.bulk)], k.known[:0]
	k.asOf = req.server.store.AppliedIndex()
	req.proposals, req.keys = req.proposals[:0], req.keys[:0]
	for i := range k.bulk {
		req.proposals = append(req.proposals, req.bulkProposal(i))
	}
	req.run.Apart = true
	err := req.do(bulkAnswers{req})
	if err != nil && (!rules.IsPartlyDone(err) || errors.Is(err, raftstore.ErrOutcomeUnknown)) {
		req.storeFailed(err)
		return
	}
	// If a later round failed, the orders of the earlier rounds are done, and the others have the answer to send them
	// again.
	req.answerBulk()
}

// bulkProposal proposes order i. If its limits refuse it, it answers instead.
func (req *request) bulkProposal(i int) rules.Proposal {
	cmd := &req.commands.bulk[i]
	if f := engine.CheckCommand(cmd); f != nil {
		*req.result() = engine.Result{Kind: engine.KindAllocate, Code: engine.CodeInvalid, Field: f.Field,
			Value: f.Value,
			Index: req.server.store.AppliedIndex()}
		req.knowBulk(i)
		return rules.Proposal{}
	}
	return rules.Proposal{Command: cmd, Key: req.partKey(cmd.OrderID)}
}

// bulkAnswers renders each result at once: the next result is decoded into the same memory.
type bulkAnswers struct{ *request }

// Answer keeps the answer for order i.
func (b bulkAnswers) Answer(i int) { b.knowBulk(i) }

// checkBulk refuses a list that is empty or names an order twice.
func (req *request) checkBulk() bool {
	bulk := req.commands.bulk
	if len(bulk) == 0 {
		req.fail(http.StatusBadRequest, codeInvalid, "the list is empty", "orders", "0")
		return false
	}
	seen := make(map[string]struct{}, len(bulk))
	for i := range bulk {
		if _, repeat := seen[bulk[i].OrderID]; repeat {
			req.fail(http.StatusBadRequest, codeDuplicate, "the order is named twice",
				fmt.Sprintf("orders[%d].orderId", i), bulk[i].OrderID)
			return false
		}
		seen[bulk[i].OrderID] = struct{}{}
	}
	return true
}

// knowBulk renders req.result() as the answer for order i.
func (req *request) knowBulk(i int) {
	k := &req.commands
	begin := len(k.known)
	k.known = req.appendBulk(k.known, i)
	k.answers[i] = bulkAnswer{begin: begin, end: len(k.known)}
	k.asOf = max(k.asOf, req.result().Index)
}

// answerBulk answers all orders in their order.
func (req *request) answerBulk() {
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.commands.asOf))
	req.out = append(req.out, `,"orders":[`...)
	for i, answer := range req.commands.answers {
		req.out = append(strictjson.Comma(req.out, i), req.commands.known[answer.begin:answer.end]...)
	}
	req.out = append(req.out, "]}"...)
}

// appendBulk appends the answer for order i from req.result().
func (req *request) appendBulk(dst []byte, i int) []byte {
	p := req.orderProblem(i)
	dst = strictjson.AppendText(dst, `{"orderId":`, req.commands.bulk[i].OrderID)
	dst = strictjson.AppendNumber(dst, `,"status":`, int64(p.status))
	dst = append(dst, `,"code":"`...)
	dst = append(dst, p.code...)
	dst = strictjson.AppendNumber(dst, `","asOf":`, int64(req.result().Index))
	dst = strictjson.AppendBool(dst, `,"replayed":`, req.result().Repeated)
	if req.result().Code != engine.CodeOK {
		if p.field != "" {
			p.field = fmt.Sprintf("orders[%d].%s", i, p.field)
		}
		dst = appendFault(dst, &p)
	}
	dst = appendLineResults(dst, req.schema(), req.result())
	return append(dst, '}')
}

// Why an order was filled as it was.

func (req *request) explain() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	view := &req.reads.why
	found, err := req.server.store.Explain(req.path[0], view)
	switch {
	case err != nil:
		req.storeFailed(err)
	case !found:
		req.fail(http.StatusNotFound, engine.CodeUnknownOrder.String(), codeDetails[engine.CodeUnknownOrder], "orderId",
			req.path[0])
	default:
		reply := api.OrderExplanation{AsOf: asOf, OrderID: view.OrderID, Items: []api.ItemExplanation{}}
		for i := range view.Items {
			reply.Items = append(reply.Items, showExplanation(req.schema(), &view.Items[i]))
		}
		req.reply(reply)
	}
}

func showExplanation(schema *engine.Schema, x *engine.ItemExplanation) api.ItemExplanation {
	item := api.ItemExplanation{ItemID: x.ItemID, UPC: x.UPC, Location: x.Location, Tags: tagMap(schema.Tags(x.TagSet)),
		Requested: x.Requested, Pending: x.Pending, Path: "native", Index: x.Index, Candidates: []api.Candidate{}}
	if x.TimeMS != 0 {
		item.Time = strictjson.FormatTime(x.TimeMS)
	}
	switch {
	case x.Expired:
		item.Path = "expired"
	case x.Rule != "":
		item.Path, item.Rule, item.Version, item.Outcome, item.Reason = "rule", x.Rule, x.Version, x.Outcome.String(),
			x.Reason
		item.SeenVersion, item.RecordVersion = x.SeenVersion, x.RecordVersion
	}
	for i := range x.Candidates {
		from := &x.Candidates[i]
		candidate := api.Candidate{Tags: tagMap(from.Tags), Available: from.Available, Taken: from.Taken,
			Why: from.Why.String()}
		if from.TagSet != 0 {
			candidate.Tags = tagMap(schema.Tags(from.TagSet))
		}
		if x.Rule != "" {
			candidate.Keep, candidate.Max = &from.Keep, &from.Max
			candidate.OnHand, candidate.Allocated = &from.OnHand, &from.Allocated
			candidate.Pending, candidate.SafetyStock = &from.Pending, &from.SafetyStock
		}
		item.Candidates = append(item.Candidates, candidate)
	}
	return item
}

// appendOrderResult appends the answer to an order command that was executed.
func appendOrderResult(dst []byte, schema *engine.Schema, r *engine.Result, orderID string) []byte {
	dst = strictjson.AppendText(dst, `{"orderId":`, orderID)
	dst = strictjson.AppendNumber(dst, `,"asOf":`, int64(r.Index))
	dst = appendLineResults(dst, schema, r)
	return append(dst, '}')
}

// appendLineResults appends the answers to the lines, as a member.
func appendLineResults(dst []byte, schema *engine.Schema, r *engine.Result) []byte {
	dst = append(dst, `,"lines":[`...)
	for i := range r.Lines {
		dst = appendLineResult(strictjson.Comma(dst, i), schema, r.Kind, &r.Lines[i])
	}
	return append(dst, ']')
}

func appendLineResult(dst []byte, schema *engine.Schema, kind engine.Kind, l *engine.LineResult) []byte {
	dst = strictjson.AppendText(dst, `{"itemId":`, l.ItemID)
	dst = append(dst, `,"outcome":"`...)
	dst = append(dst, lineOutcome(kind, l)...)
	dst = append(dst, `","code":"`...)
	dst = append(dst, l.Code.String()...)
	dst = append(dst, '"')
	dst = strictjson.AppendNumber(dst, `,"requested":`, l.Requested)
	dst = strictjson.AppendNumber(dst, unitsName(kind), l.Units)
	dst = strictjson.AppendNumber(dst, `,"pending":`, l.Pending)
	if l.Code != engine.CodeOK {
		dst = strictjson.AppendNumber(dst, `,"available":`, l.Available)
	}
	if l.Rule != "" {
		dst = strictjson.AppendText(dst, `,"rule":`, l.Rule)
		dst = strictjson.AppendNumber(dst, `,"ruleVersion":`, int64(l.RuleVersion))
	}
	if l.Reason != "" {
		dst = strictjson.AppendText(dst, `,"reason":`, l.Reason)
	}
	if l.Repeated {
		dst = append(dst, `,"repeated":true`...)
	}
	dst = append(dst, `,"segments":[`...)
	for i := range l.Parts {
		dst = appendPart(strictjson.Comma(dst, i), schema, &l.Parts[i])
	}
	return append(dst, "]}"...)
}

func appendPart(dst []byte, schema *engine.Schema, p *engine.Part) []byte {
	dst = append(dst, `{"tags":`...)
	dst = append(dst, schema.TagsJSON(p.TagSet)...)
	dst = strictjson.AppendNumber(dst, `,"quantity":`, p.Units)
	dst = strictjson.AppendNumber(dst, `,"pending":`, p.Pending)
	return append(dst, '}')
}

// unitsName is the member for the units that a line moved.
func unitsName(kind engine.Kind) string {
	if kind == engine.KindAllocate {
		return `,"allocated":`
	}
	return `,"quantity":`
}

// lineOutcome is one word for what happened to a line.
func lineOutcome(kind engine.Kind, l *engine.LineResult) string {
	if l.Code != engine.CodeOK {
		return "refused"
	}
	switch kind {
	case engine.KindConfirm:
		return "confirmed"
	case engine.KindDeallocate:
		return "released"
	case engine.KindFulfill:
		return "fulfilled"
	case engine.KindReturn:
		return "returned"
	}
	switch {
	case l.Pending > 0:
		return "pending"
	case l.Units < l.Requested:
		return "partial"
	}
	return "allocated"
}

// appendOrder appends an order with its items.
func appendOrder(dst []byte, schema *engine.Schema, v *engine.OrderView, asOf uint64) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(asOf))
	dst = strictjson.AppendText(dst, `,"orderId":`, v.OrderID)
	dst = append(dst, `,"items":[`...)
	for i := range v.Items {
		dst = appendOrderItem(strictjson.Comma(dst, i), schema, &v.Items[i])
	}
	return append(dst, "]}"...)
}

func appendOrderItem(dst []byte, schema *engine.Schema, v *engine.ItemView) []byte {
	dst = strictjson.AppendText(dst, `{"itemId":`, v.ItemID)
	dst = strictjson.AppendText(dst, `,"upc":`, v.UPC)
	dst = strictjson.AppendText(dst, `,"location":`, v.Location)
	dst = strictjson.AppendNumber(dst, `,"requested":`, v.Requested)
	dst = strictjson.AppendTime(dst, `,"expiresAt":`, v.ExpiresAtMS)
	dst = append(dst, `,"lines":[`...)
	for i := range v.Lines {
		dst = appendAllocationLine(strictjson.Comma(dst, i), schema, &v.Lines[i])
	}
	dst = append(dst, `],"history":[`...)
	for i := range v.Movements {
		dst = appendMovement(strictjson.Comma(dst, i), schema, &v.Movements[i])
	}
	return append(dst, "]}"...)
}

func appendAllocationLine(dst []byte, schema *engine.Schema, v *engine.LineView) []byte {
	dst = append(dst, `{"tags":`...)
	dst = append(dst, schema.TagsJSON(v.TagSet)...)
	dst = strictjson.AppendNumber(dst, `,"allocated":`, v.Allocated)
	dst = strictjson.AppendNumber(dst, `,"pending":`, v.Pending)
	dst = strictjson.AppendNumber(dst, `,"fulfilled":`, v.Fulfilled)
	dst = strictjson.AppendNumber(dst, `,"returned":`, v.Returned)
	dst = strictjson.AppendNumber(dst, `,"released":`, v.Released)
	return append(dst, '}')
}

func appendMovement(dst []byte, schema *engine.Schema, m *engine.MovementView) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, m.Kind.String()...)
	dst = append(dst, `","tags":`...)
	dst = append(dst, schema.TagsJSON(m.TagSet)...)
	dst = strictjson.AppendNumber(dst, `,"quantity":`, m.Units)
	dst = strictjson.AppendNumber(dst, `,"index":`, int64(m.Index))
	dst = strictjson.AppendTime(dst, `,"time":`, m.TimeMS)
	if m.Reason != "" {
		dst = strictjson.AppendText(dst, `,"reason":`, m.Reason)
	}
	return append(dst, '}')
}
