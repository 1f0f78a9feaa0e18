package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"apportion/engine"
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
func (c *call) bulkAllocate() {
	k := &c.commands
	k.bulk = c.body().bulkAllocate(k.bulk[:0])
	if !c.parsed() || !c.checkBulk() {
		return
	}
	clientKey := c.envelope.Key
	asOf := c.server.store.AppliedIndex()
	k.answers, k.known = k.answers[:0], k.known[:0]
	for range k.bulk {
		k.answers = append(k.answers, bulkAnswer{command: bulkToDo})
	}
	for round := range retriesMax {
		c.beginBulk(clientKey)
		if c.batch.Len() == 0 {
			break
		}
		if err := c.server.store.Do(c.deadline, c.batch); err != nil {
			if round == 0 || errors.Is(err, raftstore.ErrOutcomeUnknown) {
				c.storeFailed(err)
				return
			}
			break // what the rounds before did stands; the orders of this one have their answer, to be sent again
		}
		asOf = c.server.store.AppliedIndex()
		c.settleBulk()
	}
	c.answerBulk(asOf)
}

// checkBulk refuses a list that is empty or names an order twice.
func (c *call) checkBulk() bool {
	bulk := c.commands.bulk
	if len(bulk) == 0 {
		c.fail(http.StatusBadRequest, codeInvalid, "the list is empty", "orders", "0")
		return false
	}
	seen := make(map[string]struct{}, len(bulk))
	for i := range bulk {
		if _, repeat := seen[bulk[i].OrderID]; repeat {
			c.fail(http.StatusBadRequest, codeDuplicate, "the order is named twice",
				fmt.Sprintf("orders[%d].orderId", i), bulk[i].OrderID)
			return false
		}
		seen[bulk[i].OrderID] = struct{}{}
	}
	return true
}

// beginBulk makes a batch of the orders that are to be done.
func (c *call) beginBulk(clientKey string) {
	c.batch.Reset()
	lines := 0
	for i, answer := range c.commands.answers {
		if answer.command == bulkToDo {
			lines += len(c.commands.bulk[i].Lines)
		}
	}
	budget := rules.NewBudget(c.deadline, lines)
	for i, answer := range c.commands.answers {
		if answer.command == bulkToDo {
			c.beginBulkOrder(i, clientKey, &budget)
		}
	}
}

// beginBulkOrder puts order i into the batch, or answers it if that needs no log.
func (c *call) beginBulkOrder(i int, clientKey string, budget *rules.Budget) {
	k := &c.commands
	cmd := &k.bulk[i]
	if field, value, ok := engine.CheckCommand(cmd); !ok {
		c.result = engine.Result{Kind: engine.KindAllocate, Code: engine.CodeInvalid, Field: field, Value: value,
			Index: c.server.store.AppliedIndex()}
		c.knowBulk(i, bulkKnown)
		return
	}
	c.envelope.Key = ""
	if clientKey != "" {
		k.key = append(append(append(k.key[:0], clientKey...), '/'), cmd.OrderID...)
		c.envelope.Key = alias(k.key)
	}
	c.askedMS = time.Now().UnixMilli()
	if err := c.server.planner.Plan(budget, cmd, c.askedMS, &c.envelope); err != nil {
		c.result = engine.Result{Kind: engine.KindAllocate, Code: engine.CodeRetry,
			Index: c.server.store.AppliedIndex()}
		c.knowBulk(i, bulkKnown)
		return
	}
	if c.refusesAtOnce(c.envelope.Key, cmd) {
		c.knowBulk(i, bulkKnown)
		return
	}
	k.answers[i].command = c.batch.Len()
	c.batch.Append(&c.envelope, cmd)
}

// settleBulk answers the orders of the batch.
func (c *call) settleBulk() {
	for i, answer := range c.commands.answers {
		if answer.command < 0 {
			continue
		}
		c.decode(answer.command)
		if c.result.Code == engine.CodeRetry {
			c.knowBulk(i, bulkToDo)
		} else {
			c.knowBulk(i, bulkKnown)
		}
	}
}

// knowBulk keeps c.result as the answer for order i.
func (c *call) knowBulk(i, command int) {
	k := &c.commands
	begin := len(k.known)
	k.known = c.appendBulk(k.known, i)
	k.answers[i] = bulkAnswer{command: command, begin: begin, end: len(k.known)}
}

// answerBulk answers all orders in their order.
func (c *call) answerBulk(asOf uint64) {
	c.out = appendUnits(c.out, `{"asOf":`, int64(asOf))
	c.out = append(c.out, `,"orders":[`...)
	for i, answer := range c.commands.answers {
		c.out = append(comma(c.out, i), c.commands.known[answer.begin:answer.end]...)
	}
	c.out = append(c.out, "]}"...)
}

// appendBulk appends the answer for order i from c.result.
func (c *call) appendBulk(dst []byte, i int) []byte {
	p := c.orderProblem(i)
	dst = appendText(dst, `{"orderId":`, c.commands.bulk[i].OrderID)
	dst = appendUnits(dst, `,"status":`, int64(p.status))
	dst = append(dst, `,"code":"`...)
	dst = append(dst, p.code...)
	dst = appendUnits(dst, `","asOf":`, int64(c.result.Index))
	dst = appendFlag(dst, `,"replayed":`, c.result.Repeated)
	if c.result.Code != engine.CodeOK {
		if p.field != "" {
			p.field = fmt.Sprintf("orders[%d].%s", i, p.field)
		}
		dst = appendFault(dst, &p)
	}
	dst = appendLineResults(dst, c.schema(), &c.result)
	return append(dst, '}')
}
