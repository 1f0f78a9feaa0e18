package kibo

import (
	"strconv"
	"time"

	"apportion/engine"
)

// cartHold is how long a cart holds units. That API names no end, and abandoned carts must end.
const cartHold = 24 * time.Hour

// cartEnd is the time at which a cart's reservation ends, in Unix milliseconds. All items of a cart end with its first
// ones, so that a repeated item is the same; a new cart ends after cartHold.
func cartEnd(r *Request, id string) (int64, error) {
	now := max(time.Now().UnixMilli(), r.Host.Reader().NowMS())
	var v engine.OrderView
	if err := r.Host.Barrier(); err != nil {
		return 0, err
	}
	if _, err := r.Host.ReadOrder(id, &v); err != nil {
		return 0, err
	}
	for i := range v.Items {
		if end := v.Items[i].ExpiresAtMS; end > now {
			return end, nil
		}
	}
	return now + cartHold.Milliseconds(), nil
}

type cartItem struct {
	OrderItemID  integer `json:"orderItemID"`
	CartItemID   string  `json:"cartItemID"`
	ShipmentID   integer `json:"shipmentID"`
	TransitionID integer `json:"transitionItemID"` // overrides orderItemID
}

type transitionBody struct {
	base
	CartID  string     `json:"cartID"`
	OrderID integer    `json:"orderID"`
	Items   []cartItem `json:"items"`
}

// baseReply is the answer of a call that has nothing more to tell.
type baseReply struct {
	Success    bool     `json:"success"`
	Messages   []string `json:"messages"`
	NumResults int      `json:"numResults"`
}

// transitionCart moves items of a cart into an order, with the units that they hold.
func transitionCart(r *Request) (Reply, error) {
	var body transitionBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	switch {
	case body.CartID == "":
		return Reply{}, badRequest("cartID", "", "a cartID is needed")
	case body.OrderID.n <= 0:
		return Reply{}, badRequest("orderID", "", "an orderID is needed")
	}
	c := &engine.Transition{FromOrderID: CartOrderID(body.CartID), OrderID: strconv.FormatInt(body.OrderID.n, 10)}
	for i, it := range body.Items {
		if !it.OrderItemID.given {
			return Reply{}, badRequest(itemField(i, "orderItemID"), "", "items[%d] has no orderItemID", i)
		}
		line := engine.TransitionLine{ItemID: it.CartItemID, ToItemID: itemNumber(it.OrderItemID.n, it.ShipmentID.n)}
		if line.ItemID == "" {
			line.ItemID = line.ToItemID
		}
		if it.TransitionID.given {
			line.ToItemID = itemNumber(it.TransitionID.n, it.ShipmentID.n)
		}
		c.Lines = append(c.Lines, line)
	}
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	if err := doOne(r, c); err != nil {
		return Reply{}, err
	}
	return Reply{Value: baseReply{Success: true, Messages: []string{}, NumResults: len(c.Lines)}}, nil
}
