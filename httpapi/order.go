package httpapi

import (
	"net/http"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
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
	if req.plan(cmd) && (req.refusesAtOnce(req.envelope.Key, cmd) || req.proposePlanned(cmd)) {
		req.answerOrder(cmd.OrderID)
	}
}

// plan asks the rules that are active about an order, and answers if there is no time for it.
func (req *request) plan(cmd *engine.Allocate) bool {
	budget := rules.NewBudget(req.deadline, len(cmd.Lines))
	req.askedMS = time.Now().UnixMilli()
	if err := req.server.planner.Plan(&budget, cmd, req.askedMS, &req.envelope); err != nil {
		req.storeFailed(raftstore.ErrTimeout)
		return false
	}
	return true
}

// proposePlanned is propose for an order that is planned anew when other rules have become active meanwhile.
func (req *request) proposePlanned(cmd *engine.Allocate) bool {
	for range retriesMax {
		if !req.proposeOnce(cmd) {
			return false
		}
		if req.result.Code != engine.CodeRetry {
			return true
		}
		if !req.plan(cmd) {
			return false
		}
	}
	req.fail(http.StatusServiceUnavailable, codeRetry, codeDetails[engine.CodeRetry], "", "")
	return false
}

// refusesAtOnce fills req.result with the refusal of an order that committed stock cannot meet: in a flash sale most
// requests are refusals, and they cost no log entry. Only the leader's committed state may say no.
func (req *request) refusesAtOnce(key string, cmd *engine.Allocate) bool {
	if len(req.envelope.Plans) > 0 { // where a rule has its say, the log is to hold what it said
		return false
	}
	if !req.server.store.Refuses(req.deadline, req.askedMS, key, cmd, &req.result) {
		return false
	}
	req.server.metrics.refusals.Inc()
	return true
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

// answerOrder answers an order command with req.result.
func (req *request) answerOrder(orderID string) {
	req.markReplayed()
	if req.result.Code == engine.CodeOK {
		req.out = appendOrderResult(req.out, req.schema(), &req.result, orderID)
		return
	}
	p := req.orderProblem(0)
	req.openProblem(&p)
	req.out = strictjson.AppendText(req.out, `,"orderId":`, orderID)
	req.out = strictjson.AppendNumber(req.out, `,"asOf":`, int64(req.result.Index))
	req.out = appendLineResults(req.out, req.schema(), &req.result)
	req.out = append(req.out, '}')
}

// orderProblem is resultProblem for order i of the request, in the words of the request: the engine has a time in
// milliseconds, and 0 for a quantity that was not given.
func (req *request) orderProblem(i int) problem {
	r := &req.result
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
