package lists

import (
	"fmt"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// ReleasableStates are the states of orders that hold something to be released.
var ReleasableStates = []string{"open", "reserved", "pending"}

// Release is a page of orders whose units are to be released, and what came of it.
type Release struct {
	DryRun bool
	Reason string

	OrderPage
	codes []engine.Code // of the orders; CodeOK: released
}

// Read reads the page that a query asks for. Without a state it asks for open orders.
func (r *Release) Read(q OrderQuery, from OrderSource, nowMS int64) (fault strictjson.Fault) {
	if q.State == "" {
		q.State = ReleasableStates[0]
	}
	r.OrderPage, fault = q.Read(from, nowMS)
	r.codes = make([]engine.Code, len(r.Orders))
	for i := range r.Orders {
		if len(r.Orders[i].Items) > engine.OrderLinesMax {
			r.codes[i] = engine.CodeTooMany
		}
	}
	return fault
}

// Command gives the command that releases what the query found of order i, and that depends on the order's last
// change, Orders[i].Changed. An order with too many such items has none.
func (r *Release) Command(i int) *engine.OrderChange {
	order := &r.Orders[i]
	if r.codes[i] == engine.CodeTooMany {
		return nil
	}
	c := &engine.OrderChange{Action: engine.KindDeallocate, OrderID: order.OrderID, Reason: r.Reason}
	for k := range order.Items {
		c.Lines = append(c.Lines, engine.OrderLine{ItemID: order.Items[k].ItemID})
	}
	r.Answered(i, engine.CodeRetry) // what stays if nobody comes to answer
	return c
}

// Answered keeps the answer to the command of order i.
func (r *Release) Answered(i int, code engine.Code) { r.codes[i] = code }

// skippedDetails says why an order was left alone. Any other code says that the order is not what it was.
var skippedDetails = map[engine.Code]string{
	engine.CodeTooMany: fmt.Sprintf("more than %d of its items hold units: deallocate the order by its id",
		engine.OrderLinesMax),
	engine.CodeRetry: "there was no time for it: send the request again",
}

const skippedChanged = "the order has changed since it was found"

// Append appends what was, or would be, released, what was skipped, and the cursor of the next page.
func (r *Release) Append(dst []byte, schema *engine.Schema) []byte {
	dst = strictjson.AppendBool(dst, `"dryRun":`, r.DryRun)
	dst = append(dst, `,"released":[`...)
	count := 0
	for i := range r.Orders {
		if r.codes[i] == engine.CodeOK {
			dst = appendOrder(strictjson.Comma(dst, count), schema, &r.Orders[i])
			count++
		}
	}
	dst = append(dst, `],"skipped":[`...)
	count = 0
	for i, code := range r.codes {
		if code == engine.CodeOK {
			continue
		}
		detail, ok := skippedDetails[code]
		if !ok {
			detail = skippedChanged
		}
		dst = strictjson.AppendText(strictjson.Comma(dst, count), `{"orderId":`, r.Orders[i].OrderID)
		dst = strictjson.AppendText(dst, `,"code":`, code.String())
		dst = append(strictjson.AppendText(dst, `,"detail":`, detail), '}')
		count++
	}
	return AppendNext(append(dst, ']'), r.Next)
}
