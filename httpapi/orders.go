package httpapi

import (
	"net/http"
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// The order commands.

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

func (req *request) confirm()     { req.changeOrder(engine.KindConfirm) }
func (req *request) deallocate()  { req.changeOrder(engine.KindDeallocate) }
func (req *request) fulfill()     { req.changeOrder(engine.KindFulfill) }
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

// orderProblem is resultProblem for order i of the request, in the words of the request: the engine has a time in
// milliseconds, and 0 for a quantity that was not given.
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
