package kibo

import (
	"strconv"
	"strings"

	"apportion/engine"
)

// orderItem is one item of an allocate, a deallocate or a fulfill.
type orderItem struct {
	product
	Quantity     integer `json:"quantity"`
	OrderID      integer `json:"orderID"`
	OrderItemID  integer `json:"orderItemID"`
	ShipmentID   integer `json:"shipmentID"`
	CartID       string  `json:"cartID"`
	CartItemID   string  `json:"cartItemID"`
	LocationCode string  `json:"locationCode"`
	Tags         tagMap  `json:"tags"`
	Blocked      *bool   `json:"blockAssignment"`
	HoldsBlocked bool    `json:"holdBlockAssignment"`
}

type orderBody struct {
	base
	Items      []orderItem `json:"items"`
	Decrements bool        `json:"decrementOnHandOnDeallocate"`
}

// cartPrefix begins the order id of a cart. The ids of orders are numbers.
const cartPrefix = "cart-"

// CartOrderID is the id of a cart's order.
func CartOrderID(cartID string) string { return cartPrefix + cartID }

// orderID is the engine's id of an order, or of the cart if the call names no order.
func (it *orderItem) orderID(field string) (id string, isCart bool, err error) {
	switch {
	case it.OrderID.n > 0:
		return strconv.FormatInt(it.OrderID.n, 10), false, nil
	case it.CartID != "":
		return CartOrderID(it.CartID), true, nil
	}
	return "", false, badRequest(field+".orderID", "", "%s needs an orderID or a cartID", field)
}

// itemID is the engine's id of an order item.
func (it *orderItem) itemID(field string, isCart bool) (string, error) {
	if isCart && it.CartItemID != "" {
		return it.CartItemID, nil
	}
	if !it.OrderItemID.given {
		return "", badRequest(field+".orderItemID", "", "%s has no orderItemID", field)
	}
	return itemNumber(it.OrderItemID.n, it.ShipmentID.n), nil
}

// itemNumber is the engine's id of an order item: its number, with that of the shipment if there is one, since an item
// can be in several shipments.
func itemNumber(item, shipment int64) string {
	id := strconv.FormatInt(item, 10)
	if shipment != 0 {
		id += "@" + strconv.FormatInt(shipment, 10)
	}
	return id
}

// splitItemNumber undoes itemNumber. ok is false for an item that another API has made.
func splitItemNumber(id string) (item, shipment int64, ok bool) {
	number, rest, inShipment := strings.Cut(id, "@")
	item, err := strconv.ParseInt(number, 10, 64)
	if inShipment && err == nil {
		shipment, err = strconv.ParseInt(rest, 10, 64)
	}
	return item, shipment, err == nil && itemNumber(item, shipment) == id
}

// orderGroup has the items of one order: one command.
type orderGroup struct {
	id     string
	isCart bool
	at     []int // in the body's items
}

// groups groups the items by order, in the order in which the call first names the orders.
func (b *orderBody) groups() ([]orderGroup, error) {
	if len(b.Items) == 0 {
		return nil, badRequest("items", "", "items is empty")
	}
	if err := atMost("items", len(b.Items), engine.OrderLinesMax); err != nil {
		return nil, err
	}
	var list []orderGroup
	indexOf := map[string]int{}
	for i := range b.Items {
		id, isCart, err := b.Items[i].orderID("items[" + strconv.Itoa(i) + "]")
		if err != nil {
			return nil, err
		}
		at, ok := indexOf[id]
		if !ok {
			at = len(list)
			indexOf[id] = at
			list = append(list, orderGroup{id: id, isCart: isCart})
		}
		list[at].at = append(list[at].at, i)
	}
	return list, nil
}

// location is the location of item i.
func (b *orderBody) location(i int) string {
	if code := b.Items[i].LocationCode; code != "" {
		return code
	}
	return b.LocationCode
}

// jobInfo describes the job of one order. It has a location if all items have the same.
func (b *orderBody) jobInfo(kind string, g *orderGroup) *engine.JobInfo {
	info := &engine.JobInfo{Type: kind, Owner: b.owner(), Location: b.location(g.at[0]), Items: int64(len(g.at))}
	for _, i := range g.at {
		if b.location(i) != info.Location {
			info.Location = ""
		}
	}
	return info
}

// line gives the item id and the quantity of item i.
func (b *orderBody) line(i int, isCart bool) (itemID string, quantity int64, err error) {
	field := "items[" + strconv.Itoa(i) + "]"
	it := &b.Items[i]
	if it.Quantity.n < 1 {
		return "", 0, badRequest(field+".quantity", strconv.FormatInt(it.Quantity.n, 10),
			"%s needs a quantity of at least 1", field)
	}
	itemID, err = it.itemID(field, isCart)
	return itemID, it.Quantity.n, err
}

// block tells whether a deallocate blocks or unblocks the record of item i, or does neither.
func (it *orderItem) block() engine.BlockMark {
	switch {
	case it.Blocked == nil || it.HoldsBlocked:
		return engine.BlockKeep
	case *it.Blocked:
		return engine.BlockSet
	}
	return engine.BlockClear
}

// onlyDeallocated refuses fields in the other calls that have a meaning for deallocate only.
func (b *orderBody) onlyDeallocated() error {
	if b.Decrements {
		return badRequest("decrementOnHandOnDeallocate", "true", "decrementOnHandOnDeallocate is for deallocate only")
	}
	for i := range b.Items {
		if b.Items[i].block() == engine.BlockSet {
			return badRequest(itemField(i, "blockAssignment"), "true", "items[%d]: blockAssignment is for "+
				"deallocate only", i)
		}
	}
	return nil
}

func allocate(r *Request) (Reply, error) {
	return changeOrders(r, jobAllocate, func(b *orderBody, g *orderGroup) (engine.Command, error) {
		return b.allocate(r, g)
	})
}

func deallocate(r *Request) (Reply, error) {
	return changeOrders(r, jobDeallocate, func(b *orderBody, g *orderGroup) (engine.Command, error) {
		return b.orderChange(engine.KindDeallocate, g)
	})
}

func fulfill(r *Request) (Reply, error) {
	return changeOrders(r, jobFulfill, func(b *orderBody, g *orderGroup) (engine.Command, error) {
		return b.orderChange(engine.KindFulfill, g)
	})
}

// changeOrders proposes one command for each order of the call, each with its own job. It answers with the first job
// that failed, or else the last.
func changeOrders(r *Request, kind string, command func(*orderBody, *orderGroup) (engine.Command, error)) (
	Reply, error) {
	var body orderBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	groups, err := body.groups()
	if err == nil && kind != jobDeallocate {
		err = body.onlyDeallocated()
	}
	if err != nil {
		return Reply{}, err
	}
	proposals := make([]Proposal, len(groups))
	for i := range groups {
		c, err := command(&body, &groups[i])
		if err == nil {
			err = checked(c)
		}
		if err != nil {
			return Reply{}, err
		}
		proposals[i] = Proposal{Command: c, Job: body.jobInfo(kind, &groups[i])}
		if len(groups) > 1 {
			proposals[i].Part = groups[i].id
		}
	}
	results, err := r.Host.Do(proposals)
	if err != nil {
		return Reply{}, err
	}
	answer := &results[len(results)-1]
	for i := range results {
		if results[i].Code != engine.CodeOK {
			answer = &results[i]
			break
		}
	}
	job, err := jobOf(r, answer)
	return Reply{Value: job}, err
}

// allocate promises all items of an order or none; missing units are pending. A cart is a reservation.
func (b *orderBody) allocate(r *Request, g *orderGroup) (engine.Command, error) {
	c := &engine.Allocate{OrderID: g.id, Mode: engine.ModeAll, Backorder: true}
	if g.isCart {
		end, err := cartEnd(r, g.id)
		if err != nil {
			return nil, err
		}
		c.ExpiresAtMS = end
	}
	for _, i := range g.at {
		itemID, quantity, err := b.line(i, g.isCart)
		if err != nil {
			return nil, err
		}
		name, err := b.Items[i].named("items[" + strconv.Itoa(i) + "]")
		if err != nil {
			return nil, err
		}
		c.Lines = append(c.Lines, engine.AllocateLine{ItemID: itemID, UPC: name, Location: b.location(i),
			Quantity: quantity, Tags: b.Items[i].Tags.list()})
	}
	return c, nil
}

func (b *orderBody) orderChange(action engine.Kind, g *orderGroup) (engine.Command, error) {
	c := &engine.OrderChange{Action: action, OrderID: g.id}
	for _, i := range g.at {
		itemID, quantity, err := b.line(i, g.isCart)
		if err != nil {
			return nil, err
		}
		line := engine.OrderLine{ItemID: itemID, Quantity: quantity}
		if action == engine.KindDeallocate {
			line.Lost, line.Block = b.Decrements, b.Items[i].block()
		}
		c.Lines = append(c.Lines, line)
	}
	return c, nil
}
