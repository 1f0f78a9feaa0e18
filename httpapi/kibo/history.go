package kibo

import (
	"encoding/json"
	"strconv"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

type orderInfoBody struct {
	base
	OrderID integer   `json:"orderID"`
	Items   []product `json:"items"`
}

type orderEvent struct {
	Success  bool   `json:"success"`
	Date     string `json:"date"`
	Type     string `json:"eventType"`
	Quantity int64  `json:"quantity"`
}

// orderInfoReply is one order item. That API has the location's code as a number, and ltd as a text.
type orderInfoReply struct {
	Success bool `json:"success"`
	figures
	OrderID      int64        `json:"orderID"`
	OrderItemID  int64        `json:"orderItemID"`
	ShipmentID   int64        `json:"shipmentID,omitempty"`
	LocationID   uint32       `json:"locationID"`
	Active       bool         `json:"locationActive"`
	LocationCode any          `json:"locationCode"`
	UPC          string       `json:"upc"`
	LTD          string       `json:"ltd"`
	Floor        int64        `json:"floor"`
	SafetyStock  int64        `json:"safetyStock"`
	Allocates    int64        `json:"allocates"`
	Deallocates  int64        `json:"deallocates"`
	Fulfills     int64        `json:"fulfills"`
	Waiting      int64        `json:"pendingQuantity"`
	Events       []orderEvent `json:"events"`
}

// orderInfo gives the history of the items of an order.
func orderInfo(r *Request) (Reply, error) {
	var body orderInfoBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if body.OrderID.n <= 0 {
		return Reply{}, badRequest("orderID", "", "an orderID is needed")
	}
	wanted := map[string]bool{}
	for i := range body.Items {
		wanted[body.Items[i].name()] = true
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	var v engine.OrderView
	id := strconv.FormatInt(body.OrderID.n, 10)
	found, err := r.Host.ReadOrder(id, &v)
	if err != nil {
		return Reply{}, err
	}
	if !found {
		return Reply{}, notFound(engine.CodeUnknownOrder, "orderID", id, "there is no order %s", id)
	}
	list := []orderInfoReply{}
	for i := range v.Items {
		if it := &v.Items[i]; len(wanted) == 0 || wanted[it.UPC] {
			list = append(list, shownItem(r.Host.Reader(), body.OrderID.n, it))
		}
	}
	part, err := body.part(integer{}, len(list))
	if err != nil {
		return Reply{}, err
	}
	return Reply{Value: cut(part, list)}, nil
}

func shownItem(e *engine.Reader, orderID int64, it *engine.ItemView) orderInfoReply {
	item, shipment, _ := splitItemNumber(it.ItemID)
	reply := orderInfoReply{Success: true, OrderID: orderID, OrderItemID: item, ShipmentID: shipment,
		LocationID: tagNumber(it.Location), Active: locationOf(e, it.Location).Flags&engine.LocationActive != 0,
		LocationCode: numberOrText(it.Location), UPC: it.UPC, LTD: "0", Events: []orderEvent{}}
	var record engine.RecordView
	if e.ReadRecord(it.UPC, it.Location, &record) {
		reply.figures = figures{record.OnHand, record.Available(), record.Allocated, record.Pending}
		floor, ltd := thresholds(&record, e.Schema(), nil)
		reply.LTD, reply.Floor, reply.SafetyStock = strconv.FormatInt(ltd, 10), floor, record.SafetyStock
	}
	for i := range it.Lines {
		reply.Waiting += it.Lines[i].Pending
	}
	for i := range it.Movements {
		reply.tell(&it.Movements[i])
	}
	return reply
}

// tell adds the event of a movement, if that API has one.
func (o *orderInfoReply) tell(m *engine.MovementView) {
	event := orderEvent{Success: true, Date: strictjson.FormatTime(m.TimeMS), Quantity: m.Units}
	switch m.Kind {
	case engine.MovementAllocated, engine.MovementPending:
		event.Type = "ALLOCATED"
		o.Allocates++
	case engine.MovementReleased, engine.MovementExpired, engine.MovementRecordDeleted, engine.MovementLost:
		event.Type = "DEALLOCATED"
		o.Deallocates++
	case engine.MovementFulfilled:
		event.Type = "FULFILLED"
		o.Fulfills++
	default: // what was pending got stock, goods came back, a reservation was confirmed
		return
	}
	o.Events = append(o.Events, event)
}

// numberOrText gives a number if the text is exactly one, or else the text.
func numberOrText(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return json.Number(text)
	}
	return text
}

// Limits of the search for shipments.
const (
	shipmentsMax = 1_000

	// ordersPage is how many orders are looked at under the engine's mutex at a time.
	ordersPage = 200
)

type shipmentBody struct {
	base
	ShipmentIDs []integer `json:"shipmentIDs"`
}

type allocationReply struct {
	OrderItemID int64  `json:"orderItemID"`
	UPC         string `json:"upc"`
	State       string `json:"state"`
	Quantity    int64  `json:"quantity"`
	Tags        tagMap `json:"tags"`
}

type shipmentReply struct {
	Current []allocationReply `json:"currentAllocations"`
	Future  []allocationReply `json:"futureAllocations"`
}

// shipments gives the units that order items of shipments hold, by segment: allocated ones, and pending ones as future.
// There is no index by shipment: it looks through all orders that hold units.
func shipments(r *Request) (Reply, error) {
	var body shipmentBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if len(body.ShipmentIDs) == 0 {
		return Reply{}, badRequest("shipmentIDs", "", "shipmentIDs is empty")
	}
	if err := atMost("shipmentIDs", len(body.ShipmentIDs), shipmentsMax); err != nil {
		return Reply{}, err
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	of := map[int64]*shipmentReply{}
	for _, id := range body.ShipmentIDs {
		of[id.n] = &shipmentReply{Current: []allocationReply{}, Future: []allocationReply{}}
	}
	var orders []engine.OrderView
	for after, more := uint32(0), true; more; more = after != 0 {
		orders, after = r.Host.Orders(after, ordersPage, orders[:0])
		schema := r.Host.Reader().Schema()
		for i := range orders {
			for k := range orders[i].Items {
				it := &orders[i].Items[k]
				if item, shipment, ok := splitItemNumber(it.ItemID); ok && of[shipment] != nil && shipment != 0 {
					of[shipment].add(schema, item, it)
				}
			}
		}
	}
	list := map[string]*shipmentReply{}
	for id, reply := range of {
		list[strconv.FormatInt(id, 10)] = reply
	}
	return Reply{Value: map[string]any{"shipments": list}}, nil
}

func (s *shipmentReply) add(schema *engine.Schema, item int64, it *engine.ItemView) {
	for i := range it.Lines {
		l := &it.Lines[i]
		a := allocationReply{OrderItemID: item, UPC: it.UPC, Tags: tagsOf(schema.Tags(l.TagSet))}
		if a.Quantity, a.State = l.Allocated, "ALLOCATED"; a.Quantity > 0 {
			s.Current = append(s.Current, a)
		}
		if a.Quantity, a.State = l.Pending, "PENDING"; a.Quantity > 0 {
			s.Future = append(s.Future, a)
		}
	}
}
