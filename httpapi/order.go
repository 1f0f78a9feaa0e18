package httpapi

import (
	"net/http"
	"strings"
	"time"

	"apportion/engine"
	"apportion/raftstore"
	"apportion/rules"
)

// The order commands.

// allocate is the hot path: from the body to the answer it allocates nothing of its own.
func (c *call) allocate() {
	cmd := &c.commands.allocate
	c.body().allocate(cmd)
	cmd.OrderID = c.path[0]
	if !c.parsed() || !c.check(cmd) {
		return
	}
	if c.plan(cmd) && (c.refusesAtOnce(c.envelope.Key, cmd) || c.proposePlanned(cmd)) {
		c.answerOrder(cmd.OrderID)
	}
}

// plan asks the rules that are active about an order, and answers if there is no time for it.
func (c *call) plan(cmd *engine.Allocate) bool {
	budget := rules.NewBudget(c.deadline, len(cmd.Lines))
	c.askedMS = time.Now().UnixMilli()
	if err := c.server.planner.Plan(&budget, cmd, c.askedMS, &c.envelope); err != nil {
		c.storeFailed(raftstore.ErrTimeout)
		return false
	}
	return true
}

// proposePlanned is propose for an order that is planned anew when other rules have become active meanwhile.
func (c *call) proposePlanned(cmd *engine.Allocate) bool {
	for range retriesMax {
		if !c.proposeOnce(cmd) {
			return false
		}
		if c.result.Code != engine.CodeRetry {
			return true
		}
		if !c.plan(cmd) {
			return false
		}
	}
	c.fail(http.StatusServiceUnavailable, codeRetry, codeDetails[engine.CodeRetry], "", "")
	return false
}

// refusesAtOnce fills c.result with the refusal of an order that committed stock cannot meet: in a flash sale most
// requests are refusals, and they cost no log entry. Only the leader's committed state may say no.
func (c *call) refusesAtOnce(key string, cmd *engine.Allocate) bool {
	if len(c.envelope.Plans) > 0 { // where a rule has its say, the log is to hold what it said
		return false
	}
	if !c.server.store.Refuses(c.deadline, c.askedMS, key, cmd, &c.result) {
		return false
	}
	c.server.metrics.refusals.Inc()
	return true
}

func (c *call) confirm()    { c.changeOrder(engine.KindConfirm) }
func (c *call) deallocate() { c.changeOrder(engine.KindDeallocate) }
func (c *call) fulfill()    { c.changeOrder(engine.KindFulfill) }
func (c *call) giveBack()   { c.changeOrder(engine.KindReturn) }

func (c *call) changeOrder(action engine.Kind) {
	cmd := &c.commands.orderChange
	cmd.Action, cmd.OrderID = action, c.path[0]
	c.body().orderChange(cmd)
	if c.parsed() && c.check(cmd) && c.propose(cmd) {
		c.answerOrder(cmd.OrderID)
	}
}

// answerOrder answers an order command with c.result.
func (c *call) answerOrder(orderID string) {
	c.markReplayed()
	if c.result.Code == engine.CodeOK {
		c.out = appendOrderResult(c.out, c.schema(), &c.result, orderID)
		return
	}
	p := c.orderProblem(0)
	c.openProblem(&p)
	c.out = appendText(c.out, `,"orderId":`, orderID)
	c.out = appendUnits(c.out, `,"asOf":`, int64(c.result.Index))
	c.out = appendLineResults(c.out, c.schema(), &c.result)
	c.out = append(c.out, '}')
}

// orderProblem is resultProblem for order i of the request, in the words of the request: the engine has a time in
// milliseconds, and 0 for a quantity that was not given.
func (c *call) orderProblem(i int) problem {
	r := &c.result
	p := resultProblem(r)
	switch {
	case r.Code == engine.CodeRetry:
		p.field, p.value = "", "" // it is nothing of the request's
	case r.Kind == engine.KindAllocate && r.Code == engine.CodeExpired && r.Field == "expiresAt":
		p.value = c.scan.expiresAt[i]
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
func (c *call) readOrder() {
	if !c.barrier() {
		return
	}
	view := &c.reads.order
	asOf := c.server.store.AppliedIndex()
	found, err := c.server.store.ReadOrder(c.path[0], view)
	switch {
	case err != nil:
		c.storeFailed(err)
	case !found:
		c.fail(http.StatusNotFound, engine.CodeUnknownOrder.String(), codeDetails[engine.CodeUnknownOrder], "orderId",
			c.path[0])
	default:
		c.out = appendOrder(c.out, c.schema(), view, asOf)
	}
}
