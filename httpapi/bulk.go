package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"apportion/engine"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
)

// bulkAnswer is where one order of many stands.
type bulkAnswer struct {
	command    int // index in the batch, or one of the below
	begin, end int // of its answer in commandBuffers.known
}

const (
	bulkToDo  = -1 // it is to be put into the next batch
	bulkKnown = -2 // it is answered
)

// bulkAllocate allocates many orders: one command each, all in one batch. Those that were planned under other rules
// than are active at their place in the log are planned anew, in a batch of their own.
func (req *request) bulkAllocate() {
	k := &req.commands
	k.bulk = req.body().bulkAllocate(k.bulk[:0])
	if !req.parsed() || !req.checkBulk() {
		return
	}
	clientKey := req.envelope.Key
	asOf := req.server.store.AppliedIndex()
	k.answers, k.known = k.answers[:0], k.known[:0]
	for range k.bulk {
		k.answers = append(k.answers, bulkAnswer{command: bulkToDo})
	}
	for round := range retriesMax {
		req.beginBulk(clientKey)
		if req.batch.Len() == 0 {
			break
		}
		if err := req.server.store.Do(req.deadline, req.batch); err != nil {
			if round == 0 || errors.Is(err, raftstore.ErrOutcomeUnknown) {
				req.storeFailed(err)
				return
			}
			break // what the rounds before did stands; the orders of this one have their answer, to be sent again
		}
		asOf = req.server.store.AppliedIndex()
		req.settleBulk()
	}
	req.answerBulk(asOf)
}

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

// beginBulk makes a batch of the orders that are to be done.
func (req *request) beginBulk(clientKey string) {
	req.batch.Reset()
	lines := 0
	for i, answer := range req.commands.answers {
		if answer.command == bulkToDo {
			lines += len(req.commands.bulk[i].Lines)
		}
	}
	budget := rules.NewBudget(req.deadline, lines)
	for i, answer := range req.commands.answers {
		if answer.command == bulkToDo {
			req.beginBulkOrder(i, clientKey, &budget)
		}
	}
}

// beginBulkOrder puts order i into the batch, or answers it if that needs no log.
func (req *request) beginBulkOrder(i int, clientKey string, budget *rules.Budget) {
	k := &req.commands
	cmd := &k.bulk[i]
	if f := engine.CheckCommand(cmd); f != nil {
		req.result = engine.Result{Kind: engine.KindAllocate, Code: engine.CodeInvalid, Field: f.Field, Value: f.Value,
			Index: req.server.store.AppliedIndex()}
		req.knowBulk(i, bulkKnown)
		return
	}
	req.envelope.Key = ""
	if clientKey != "" {
		k.key = append(append(append(k.key[:0], clientKey...), '/'), cmd.OrderID...)
		req.envelope.Key = strictjson.Alias(k.key)
	}
	req.askedMS = time.Now().UnixMilli()
	if err := req.server.planner.Plan(budget, cmd, req.askedMS, &req.envelope); err != nil {
		req.result = engine.Result{Kind: engine.KindAllocate, Code: engine.CodeRetry,
			Index: req.server.store.AppliedIndex()}
		req.knowBulk(i, bulkKnown)
		return
	}
	if req.refusesAtOnce(req.envelope.Key, cmd) {
		req.knowBulk(i, bulkKnown)
		return
	}
	k.answers[i].command = req.batch.Len()
	req.batch.Append(&req.envelope, cmd)
}

// settleBulk answers the orders of the batch.
func (req *request) settleBulk() {
	for i, answer := range req.commands.answers {
		if answer.command < 0 {
			continue
		}
		req.decode(answer.command)
		if req.result.Code == engine.CodeRetry {
			req.knowBulk(i, bulkToDo)
		} else {
			req.knowBulk(i, bulkKnown)
		}
	}
}

// knowBulk keeps req.result as the answer for order i.
func (req *request) knowBulk(i, command int) {
	k := &req.commands
	begin := len(k.known)
	k.known = req.appendBulk(k.known, i)
	k.answers[i] = bulkAnswer{command: command, begin: begin, end: len(k.known)}
}

// answerBulk answers all orders in their order.
func (req *request) answerBulk(asOf uint64) {
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(req.out, `,"orders":[`...)
	for i, answer := range req.commands.answers {
		req.out = append(strictjson.Comma(req.out, i), req.commands.known[answer.begin:answer.end]...)
	}
	req.out = append(req.out, "]}"...)
}

// appendBulk appends the answer for order i from req.result.
func (req *request) appendBulk(dst []byte, i int) []byte {
	p := req.orderProblem(i)
	dst = strictjson.AppendText(dst, `{"orderId":`, req.commands.bulk[i].OrderID)
	dst = strictjson.AppendNumber(dst, `,"status":`, int64(p.status))
	dst = append(dst, `,"code":"`...)
	dst = append(dst, p.code...)
	dst = strictjson.AppendNumber(dst, `","asOf":`, int64(req.result.Index))
	dst = strictjson.AppendBool(dst, `,"replayed":`, req.result.Repeated)
	if req.result.Code != engine.CodeOK {
		if p.field != "" {
			p.field = fmt.Sprintf("orders[%d].%s", i, p.field)
		}
		dst = appendFault(dst, &p)
	}
	dst = appendLineResults(dst, req.schema(), &req.result)
	return append(dst, '}')
}
