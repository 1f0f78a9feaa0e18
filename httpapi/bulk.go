package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"apportion/engine"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
)

// bulkAnswer is where the answer for one order of many is in commandBuffers.known.
type bulkAnswer struct{ begin, end int }

// bulkAllocate allocates many orders, each with an answer of its own.
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

// bulkProposal proposes order i, unless its limits refuse it: then it is answered.
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

// bulkAnswers renders each result as it comes: the next one is decoded into the same memory.
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

// knowBulk keeps req.result() as the answer for order i.
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
